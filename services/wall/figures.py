"""The figures of each unit for one period, kept by difference: only changed months are recounted.

Counting itself is ``streams.core.indicators``; here is what is remembered of it, and by week.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

from schemas.books import Book, Period
from schemas.registry import Registry
from streams.core.cells import Cell
from streams.core.days import day_number, to_date
from streams.core.facts import BIT
from streams.core.indicators import Count, catalogue_scope, count_cells
from streams.core.targets import RECENT_DAYS, Recent, days_left
from streams.live import MonthRecord, UnitState

WEEKS = 60
"""Most points of a trend: a year and what is left of its first week."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over some cells. Figures of disjoint cells add up."""

    sums: tuple[int, ...]
    """Resolved dossiers, then (a, b, due unknown) of each indicator in each bin of days."""
    paid: Mapping[tuple[str, str], Cell]
    """The earliest online payment of each (level, procedure): a union, never a sum."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One indicator over the period."""

    count: Count
    """Of the whole period."""
    recent: Recent
    weeks: tuple[tuple[int, int], ...] = ()
    """(a, b) from the period's start to each of :func:`week_ends` but the last, where asked for."""


class Ledger:
    """The figures of all units in a period, with the weeks up to one day.

    Not thread-safe. Remembers what it counted by the identity of the months' snapshots. With an
    ``officer`` only the dossiers of that staff code count.
    """

    def __init__(self, book: Book, period: Period, today: date, officer: str | None = None) -> None:
        self._period = period
        self._day = min(today, period.last)
        self._officer = officer
        self._ends = _bins(period, self._day)
        self._floor = day_number(min(period.first, self._day - timedelta(days=RECENT_DAYS - 1))) - 1
        self._points = [self._ends.index(end) for end in week_ends(period, today)]
        self._indicators = book.indicators
        self._summed = [i for i in book.indicators if i.counts == "dossiers"]
        first, self._day_number = day_number(period.first), day_number(self._day)
        self._begins = sum(end < first for end in self._ends)
        """Place of the first bin that belongs to the period."""
        since = self._day_number - RECENT_DAYS
        self._recent = [n for n, end in enumerate(self._ends) if since < end <= self._day_number]
        self._units: dict[str, tuple[UnitState, dict[str, Figures], Figures]] = {}
        self._months: dict[tuple[str, str], tuple[MonthRecord, Figures]] = {}
        self._officers: dict[tuple[str, str], tuple[MonthRecord, dict[str, Figures]]] = {}

    def all_units(self, states: Mapping[str, UnitState]) -> Figures:
        """Those of these units together."""
        return _add([self.unit(code, state) for code, state in states.items()])

    def unit(self, code: str, state: UnitState) -> Figures:
        """Those of one unit."""
        known = self._units.get(code)
        if known is not None and known[0] is state:
            return known[2]
        months = {m.month: self._month(code, m) for m in self._touched(state)}
        parts = list(months.values())
        if known is None or known[1].keys() != months.keys() or not parts:
            figures = _add(parts)
        else:
            # a change touches a month or two: the others need not be added again
            changed = [(known[1][m], new) for m, new in months.items() if known[1][m] is not new]
            sums = known[2].sums
            for old, new in changed:
                sums = tuple(map(_moved, sums, old.sums, new.sums))
            figures = Figures(sums, _union(parts))
        self._units[code] = state, months, figures
        return figures

    def by_officer(self, code: str, state: UnitState) -> dict[str, Figures]:
        """Those of each officer of a unit; the empty code is nobody known."""
        found: dict[str, list[Figures]] = defaultdict(list)
        for month in self._touched(state):
            for officer, figures in self._month_by_officer(code, month).items():
                found[officer].append(figures)
        return {officer: _add(parts) for officer, parts in found.items()}

    def resolved(self, figures: Figures) -> int:
        """Dossiers resolved in the period."""
        return figures.sums[0] if figures.sums else 0

    def tallies(
        self, figures: Figures, registry: Registry, level: str | None, *, weeks: bool = False
    ) -> dict[str, Tally]:
        """By the indicators' codes. ``level`` is that of the one unit asked for: it decides which
        procedures of the catalogue make up a; None: all.
        """
        found: dict[str, Tally] = {}
        size = 3 * len(self._ends)
        position = 1
        for indicator in self._indicators:
            if indicator.counts == "dossiers":
                flat = figures.sums[position : position + size] or (0,) * size
                found[indicator.code] = self._tally(flat, weeks)
                position += size
            else:
                catalogue = catalogue_scope(indicator, registry, self._period, level)
                first = {(c.level, c.procedure): c for c in figures.paid.values()}
                days = sorted(first[known].day for known in catalogue & first.keys())
                count = count_cells(indicator, [(c, 1) for c in first.values()], catalogue)
                ends = [self._ends[point] for point in self._points[:-1]] if weeks else ()
                line = tuple((count.a, bisect_right(days, end)) for end in ends)
                # procedures come from a catalogue, not through the door: nothing is expected
                found[indicator.code] = Tally(count, Recent(0, 0, 0), line)
        return found

    def _tally(self, flat: tuple[int, ...], weeks: bool) -> Tally:
        a, b, due_unknown = flat[::3], flat[1::3], flat[2::3]
        begins = self._begins
        recent_a, recent_b = sum(a[n] for n in self._recent), sum(b[n] for n in self._recent)
        expected = recent_a * days_left(self._period, self._day) // RECENT_DAYS
        line: tuple[tuple[int, int], ...] = ()
        if weeks:
            upto = list(zip(accumulate(a[begins:]), accumulate(b[begins:]), strict=True))
            line = tuple(upto[point - begins] for point in self._points[:-1])
        count = Count(sum(a[begins:]), sum(b[begins:]), sum(due_unknown[begins:]))
        return Tally(count, Recent(recent_a, recent_b, expected), line)

    def _touched(self, state: UnitState) -> list[MonthRecord]:
        first, last = f"{to_date(self._floor + 1):%Y-%m}", f"{self._period.last:%Y-%m}"
        return [m for name, m in state.months.items() if first <= name <= last]

    def _month(self, code: str, month: MonthRecord) -> Figures:
        key = code, month.month
        known = self._months.get(key)
        if known is not None and known[0] is month:
            return known[1]
        cells = month.cells().items()
        if self._officer is not None:
            cells = {c: n for c, n in cells if c.officer == self._officer}.items()
        figures = self._count(cells)
        self._months[key] = month, figures
        return figures

    def _month_by_officer(self, code: str, month: MonthRecord) -> dict[str, Figures]:
        key = code, month.month
        known = self._officers.get(key)
        if known is None or known[0] is not month:
            cells: dict[str, list[tuple[Cell, int]]] = defaultdict(list)
            for cell, n in month.cells().items():
                cells[cell.officer].append((cell, n))
            counted = {officer: self._count(found) for officer, found in cells.items()}
            known = self._officers[key] = month, counted
        return known[1]

    def _count(self, counted: Iterable[tuple[Cell, int]]) -> Figures:
        by_bin: dict[int, list[tuple[Cell, int]]] = defaultdict(list)
        paid: dict[tuple[str, str], Cell] = {}
        resolved = 0
        first, last = day_number(self._period.first), self._ends[-1]
        for cell, n in counted:
            if not self._floor < cell.day <= last:
                continue
            if cell.measure == "closed":
                by_bin[bisect_left(self._ends, cell.day)].append((cell, n))
                resolved += n if cell.bits & BIT["resolved"] and cell.day >= first else 0
            elif cell.measure == "paid" and cell.day >= first:
                _keep_earliest(paid, cell)
        sums = [resolved]
        for indicator in self._summed:
            for position in range(len(self._ends)):
                counted_here = by_bin.get(position)
                sums += count_cells(indicator, counted_here, frozenset()) if counted_here else _ZERO
        return Figures(tuple(sums), paid)


_ZERO = (0, 0, 0)


def week_ends(period: Period, today: date) -> tuple[int, ...]:
    """Day numbers at which a trend has a point, ascending; the last is the period's end.

    Today's point is the last one: a dossier that says it was closed tomorrow counts in the rate,
    so it counts in the last point too.
    """
    end = min(today, period.last)
    weeks = (end - timedelta(weeks=back) for back in range(WEEKS - 1, 0, -1))
    return (*(day_number(d) for d in weeks if d >= period.first), day_number(period.last))


def _bins(period: Period, day: date) -> tuple[int, ...]:
    """Last days of the bins: the weeks, the day itself, and the eight weeks before a period.

    Bins of before the period count for what is expected alone, and the bin after the day for the
    period alone.
    """
    eve = day_number(period.first) - 1
    before = {eve, min(eve, day_number(day))} if day_number(day) - RECENT_DAYS < eve else set()
    until = {day_number(day)} if day >= period.first else set()
    return tuple(sorted(before | until | set(week_ends(period, day))))


def _moved(total: int, old: int, new: int) -> int:
    return total - old + new


def _add(parts: list[Figures]) -> Figures:
    if len(parts) == 1:
        return parts[0]
    filled = [part.sums for part in parts if part.sums]
    return Figures(tuple(map(sum, zip(*filled, strict=True))), _union(parts))


def _union(parts: list[Figures]) -> dict[tuple[str, str], Cell]:
    paid: dict[tuple[str, str], Cell] = {}
    for part in parts:
        for cell in part.paid.values():
            _keep_earliest(paid, cell)
    return paid


def _keep_earliest(paid: dict[tuple[str, str], Cell], cell: Cell) -> None:
    key = cell.level, cell.procedure
    known = paid.get(key)
    if known is None or cell.day < known.day:
        paid[key] = cell
