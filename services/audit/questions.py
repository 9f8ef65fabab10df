"""What can be asked of the history: one typed function for each question, its SQL in ``sql``.

Values reach ClickHouse as bound parameters only; no SQL is ever put together here.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import orjson
from clickhouse_connect.driver.client import Client

from schemas.books import Book, Period
from schemas.events import END_OF_TIME, EPOCH
from schemas.registry import Registry, Unit
from schemas.report import AnomalyRow, Report
from schemas.words import Measure
from streams.core.balance import balance_rows
from streams.core.cells import Cell
from streams.core.days import DAY_MS, UTC_OFFSET_MS, day_number
from streams.core.facts import BIT, FACTS, Fact, mask
from streams.core.indicators import Count, catalogue_scope, table_of
from streams.core.lineage import Lineage, join_balances, stretches

ANOMALIES: tuple[Fact, ...] = tuple(fact for fact in FACTS if fact.anomaly)
_FIRST_DAY, _LAST_DAY = EPOCH.date(), END_OF_TIME.date()
_EXAMPLES = 20
_RECEIVED = BIT["received"]


@dataclass(frozen=True, slots=True)
class Clocks:
    """The two clocks of a question; without them: everything that is here."""

    as_of: datetime = END_OF_TIME
    """As it was then: events that had happened until this moment."""
    known_at: datetime = END_OF_TIME
    """As we knew it then: events recorded until this moment."""


NOW = Clocks()


@dataclass(frozen=True, slots=True)
class Extent:
    """Units, and for each the first offset of the log that is not asked about any more."""

    offsets: Mapping[str, int]

    def bound(self, clocks: Clocks) -> dict[str, Any]:
        """The parameters that every view takes."""
        return {
            "units": list(self.offsets),
            "offsets": list(self.offsets.values()),
            "as_of": _moment(clocks.as_of),
            "known_at": _moment(clocks.known_at),
        }


def extent(client: Client, unit: str | None = None) -> Extent:
    """Everything that is in the history now, of one unit or of all; units without events: not."""
    rows = client.query(_sql("heads"), {"unit": unit or ""}).result_rows
    return Extent({code: int(offset) for code, offset in rows})


def positions(client: Client, settings: Mapping[str, Any] | None = None) -> dict[int, int]:
    """For each partition the first offset that is not in the history."""
    rows = client.query(_sql("positions"), settings=dict(settings or {})).result_rows
    return {int(partition): int(offset) for partition, offset in rows}


def report(
    client: Client,
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
    """The table of the book, from the events themselves; rows as in the live report."""
    there = extent(client, unit if lineage == "old" else None).offsets
    plan = stretches(registry, there, period, lineage, unit)
    asked = Extent({code: there[code] for code in plan[0].holders})
    by_unit: dict[Unit, list[_Figures]] = {}
    balances_of: list[dict[str, dict[str, int]]] = []
    for stretch in plan:
        for found in _figures(client, book, asked, stretch.period, clocks, officer):
            by_unit.setdefault(stretch.holders[found.unit], []).append(found)
        balances_of.append(balances(client, asked, stretch.period, clocks=clocks, officer=officer))
    kept = {holder: found for holder, found in by_unit.items() if unit in (None, holder.code)}
    figures = [found for of_unit in kept.values() for found in of_unit]
    counts: dict[Unit | None, Mapping[str, Count]] = {
        holder: _counts(book, registry, period, holder.level or None, found)
        for holder, found in kept.items()
    }
    if unit is None:
        counts[None] = _counts(book, registry, period, None, figures)
    # a stretch counts all dossiers of a code, whatever their days
    dossiers = {f.unit: f.dossiers for of_unit in by_unit.values() for f in of_unit}
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
        demo=demo,
        dossiers=sum(
            n for code, n in dossiers.items() if unit in (None, plan[-1].holders[code].code)
        ),
        resolved=sum(f.resolved for f in figures),
        rows=table_of(book, counts),
        anomalies=_anomalies(figures),
        balance=balance_rows(
            {
                holder: found
                for holder, found in join_balances(plan, balances_of).items()
                if holder in kept
            },
            with_total=unit is None,
        ),
    )


def _figures(
    client: Client, book: Book, asked: Extent, period: Period, clocks: Clocks, officer: str | None
) -> list["_Figures"]:
    if not asked.offsets:
        return []
    parameters = {
        **asked.bound(clocks),
        **_days(period),
        **_officers(officer),
        "scopes": [mask(i.scope) for i in book.indicators],
        "hits": [mask((*i.scope, *i.hit)) for i in book.indicators],
        "levels": [i.level or "" for i in book.indicators],
        "anomalies": [1 << fact.bit for fact in ANOMALIES],
    }
    return [_Figures(*row) for row in client.query(_sql("figures"), parameters).result_rows]


class _Figures(NamedTuple):
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


def _counts(
    book: Book,
    registry: Registry,
    period: Period,
    level: str | None,
    figures: Sequence[_Figures],
) -> dict[str, Count]:
    paid = {procedure for f in figures for procedure in f.paid_procedures}
    counts = {}
    for n, indicator in enumerate(book.indicators):
        if indicator.counts == "procedures":
            deployed = catalogue_scope(indicator, registry, period, level)
            counts[indicator.code] = Count(_distinct(deployed), _distinct(deployed & paid))
        else:
            counts[indicator.code] = Count(
                sum(f.a[n] for f in figures),
                sum(f.b[n] for f in figures),
                sum(f.due_unknown[n] for f in figures),
            )
    return counts


def _distinct(procedures: AbstractSet[tuple[str, str]]) -> int:
    # a procedure that two levels handle is one procedure
    return len({code for _, code in procedures})


def _anomalies(figures: Sequence[_Figures]) -> tuple[AnomalyRow, ...]:
    rows = []
    for n, fact in enumerate(ANOMALIES):
        dossiers = sum(f.with_anomaly[n] for f in figures)
        examples = [f"{f.unit}/{code}" for f in figures if f.anomalous for code in f.anomalous[n]]
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
    asked: Extent,
    period: Period,
    *,
    clocks: Clocks = NOW,
    officer: str | None = None,
) -> dict[str, dict[str, int]]:
    """The balance of each unit that has a dossier then, from the events themselves.

    ``officer`` None: all; empty: the dossiers of which nobody knows the officer.
    """
    if not asked.offsets:
        return {}
    parameters = {
        **asked.bound(clocks),
        **_officers(officer),
        "begin": _midnight_ms(period.first),
        "end": _midnight_ms(period.last) + DAY_MS,
    }
    return {
        unit: dict(zip(_TERMS, map(int, counted), strict=True))
        for unit, *counted in client.query(_sql("balance"), parameters).result_rows
    }


def _midnight_ms(day: date) -> int:
    return day_number(day) * DAY_MS - UTC_OFFSET_MS


def _officers(officer: str | None) -> dict[str, list[str]]:
    return {"officers": [] if officer is None else [officer]}


class AnomalousDossier(NamedTuple):
    """A dossier closed in the period that shows an anomaly."""

    unit: str
    dossier: str
    received_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    officer: str


def anomalous(
    client: Client,
    anomaly: Fact,
    period: Period,
    unit: str | None,
    *,
    after: tuple[str, str],
    page: int,
    clocks: Clocks = NOW,
) -> list[AnomalousDossier]:
    """The next ``page`` dossiers after (unit, dossier), in the order of unit and code."""
    asked = extent(client, unit)
    if not asked.offsets:
        return []
    parameters = {
        **asked.bound(clocks),
        **_days(period),
        "anomaly": 1 << anomaly.bit,
        "after_unit": after[0],
        "after_dossier": after[1],
        "page": page,
    }
    rows = client.query(_sql("anomalies"), parameters).result_rows
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
    client: Client, unit: str, dossier: str, *, clocks: Clocks = NOW
) -> DossierHistory | None:
    """Every copy of every event of the dossier, and what follows; None when there is none."""
    rows = client.query(_sql("timeline"), {"unit": unit, "dossier": dossier}).result_rows
    if not rows:
        return None
    events = tuple(_event(row) for row in rows)
    asked = extent(client, unit)
    found = client.query(_sql("dossier"), {**asked.bound(clocks), "dossier": dossier}).result_rows
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
    client: Client, asked: Extent, settings: Mapping[str, Any] | None = None
) -> dict[str, Recount]:
    """The counters of each unit as the live side must have them at the unit's own offset."""
    if not asked.offsets:
        return {}
    parameters, settings = asked.bound(NOW), dict(settings or {})
    cells: dict[str, dict[Cell, int]] = {unit: {} for unit in asked.offsets}
    received, closed = Counter[str](), Counter[str]()
    for unit, measure, day, level, procedure, officer, bits, n in client.query(
        _sql("recount"), parameters, settings
    ).result_rows:
        number = day_number(date.fromisoformat(day))
        cells[unit][Cell(measure, number, level, procedure, officer, int(bits))] = int(n)
        # every dossier that was received, or closed, has one cell that says so
        if measure == "received":
            received[unit] += int(n)
        elif measure == "closed" and bits & _RECEIVED:
            closed[unit] += int(n)
    rows = client.query(_sql("dossiers"), parameters, settings).result_rows
    dossiers = {unit: int(n) for unit, n in rows}
    return {
        unit: Recount(cells[unit], dossiers.get(unit, 0), received[unit] - closed[unit])
        for unit in asked.offsets
    }


def unseen(
    client: Client, units: Collection[str], settings: Mapping[str, Any] | None = None
) -> dict[str, tuple[int, int]]:
    """(partition, offset) of the first record of each unit that is none of these."""
    rows = client.query(_sql("unseen"), {"units": list(units)}, dict(settings or {})).result_rows
    return {unit: (int(partition), int(offset)) for unit, partition, offset in rows}


def counted_in(
    client: Client,
    unit: str,
    offset: int,
    wanted: Collection[tuple[Measure, date]],
    settings: Mapping[str, Any] | None = None,
) -> dict[tuple[Measure, date], dict[str, Cell]]:
    """The dossiers of the unit that count under a measure on a day, each with its cell; at most
    a thousand of each.
    """
    parameters = {
        **Extent({unit: offset}).bound(NOW),
        "measures": [measure for measure, _ in wanted],
        "days": [day.isoformat() for _, day in wanted],
    }
    found: dict[tuple[Measure, date], dict[str, Cell]] = {pair: {} for pair in wanted}
    for measure, day, dossier, level, procedure, officer, bits in client.query(
        _sql("counted_in"), parameters, dict(settings or {})
    ).result_rows:
        on = date.fromisoformat(day)
        cell = Cell(measure, day_number(on), level, procedure, officer, int(bits))
        found[measure, on][dossier] = cell
    return found


@cache
def _sql(name: str) -> str:
    return (resources.files("services.audit") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def _days(period: Period) -> dict[str, str]:
    # nothing happens outside these bounds, and ClickHouse's days do not reach much further
    first, last = max(period.first, _FIRST_DAY), min(period.last, _LAST_DAY)
    return {"first": first.isoformat(), "last": last.isoformat()}


def _moment(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%d %H:%M:%S}.{utc.microsecond // 1000:03d}"


def _aware(moment: datetime | None) -> datetime | None:
    # ClickHouse's UTC columns come without their zone
    return None if moment is None else moment.replace(tzinfo=UTC)
