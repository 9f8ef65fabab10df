"""The verification as it runs: all the time, in the history's process, with Kafka between."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson
import pytest
from clickhouse_connect.driver.client import Client
from kafka import KafkaProducer

from schemas.certificates import CERTIFICATE_KEY, Certificate, read_certificate
from schemas.topics import CERTIFICATES, UNITS
from services.audit.settled import Settled
from services.audit.verifier import LiveNotReady, NotComparable, Rhythm, Stopping, Verifier
from services.certificates import CertificateReader, CertificateWriter
from services.clickhouse import ClickHouseUnavailable
from tests.support import services
from tests.support.clickhouse import Database, numbered
from tests.support.districts import district
from tests.support.histories import admitted, received
from tests.support.kafka import RunningBroker, eventually, free_ports
from tests.support.wall import NOW, FakeLive, certificate, state
from tests.support.workers import Log, WorkerProcess, last_of

WITHIN_S = 30.0
EVERY_S = "0.5"
UNIT_CODES = 6
ON_DEMAND = Rhythm(0, 3600)


@dataclass
class Installation:
    """A worker, a history and a reader of certificates on the log of a district."""

    log: Log
    reader: CertificateReader
    audit: str

    def plant(self, key: str, **changes: Any) -> dict[str, Any]:
        """Write a falsified snapshot where the worker writes, as a bug or a hand would."""
        (last, *_) = [r for r in reversed(self.log.read(UNITS)) if r.key == key.encode()]
        planted: dict[str, Any] = {**orjson.loads(last.value), **changes}
        producer = self.log.producer()
        producer.send(
            last.topic, key=last.key, value=orjson.dumps(planted), partition=last.partition
        )
        producer.flush()
        producer.close()
        return planted

    def send(self, *values: tuple[str, bytes]) -> None:
        """Write events, all acknowledged on return."""
        producer = self.log.producer()
        for unit, value in values:
            producer.send(self.log.events, key=unit.encode(), value=value)
        producer.flush()
        producer.close()

    def certificate(self, holds: Callable[[Certificate], bool], what: str) -> Certificate:
        """The first certificate that is so."""
        found: list[Certificate] = []

        def looked() -> bool:
            newest = self.reader.newest()
            if newest is not None and holds(newest):
                found.append(newest)
            return bool(found)

        eventually(looked, WITHIN_S, what)
        return found[0]

    def all_equal(self) -> Certificate:
        """A certificate of everything that stands in the log now."""
        ends = self.log.ends()
        return self.certificate(
            lambda c: c.equal and all(c.offsets.get(p) == end for p, end in ends.items()),
            f"equal up to {ends}",
        )


@pytest.fixture(scope="module")
def there(
    kafka_broker: RunningBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    folder, prefix = tmp_path_factory.mktemp("verify"), kafka_broker.fresh_prefix()
    reader = CertificateReader(kafka_broker.bootstrap, prefix)
    reader.start()
    with (
        WorkerProcess(kafka_broker.bootstrap, prefix, folder) as worker,
        services.running(
            "services.history",
            folder / "history",
            free_ports(5),
            kafka_broker.bootstrap,
            prefix,
            answers_at=1,
            verify_every_s=EVERY_S,
        ) as history,
    ):
        worker.start_and_wait()
        found = Installation(Log(kafka_broker.bootstrap, prefix), reader, history.url)
        found.send(*((r.unit, r.value) for r in district(300, units=UNIT_CODES)))
        yield found
    reader.stop()


def test_after_the_load_everything_is_equal(there: Installation) -> None:
    """And that is said of every unit, at the very end of the log."""
    found = there.all_equal()

    assert found.units == found.units_compared == UNIT_CODES
    assert found.cells_compared > 300
    assert (found.history_behind, found.differences) == (0, ())
    assert found.equal_at == found.compared_at


def test_while_events_come_nothing_is_called_different(there: Installation) -> None:
    """A record that comes meanwhile is above the offset that is compared."""
    seen: list[Certificate] = []
    there.reader.subscribe(lambda: seen.append(there.reader.newest() or certificate()))
    more = district(600, units=UNIT_CODES, seed=2)
    third = len(more) // 3 + 1
    for start in range(0, len(more), third):
        looked = len(seen)
        for n in range(start, min(start + third, len(more)), 200):
            there.send(*((r.unit, r.value) for r in more[n : min(n + 200, start + third)]))
        # a cycle that began before all of this was there
        eventually(lambda so_far=looked: len(seen) > so_far, 60, "a further certificate")
    there.all_equal()

    assert [c.differences for c in seen if c.state == "differs"] == []


def test_a_planted_counter_is_found_names_its_dossiers_and_is_healed(there: Installation) -> None:
    """One month's record is enough, at the same offset, and nothing else comes after it."""
    before = there.all_equal()
    key = next(k for k, v in last_of(there.log.units()).items() if "|2023-02" in k and v["cells"])
    unit = key.partition("|")[0]
    cells = last_of(there.log.units())[key]["cells"]
    began = time.monotonic()
    there.plant(key, cells=[[*cells[0][:6], cells[0][6] + 1], *cells[1:]])

    found = there.certificate(lambda c: c.state == "differs", "the difference")

    assert time.monotonic() - began < 10
    assert (found.units_differing, found.differences_found) == (1, 1)
    (difference,) = found.differences
    assert (difference.unit, difference.month) == (unit, "2023-02")
    assert difference.live == difference.history + 1
    assert len(difference.dossiers) == difference.history > 0
    assert found.equal_at is not None
    assert before.compared_at <= found.equal_at < found.compared_at

    # the next change of that month is published as a whole
    day = cells[0][1]
    there.send((unit, admitted(received(f"{day}T08:00", dossier="healing", unit=unit))))
    there.all_equal()


def test_what_the_history_has_not_read_is_waited_for_and_is_no_difference(
    there: Installation,
) -> None:
    """A snapshot from beyond the log is what a history far behind looks like."""
    there.all_equal()
    key = next(key for key in last_of(there.log.units()) if key.endswith("|now"))
    unit = key.partition("|")[0]
    offset = last_of(there.log.units())[key]["offset"]
    there.plant(key, offset=offset + 500)

    found = there.certificate(lambda c: c.state == "waiting", "waiting")

    assert found.history_behind == 500
    assert (found.units_compared, found.units) == (UNIT_CODES - 1, UNIT_CODES)
    assert (found.differences_found, found.equal) == (0, False)
    there.send((unit, admitted(received("2023-02-01T08:00", dossier="late", unit=unit))))
    there.all_equal()


def test_a_unit_that_was_taken_away_is_missed(there: Installation) -> None:
    """A unit without dossiers is on no wall; the history remembers that it has some."""
    there.all_equal()
    key = next(key for key in last_of(there.log.units()) if key.endswith("|now"))
    unit = key.partition("|")[0]
    dossiers = last_of(there.log.units())[key]["dossiers"]
    there.plant(key, dossiers=0)

    # at first it may be compared at an offset that was counted a second earlier
    missed = ("dossiers", 0, dossiers)
    found = there.certificate(
        lambda c: missed in {(d.cell, d.live, d.history) for d in c.differences}, "the unit"
    )

    assert found.state == "differs"
    assert {d.unit for d in found.differences} == {unit}
    there.send((unit, admitted(received("2023-02-01T08:00", dossier="back", unit=unit))))
    there.all_equal()


def test_whoever_asks_gets_a_fresh_cycle_that_recounts_everything(there: Installation) -> None:
    """Nobody who asks is answered with what was found a minute ago."""
    there.all_equal()
    answer = httpx2.post(f"{there.audit}/api/v1/verify", timeout=60, trust_env=False)

    found = read_certificate(answer.content)
    assert (found.state, found.recounted) == ("equal", UNIT_CODES)
    there.certificate(lambda c: c.compared_at >= found.compared_at, "published as well")
    page = httpx2.get(f"{there.audit}/verify", trust_env=False).text
    assert f"{UNIT_CODES}/{UNIT_CODES} đơn vị" in page


def test_a_reader_that_starts_later_has_the_newest_at_once(
    there: Installation, kafka_broker: RunningBroker
) -> None:
    """A wall that is switched on in the morning."""
    there.all_equal()
    prefix = there.log.events.removesuffix(".events")
    late = CertificateReader(kafka_broker.bootstrap, prefix)
    late.start()
    try:
        eventually(lambda: late.newest() is not None, 10, "the newest certificate")
    finally:
        late.stop()


# -- without the processes around


def test_what_is_no_certificate_leaves_the_one_before(kafka_broker: RunningBroker) -> None:
    """A false one must not silence the alarm of a true one."""
    prefix = kafka_broker.fresh_prefix()
    writer = CertificateWriter(kafka_broker.bootstrap, prefix)
    reader, seen = CertificateReader(kafka_broker.bootstrap, prefix), []
    reader.subscribe(lambda: seen.append(reader.newest()))
    reader.start()
    try:
        wrong, right = certificate(state="differs", units_differing=1), certificate(units=26)
        writer.write(wrong)
        eventually(lambda: seen == [wrong], 10, "the first one")
        producer = KafkaProducer(bootstrap_servers=kafka_broker.bootstrap)
        topic, key = CERTIFICATES.full_name(prefix), CERTIFICATE_KEY.encode()
        false = {**orjson.loads(wrong.model_dump_json()), "state": "equal"}
        producer.send(topic, orjson.dumps(false), key)
        producer.send(topic, None, key)
        producer.flush()
        producer.close()
        writer.write(right)
        eventually(lambda: right in seen, 10, "the last one")
    finally:
        reader.stop()
        writer.close()

    assert seen == [wrong, right]


@pytest.fixture
def live() -> FakeLive:
    return FakeLive()


def verifier(
    live: FakeLive,
    connect: Callable[[], Client],
    written: list[Certificate],
    rhythm: Rhythm = ON_DEMAND,
) -> Verifier:
    return Verifier(
        live,
        Settled(),
        lambda: closing(connect()),
        written.append,
        lambda: None,
        rhythm,
        "0.1.0",
        lambda: NOW,
    )


def test_without_a_rhythm_it_compares_only_when_asked(database: Database, live: FakeLive) -> None:
    """An installation may have a reason to save the core; a certificate says that it is so."""
    written: list[Certificate] = []
    database.store(numbered([admitted(received(dossier="1", unit="23500"))]))
    live.set(state("23500", {}, still_open=1))
    there = verifier(live, database.connect, written)
    there.start()
    try:
        found = there.now(30)
    finally:
        there.stop()

    assert written == [found]
    assert (found.next_within_s, found.recounted, found.units) == (None, 1, 1)


def test_nothing_is_certified_that_was_not_compared(database: Database, live: FakeLive) -> None:
    """Live that is not here yet, or no ClickHouse: whoever asks hears why, and it goes on."""
    written: list[Certificate] = []
    address = {"there": False}

    def connect() -> Client:
        if not address["there"]:
            raise ClickHouseUnavailable("no ClickHouse")
        return database.connect()

    there = verifier(live, connect, written)
    there.start()
    try:
        live.why = "reading"
        with pytest.raises(LiveNotReady, match="reading"):
            there.now(30)
        live.why = None
        with pytest.raises(NotComparable, match="no ClickHouse"):
            there.now(30)
        assert written == []
        address["there"] = True
        assert there.now(30).equal
    finally:
        there.stop()


def test_it_tries_again_soon_when_it_could_not_compare(database: Database, live: FakeLive) -> None:
    """At a start nobody wants to wait for a whole round because a second was missing."""
    written: list[Certificate] = []
    live.why = "reading"
    there = verifier(live, database.connect, written, Rhythm(600, 3600))
    there.start()
    try:
        live.why = None
        eventually(lambda: bool(written), 15, "the first certificate")
    finally:
        there.stop()


def test_what_the_budget_does_not_reach_comes_soon(database: Database, live: FakeLive) -> None:
    """After a start a whole province waits; half a minute between would be too long."""
    written: list[Certificate] = []
    units = ("23500", "23503", "23506")
    events = [admitted(received(dossier=str(n), unit=u)) for u in units for n in range(2)]
    database.store(numbered(events))
    # so many dossiers that each unit makes a query of its own
    live.set(*(state(u, {}, still_open=100_000, offset=len(events)) for u in units))
    there = verifier(live, database.connect, written, Rhythm(600, 3600, budget_s=0))
    there.start()
    try:
        eventually(lambda: len(written) >= 3, 30, "three cycles")
    finally:
        there.stop()

    assert [c.units_compared for c in written[:3]] == [1, 2, 3]


def test_who_asks_while_it_stops_is_told(database: Database, live: FakeLive) -> None:
    """A request must not hold the process."""
    there = verifier(live, database.connect, [])
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(there.now, 30)
        eventually(lambda: not there._asked.empty(), 5, "asked")
        there._stopping.set()
        there.start()
        with pytest.raises(Stopping):
            asked.result(10)
    there.stop()
