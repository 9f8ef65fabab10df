"""A book evaluated: scope, hit, and what the figures mean against the target, all exact.

Rates are fractions; ``100·b >= target·a`` is decided in whole numbers and nothing is rounded
before it is shown.
"""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

from schemas.books import Book, Indicator, Period
from schemas.registry import SINCE_EVER, Registry, Unit
from schemas.report import AnomalyRow, ReportRow
from streams.core.cells import Cell
from streams.core.days import day_number
from streams.core.facts import BIT, FACTS, mask


class Count(NamedTuple):
    """The two figures of a rate, and the dossiers in ``a`` without a known due moment."""

    a: int
    b: int
    due_unknown: int = 0


PROCEDURES: Mapping[
    tuple[str, ...], Callable[[Registry, Period, str | None], frozenset[tuple[str, str]]]
] = {
    ("payment_deployed",): Registry.payment_procedures,
    ("fee_owed",): Registry.fee_procedures,
}
"""By the scope of an indicator that counts procedures: those of the catalogue that it is about."""


def count_cells(
    indicator: Indicator,
    counted: Iterable[tuple[Cell, int]],
    procedures: frozenset[tuple[str, str]],
) -> Count:
    """a and b over cells of the period.

    ``procedures`` are the (level, code) of the catalogue that make up ``a`` where procedures are
    counted: a set union, so one that is paid in three communes counts once.
    """
    scope = mask(indicator.scope)
    hit = scope | mask(indicator.hit)
    if indicator.counts == "procedures":
        paid = {(c.level, c.procedure) for c, _ in counted if c.measure == "paid"}
        return Count(len({code for _, code in procedures}), len({p for _, p in procedures & paid}))
    a = b = due_unknown = 0
    for cell, n in counted:
        if cell.measure != "closed" or indicator.level not in (None, cell.level):
            continue
        if cell.bits & scope == scope:
            a += n
            b += n if cell.bits & hit == hit else 0
            due_unknown += 0 if cell.bits & BIT["due_known"] else n
    return Count(a, b, due_unknown)


def row(indicator: Indicator, target: Fraction, count: Count, unit: Unit | None) -> ReportRow:
    """The row of the decision's table for these figures; ``unit`` None: all together."""
    a, b = count.a, count.b
    of_time = not _OF_TIME.isdisjoint(indicator.hit)
    reached = score(indicator, target, count)
    met = None if a == 0 else 100 * b >= target * a
    rate = None if a == 0 else Fraction(100 * b, a)
    share = target / 100
    return ReportRow(
        indicator=indicator.code,
        row=indicator.row,
        title=indicator.title,
        unit=unit.code if unit else None,
        unit_name=unit.name if unit else None,
        unit_since=unit.valid_from if unit and unit.valid_from > SINCE_EVER else None,
        level=indicator.level,
        counts=indicator.counts,
        target=float(target),
        a=a,
        b=b,
        rate=None if rate is None else round(float(rate), 2),
        met=met,
        gap_points=None if rate is None else round(float(rate - target), 2),
        still_needed=None if a == 0 or of_time else max(0, ceil(share * a) - b),
        late_allowed=floor(b / share) - a if of_time and a and share else None,
        due_unknown=count.due_unknown if of_time else None,
        points=None if indicator.points is None else float(indicator.points),
        score=None if reached is None else shown_points(reached, indicator.points or Fraction(0)),
    )


_OF_TIME = frozenset({"on_time", "in_time"})


def score(indicator: Indicator, target: Fraction, count: Count) -> Fraction | None:
    """The points for these figures, exactly: all at the target, below it in proportion.

    None: the indicator gives none, or there is nothing to judge (a = 0).
    """
    if indicator.points is None or count.a == 0:
        return None
    reached = Fraction(100 * count.b, count.a)
    return indicator.points * (1 if reached >= target else reached / target)


def shown_points(reached: Fraction, most: Fraction) -> float:
    """Points to the hundredth, for reading: half up; what is short of all never reads as all."""
    shown = floor(100 * reached + Fraction(1, 2))
    if reached < most and shown >= 100 * most:
        shown = ceil(100 * most) - 1
    return shown / 100


def rate_tenths(a: int, b: int, target: Fraction) -> int:
    """The rate in tenths of a percent, for reading: half up, with two exceptions.

    A missed target never reads as met (59,96 % of 60 % is 59,9), nor an incomplete rate as
    complete (99,96 % is 99,9). ``a`` is not 0. Every screen shows this figure.
    """
    shown = floor(Fraction(1000 * b, a) + Fraction(1, 2))
    if 100 * b < target * a and shown >= 10 * target:
        shown = ceil(10 * target) - 1
    return min(shown, 999) if b < a else shown


def answers(indicator: Indicator, unit: Unit) -> bool:
    """Whether the unit answers for this indicator."""
    return indicator.level in (None, unit.level)


def in_period(counted: Mapping[Cell, int], period: Period) -> list[tuple[Cell, int]]:
    """The cells whose day lies in the period."""
    first, last = day_number(period.first), day_number(period.last)
    return [(cell, n) for cell, n in counted.items() if first <= cell.day <= last]


def table_of(
    book: Book, period: Period, counts: Mapping[Unit | None, Mapping[str, Count]]
) -> tuple[ReportRow, ...]:
    """The rows of a report: all units together first (key None), then each unit by its code.

    ``counts`` gives for each unit, and for None, the figures of each indicator by its code; what is
    missing counts as nothing. Whoever computed them: both engines end here. Two units may have had
    one code in turn.

    Every row is held against the decision's own target of the year in which the period ends, also
    where a unit has set itself another one or a roadmap: this is the decision's table, it is asked
    for any days, and rows of different units must compare. How a unit stands against its own is
    ``streams.core.targets``.
    """
    found: list[ReportRow] = []
    for unit in sorted(counts, key=lambda u: (u is not None, u and (u.code, u.valid_from))):
        for indicator in book.indicators:
            if unit is None or answers(indicator, unit):
                count = counts[unit].get(indicator.code, Count(0, 0))
                target = book.target(indicator.code, period.last.year)
                found.append(row(indicator, target, count, unit))
    return tuple(found)


def counts_of_cells(
    book: Book,
    registry: Registry,
    period: Period,
    level: str | None,
    counted: Iterable[tuple[Cell, int]],
) -> dict[str, Count]:
    """The figures of every indicator over these cells; ``level`` None: procedures of all levels."""
    found = list(counted)
    return {
        i.code: count_cells(i, found, catalogue_scope(i, registry, period, level))
        for i in book.indicators
    }


def catalogue_scope(
    indicator: Indicator, registry: Registry, period: Period, level: str | None
) -> frozenset[tuple[str, str]]:
    """The (level, code) of the procedures that make up ``a`` where procedures are counted."""
    if indicator.counts != "procedures":
        return frozenset()
    return PROCEDURES[indicator.scope](registry, period, level)


def anomalies(counted: Iterable[tuple[Cell, int]]) -> tuple[AnomalyRow, ...]:
    """How many dossiers closed in the period show each anomaly; those with none are left out."""
    found = dict.fromkeys((fact for fact in FACTS if fact.anomaly), 0)
    for cell, n in counted:
        if cell.measure == "closed":
            for fact in found:
                found[fact] += n if cell.bits >> fact.bit & 1 else 0
    return tuple(
        AnomalyRow(code=fact.name, title=fact.title, dossiers=n) for fact, n in found.items() if n
    )
