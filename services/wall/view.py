"""What a wall shows, as raw integers: the browser formats, the server decides what is met."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from schemas.books import Book, Indicator
from schemas.registry import Registry, Unit
from schemas.snapshots import UnitNow
from services.wall.figures import Ledger
from services.wall.parameters import Selection
from streams.core.indicators import Count, answers, row
from streams.live import UnitState

MOST_OVERDUE = 2
"""Units named in the footer: what fits beside the freshness."""
_LEDGERS = 8
"""Periods remembered: one a wall, and a few that somebody looked at."""


@dataclass(frozen=True, slots=True)
class IndicatorView:
    """One indicator's tile."""

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
    a: int
    b: int
    met: bool | None
    still_needed: int | None
    late_allowed: int | None
    due_unknown: int | None
    weeks: tuple[tuple[int, int], ...]
    """(a, b) from the period's start to the end of each of the last weeks, the last one now."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything on the screen but the clock and the freshness."""

    installation: str
    book_title: str
    demo: bool
    unit: str | None
    unit_name: str | None
    units: int
    """Units whose dossiers are in the figures."""
    period_title: str
    running: bool
    """The period has not ended: figures are up to now."""
    indicators: tuple[IndicatorView, ...]
    met: int
    missed: int
    not_arisen: int
    """Indicators with a = 0: «chưa phát sinh»."""
    resolved: int
    open: int | None
    """Dossiers in process now; None, as all that follows, where the period does not include today:
    what is overdue now says nothing of then."""
    overdue: int | None
    due_soon: int | None
    """None also where the working calendar does not say."""
    most_overdue: tuple[tuple[str, int], ...]
    """(name, dossiers) of the units with the most overdue ones; of all units together alone."""


class Views:
    """Computes views; safe in any thread. Equal inputs give equal views."""

    def __init__(self, installation: str, demo: bool) -> None:
        self._installation = installation
        self._demo = demo
        self._book: Book | None = None
        """Of the ledgers."""
        self._ledgers: OrderedDict[tuple[date, date, date], Ledger] = OrderedDict()
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
        unit = None if code is None else _unit(registry, code, period.last)
        if code is not None:
            states = {code: states[code]} if code in states else {}
        with self._lock:
            ledger = self._ledger(selection, book, today)
            resolved, counts = ledger.counts(registry, states, unit.level if unit else None)
        shown = tuple(
            _indicator(
                indicator,
                book.target(indicator.code, period.last.year),
                unit,
                counts[indicator.code],
            )
            for indicator in book.indicators
            if unit is None or answers(indicator, unit)
        )
        now = period.first <= today <= period.last
        nows = [state.now for state in states.values()] if now else []
        soon = [one.due_soon for one in nows]
        return View(
            installation=self._installation,
            book_title=book.title,
            demo=self._demo,
            unit=code,
            unit_name=unit.name if unit else None,
            units=len(states),
            period_title=selection.period_title,
            running=period.last >= today,
            indicators=shown,
            met=sum(i.met is True for i in shown),
            missed=sum(i.met is False for i in shown),
            not_arisen=sum(i.met is None for i in shown),
            resolved=resolved,
            open=sum(one.open for one in nows) if now else None,
            overdue=sum(one.overdue for one in nows) if now else None,
            due_soon=sum(n for n in soon if n is not None) if now and None not in soon else None,
            most_overdue=_most_overdue(nows, registry, today) if code is None else (),
        )

    def _ledger(self, selection: Selection, book: Book, today: date) -> Ledger:
        if self._book is not book:
            self._ledgers.clear()
            self._book = book
        period = selection.period
        key = period.first, period.last, min(today, period.last)
        ledger = self._ledgers.pop(key, None)
        if ledger is None:
            ledger = Ledger(book, period, today)
        self._ledgers[key] = ledger
        while len(self._ledgers) > _LEDGERS:
            self._ledgers.popitem(last=False)
        return ledger


def _indicator(
    indicator: Indicator, target: Fraction, unit: Unit | None, weeks: tuple[Count, ...]
) -> IndicatorView:
    figures = row(indicator, target, weeks[-1], unit)
    return IndicatorView(
        code=indicator.code,
        row=indicator.row,
        title=indicator.title,
        short=indicator.short,
        level=indicator.level,
        counts=indicator.counts,
        on_time="on_time" in indicator.hit,
        target=(target.numerator, target.denominator),
        a=figures.a,
        b=figures.b,
        met=figures.met,
        still_needed=figures.still_needed,
        late_allowed=figures.late_allowed,
        due_unknown=figures.due_unknown,
        weeks=tuple((count.a, count.b) for count in weeks),
    )


def _most_overdue(
    nows: list[UnitNow], registry: Registry, today: date
) -> tuple[tuple[str, int], ...]:
    late = sorted((one for one in nows if one.overdue), key=lambda one: (-one.overdue, one.unit))
    return tuple(
        (_unit(registry, one.unit, today).name, one.overdue) for one in late[:MOST_OVERDUE]
    )


def _unit(registry: Registry, code: str, on: date) -> Unit:
    found = registry.unit(code, on) or registry.latest_unit(code)
    return found or Unit(code=code, name=code, level="")
