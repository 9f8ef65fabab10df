"""One record of events, judged by both engines: the core, and the SQL of ClickHouse.

``python -m tests.support.parity 10000 [SEED]`` compares so many dossiers and prints the seed.
"""

import contextlib
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import orjson
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, Phase, given, seed, settings

from schemas.books import Book, Period
from schemas.registry import Registry
from services.audit.asked import ZONE
from services.audit.questions import (
    balances,
    counts_of_figures,
    figures,
    recount,
)
from services.audit.settled import Clocks, Extent, Settled
from services.historian import Record
from streams.core.cells import Cell, cells, is_open
from streams.core.days import milliseconds, moment, to_date
from streams.core.dossier import Dossier, add, read
from streams.core.facts import FACTS, Facts, facts, facts_as_of
from streams.core.indicators import Count
from streams.core.receptions import judged_at, received_counts
from tests.support.clickhouse import Database, Server, numbered
from tests.support.histories import UNITS, WORK, histories
from tests.support.parity_histories import tangle, waited

FOR_EVER = datetime(2199, 12, 31, tzinfo=UTC)
EVERYTHING = Extent(dict.fromkeys(UNITS, 1 << 40))


class Story(NamedTuple):
    """Many histories in one record of events, and the seed that drew them."""

    seed: int
    records: list[Record]
    dossiers: int


def story(drawn: int, tangles: int, chosen: int) -> Story:
    """So many histories from Hypothesis, so many tangles and half as many that wait for papers,
    mixed in the order of arrival."""
    found = _from_hypothesis(drawn, chosen)
    chance = random.Random(chosen)
    found += [tangle(chance, f"tangle/{n}") for n in range(tangles)]
    found += [waited(chance, f"waited/{n}") for n in range(tangles // 2)]
    # arrivals of different offices mix; within a history the order stays as drawn
    mixed = list(_interleaved(found, chance))
    return Story(chosen, numbered(mixed, _partition), len(found))


def waits(number: int, chosen: int) -> Story:
    """So many dossiers whose due moment is moved by what was waited, anywhere in the years that
    the calendar knows."""
    chance = random.Random(chosen)
    found = [record for n in range(number) for record in waited(chance, f"waited/{n}")]
    return Story(chosen, numbered(found, _partition), number)


def store(database: Database, told: Story) -> None:
    """As several inserts, which are several parts; a third comes twice, as after a crash. Dossiers
    are settled after each."""
    third = len(told.records) // 3
    thirds = [told.records[n * third : (n + 1) * third] for n in (0, 1)]
    settled = Settled()
    with contextlib.closing(database.connect()) as client:
        for part in (thirds[0], thirds[1], thirds[1], told.records[2 * third :]):
            database.store(part)
            settled.settle(client)


def merge(client: Client) -> None:
    """Have copies dropped as a merge drops them, some day, and every dossier settled anew."""
    client.command("OPTIMIZE TABLE events FINAL")
    client.command("OPTIMIZE TABLE log FINAL")
    client.command("TRUNCATE TABLE settlements")


def some_clocks(told: Story, number: int) -> list[Clocks]:
    """Random ones, at moments and just before them; the first are for ever."""
    chance = random.Random(told.seed)
    entries = [read(record.value)[2] for record in told.records]
    at = [
        Clocks(
            as_of=moment(chance.choice(entries).at)
            + timedelta(milliseconds=chance.choice((0, -1))),
            known_at=moment(chance.choice(entries).recorded),
        )
        for _ in range(number)
    ]
    then = [Clocks(FOR_EVER, moment(chance.choice(entries).recorded)) for _ in range(number)]
    return [Clocks(FOR_EVER, FOR_EVER), *then, *at]


# -- facts of both engines


class Compared(NamedTuple):
    """What an engine says of a dossier, as comparable values."""

    level: str
    procedure: str
    officer: str
    step: str
    received_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    waiting_since: datetime | None
    paid_days: tuple[object, ...]
    facts: frozenset[str]


def core_facts(records: Iterable[Record], clocks: Clocks) -> dict[tuple[str, str], Compared]:
    """By (unit, dossier), from the core."""
    known_at, as_of = milliseconds(clocks.known_at), milliseconds(clocks.as_of)
    found = {}
    for key, dossier in dossiers(records, known_at).items():
        known = facts_as_of(dossier, as_of, WORK)
        if known is not None:
            found[key] = comparable(known)
    return found


def dossiers(records: Iterable[Record], known_at: int) -> dict[tuple[str, str], Dossier]:
    """By (unit, dossier), with the events that were recorded by then."""
    found: dict[tuple[str, str], Dossier] = {}
    for record in records:
        unit, code, entry = read(record.value)
        if entry.recorded <= known_at:
            found[unit, code], _ = add(found.get((unit, code), ()), entry)
    return found


def comparable(known: Facts) -> Compared:
    """With names and moments in the place of bits and numbers."""
    return Compared(
        known.level,
        known.procedure,
        known.officer,
        known.step,
        _moment(known.received_at),
        _moment(known.closed_at),
        _moment(known.due_at),
        _moment(known.waiting_since),
        tuple(to_date(day) for day in known.paid_days),
        frozenset(fact.name for fact in FACTS if known.bits >> fact.bit & 1),
    )


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else moment(ms)


def sql_facts(client: Client, extent: Extent, clocks: Clocks) -> dict[tuple[str, str], Compared]:
    """By (unit, dossier), from ClickHouse; by names and by bits, which must say the same."""
    names = ", ".join(f"toUInt8({fact.name})" for fact in FACTS)
    with Settled().dossiers(client, extent, clocks) as dossiers:
        rows = client.query(
            "SELECT unit, dossier, level, procedure, officer, step, received_at, closed_at, due_at,"
            f" waiting_since, paid_days, bits, [{names}] FROM {{dossiers:Identifier}}"
            " WHERE unit IN {units:Array(String)}",
            {"dossiers": dossiers, "units": list(extent.offsets)},
        ).result_rows
    found = {}
    for unit, dossier, level, procedure, officer, step, *moments, paid_days, bits, holds in rows:
        assert bits == sum(1 << fact.bit for fact, yes in zip(FACTS, holds, strict=True) if yes)
        assert (unit, dossier) not in found
        found[unit, dossier] = Compared(
            level,
            procedure,
            officer,
            step,
            *(None if at is None else at.replace(tzinfo=UTC) for at in moments),
            tuple(paid_days),
            frozenset(fact.name for fact, yes in zip(FACTS, holds, strict=True) if yes),
        )
    return found


def different(expected: dict, actual: dict) -> dict:
    """A few keys with both values, where they differ."""
    keys = [k for k in {**expected, **actual} if expected.get(k) != actual.get(k)]
    return {k: (expected.get(k), actual.get(k)) for k in keys[:3]}


# -- counters of both engines


class Counters(NamedTuple):
    """Of one unit."""

    cells: dict[Cell, int]
    dossiers: int
    open: int


def core_counters(told: Story, offsets: dict[str, int]) -> dict[str, Counters]:
    """Of each unit at its own offset, from the core."""
    seen = (r for r in told.records if r.offset < offsets[UNITS[r.partition]])
    counted: dict[str, Counter[Cell]] = {unit: Counter() for unit in UNITS}
    all_of, opened = Counter[str](), Counter[str]()
    for (unit, _), dossier in dossiers(seen, milliseconds(FOR_EVER)).items():
        known = facts(dossier, WORK)
        counted[unit].update(cells(known))
        all_of[unit] += 1
        opened[unit] += is_open(known)
    return {unit: Counters(dict(counted[unit]), all_of[unit], opened[unit]) for unit in UNITS}


def sql_counters(client: Client, offsets: dict[str, int]) -> dict[str, Counters]:
    """Of each unit at its own offset, from ClickHouse."""
    return {
        unit: Counters(*found)
        for unit, found in recount(client, Settled(), Extent(offsets)).items()
    }


def some_offsets(told: Story, number: int) -> list[dict[str, int]]:
    """Ends of the log for each unit: all of it, and so many random shares of it."""
    chance = random.Random(told.seed)
    ends = Counter(record.partition for record in told.records)
    shares = [1.0, 0.9, *(chance.random() for _ in range(number))]
    return [{unit: int(share * ends[n]) for n, unit in enumerate(UNITS)} for share in shares]


# -- balances of both engines


def some_periods(told: Story, number: int) -> list[Period]:
    """Random ones, from the day of one event to the day of another."""
    chance = random.Random(told.seed)
    days = _days(told)
    ends = [sorted(chance.sample(days, 2)) for _ in range(number)]
    return [Period(first=first, last=last) for first, last in ends]


def _days(told: Story) -> list[date]:
    return [moment(read(record.value)[2].at).astimezone(ZONE).date() for record in told.records]


def core_balances(
    records: Iterable[Record], clocks: Clocks, period: Period
) -> dict[str, dict[str, int]]:
    """Of each unit, from what the core knows of each dossier; also on the eve of the period."""
    eve = min(clocks.as_of, _begin(period.first) - timedelta(milliseconds=1))
    before = core_facts(records, Clocks(eve, clocks.known_at))
    found: dict[str, Counter[str]] = {}
    for key, known in core_facts(records, clocks).items():
        counted = found.setdefault(key[0], Counter())
        counted.update(balance_terms(known, before.get(key), period))
    return {unit: dict(+counted) for unit, counted in found.items()}


def balance_terms(known: Compared, before: Compared | None, period: Period) -> list[str]:
    """The terms in which a dossier is counted, by its moments."""
    received, closed = known.received_at, known.closed_at
    arrives, leaves = _place(received, period), _place(closed, period)
    kind = next(
        (k for k in ("resolved", "rejected", "withdrawn", "stopped") if k in known.facts), ""
    )
    terms: list[str] = []
    if received is None:
        if leaves == "within":
            own = ["rejected_at_submission"] if kind == "rejected" else [kind, "reception_unknown"]
            terms += own
        return terms
    if closed is not None and closed < received:
        terms += ["received", "received_after_closing"] if arrives == "within" else []
        terms += [kind, "closed_before_received"] if leaves == "within" else []
        return terms
    if arrives == "before" and leaves != "before":
        came_back = before is not None and before.closed_at is not None
        terms.append("came_back" if came_back else "opening")
    terms += ["received"] if arrives == "within" else []
    terms += [kind] if leaves == "within" else []
    terms += ["in_process"] if arrives != "after" and leaves == "after" else []
    return terms


def _place(at: datetime | None, period: Period) -> str:
    """What has not happened comes after."""
    day = None if at is None else at.astimezone(ZONE).date()
    if day is None or day > period.last:
        return "after"
    return "before" if day < period.first else "within"


def sql_balances(client: Client, clocks: Clocks, period: Period) -> dict[str, dict[str, int]]:
    """Of each unit, from ClickHouse."""
    found = balances(client, Settled(), EVERYTHING, period, clocks=clocks)
    return {unit: dict(+Counter(counted)) for unit, counted in found.items()}


# -- books of receptions in both engines


def some_closings(told: Story, number: int) -> list[tuple[Period, Clocks]]:
    """Random periods, each asked for at its end or at a moment within it, as it was known then, at
    some moment, or for ever; the first is all the time there is."""
    chance = random.Random(told.seed)
    days = _days(told)
    recorded = [moment(read(record.value)[2].recorded) for record in told.records]
    whole = Period(first=min(days), last=max(days))
    found = [(whole, Clocks(moment(judged_at(whole)), FOR_EVER))]
    for period in some_periods(told, number - 1):
        first, end = milliseconds(_begin(period.first)), judged_at(period)
        drawn = chance.choice((end, end, chance.randrange(first, end)))
        known_at = chance.choice((FOR_EVER, FOR_EVER, moment(drawn), chance.choice(recorded)))
        at = moment(judged_at(period, drawn, milliseconds(known_at)))
        found.append((period, Clocks(at, known_at)))
    return found


def _begin(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), ZONE)


def core_receptions(
    told: Story, book: Book, registry: Registry, period: Period, clocks: Clocks
) -> dict[str, dict[str, Count]]:
    """Of each unit that has a dossier then, from the core."""
    by_unit: dict[str, list[Facts]] = {}
    at = milliseconds(clocks.as_of)
    for (unit, _), dossier in dossiers(told.records, milliseconds(clocks.known_at)).items():
        known = facts_as_of(dossier, at, WORK)
        if known is not None:
            by_unit.setdefault(unit, []).append(known)
    return {
        unit: received_counts(book, registry, period, None, known, at)
        for unit, known in by_unit.items()
    }


def sql_receptions(
    client: Client, book: Book, registry: Registry, period: Period, clocks: Clocks
) -> dict[str, dict[str, Count]]:
    """Of each unit that has a dossier then, from ClickHouse."""
    return {
        found.unit: counts_of_figures(book, registry, period, None, [found])
        for found in figures(client, Settled(), book, EVERYTHING, period, clocks)
    }


# -- drawing


def _from_hypothesis(number: int, chosen: int) -> list[list[bytes]]:
    drawn: list[list[bytes]] = []

    @seed(chosen)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(histories(dossiers_each=1, min_size=1, max_size=24))
    def draw(history: list[bytes]) -> None:
        frozen: dict[str, object] = {}
        drawn.append([_in_story(record, len(drawn), frozen) for record in history])

    draw()
    return drawn


def _in_story(record: bytes, number: int, frozen: dict[str, object]) -> bytes:
    said = orjson.loads(record)
    said["subject"] = f"{said['subject']}/{number}"
    if "frozen" in said:
        # what is sent again says the same, so admission adds the same
        said["frozen"] = frozen.setdefault(said["contenthash"], said["frozen"])
    return orjson.dumps(said)


def _partition(record: bytes) -> int:
    return UNITS.index(orjson.loads(record)["unit"])


def _interleaved(drawn: list[list[bytes]], chance: random.Random) -> Iterator[bytes]:
    waiting = [iter(history) for history in drawn]
    while waiting:
        n = chance.randrange(len(waiting))
        try:
            yield next(waiting[n])
        except StopIteration:
            waiting[n] = waiting[-1]
            waiting.pop()


# -- the long run


def main(arguments: list[str]) -> int:
    """Exit code 0 when both engines agree on so many dossiers."""
    number = int(arguments[0])
    chosen = int(arguments[1]) if len(arguments) > 1 else random.SystemRandom().randrange(1 << 32)
    told = story(number // 4, number - number // 4, chosen)
    _say(f"seed {chosen}: {told.dossiers} histories, {len(told.records)} records")
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        database = Server(Path(folder)).database()
        store(database, told)
        client = database.connect()
        for state in ("as inserted", "merged"):
            if state == "merged":
                merge(client)
            for clocks in some_clocks(told, 5):
                expected = core_facts(told.records, clocks)
                found = different(expected, sql_facts(client, EVERYTHING, clocks))
                _say(f"{state}, {clocks}: {len(expected)} dossiers {found or 'equal'}")
                wrong += bool(found)
            for offsets in some_offsets(told, 3):
                counted = core_counters(told, offsets)
                found = different(counted, sql_counters(client, offsets))
                _say(f"{state}, offsets {offsets}: {'different' if found else 'equal'}")
                wrong += bool(found)
        client.close()
    return 1 if wrong else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
