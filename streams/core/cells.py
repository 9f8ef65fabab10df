"""Counters as cells: how many dossiers share a measure, a day, codes and a set of facts.

A dossier contributes at most one ``received`` and one ``closed`` cell, and one ``paid`` cell for
each day with an online payment that stands. A unit's counters are the sum over its dossiers, kept
by difference, so they equal a recount at every moment.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
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


def cells(known: Facts) -> tuple[Cell, ...]:
    """The cells in which a dossier with these facts is counted, each once."""
    common = known.level, known.procedure, known.officer, known.bits
    found: list[Cell] = []
    if known.received_at is not None:
        found.append(Cell("received", local_day(known.received_at), *common))
    if known.closed_at is not None:
        found.append(Cell("closed", local_day(known.closed_at), *common))
    for day in known.paid_days:
        found.append(Cell("paid", day, *common))
    return tuple(found)


class UnitCounters:
    """The counters of one unit, by month; equal to a recount of its dossiers at every moment."""

    __slots__ = ("dossiers", "last_recorded", "months", "open")

    def __init__(self) -> None:
        self.months: dict[str, Counter[Cell]] = {}
        self.dossiers = 0
        self.open = 0
        self.last_recorded: int | None = None

    def replace(self, before: Facts | None, after: Facts) -> set[str]:
        """Count ``after`` in the place of ``before`` (None: a new dossier); the months touched."""
        touched: set[str] = set()
        if before is None:
            self.dossiers += 1
        elif before == after:
            return touched
        else:
            self.open -= is_open(before)
            self._add(cells(before), -1, touched)
        self.open += is_open(after)
        self._add(cells(after), 1, touched)
        return touched

    def _add(self, found: tuple[Cell, ...], sign: int, touched: set[str]) -> None:
        for cell in found:
            month = month_of(cell.day)
            counter = self.months.get(month)
            if counter is None:
                counter = self.months[month] = Counter()
            counter[cell] += sign
            if not counter[cell]:
                del counter[cell]
            touched.add(month)


def is_open(known: Facts) -> bool:
    """Received, and not closed (or reopened since)."""
    return known.received_at is not None and known.closed_at is None


_months: dict[int, str] = {}


def month_of(day: int) -> str:
    """``YYYY-MM`` of a day number."""
    month = _months.get(day)
    if month is None:
        # remembered: the days of a lifetime are few, and this runs for every event
        month = _months[day] = f"{to_date(day):%Y-%m}"
    return month


def rows(counter: Mapping[Cell, int]) -> list[CellRow]:
    """The cells as they stand in a snapshot, sorted."""
    return sorted(
        (c.measure, to_date(c.day).isoformat(), c.level, c.procedure, c.officer, c.bits, n)
        for c, n in counter.items()
    )


def from_rows(found: Iterable[CellRow]) -> Counter[Cell]:
    """The inverse of :func:`rows`."""
    return Counter(
        {
            Cell(measure, day_number(date.fromisoformat(day)), level, procedure, officer, bits): n
            for measure, day, level, procedure, officer, bits, n in found
        }
    )
