"""The figures of each unit for one period, kept by difference: only changed months are recounted.

Counting itself is ``streams.core.indicators``; here is what is remembered of it, and by week.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from schemas.books import Book, Period
from schemas.registry import Registry
from streams.core.cells import Cell
from streams.core.days import day_number
from streams.core.facts import BIT
from streams.core.indicators import Count, catalogue_scope, count_cells, in_period
from streams.live import MonthRecord, UnitState

WEEKS = 12
"""Points of a sparkline: a quarter, which is what a unit is asked about."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over some cells. Figures of disjoint cells add up."""

    sums: tuple[int, ...]
    """Resolved dossiers, then (a, b, due unknown) of each indicator in each week."""
    paid: Mapping[tuple[str, str], Cell]
    """The earliest online payment of each (level, procedure): a union, never a sum."""


class Ledger:
    """The figures of all units in a period, with the weeks up to one day.

    Not thread-safe. Remembers what it counted by the identity of the months' snapshots.
    """

    def __init__(self, book: Book, period: Period, today: date) -> None:
        self.week_ends = week_ends(period, today)
        self._period = period
        self._indicators = book.indicators
        self._summed = [i for i in book.indicators if i.counts == "dossiers"]
        self._units: dict[str, tuple[UnitState, Figures]] = {}
        self._months: dict[tuple[str, str], tuple[MonthRecord, Figures]] = {}

    def counts(
        self, registry: Registry, states: Mapping[str, UnitState], level: str | None
    ) -> tuple[int, dict[str, tuple[Count, ...]]]:
        """(resolved dossiers, cumulative counts at each week's end by indicator).

        The last count is that of the whole period. ``level`` is that of the one unit asked for:
        it decides which procedures of the catalogue make up a; None: all.
        """
        figures = _add([self._unit(code, state) for code, state in states.items()])
        found: dict[str, tuple[Count, ...]] = {}
        position = 1
        for indicator in self._indicators:
            if indicator.counts == "dossiers":
                weeks = len(self.week_ends)
                flat = figures.sums[position : position + 3 * weeks] or (0,) * (3 * weeks)
                found[indicator.code] = _cumulative(flat)
                position += 3 * weeks
            else:
                catalogue = catalogue_scope(indicator, registry, self._period, level)
                found[indicator.code] = tuple(
                    count_cells(
                        indicator,
                        [(cell, 1) for cell in figures.paid.values() if cell.day <= end],
                        catalogue,
                    )
                    for end in self.week_ends
                )
        return figures.sums[0] if figures.sums else 0, found

    def _unit(self, code: str, state: UnitState) -> Figures:
        known = self._units.get(code)
        if known is not None and known[0] is state:
            return known[1]
        first, last = f"{self._period.first:%Y-%m}", f"{self._period.last:%Y-%m}"
        months = [m for name, m in state.months.items() if first <= name <= last]
        figures = _add([self._month(code, month) for month in months])
        self._units[code] = state, figures
        return figures

    def _month(self, code: str, month: MonthRecord) -> Figures:
        key = code, month.month
        known = self._months.get(key)
        if known is not None and known[0] is month:
            return known[1]
        figures = self._count(in_period(month.cells(), self._period))
        self._months[key] = month, figures
        return figures

    def _count(self, counted: Iterable[tuple[Cell, int]]) -> Figures:
        by_week: dict[int, list[tuple[Cell, int]]] = defaultdict(list)
        paid: dict[tuple[str, str], Cell] = {}
        resolved = 0
        for cell, n in counted:
            if cell.measure == "closed":
                by_week[bisect_left(self.week_ends, cell.day)].append((cell, n))
                resolved += n if cell.bits & BIT["resolved"] else 0
            elif cell.measure == "paid":
                _keep_earliest(paid, cell)
        sums = [resolved]
        for indicator in self._summed:
            for week in range(len(self.week_ends)):
                sums += count_cells(indicator, by_week.get(week, ()), frozenset())
        return Figures(tuple(sums), paid)


def week_ends(period: Period, today: date) -> tuple[int, ...]:
    """Day numbers at which the sparkline has a point, ascending; the last is the period's end.

    Today's point is the last one: a dossier that says it was closed tomorrow counts in the rate,
    so it counts in the last point too.
    """
    end = min(today, period.last)
    weeks = (end - timedelta(weeks=back) for back in range(WEEKS - 1, 0, -1))
    return (*(day_number(d) for d in weeks if d >= period.first), day_number(period.last))


def _add(parts: list[Figures]) -> Figures:
    if len(parts) == 1:
        return parts[0]
    paid: dict[tuple[str, str], Cell] = {}
    for part in parts:
        for cell in part.paid.values():
            _keep_earliest(paid, cell)
    filled = [part.sums for part in parts if part.sums]
    return Figures(tuple(map(sum, zip(*filled, strict=True))), paid)


def _keep_earliest(paid: dict[tuple[str, str], Cell], cell: Cell) -> None:
    key = cell.level, cell.procedure
    known = paid.get(key)
    if known is None or cell.day < known.day:
        paid[key] = cell


def _cumulative(flat: tuple[int, ...]) -> tuple[Count, ...]:
    total = Count(0, 0)
    found: list[Count] = []
    for start in range(0, len(flat), 3):
        a, b, due_unknown = flat[start : start + 3]
        total = Count(total.a + a, total.b + b, total.due_unknown + due_unknown)
        found.append(total)
    return tuple(found)
