"""Verification: live and history are compared exactly, and a difference names its dossiers."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import MappingProxyType

import orjson
import pytest
from clickhouse_connect.driver.client import Client
from kafka import KafkaProducer

from schemas.snapshots import CellRow, UnitMonth, UnitNow, month_key, now_key
from schemas.topics import UNITS as UNITS_TOPIC
from services.audit.settled import Settled
from services.audit.verify import Difference, Verification, verify
from services.historian import Record
from streams.core.cells import UnitCounters, cells, rows
from streams.core.dossier import Dossier, add, read
from streams.core.facts import facts
from streams.live import LiveUnits, MonthRecord, UnitState
from tests.support import kafka
from tests.support.clickhouse import Database, numbered
from tests.support.histories import WORK, admitted, dossiers, paid, received, resolved, stopped

NOW = datetime(2023, 3, 1, tzinfo=UTC)
RECORDS = numbered(
    admitted(one)
    for n in range(6)
    for one in (
        received(dossier=f"d{n}", officer=f"cb{n % 2}"),
        paid(dossier=f"d{n}"),
        resolved(dossier=f"d{n}") if n else stopped(dossier=f"d{n}"),
    )
)


class FakeLive:
    """Counters as the worker publishes them; a test may falsify them first."""

    def __init__(self, *states: UnitState) -> None:
        self._units = {state.now.unit: state for state in states}

    def not_ready(self) -> str | None:
        return None

    def units(self) -> MappingProxyType[str, UnitState]:
        return MappingProxyType(self._units)

    def subscribe(self, callback: Callable[[frozenset[str]], None]) -> Callable[[], None]:
        return lambda: None

    def complete_until(self) -> datetime | None:
        return None


def snapshots(records: list[Record], offset: int) -> tuple[UnitNow, list[UnitMonth]]:
    """What the worker publishes of unit 23500 when it has folded the partition up to offset."""
    folded: dict[str, Dossier] = defaultdict(tuple)
    counters = UnitCounters()
    for record in records:
        if record.offset < offset:
            _, code, entry = read(record.value)
            before = facts(folded[code], WORK) if folded[code] else None
            folded[code], _ = add(folded[code], entry)
            counters.replace(code, before, facts(folded[code], WORK))
    place = {"unit": "23500", "partition": 0, "offset": offset}
    months = [
        UnitMonth(**place, month=month, cells=tuple(rows(Counter(counter))))
        for month, counter in counters.months.items()
        if counter
    ]
    now = UnitNow(
        **place,
        dossiers=counters.dossiers,
        open=counters.open,
        months=tuple(m.month for m in months),
        last_recorded_at=None,
    )
    return now, months


def state(now: UnitNow, months: list[UnitMonth]) -> UnitState:
    return UnitState(
        now,
        {m.month: MonthRecord(m.month, m.offset, orjson.dumps(m.cells)) for m in months},
    )


def falsified(month: UnitMonth, measure: str, by: int) -> UnitMonth:
    """The month with a wrong count in the first cell of the measure."""
    found = list(month.cells)
    at = next(n for n, cell in enumerate(found) if cell[0] == measure)
    found[at] = (*found[at][:6], found[at][6] + by)
    return month.model_copy(update={"cells": tuple(found)})


def counted_in(row: CellRow) -> tuple[str, ...]:
    """The dossiers that the core counts in this cell."""
    return tuple(
        code
        for (_, code), dossier in sorted(dossiers(record.value for record in RECORDS).items())
        if row[:6] in {found[:6] for found in rows(Counter(cells(facts(dossier, WORK))))}
    )


@pytest.fixture
def client(database: Database) -> Iterator[Client]:
    client = database.connect()
    yield client
    client.close()


def compare(client: Client, *states: UnitState, wait_s: float = 0.2) -> Verification:
    return verify(client, Settled(), FakeLive(*states), NOW, wait_s=wait_s)


def test_equal_counters_are_equal_at_every_offset(client: Client, database: Database):
    """History may have read further than the snapshot: it recounts at the snapshot's offset."""
    database.store(RECORDS)

    for offset in (0, 1, 7, len(RECORDS)):
        found = compare(client, state(*snapshots(RECORDS, offset)))

        assert found.equal, found.differences
        assert found.units_compared == 1
        assert found.offsets == {0: offset}
    assert found.cells_compared > 3


def test_a_wrong_counter_is_found_and_its_dossiers_are_named(client: Client, database: Database):
    """Proof that the comparison can fail: a counter that lies is caught with its evidence."""
    database.store(RECORDS)
    now, (month,) = snapshots(RECORDS, len(RECORDS))

    found = compare(client, state(now, [falsified(month, "closed", 1)]))

    assert not found.equal
    (difference,) = found.differences
    assert (difference.unit, difference.month) == ("23500", "2023-02")
    assert difference.live == difference.history + 1
    assert difference.cell == next(cell for cell in month.cells if cell[0] == "closed")
    assert difference.dossiers == counted_in(difference.cell)


def test_a_cell_that_only_live_has_names_the_dossiers_of_its_day(
    client: Client, database: Database
):
    """Live says a dossier was late, history says it was not: the dossier stands in both lists."""
    database.store(RECORDS)
    now, (month,) = snapshots(RECORDS, len(RECORDS))
    changed = list(month.cells)
    at = next(n for n, cell in enumerate(changed) if cell[0] == "paid")
    changed[at] = (*changed[at][:5], changed[at][5] ^ 1, changed[at][6])
    wrong = month.model_copy(update={"cells": tuple(changed)})

    found = compare(client, state(now, [wrong]))

    assert found.differences_found == 2
    assert all(d.dossiers for d in found.differences)


@pytest.mark.parametrize("name", ["dossiers", "open"])
def test_the_units_own_figures_are_compared_too(client: Client, database: Database, name: str):
    """Open dossiers are in no cell of a closed day; they must not escape the comparison."""
    database.store(RECORDS)
    now, months = snapshots(RECORDS, len(RECORDS))
    wrong = now.model_copy(update={name: getattr(now, name) + 1})

    found = compare(client, state(wrong, months))

    assert found.differences == (
        Difference(
            unit="23500",
            month=None,
            cell=name,
            live=getattr(now, name) + 1,
            history=getattr(now, name),
        ),
    )


def test_a_history_that_has_not_read_so_far_is_not_equal(client: Client, database: Database):
    """«Nothing differs» must never mean «nothing was compared»."""
    database.store(RECORDS[:5])

    found = compare(client, state(*snapshots(RECORDS, len(RECORDS))))

    assert not found.equal
    assert found.units_compared == 0
    assert found.history_behind == len(RECORDS) - 5


def test_it_waits_for_a_history_that_is_just_behind(client: Client, database: Database):
    """Live is a second ahead of the history while events come in; that is no difference."""
    database.store(RECORDS[:5])

    def meanwhile(_: float) -> None:
        database.store(RECORDS[5:])

    live = FakeLive(state(*snapshots(RECORDS, len(RECORDS))))

    assert verify(client, Settled(), live, NOW, sleep=meanwhile).equal


def test_a_wrong_snapshot_in_kafka_is_found(
    client: Client, database: Database, kafka_broker: kafka.RunningBroker
):
    """The whole way: what stands in motcua.units is what is compared."""
    prefix = kafka_broker.fresh_prefix()
    database.store(RECORDS)
    now, (month,) = snapshots(RECORDS, len(RECORDS))
    publish(kafka_broker.bootstrap, prefix, falsified(month, "received", -1), now)
    live = LiveUnits(kafka_broker.bootstrap, prefix)
    live.start()
    try:
        kafka.eventually(lambda: "23500" in live.units(), 20, "the snapshot")

        found = verify(client, Settled(), live, NOW)
    finally:
        live.stop()

    assert not found.equal
    assert [d.month for d in found.differences] == ["2023-02"]
    assert found.differences[0].dossiers


def publish(bootstrap: str, prefix: str, month: UnitMonth, now: UnitNow) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for key, value in ((month_key(now.unit, month.month), month), (now_key(now.unit), now)):
        producer.send(
            UNITS_TOPIC.full_name(prefix),
            key=key.encode(),
            value=value.model_dump_json().encode(),
            partition=now.partition,
        )
    producer.flush()
    producer.close()
