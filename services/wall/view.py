"""What a wall shows, as raw integers: the browser formats, the server decides what is met."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from schemas.books import Answerable, Book, Indicator
from schemas.registry import Registry, Unit
from services.wall.figures import Ledger, Tally, week_ends
from services.wall.hours import CalendarView, OfficeHours
from services.wall.lists import DueView, due_lists, most_overdue, unit_of
from services.wall.officers import Held, held_by, overdue_of
from services.wall.parameters import Selection
from services.wall.prospects import Prospect, Status, prospect, status_of
from streams.core.days import day_number
from streams.core.indicators import answers, row
from streams.core.targets import days_left, light
from streams.live import UnitState

_LEDGERS = 8
"""Periods remembered: one a wall, and a few that somebody looked at."""

CellView = tuple[int, int, Status]
"""(a, b, status) of one indicator of one unit."""


@dataclass(frozen=True, slots=True)
class IndicatorView:
    """One indicator's tile and trend."""

    code: str
    row: str
    title: str
    short: str
    level: str | None
    counts: str
    on_time: bool
    """True: the question is how many more may be late; else how many are still missing."""
    target: tuple[int, int]
    """Percent as an exact fraction."""
    own_target: bool
    """The target is the officer's share, not the decision's."""
    a: int
    b: int
    met: bool | None
    status: Status
    still_needed: int | None
    late_allowed: int | None
    due_unknown: int | None
    weeks: tuple[tuple[int, int], ...]
    """(a, b) from the period's start to the end of each week; ``a`` and ``b`` are the next point:
    so what changes often is small.
    """
    prospect: Prospect
    roadmap: tuple[tuple[int, tuple[int, int]], ...]
    """(day number, percent as a fraction) of each step."""
    light: str | None
    """Against the roadmap; None: there is none, or a = 0."""


@dataclass(frozen=True, slots=True)
class RowView:
    """A unit in the matrix; of one unit an officer."""

    code: str
    name: str
    level: str
    cells: tuple[CellView | None, ...]
    """In the order of the indicators; None: does not answer for it."""
    overdue: int | None
    """None: not of this period."""
    at_least: bool = False
    """Of an officer: there may be more overdue ones than the snapshot lists."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything on the screen but the clock and the freshness."""

    installation: str
    book_title: str
    demo: bool
    unit: str | None
    unit_name: str | None
    officer: str | None
    units: int
    """Units whose dossiers are in the figures."""
    period_title: str
    running: bool
    """The period has not ended: figures are up to now."""
    first_day: int
    last_day: int
    """Of the period, day numbers."""
    days: tuple[int, ...]
    """At the end of which each point of the trends stands, the last one now."""
    indicators: tuple[IndicatorView, ...]
    met: int
    """b/a reaches the target, as the decision counts; some of them may be at risk."""
    risk: int
    missed: int
    not_arisen: int
    """Indicators with a = 0: «chưa phát sinh»."""
    resolved: int
    open: int | None
    """Dossiers in process now; None, as all that follows, where the period does not include today:
    what is overdue now says nothing of then.
    """
    overdue: int | None
    due_soon: int | None
    """None also where the working calendar does not say."""
    at_least: tuple[str, ...]
    """Those of the three that are least numbers: an officer's, where the lists are not complete."""
    most_overdue: tuple[tuple[str, int], ...]
    """(name, dossiers) of the units with the most overdue ones; of all units together alone."""
    late: tuple[DueView, ...]
    """The worst first."""
    soon: tuple[DueView, ...]
    """What is due next; it need not be due soon."""
    calendar: CalendarView | None
    rows: tuple[RowView, ...]
    """By code."""


class Views:
    """Computes views; safe in any thread. Equal inputs give equal views."""

    def __init__(self, installation: str, demo: bool, hours: OfficeHours) -> None:
        self._installation = installation
        self._demo = demo
        self._hours = hours
        self._book: Book | None = None
        """Of the ledgers."""
        self._ledgers: OrderedDict[tuple[object, ...], Ledger] = OrderedDict()
        self._rows: dict[tuple[object, ...], tuple[UnitState, Registry, tuple[RowView, ...]]] = {}
        self._lock = threading.Lock()

    def view(
        self,
        selection: Selection,
        book: Book,
        registry: Registry,
        states: Mapping[str, UnitState],
        today: date,
    ) -> View:
        """The view of the selection on this day in Asia/Ho_Chi_Minh."""
        period, code = selection.period, selection.unit
        unit = None if code is None else unit_of(registry, code, period.last)
        if code is not None:
            states = {code: states[code]} if code in states else {}
        with self._lock:
            ledger = self._ledger(selection, book, today)
            figures = ledger.all_units(states)
            level = unit.level if unit else None
            tallies = ledger.tallies(figures, registry, level, weeks=True)
            rows = self._all_rows(selection, book, registry, states, today)
        resolved = ledger.resolved(figures)
        asked = [i for i in book.indicators if unit is None or answers(i, unit)]
        shown = tuple(
            _indicator(indicator, selection, book, unit, tallies[indicator.code], today)
            for indicator in asked
        )
        now = period.first <= today <= period.last
        nows = [state.now for state in states.values()] if now else []
        held = held_by(nows, selection.officer)
        late, following = due_lists(nows, registry, self._hours, today, selection.officer)
        return View(
            installation=self._installation,
            book_title=book.title,
            demo=self._demo,
            unit=code,
            unit_name=unit.name if unit else None,
            officer=selection.officer,
            units=len(states),
            period_title=selection.period_title,
            running=period.last >= today,
            first_day=day_number(period.first),
            last_day=day_number(period.last),
            days=(*week_ends(period, today)[:-1], day_number(min(today, period.last))),
            indicators=shown,
            met=sum(i.met is True for i in shown),
            risk=sum(i.status == "risk" for i in shown),
            missed=sum(i.status == "missed" for i in shown),
            not_arisen=sum(i.met is None for i in shown),
            resolved=resolved,
            open=_number(held["open"]) if now else None,
            overdue=_number(held["overdue"]) if now else None,
            due_soon=_number(held["due_soon"]) if now else None,
            at_least=tuple(name for name, one in held.items() if one and not one.exact),
            most_overdue=most_overdue(nows, registry, today) if code is None else (),
            late=late,
            soon=following,
            calendar=self._hours.calendar(today) if now else None,
            rows=rows,
        )

    def _all_rows(
        self,
        selection: Selection,
        book: Book,
        registry: Registry,
        states: Mapping[str, UnitState],
        today: date,
    ) -> tuple[RowView, ...]:
        """The units, or the officers of the one unit; only changed units are judged anew."""
        if selection.officer is not None:
            return ()
        period = selection.period
        now = period.first <= today <= period.last
        found: list[RowView] = []
        for code in sorted(states):
            state = states[code]
            key = (code, selection.unit is None, period, min(today, period.last), now)
            known = self._rows.get(key)
            if known is None or known[0] is not state or known[1] is not registry:
                unit = unit_of(registry, code, period.last)
                ledger = self._ledger(selection, book, today)
                rows: tuple[RowView, ...]
                if selection.unit is None:
                    tallies = ledger.tallies(ledger.unit(code, state), registry, unit.level or None)
                    overdue = Held(state.now.overdue, True) if now else None
                    rows = (_row(code, unit.name, unit, book, selection, tallies, overdue),)
                else:
                    late = {one.officer for one in state.now.worst} if now else set()
                    rows = tuple(
                        _row(officer, officer, unit, book, selection,
                             ledger.tallies(figures, registry, unit.level or None),
                             overdue_of(state.now, officer) if now else None)
                        for officer, figures in sorted(ledger.by_officer(code, state).items())
                        if officer and (ledger.resolved(figures) or officer in late)
                    )  # fmt: skip
                known = self._rows[key] = state, registry, rows
            found += known[2]
        return tuple(found)

    def _ledger(self, selection: Selection, book: Book, today: date) -> Ledger:
        if self._book is not book:
            self._ledgers.clear()
            self._rows.clear()
            self._book = book
        period, officer = selection.period, selection.officer
        key = period.first, period.last, min(today, period.last), officer
        ledger = self._ledgers.pop(key, None)
        if ledger is None:
            ledger = Ledger(book, period, today, officer)
            # yesterday's: a wall that runs for months would keep every day's figures
            same = [k for k in self._ledgers if (k[0], k[1], k[3]) == (key[0], key[1], officer)]
            for old in same:
                del self._ledgers[old]
                self._rows.clear()
        self._ledgers[key] = ledger
        while len(self._ledgers) > _LEDGERS:
            self._ledgers.popitem(last=False)
            self._rows.clear()
        return ledger


def _number(held: Held | None) -> int | None:
    return None if held is None else held.n


def _indicator(
    indicator: Indicator,
    selection: Selection,
    book: Book,
    unit: Unit | None,
    tally: Tally,
    today: date,
) -> IndicatorView:
    period, until = selection.period, min(today, selection.period.last)
    target = book.target(indicator.code, period.last.year)
    level = unit.level if unit else indicator.level
    who = Answerable(unit.code if unit else None, level, selection.officer)
    own = book.target_of(indicator.code, period, until, who) if selection.officer else None
    target = target if own is None else own.percent
    steps = book.roadmap(indicator.code, period, until, who)
    reached = next((s.percent for s in reversed(steps) if s.last <= until), Fraction(0))
    count = tally.count
    figures = row(indicator, target, count, unit)
    stands = light(count, target, reached) if steps else None
    return IndicatorView(
        code=indicator.code,
        row=indicator.row,
        title=indicator.title,
        short=indicator.short,
        level=indicator.level,
        counts=indicator.counts,
        on_time="on_time" in indicator.hit,
        target=_fraction(target),
        own_target=own is not None and own.officer is not None,
        a=figures.a,
        b=figures.b,
        met=figures.met,
        status=status_of(count, target, tally.recent),
        still_needed=figures.still_needed,
        late_allowed=figures.late_allowed,
        due_unknown=figures.due_unknown,
        weeks=tally.weeks,
        prospect=prospect(indicator, count, target, tally.recent, days_left(period, until)),
        roadmap=tuple((day_number(s.last), _fraction(s.percent)) for s in steps),
        light=None if stands is None else stands.value,
    )


def _fraction(percent: Fraction) -> tuple[int, int]:
    return percent.numerator, percent.denominator


def _row(
    code: str,
    name: str,
    unit: Unit,
    book: Book,
    selection: Selection,
    tallies: Mapping[str, Tally],
    overdue: Held | None,
) -> RowView:
    cells: list[CellView | None] = []
    for indicator in book.indicators:
        if answers(indicator, unit):
            tally = tallies[indicator.code]
            target = book.target(indicator.code, selection.period.last.year)
            count = tally.count
            cells.append((count.a, count.b, status_of(count, target, tally.recent)))
        elif selection.unit is None:
            cells.append(None)
    at_least = overdue is not None and not overdue.exact
    return RowView(code, name, unit.level, tuple(cells), _number(overdue), at_least)
