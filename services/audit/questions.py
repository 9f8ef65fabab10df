"""What can be asked of the history: one typed function for each question, its SQL in ``sql``.

Values reach ClickHouse as bound parameters only; no SQL is ever put together here.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import orjson
from clickhouse_connect.driver.client import Client

from schemas.books import Book, Period
from schemas.events import END_OF_TIME, EPOCH
from schemas.registry import Registry, Unit
from schemas.report import AnomalyRow, Report
from schemas.words import Measure
from services.audit.settled import NOW, Clocks, Extent, Settled, bound_moment, extent, sql
from streams.core.balance import balance_rows
from streams.core.cells import Cell
from streams.core.days import DAY_MS, UTC_OFFSET_MS, day_number, milliseconds, moment
from streams.core.facts import BIT, FACTS, Fact, mask
from streams.core.indicators import Count, catalogue_scope, table_of
from streams.core.lineage import Lineage, join_balances, stretches
from streams.core.receptions import bits_of, judged_at
from streams.core.scores import out_of_scope_rows, score_rows

ANOMALIES: tuple[Fact, ...] = tuple(fact for fact in FACTS if fact.anomaly)
_FIRST_DAY, _LAST_DAY = EPOCH.date(), END_OF_TIME.date()
_EXAMPLES = 20
_RECEIVED = BIT["received"]


def positions(client: Client, settings: Mapping[str, Any] | None = None) -> dict[int, int]:
    """For each partition the first offset that is not in the history."""
    rows = client.query(sql("positions"), settings=dict(settings or {})).result_rows
    return {int(partition): int(offset) for partition, offset in rows}


def report(
    client: Client,
    settled: Settled,
    book: Book,
    registry: Registry,
    period: Period,
    unit: str | None,
    *,
    officer: str | None = None,
    lineage: Lineage = "old",
    clocks: Clocks = NOW,
    demo: bool,
    computed_at: datetime,
) -> Report:
    """The table of the book, from the events themselves; rows as in the live report.

    A book of receptions is answered as things stood at the period's last moment, or at the earliest
    moment that the clocks or the asking allow: nobody can say earlier how a dossier in process
    will stand.
    """
    clocks = judged(book, period, clocks, computed_at)
    there = extent(client, settled, unit if lineage == "old" else None).offsets
    plan = stretches(registry, there, period, lineage, unit)
    asked = Extent({code: there[code] for code in plan[0].holders}, open_ended=True)
    by_unit: dict[Unit, list[Figures]] = {}
    balances_of: list[dict[str, dict[str, int]]] = []
    with settled.dossiers(client, asked, clocks) as dossiers:
        of = _Of(client, dossiers, asked, officer)
        for n, stretch in enumerate(plan):
            for found in _figures(of, book, stretch.period, clocks, opening=n == 0):
                by_unit.setdefault(stretch.holders[found.unit], []).append(found)
            balances_of.append(_balances(of, stretch.period))
    kept = {holder: found for holder, found in by_unit.items() if unit in (None, holder.code)}
    everything = [found for of_unit in kept.values() for found in of_unit]
    counts: dict[Unit | None, Mapping[str, Count]] = {
        holder: counts_of_figures(book, registry, period, holder.level or None, found)
        for holder, found in kept.items()
    }
    if unit is None:
        counts[None] = counts_of_figures(book, registry, period, None, everything)
    # a stretch counts all dossiers of a code, whatever their days
    there_are = {f.unit: f.dossiers for of_unit in by_unit.values() for f in of_unit}
    return Report(
        book=book.code,
        book_version=book.version,
        source="history",
        first=period.first,
        last=period.last,
        unit=unit,
        officer=officer,
        lineage=lineage,
        computed_at=computed_at,
        judged_at=clocks.as_of if book.needs_history else None,
        demo=demo,
        dossiers=sum(
            n for code, n in there_are.items() if unit in (None, plan[-1].holders[code].code)
        ),
        resolved=sum(f.resolved for f in everything),
        rows=table_of(book, period, counts),
        scores=score_rows(book, period, counts),
        out_of_scope=out_of_scope_rows(book),
        anomalies=_anomalies(everything),
        balance=balance_rows(
            {
                holder: found
                for holder, found in join_balances(plan, balances_of).items()
                if holder in kept
            },
            with_total=unit is None,
        ),
    )


class _Of(NamedTuple):
    """Which dossiers are asked about: those of the units in the table, of one officer or of all."""

    client: Client
    dossiers: str
    asked: Extent
    officer: str | None = None
    """Empty: the dossiers of which nobody knows the officer."""
    settings: Mapping[str, Any] | None = None

    def query(self, question: str, **parameters: Any) -> Sequence[Sequence[Any]]:
        bound = {
            "dossiers": self.dossiers,
            "units": list(self.asked.offsets),
            "officers": [] if self.officer is None else [self.officer],
        }
        found = self.client.query(sql(question), {**bound, **parameters}, dict(self.settings or {}))
        return found.result_rows


def judged(book: Book, period: Period, clocks: Clocks, computed_at: datetime) -> Clocks:
    """The clocks, for a book of receptions with the moment at which its dossiers are judged."""
    if not book.needs_history:
        return clocks
    asked = (clocks.as_of, clocks.known_at, computed_at)
    return replace(clocks, as_of=moment(judged_at(period, *map(milliseconds, asked))))


def figures(
    client: Client,
    settled: Settled,
    book: Book,
    asked: Extent,
    period: Period,
    clocks: Clocks,
    *,
    officer: str | None = None,
    opening: bool = True,
) -> list["Figures"]:
    """What the book counts in each unit that has a dossier then.

    A book of receptions is judged in the state at ``clocks.as_of``. ``opening``: what is carried
    over into the period is counted here, and not in another part of it.
    """
    with settled.dossiers(client, asked, clocks) as dossiers:
        of = _Of(client, dossiers, asked, officer)
        return _figures(of, book, period, clocks, opening=opening)


def _figures(
    of: _Of, book: Book, period: Period, clocks: Clocks, *, opening: bool
) -> list["Figures"]:
    if not of.asked.offsets:
        return []
    names = bits_of(book.population)
    parameters = {
        **_days(period),
        "as_of": bound_moment(clocks.as_of),
        "population": book.population,
        "opening": opening,
        "scopes": [mask(i.scope, names) for i in book.indicators],
        "hits": [mask((*i.scope, *i.hit), names) for i in book.indicators],
        "levels": [i.level or "" for i in book.indicators],
        "carried_over": [i.carried_over for i in book.indicators],
        "anomalies": [1 << fact.bit for fact in ANOMALIES],
    }
    return [Figures(*row) for row in of.query("figures", **parameters)]


class Figures(NamedTuple):
    """A row of ``figures.sql``; sequences are in the order of the book's indicators."""

    unit: str
    dossiers: int
    resolved: int
    a: Sequence[int]
    b: Sequence[int]
    due_unknown: Sequence[int]
    paid_procedures: Sequence[tuple[str, str]]
    """(level, code) of those with an online payment that stands, for the level that was paid."""
    with_anomaly: Sequence[int]
    """In the order of ``ANOMALIES``."""
    anomalous: Sequence[Sequence[str]]
    """The first dossiers of each; empty when there are none at all."""


def counts_of_figures(
    book: Book,
    registry: Registry,
    period: Period,
    level: str | None,
    found: Sequence[Figures],
) -> dict[str, Count]:
    """The figures of every indicator together; ``level`` None: procedures of all levels."""
    paid = {procedure for f in found for procedure in f.paid_procedures}
    counts = {}
    for n, indicator in enumerate(book.indicators):
        if indicator.counts == "procedures":
            deployed = catalogue_scope(indicator, registry, period, level)
            counts[indicator.code] = Count(_distinct(deployed), _distinct(deployed & paid))
        else:
            counts[indicator.code] = Count(
                sum(f.a[n] for f in found),
                sum(f.b[n] for f in found),
                sum(f.due_unknown[n] for f in found),
            )
    return counts


def _distinct(procedures: AbstractSet[tuple[str, str]]) -> int:
    # a procedure that two levels handle is one procedure
    return len({code for _, code in procedures})


def _anomalies(found: Sequence[Figures]) -> tuple[AnomalyRow, ...]:
    rows = []
    for n, fact in enumerate(ANOMALIES):
        dossiers = sum(f.with_anomaly[n] for f in found)
        examples = [f"{f.unit}/{code}" for f in found if f.anomalous for code in f.anomalous[n]]
        if dossiers:
            rows.append(
                AnomalyRow(
                    code=fact.name,
                    title=fact.title,
                    dossiers=dossiers,
                    examples=tuple(examples[:_EXAMPLES]),
                )
            )
    return tuple(rows)


# the columns of ``balance.sql`` after the unit, as terms of ``streams.core.balance``
_TERMS = (
    "opening",
    "came_back",
    "received",
    "closed_before_received",
    "reception_unknown",
    "resolved",
    "rejected",
    "withdrawn",
    "stopped",
    "received_after_closing",
    "in_process",
    "rejected_at_submission",
)


def balances(
    client: Client,
    settled: Settled,
    asked: Extent,
    period: Period,
    *,
    clocks: Clocks = NOW,
    officer: str | None = None,
) -> dict[str, dict[str, int]]:
    """The balance of each unit that has a dossier then, from the events themselves.

    ``officer`` None: all; empty: the dossiers of which nobody knows the officer.
    """
    with settled.dossiers(client, asked, clocks) as dossiers:
        return _balances(_Of(client, dossiers, asked, officer), period)


def _balances(of: _Of, period: Period) -> dict[str, dict[str, int]]:
    if not of.asked.offsets:
        return {}
    begin, end = _midnight_ms(period.first), _midnight_ms(period.last) + DAY_MS
    return {
        unit: dict(zip(_TERMS, map(int, counted), strict=True))
        for unit, *counted in of.query("balance", begin=begin, end=end)
    }


def _midnight_ms(day: date) -> int:
    return day_number(day) * DAY_MS - UTC_OFFSET_MS


class AnomalousDossier(NamedTuple):
    """A dossier of the period that shows an anomaly."""

    unit: str
    dossier: str
    received_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    officer: str


def anomalous(
    client: Client,
    settled: Settled,
    anomaly: Fact,
    period: Period,
    unit: str | None,
    *,
    after: tuple[str, str],
    page: int,
    population: str = "closed",
    clocks: Clocks = NOW,
) -> list[AnomalousDossier]:
    """The next ``page`` dossiers after (unit, dossier), in the order of unit and code."""
    asked = extent(client, settled, unit)
    if not asked.offsets:
        return []
    with settled.dossiers(client, asked, clocks) as dossiers:
        rows = _Of(client, dossiers, asked).query(
            "anomalies",
            **_days(period),
            population=population,
            anomaly=1 << anomaly.bit,
            after_unit=after[0],
            after_dossier=after[1],
            page=page,
        )
    return [
        AnomalousDossier(
            code, dossier, _aware(received_at), _aware(closed_at), _aware(due_at), officer
        )
        for code, dossier, received_at, closed_at, due_at, officer in rows
    ]


class DossierEvent(NamedTuple):
    """One copy of an event of a dossier."""

    kind: str
    occurred_at: datetime
    recorded_at: datetime
    emitter: str
    source: str
    id: str
    partition: int
    offset: int
    content_hash: str
    event: dict[str, Any]
    """As it stands in Kafka."""
    counts: bool
    """False: a later copy, or another content under the same identity."""


class DossierFacts(NamedTuple):
    """What follows from the events of a dossier."""

    level: str
    procedure: str
    officer: str
    received_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    paid_days: tuple[date, ...]
    facts: tuple[str, ...]
    """Names of those that hold."""


class DossierHistory(NamedTuple):
    """A dossier taken apart."""

    events: tuple[DossierEvent, ...]
    known: DossierFacts | None
    """None: it has no event at these clocks."""


def dossier_history(
    client: Client, settled: Settled, unit: str, dossier: str, *, clocks: Clocks = NOW
) -> DossierHistory | None:
    """Every copy of every event of the dossier, and what follows; None when there is none."""
    rows = client.query(sql("timeline"), {"unit": unit, "dossier": dossier}).result_rows
    if not rows:
        return None
    events = tuple(_event(row) for row in rows)
    asked = extent(client, settled, unit)
    with settled.dossiers(client, asked, clocks, dossier) as dossiers:
        found = _Of(client, dossiers, asked).query("dossier", dossier=dossier)
    return DossierHistory(events, _facts(found[0]) if found else None)


def _event(row: Sequence[Any]) -> DossierEvent:
    kind, occurred_at, recorded_at, *where, content_hash, body, counts = row
    emitter, source, event_id, partition, offset = where
    return DossierEvent(
        kind,
        occurred_at.replace(tzinfo=UTC),
        recorded_at.replace(tzinfo=UTC),
        emitter,
        source,
        event_id,
        partition,
        offset,
        content_hash,
        orjson.loads(body),
        bool(counts),
    )


def _facts(row: Sequence[Any]) -> DossierFacts:
    level, procedure, officer, received_at, closed_at, due_at, paid_days, bits = row
    return DossierFacts(
        level,
        procedure,
        officer,
        _aware(received_at),
        _aware(closed_at),
        _aware(due_at),
        tuple(paid_days),
        tuple(fact.name for fact in FACTS if bits >> fact.bit & 1),
    )


class Recount(NamedTuple):
    """A unit's counters, from the record."""

    cells: dict[Cell, int]
    dossiers: int
    open: int


def recount(
    client: Client,
    settled: Settled,
    asked: Extent,
    settings: Mapping[str, Any] | None = None,
    *,
    anew: bool = False,
) -> dict[str, Recount]:
    """The counters of each unit as the live side must have them at the unit's own offset.

    ``anew``: every dossier is judged by its events, whatever is settled.
    """
    if not asked.offsets:
        return {}
    cells: dict[str, dict[Cell, int]] = {unit: {} for unit in asked.offsets}
    received, closed = Counter[str](), Counter[str]()
    with settled.dossiers(client, asked, NOW, anew=anew) as table:
        rows = _Of(client, table, asked, settings=settings).query("recount")
    for unit, measure, day, level, procedure, officer, bits, n in rows:
        number = day_number(date.fromisoformat(day))
        cells[unit][Cell(measure, number, level, procedure, officer, int(bits))] = int(n)
        # every dossier that was received, or closed, has one cell that says so
        if measure == "received":
            received[unit] += int(n)
        elif measure == "closed" and bits & _RECEIVED:
            closed[unit] += int(n)
    counted = client.query(sql("dossiers"), asked.bound(NOW), dict(settings or {})).result_rows
    dossiers = {unit: int(n) for unit, n in counted}
    return {
        unit: Recount(cells[unit], dossiers.get(unit, 0), received[unit] - closed[unit])
        for unit in asked.offsets
    }


def unseen(
    client: Client, units: Collection[str], settings: Mapping[str, Any] | None = None
) -> dict[str, tuple[int, int]]:
    """(partition, offset) of the first record of each unit that is none of these."""
    rows = client.query(sql("unseen"), {"units": list(units)}, dict(settings or {})).result_rows
    return {unit: (int(partition), int(offset)) for unit, partition, offset in rows}


def counted_in(
    client: Client,
    settled: Settled,
    unit: str,
    offset: int,
    wanted: Collection[tuple[Measure, date]],
    settings: Mapping[str, Any] | None = None,
) -> dict[tuple[Measure, date], dict[str, Cell]]:
    """The dossiers of the unit that count under a measure on a day, each with its cell; at most
    a thousand of each.
    """
    asked = Extent({unit: offset})
    with settled.dossiers(client, asked, NOW) as table:
        rows = _Of(client, table, asked, settings=settings).query(
            "counted_in",
            measures=[measure for measure, _ in wanted],
            days=[day.isoformat() for _, day in wanted],
        )
    found: dict[tuple[Measure, date], dict[str, Cell]] = {pair: {} for pair in wanted}
    for measure, day, dossier, level, procedure, officer, bits in rows:
        on = date.fromisoformat(day)
        cell = Cell(measure, day_number(on), level, procedure, officer, int(bits))
        found[measure, on][dossier] = cell
    return found


def _days(period: Period) -> dict[str, str]:
    # nothing happens outside these bounds, and ClickHouse's days do not reach much further
    first, last = max(period.first, _FIRST_DAY), min(period.last, _LAST_DAY)
    return {"first": first.isoformat(), "last": last.isoformat()}


def _aware(moment: datetime | None) -> datetime | None:
    # ClickHouse's UTC columns come without their zone
    return None if moment is None else moment.replace(tzinfo=UTC)
