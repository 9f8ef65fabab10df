"""The reader of live counters on a real Kafka: complete before it speaks, alive after outages."""

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.structs import OffsetAndMetadata

from schemas.books import Period
from schemas.snapshots import CellRow, UnitMonth, UnitNow, month_key, now_key
from schemas.topics import EVENTS, UNITS
from streams.generations import worker_group
from streams.live import LiveUnits
from tests.support import kafka
from tests.support.kafka import RunningBroker, eventually

YEAR = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))


def test_it_is_ready_only_when_all_that_stood_in_the_topic_is_read(
    kafka_broker: RunningBroker,
) -> None:
    """A wall that starts must not show the past passing by."""
    prefix = kafka_broker.fresh_prefix()
    with _writer(kafka_broker, prefix) as write:
        for offset in range(1, 300):
            write("23500", offset=offset, n=offset)
        write("23503", offset=7, n=2)
        with _reading(kafka_broker, prefix) as live:
            seen: list[dict[str, int]] = []
            live.subscribe(lambda _: seen.append(_sums(live)))
            eventually(lambda: live.not_ready() is None, 10, "ready")
            eventually(lambda: bool(seen), 2, "told once")

            assert seen == [{"23500": 299, "23503": 2}]
            now = live.now("23500")
            assert now is not None
            assert now.offset == 299


def test_a_change_is_told_with_the_unit_that_changed(kafka_broker: RunningBroker) -> None:
    """The wall recomputes what changed, not a province."""
    prefix = kafka_broker.fresh_prefix()
    with _writer(kafka_broker, prefix) as write, _reading(kafka_broker, prefix) as live:
        eventually(lambda: live.not_ready() is None, 10, "ready")
        told = threading.Event()
        units: list[frozenset[str]] = []

        def callback(changed: frozenset[str]) -> None:
            units.append(changed)
            told.set()

        unsubscribe = live.subscribe(callback)
        started = time.monotonic()
        write("dh-tp", offset=3, n=4)
        assert told.wait(2)
        took_s = time.monotonic() - started
        unsubscribe()
        write("dh-tp", offset=4, n=5)
        eventually(lambda: _sums(live) == {"dh-tp": 5}, 2, "read on")

        assert units == [frozenset({"dh-tp"})]
        assert took_s < 0.5


# kafka-python leaves the sockets of refused connections to the garbage collector, and pytest keeps
# the log lines that refer to them: both are let go within this test
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_was_read_stays_through_an_outage_and_reading_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Kafka is restarted at night; nobody restarts the wall."""
    caplog.set_level(logging.CRITICAL, logger="kafka")
    with kafka.broker(tmp_path) as broker:
        prefix = broker.fresh_prefix()
        with _writer(broker, prefix) as write:
            write("23500", offset=1, n=1)
        with _reading(broker, prefix) as live:
            eventually(lambda: live.complete_until() is not None, 10, "complete")
            broker.kill()
            complete_until = live.complete_until()
            assert _sums(live) == {"23500": 1}
            assert live.not_ready() is None

            broker.process = kafka.start(tmp_path, broker.broker.port).process
            with _writer(broker, prefix) as write:
                write("23500", offset=2, n=2)
            eventually(lambda: _sums(live) == {"23500": 2}, 15, "read on")
            assert complete_until is not None
            eventually(
                lambda: (live.complete_until() or complete_until) > complete_until, 10, "lag known"
            )
    gc.collect()


def test_the_watermark_waits_for_events_that_the_worker_has_not_counted(
    kafka_broker: RunningBroker,
) -> None:
    """With the worker dead the numbers are old, however fresh the connection."""
    prefix = kafka_broker.fresh_prefix()
    events = TopicPartition(EVENTS.full_name(prefix), 3)
    with _reading(kafka_broker, prefix) as live:
        eventually(lambda: live.complete_until() is not None, 10, "complete")
        producer = KafkaProducer(bootstrap_servers=kafka_broker.bootstrap)
        producer.send(events.topic, b"event", partition=events.partition).get(10)
        producer.close()
        sent_at = datetime.now(UTC)
        before = live.complete_until()
        assert before is not None
        assert before < sent_at

        admin = KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap)
        admin.alter_group_offsets(worker_group(prefix), {events: OffsetAndMetadata(1, "", -1)})
        admin.close()
        eventually(lambda: (live.complete_until() or before) > sent_at, 10, "counted")


def test_a_missing_topic_is_said_and_waited_for(kafka_broker: RunningBroker) -> None:
    """Started in the wrong order, it says what it waits for."""
    prefix = kafka_broker.fresh_prefix(create=False)
    with _reading(kafka_broker, prefix) as live:
        eventually(
            lambda: f"cannot read {prefix}.units" in (live.not_ready() or ""), 10, "says why"
        )


def _sums(live: LiveUnits) -> dict[str, int]:
    return {unit: sum(n for _, n in pairs) for unit, pairs in live.by_unit(YEAR).items()}


@contextmanager
def _reading(broker: RunningBroker, prefix: str) -> Iterator[LiveUnits]:
    live = LiveUnits(broker.bootstrap, prefix)
    live.start()
    try:
        yield live
    finally:
        started = time.monotonic()
        live.stop()
        assert time.monotonic() - started < 2


@contextmanager
def _writer(broker: RunningBroker, prefix: str) -> Iterator[Callable[..., None]]:
    """Writes a unit's month and its ``now`` as the worker does."""
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
    topic = UNITS.full_name(prefix)

    def write(unit: str, *, offset: int, n: int) -> None:
        cells: tuple[CellRow, ...] = (("closed", "2023-02-10", "commune", "1.001193", "cb1", 3, n),)
        month = UnitMonth(unit=unit, partition=1, offset=offset, month="2023-02", cells=cells)
        now = UnitNow(
            unit=unit, partition=1, offset=offset, dossiers=n, open=0, months=("2023-02",),
            last_recorded_at="2023-02-10T08:30:01.123Z",
        )  # fmt: skip
        for key, record in ((month_key(unit, "2023-02"), month), (now_key(unit), now)):
            value = record.model_dump_json().encode()
            producer.send(topic, value, key=key.encode(), partition=1)
        producer.flush()

    try:
        yield write
    finally:
        producer.close()
