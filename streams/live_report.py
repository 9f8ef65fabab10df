"""The decision's table from the live counters, in the shape that the history gives it too."""

from datetime import datetime

from schemas.books import Book, Period
from schemas.registry import Registry
from schemas.report import Report
from streams.core.facts import BIT
from streams.core.indicators import anomalies, counts_of, table
from streams.live import LiveSource


def live_report(
    live: LiveSource,
    book: Book,
    registry: Registry,
    period: Period,
    unit: str | None,
    *,
    demo: bool,
    computed_at: datetime,
) -> Report:
    """The report of the period as the live counters are now; ``unit`` None: all units.

    The units listed are those with at least one dossier event at any time, whether or not
    anything of theirs falls into the period; history lists the same ones. With a unit the report
    has its rows alone, and no rows when it has no dossier event; without one, first the rows of
    all together. ``dossiers`` and ``resolved`` are of the units asked for.
    """
    states = {code: state for code, state in live.units().items() if unit is None or code == unit}
    by_unit = {code: state.in_period(period) for code, state in states.items()}
    counts = counts_of(book, registry, period, by_unit, with_total=unit is None)
    counted = [pair for pairs in by_unit.values() for pair in pairs]
    return Report(
        book=book.code,
        book_version=book.version,
        source="live",
        first=period.first,
        last=period.last,
        unit=unit,
        computed_at=computed_at,
        demo=demo,
        dossiers=sum(state.now.dossiers for state in states.values()),
        resolved=sum(n for c, n in counted if c.measure == "closed" and c.bits & BIT["resolved"]),
        rows=table(book, registry, period, counts),
        anomalies=anomalies(counted),
    )
