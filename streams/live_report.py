"""The decision's table from the live counters, in the shape that the history gives it too."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from schemas.books import Book, Period
from schemas.registry import Registry, Unit
from schemas.report import Report
from streams.core.balance import Balance, balance_of, balance_rows
from streams.core.cells import Cell
from streams.core.facts import BIT
from streams.core.indicators import Count, anomalies, counts_of_cells, in_period, table_of
from streams.core.lineage import Lineage, join_balances, stretches
from streams.core.scores import out_of_scope_rows, score_rows
from streams.live import LiveSource


def live_report(
    live: LiveSource,
    book: Book,
    registry: Registry,
    period: Period,
    unit: str | None,
    *,
    officer: str | None = None,
    lineage: Lineage = "old",
    demo: bool,
    computed_at: datetime,
) -> Report:
    """The report of the period as the live counters are now; ``unit`` None: all units.

    The units listed are those with at least one dossier event at any time, whether or not
    anything of theirs falls into the period; history lists the same ones. With a unit the report
    has its rows alone, and no rows when it has no dossier event; without one, first the rows of
    all together. ``dossiers`` and ``resolved`` are of the units asked for. With an officer only
    the dossiers count that this officer answers for (empty: nobody known), and only units with
    such dossiers are listed. Raises ``UnitSplit`` when a lineage cannot be told.

    The book is not one of receptions: how a dossier stands at a moment is in no counter.
    """
    states = live.units()
    plan = stretches(registry, states, period, lineage, unit)
    own = {code: states[code].cells() for code in plan[0].holders}
    if officer is not None:
        of_officer = {code: _of_officer(cells, officer) for code, cells in own.items()}
        own = {code: cells for code, cells in of_officer.items() if cells}
    counted: dict[Unit, list[tuple[Cell, int]]] = {}
    balances: list[dict[str, Balance]] = []
    for stretch in plan:
        for code, cells in own.items():
            counted.setdefault(stretch.holders[code], []).extend(in_period(cells, stretch.period))
        balances.append(
            {
                code: balance_of(
                    cells.items(),
                    stretch.period,
                    states[code].now.open if officer is None else None,
                )
                for code, cells in own.items()
            }
        )
    kept = {holder: found for holder, found in counted.items() if unit in (None, holder.code)}
    everything = [pair for found in kept.values() for pair in found]
    counts: dict[Unit | None, Mapping[str, Count]] = {
        holder: counts_of_cells(book, registry, period, holder.level or None, found)
        for holder, found in kept.items()
    }
    if unit is None:
        counts[None] = counts_of_cells(book, registry, period, None, everything)
    return Report(
        book=book.code,
        book_version=book.version,
        source="live",
        first=period.first,
        last=period.last,
        unit=unit,
        officer=officer,
        lineage=lineage,
        computed_at=computed_at,
        demo=demo,
        dossiers=sum(
            states[code].now.dossiers if officer is None else _dossiers(cells)
            for code, cells in own.items()
            if unit in (None, plan[-1].holders[code].code)
        ),
        resolved=sum(
            n for c, n in everything if c.measure == "closed" and c.bits & BIT["resolved"]
        ),
        rows=table_of(book, period, counts),
        scores=score_rows(book, period, counts),
        out_of_scope=out_of_scope_rows(book),
        anomalies=anomalies(everything),
        balance=balance_rows(
            {
                holder: found
                for holder, found in join_balances(plan, balances).items()
                if holder in kept
            },
            with_total=unit is None,
        ),
    )


def _of_officer(cells: Counter[Cell], officer: str) -> Counter[Cell]:
    found = Counter({cell: n for cell, n in cells.items() if cell.officer == officer})
    return found if _dossiers(found) else Counter()


def _dossiers(cells: Counter[Cell]) -> int:
    return sum(
        n
        for cell, n in cells.items()
        if cell.measure == "received"
        or (cell.measure == "closed" and not cell.bits & BIT["received"])
    )
