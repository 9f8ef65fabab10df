"""Python and ClickHouse compute the same facts and counters from the same events, independently."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, Phase, given, seed, settings

from services.audit.questions import Clocks, Extent, recount
from services.historian import Record
from streams.core.cells import Cell, cells, is_open
from streams.core.days import milliseconds, moment, to_date
from streams.core.dossier import Dossier, add, read
from streams.core.facts import FACTS, Facts, facts
from tests.support.clickhouse import Database, Server, numbered
from tests.support.histories import (
    OFFICERS,
    PROCEDURES,
    UNITS,
    admitted,
    histories,
    paid,
    received,
    refunded,
    rejected,
    reopened,
    resolved,
)

HISTORIES = 250
TANGLES = 800
FOR_EVER = datetime(2199, 12, 31, tzinfo=UTC)


class Compared(NamedTuple):
    """A fact row of one engine, as comparable values."""

    level: str
    procedure: str
    officer: str
    received_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    paid_days: tuple[object, ...]
    facts: frozenset[str]


class Story(NamedTuple):
    """Many histories in one record of events, and the seed that drew them."""

    seed: int
    records: list[Record]


@pytest.fixture(scope="module")
def story() -> Story:
    drawn: list[list[bytes]] = []
    chosen = random.SystemRandom().randrange(1 << 32)

    @seed(chosen)
    @settings(
        max_examples=HISTORIES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(histories(min_size=1, max_size=14))
    def draw(history: list[bytes]) -> None:
        drawn.append([_in_story(record, len(drawn)) for record in history])

    draw()
    assert len(drawn) >= 200
    chance = random.Random(chosen)
    drawn += [_tangle(chance, len(drawn) + n) for n in range(TANGLES)]
    # arrivals of different offices mix; within a history the order stays as drawn
    mixed = list(_interleaved(drawn, chance))
    return Story(chosen, numbered(mixed, _partition))


@pytest.fixture(scope="module")
def stored(story: Story, clickhouse_server: Server) -> Database:
    database = clickhouse_server.database()
    third = len(story.records) // 3
    # several inserts are several parts, and the second third comes twice, as after a crash
    for part in (story.records[:third], *[story.records[third : 2 * third]] * 2):
        database.store(part)
    database.store(story.records[2 * third :])
    return database


@pytest.fixture(scope="module", params=["as inserted", "merged"])
def client(stored: Database, request: pytest.FixtureRequest) -> Iterator[Client]:
    client = stored.connect()
    if request.param == "merged":
        client.command("OPTIMIZE TABLE events FINAL")
        client.command("OPTIMIZE TABLE log FINAL")
    yield client
    client.close()


def test_facts_are_equal_at_any_two_clocks(client: Client, story: Story):
    """An auditor's answer and the wall's number must be one number, whatever came late or twice."""
    extent = Extent(dict.fromkeys(UNITS, 1 << 40))
    compared = 0
    for clocks in [Clocks(FOR_EVER, FOR_EVER), *_some_clocks(story)]:
        expected = _python_facts(story.records, clocks)
        actual = _sql_facts(client, extent, clocks)

        assert _different(expected, actual) == {}, f"seed {story.seed}, {clocks}"
        compared += len(expected)

    assert compared > HISTORIES


def test_counters_are_equal_at_any_offset(client: Client, story: Story):
    """Verification recounts at the offset of a snapshot, also when a merge kept a later copy."""
    chance = random.Random(story.seed)
    ends = Counter(record.partition for record in story.records)
    for share in (1.0, 0.9, 0.5, 0.1, chance.random()):
        offsets = {unit: int(share * ends[UNITS.index(unit)]) for unit in UNITS}
        seen = [r for r in story.records if r.offset < offsets[UNITS[r.partition]]]
        expected = _python_counters(seen)

        found = recount(client, Extent(offsets))

        for unit in UNITS:
            assert _different(expected[unit][0], found[unit].cells) == {}, f"seed {story.seed}"
            assert (found[unit].dossiers, found[unit].open) == expected[unit][1:], unit


# -- the two engines


def _python_facts(records: Iterable[Record], clocks: Clocks) -> dict[tuple[str, str], Compared]:
    known_at, as_of = milliseconds(clocks.known_at), milliseconds(clocks.as_of)
    found = {}
    for key, dossier in _dossiers(records, known_at).items():
        happened = tuple(entry for entry in dossier if entry.at <= as_of)
        if happened:
            found[key] = _comparable(facts(happened))
    return found


def _python_counters(
    records: Iterable[Record],
) -> dict[str, tuple[Counter[Cell], int, int]]:
    counted: dict[str, Counter[Cell]] = {unit: Counter() for unit in UNITS}
    dossiers, opened = Counter[str](), Counter[str]()
    for (unit, _), dossier in _dossiers(records, milliseconds(FOR_EVER)).items():
        known = facts(dossier)
        counted[unit].update(cells(known))
        dossiers[unit] += 1
        opened[unit] += is_open(known)
    return {unit: (counted[unit], dossiers[unit], opened[unit]) for unit in UNITS}


def _dossiers(records: Iterable[Record], known_at: int) -> dict[tuple[str, str], Dossier]:
    found: dict[tuple[str, str], Dossier] = {}
    for record in records:
        unit, code, entry = read(record.value)
        if entry.recorded <= known_at:
            found[unit, code], _ = add(found.get((unit, code), ()), entry)
    return found


def _comparable(known: Facts) -> Compared:
    return Compared(
        known.level,
        known.procedure,
        known.officer,
        None if known.received_at is None else moment(known.received_at),
        None if known.closed_at is None else moment(known.closed_at),
        None if known.due_at is None else moment(known.due_at),
        tuple(to_date(day) for day in known.paid_days),
        frozenset(fact.name for fact in FACTS if known.bits >> fact.bit & 1),
    )


def _sql_facts(client: Client, extent: Extent, clocks: Clocks) -> dict[tuple[str, str], Compared]:
    # facts by their names and by their bits: both must say the same
    names = ", ".join(f"toUInt8({fact.name})" for fact in FACTS)
    rows = client.query(
        "SELECT unit, dossier, level, procedure, officer, received_at, closed_at, due_at,"
        f" paid_days, bits, [{names}] FROM facts(units = {{units:Array(String)}},"
        " offsets = {offsets:Array(UInt64)}, known_at = {known_at:DateTime64(3, 'UTC')},"
        " as_of = {as_of:DateTime64(3, 'UTC')})",
        extent.bound(clocks),
    ).result_rows
    found = {}
    for unit, dossier, level, procedure, officer, *moments, paid_days, bits, holds in rows:
        assert bits == sum(1 << fact.bit for fact, yes in zip(FACTS, holds, strict=True) if yes)
        found[unit, dossier] = Compared(
            level,
            procedure,
            officer,
            *(None if at is None else at.replace(tzinfo=UTC) for at in moments),
            tuple(paid_days),
            frozenset(fact.name for fact, yes in zip(FACTS, holds, strict=True) if yes),
        )
    return found


def _different(expected: dict, actual: dict) -> dict:
    """A few keys with both values, where they differ."""
    keys = [k for k in {**expected, **actual} if expected.get(k) != actual.get(k)]
    return {k: (expected.get(k), actual.get(k)) for k in keys[:3]}


# -- drawing


def _in_story(record: bytes, number: int) -> bytes:
    said = orjson.loads(record)
    said["subject"] = f"{said['subject']}/{number}"
    return orjson.dumps(said)


def _tangle(chance: random.Random, number: int) -> list[bytes]:
    """A short dossier where everything happens at the same few moments: ties decide."""
    moments = ("2023-02-10T16:59:59.999", "2023-02-10T17:00", "2023-02-10T17:00:00.001")
    money = {"payment": ("p1", "p2"), "amount": (2000, 8000)}
    unit = chance.choice(UNITS)
    found = []
    for n in range(chance.randrange(2, 7)):
        tell, choices = chance.choice(
            (
                (received, {"due": (None, *moments), "procedure": PROCEDURES, "officer": OFFICERS}),
                (resolved, {"claims_on_time": (None, True, False), "officer": (None, *OFFICERS)}),
                (rejected, {}),
                (reopened, {}),
                (paid, money),
                (refunded, money),
            )
        )
        said = tell(
            chance.choice(moments),
            **{name: chance.choice(values) for name, values in choices.items()},
            id=f"e{n}-{chance.randrange(1000)}",
            unit=unit,
            dossier=f"tangle/{number}",
        )
        # levels come and go: the one of the reception decides
        found.append(admitted(said, level=chance.choice(("district", "commune"))))
    return found


def _partition(record: bytes) -> int:
    return UNITS.index(orjson.loads(record)["unit"])


def _interleaved(drawn: list[list[bytes]], chance: random.Random) -> Iterator[bytes]:
    waiting = [iter(history) for history in drawn]
    while waiting:
        one = chance.choice(waiting)
        try:
            yield next(one)
        except StopIteration:
            waiting.remove(one)


def _some_clocks(story: Story) -> list[Clocks]:
    chance = random.Random(story.seed)
    entries = [read(record.value)[2] for record in story.records]
    return [
        Clocks(
            as_of=moment(chance.choice(entries).at)
            + timedelta(milliseconds=chance.choice((0, -1))),
            known_at=moment(chance.choice(entries).recorded),
        )
        for _ in range(5)
    ]
