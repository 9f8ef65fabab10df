"""Counters as cells: how many dossiers share a measure, a day, codes and a set of facts.

A dossier contributes at most one ``received`` and one ``closed`` cell, and one ``paid`` cell for
each day with an online payment that stands. A unit's counters are the sum over its dossiers, kept
by difference, so they equal a recount at every moment.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from typing import NamedTuple

from schemas.snapshots import CellRow
from schemas.words import Measure
from streams.core.days import day_number, local_day, to_date
from streams.core.facts import Facts


class Cell(NamedTuple):
    """What the dossiers in it have in common. ``day`` is a number of local days."""

    measure: Measure
    day: int
    level: str
    procedure: str
    officer: str
    bits: int


def cells(known: Facts) -> list[Cell]:
    """The cells in which a dossier with these facts is counted, each once."""
    level, procedure, officer, received_at, closed_at, _, _, paid_days, _, bits = known
    found: list[Cell] = []
    if received_at is not None:
        day = local_day(received_at)
        found.append(_new(Cell, ("received", day, level, procedure, officer, bits)))
    if closed_at is not None:
        day = local_day(closed_at)
        found.append(_new(Cell, ("closed", day, level, procedure, officer, bits)))
    for day in paid_days:
        found.append(_new(Cell, ("paid", day, level, procedure, officer, bits)))
    return found


# a NamedTuple's own constructor takes twice the time, and this runs for every event
_new = tuple.__new__


class UnitCounters:
    """The counters of one unit, by month; equal to a recount of its dossiers at every moment."""

    __slots__ = ("dossiers", "last_recorded", "months", "open_dossiers")

    def __init__(self) -> None:
        self.months: dict[str, dict[Cell, int]] = {}
        self.dossiers = 0
        self.open_dossiers: dict[str, Facts] = {}
        """Those in process, by dossier code: what time alone can make overdue."""
        self.last_recorded = 0
        """When the newest event was admitted, in milliseconds; 0: none yet."""

    @property
    def open(self) -> int:
        """Dossiers in process."""
        return len(self.open_dossiers)

    def replace(self, code: str, before: Facts | None, after: Facts) -> set[str]:
        """Count ``after`` in the place of ``before`` (None: a new dossier); the months touched."""
        months = self.months
        touched: set[str] = set()
        if before is None:
            self.dossiers += 1
        elif before == after:
            return touched
        else:
            for cell in cells(before):
                month = month_of(cell[1])
                touched.add(month)
                counted = months[month]
                left = counted[cell] - 1
                if left:
                    counted[cell] = left
                else:
                    del counted[cell]
        if is_open(after):
            self.open_dossiers[code] = after
        elif before is not None:
            self.open_dossiers.pop(code, None)
        for cell in cells(after):
            month = month_of(cell[1])
            touched.add(month)
            if month not in months:
                months[month] = {}
            counted = months[month]
            counted[cell] = counted.get(cell, 0) + 1
        return touched


def is_open(known: Facts) -> bool:
    """Received, and not closed (or reopened since)."""
    return known[3] is not None and known[4] is None  # by position: this runs for every event


@cache  # the days of a lifetime are few, and this runs for every event
def month_of(day: int) -> str:
    """``YYYY-MM`` of a day number."""
    return f"{to_date(day):%Y-%m}"


def rows(counter: Mapping[Cell, int]) -> list[CellRow]:
    """The cells as they stand in a snapshot, sorted."""
    # sorted before days become text: the order is the same, and numbers compare faster
    return [
        (measure, _iso(day), level, procedure, officer, bits, n)
        for (measure, day, level, procedure, officer, bits), n in sorted(counter.items())
    ]


@cache
def _iso(day: int) -> str:
    return to_date(day).isoformat()


def from_rows(found: Iterable[CellRow]) -> Counter[Cell]:
    """The inverse of :func:`rows`."""
    return Counter(
        {
            Cell(measure, day_number(date.fromisoformat(day)), level, procedure, officer, bits): n
            for measure, day, level, procedure, officer, bits, n in found
        }
    )
