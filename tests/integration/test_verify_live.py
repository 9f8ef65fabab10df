"""Verification: live and history are compared exactly, and a difference names its dossiers."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from clickhouse_connect.driver.client import Client
from kafka import KafkaProducer

from schemas.certificates import Difference
from schemas.snapshots import CellRow, UnitMonth, UnitNow, month_key, now_key
from schemas.topics import UNITS as UNITS_TOPIC
from services.audit.rota import Rota
from services.audit.settled import Settled
from services.audit.verify import Compared, Patience, compare
from services.historian import Record
from streams.core.cells import UnitCounters, cells, rows
from streams.core.dossier import Dossier, add, read
from streams.core.facts import facts
from streams.live import LiveUnits, MonthRecord, UnitState
from tests.support import kafka
from tests.support.clickhouse import Database, numbered
from tests.support.histories import WORK, admitted, dossiers, paid, received, resolved, stopped
from tests.support.wall import FakeLive

NOW = datetime(2023, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
RECORDS = numbered(
    admitted(one)
    for n in range(6)
    for one in (
        received(dossier=f"d{n}", officer=f"cb{n % 2}"),
        paid(dossier=f"d{n}"),
        resolved(dossier=f"d{n}") if n else stopped(dossier=f"d{n}"),
    )
)


def live_of(*states: UnitState) -> FakeLive:
    """Counters as the worker publishes them; a test may falsify them first."""
    live = FakeLive()
    live.set(*states)
    return live


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


def cycle(client: Client, live: FakeLive | LiveUnits, rota: Rota | None = None) -> Compared:
    """One cycle at NOW; the first one, unless there is a rota."""
    return compare(client, Settled(), live, rota or Rota(HOUR), lambda: NOW, patience=Patience(0.2))


def differences(found: Compared) -> list[Difference]:
    return [d for finding in found.findings.values() for d in finding.differences]


def test_equal_counters_are_equal_at_every_offset(client: Client, database: Database):
    """History may have read further than the snapshot: it recounts at the snapshot's offset."""
    database.store(RECORDS)

    for offset in (1, 2, 7, len(RECORDS)):
        found = cycle(client, live_of(state(*snapshots(RECORDS, offset))))

        assert found.state == "equal", differences(found)
        assert found.recounted == 1
        (finding,) = found.findings.values()
        assert finding.state.now.offset == offset
    assert finding.cells > 3


def test_a_wrong_counter_is_found_and_its_dossiers_are_named(client: Client, database: Database):
    """Proof that the comparison can fail: a counter that lies is caught with its evidence."""
    database.store(RECORDS)
    now, (month,) = snapshots(RECORDS, len(RECORDS))

    found = cycle(client, live_of(state(now, [falsified(month, "closed", 1)])))

    assert (found.state, found.differing) == ("differs", 1)
    (difference,) = differences(found)
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

    found = differences(cycle(client, live_of(state(now, [wrong]))))

    assert len(found) == 2
    assert all(d.dossiers for d in found)


@pytest.mark.parametrize("name", ["dossiers", "open"])
def test_the_units_own_figures_are_compared_too(client: Client, database: Database, name: str):
    """Open dossiers are in no cell of a closed day; they must not escape the comparison."""
    database.store(RECORDS)
    now, months = snapshots(RECORDS, len(RECORDS))
    right = getattr(now, name)
    wrong = now.model_copy(update={name: right + 1})

    found = cycle(client, live_of(state(wrong, months)))

    assert differences(found) == [
        Difference(unit="23500", month=None, cell=name, live=right + 1, history=right)
    ]


def test_a_history_that_has_not_read_so_far_is_waited_for_and_is_no_difference(
    client: Client, database: Database
):
    """«Nothing differs» must never mean «nothing was compared», nor a late history an alarm."""
    database.store(RECORDS[:5])
    live, rota = live_of(state(*snapshots(RECORDS, len(RECORDS)))), Rota(HOUR)

    found = cycle(client, live, rota)

    assert (found.state, found.behind) == ("waiting", len(RECORDS) - 5)
    assert (len(found.findings), len(found.states)) == (0, 1)
    database.store(RECORDS[5:])
    assert cycle(client, live, rota).state == "equal"


def test_it_waits_for_a_history_that_is_just_behind(client: Client, database: Database):
    """Live is a second ahead of the history while events come in; that is no difference."""
    database.store(RECORDS[:5])

    def meanwhile(_: float) -> None:
        database.store(RECORDS[5:])

    live = live_of(state(*snapshots(RECORDS, len(RECORDS))))

    assert (
        compare(client, Settled(), live, Rota(HOUR), lambda: NOW, sleep=meanwhile).state == "equal"
    )


def test_a_unit_that_was_equal_is_recounted_when_its_snapshot_is_another(
    client: Client, database: Database
):
    """A wrong counter may be planted at the same offset: what was found before hides nothing."""
    database.store(RECORDS)
    now, (month,) = snapshots(RECORDS, len(RECORDS))
    live, rota = live_of(state(now, [month])), Rota(HOUR)
    assert cycle(client, live, rota).recounted == 1

    again = cycle(client, live, rota)
    assert (again.state, again.recounted) == ("equal", 0)

    live.set(state(now, [falsified(month, "paid", 1)]))
    planted = cycle(client, live, rota)
    assert (planted.state, planted.recounted) == ("differs", 1)
    assert cycle(client, live, rota).state == "differs", "it is not forgotten"
    live.set(state(now, [month]))
    assert cycle(client, live, rota).state == "equal"


def test_a_unit_that_live_has_lost_is_a_difference(client: Client, database: Database):
    """Nobody misses on a wall what is not there at all; what is on its way is no loss."""
    database.store(RECORDS)
    live = FakeLive()

    assert (cycle(client, live).state, cycle(client, live).states) == ("equal", {})
    live.counted = {0: len(RECORDS)}
    found = cycle(client, live)

    assert found.state == "differs"
    assert ("dossiers", 0, 6) in {(d.cell, d.live, d.history) for d in differences(found)}


def test_a_cycle_begins_nothing_that_would_last_beyond_its_budget(
    client: Client, database: Database
):
    """What is left over is said to wait, and the next cycle goes on there."""
    units = [f"2350{n}" for n in range(3)]
    records = numbered(admitted(received(dossier="1", unit=unit)) for unit in units)
    database.store(records)
    # so many dossiers that each unit makes a query of its own
    live, rota = live_of(*(huge(unit, len(records)) for unit in units)), Rota(HOUR)

    def one_query() -> Compared:
        patience = Patience(wait_s=0.2, budget_s=0.0)
        return compare(client, Settled(), live, rota, lambda: NOW, patience=patience)

    found = [one_query() for _ in range(3)]
    assert [len(one.findings) for one in found] == [1, 2, 3]
    # none has so many dossiers: they differ, and it is their turn again
    assert [one.left_over for one in found] == [2, 2, 2]


def huge(unit: str, offset: int) -> UnitState:
    now = UnitNow(
        unit=unit,
        partition=0,
        offset=offset,
        dossiers=100_000,
        open=0,
        months=(),
        last_recorded_at=None,
    )
    return UnitState(now, {})


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

        found = cycle(client, live)
    finally:
        live.stop()

    assert found.state == "differs"
    assert [d.month for d in differences(found)] == ["2023-02"]
    assert differences(found)[0].dossiers


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
