"""What the figures of a unit mean against its targets: light, forecast, what is still needed.

All exact: rates are fractions of 1, percentages fractions of 100, and nothing is rounded. Days are
those of Asia/Ho_Chi_Minh. The rules are domain.md's of Article 2.

What comes until the period's end is expected from the last eight weeks: with ``a8`` dossiers in
the indicator's scope, ``b8`` of them met, in the 56 days that end with the day asked (they may
begin before the period), ``n = floor(a8 · days left / 56)`` more are expected, and ``r = b8/a8`` of
them met. Days left are those of the period after the day asked. Procedures come from a catalogue,
not through the door: their ``n`` is 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from schemas.books import Answerable, Book, Indicator, Period
from schemas.registry import SINCE_EVER, Registry, Unit
from schemas.report import StandingRow
from streams.core.cells import Cell
from streams.core.indicators import Count, answers, catalogue_scope, count_cells, in_period, row

RECENT_DAYS = 56
"""Eight weeks: long enough for a small commune to have dossiers, short enough to be news."""


class Light(StrEnum):
    """Where a rate stands on its way; the roadmap's value is that of its last step so far."""

    MET = "met"
    """Green, «đạt»: at least the period's target, and at least the roadmap's value."""
    ON_ROADMAP = "on_roadmap"
    """Yellow, «đúng lộ trình»: below the period's target, and at least the roadmap's value."""
    BEHIND = "behind"
    """Red, «chậm»: below the roadmap's value; where there is no roadmap, below the target."""


class Outlook(StrEnum):
    """Whether the period's target can still be met, if as much comes as is expected."""

    CERTAIN = "certain"
    """«chắc chắn đạt»: met even if nothing of what comes is."""
    POSSIBLE = "possible"
    IMPOSSIBLE = "impossible"
    """«không thể đạt nữa»: missed even if all that comes is met."""


class Recent(NamedTuple):
    """What the eight weeks before the end of a day say of the days that follow."""

    a: int
    b: int
    expected: int
    """``n``: dossiers that are expected to the period's end."""

    @property
    def rate(self) -> Fraction | None:
        """``r``; None when there were none."""
        return Fraction(self.b, self.a) if self.a else None


@dataclass(frozen=True, slots=True)
class Standing:
    """One indicator of one unit, or officer, on a day."""

    indicator: Indicator
    unit: Unit
    officer: str | None
    count: Count
    """Of the period up to the day."""
    target: Fraction
    """Percent, of the whole period."""
    roadmap: Fraction | None
    """Percent that its last step so far asks for; 0 before the first one has ended, None: there is
    no roadmap within the period."""
    gap: Fraction | None
    """Rate minus target in percentage points, signed; None when a = 0, as with the next three."""
    roadmap_gap: Fraction | None
    """The same against the roadmap; None without one."""
    light: Light | None
    still_needed: int | None
    """More of b that this a would need; None for on-time rates."""
    late_allowed: int | None
    """On-time rates: more late dossiers that the target would bear; negative: too many already."""
    recent: Recent
    forecast: Fraction | None
    """Rate at the period's end, a fraction of 1; None when there is and will be nothing."""
    needed_from_now: Fraction | None
    """Rate of what is expected that the target needs, a fraction of 1: at most 0 when it is met
    whatever comes, above 1 when it cannot be met. None when nothing is expected."""
    outlook: Outlook | None
    """None when nothing can be said: days are left and nothing is expected, or nothing was."""
    unpaid_procedures: tuple[str, ...]
    """Where procedures are counted: codes of those without an online payment yet, sorted."""


def standings(
    book: Book,
    registry: Registry,
    period: Period,
    unit: str,
    cells: Mapping[Cell, int],
    day: date,
    officer: str | None = None,
) -> tuple[Standing, ...]:
    """How the unit stands at the end of ``day``, by the book's indicators that it answers for.

    ``cells`` are all of the unit's: those after the day are left out, those of the eight weeks
    before it are needed even before the period. They carry what is known of a dossier now. With an
    ``officer`` only the cells of that staff code count, against the officer's targets. A unit that
    the registry does not know answers only for what every level answers for.
    """
    known = registry.unit(unit, period.last) or registry.latest_unit(unit)
    known = known or Unit(code=unit, name=unit, level="")
    if officer is not None:
        cells = {cell: n for cell, n in cells.items() if cell.officer == officer}
    return tuple(
        _standing(book, registry, period, known, indicator, cells, day, officer)
        for indicator in book.indicators
        if answers(indicator, known)
    )


def _standing(
    book: Book,
    registry: Registry,
    period: Period,
    unit: Unit,
    indicator: Indicator,
    cells: Mapping[Cell, int],
    day: date,
    officer: str | None,
) -> Standing:
    until = min(day, period.last)
    begun = period.first <= until
    so_far = in_period(cells, Period(first=period.first, last=until)) if begun else []
    catalogue = catalogue_scope(indicator, registry, period, unit.level or None)
    return standing_of(
        book,
        period,
        unit,
        indicator,
        count_cells(indicator, so_far, catalogue),
        recent(indicator, period, cells, day),
        day,
        officer=officer,
        unpaid=_unpaid(indicator, so_far, catalogue),
    )


def standing_of(
    book: Book,
    period: Period,
    unit: Unit,
    indicator: Indicator,
    count: Count,
    coming: Recent,
    day: date,
    *,
    officer: str | None = None,
    unpaid: tuple[str, ...] = (),
) -> Standing:
    """The same from figures, whoever counted them.

    ``count`` is of the period up to the day. A unit with an empty code stands for all together.
    """
    until = min(day, period.last)
    who = Answerable(unit.code or None, unit.level or None, officer)
    found = book.target_of(indicator.code, period, until, who)
    target = book.target(indicator.code, period.last.year) if found is None else found.percent
    steps = book.roadmap(indicator.code, period, until, who)
    roadmap = next((s.percent for s in reversed(steps) if s.last <= until), Fraction(0))
    asked = roadmap if steps else None
    rate = Fraction(100 * count.b, count.a) if count.a else None
    left = row(indicator, target, count, unit)
    return Standing(
        indicator=indicator,
        unit=unit,
        officer=officer,
        count=count,
        target=target,
        roadmap=asked,
        gap=None if rate is None else rate - target,
        roadmap_gap=None if rate is None or asked is None else rate - asked,
        light=light(count, target, asked),
        still_needed=left.still_needed,
        late_allowed=left.late_allowed,
        recent=coming,
        forecast=forecast(count, coming),
        needed_from_now=needed_from_now(count, target, coming.expected),
        outlook=outlook(indicator, count, target, coming.expected, days_left(period, day)),
        unpaid_procedures=unpaid,
    )


def recent(indicator: Indicator, period: Period, cells: Mapping[Cell, int], day: date) -> Recent:
    """The last eight weeks of these cells, and what they let expect: see the module's rule."""
    if indicator.counts == "procedures":
        return Recent(0, 0, 0)
    a, b, _ = count_cells(indicator, in_period(cells, recent_days(day)), frozenset())
    return recent_of(a, b, period, day)


def recent_days(day: date) -> Period:
    """The eight weeks that end with the day."""
    return Period(first=day - timedelta(days=RECENT_DAYS - 1), last=day)


def recent_of(a: int, b: int, period: Period, day: date) -> Recent:
    """What the figures of those eight weeks let expect until the period's end."""
    return Recent(a, b, a * days_left(period, day) // RECENT_DAYS)


def days_left(period: Period, day: date) -> int:
    """Days of the period after the day asked."""
    return max(0, (period.last - max(day, period.first - timedelta(days=1))).days)


def light(count: Count, target: Fraction, roadmap: Fraction | None) -> Light | None:
    """The light of these figures; None when a = 0. Without a roadmap the target is all there is."""
    if count.a == 0:
        return None
    if 100 * count.b < (target if roadmap is None else roadmap) * count.a:
        return Light.BEHIND
    return Light.MET if 100 * count.b >= target * count.a else Light.ON_ROADMAP


def forecast(count: Count, coming: Recent) -> Fraction | None:
    """(b + r·n)/(a + n), a fraction of 1; None when a + n = 0."""
    a = count.a + coming.expected
    if a == 0:
        return None
    return (count.b + (coming.rate or Fraction(0)) * coming.expected) / a


def needed_from_now(count: Count, target: Fraction, expected: int) -> Fraction | None:
    """(T·(a + n) − b)/n, a fraction of 1 and not cut to it; None when n = 0."""
    if expected == 0:
        return None
    return (target / 100 * (count.a + expected) - count.b) / expected


def outlook(
    indicator: Indicator, count: Count, target: Fraction, expected: int, left: int
) -> Outlook | None:
    """Whether the target of the period can still be met.

    Once the period is over, what is met is met. Procedures that nobody has paid for yet can all
    still be paid for while days are left.
    """
    if left == 0 or indicator.counts == "procedures":
        if count.a == 0:
            return None
        if 100 * count.b >= target * count.a:
            return Outlook.CERTAIN
        return Outlook.POSSIBLE if left else Outlook.IMPOSSIBLE
    needed = needed_from_now(count, target, expected)
    if needed is None:
        return None
    if needed <= 0:
        return Outlook.CERTAIN
    return Outlook.IMPOSSIBLE if needed > 1 else Outlook.POSSIBLE


def standing_row(standing: Standing) -> StandingRow:
    """The same for a document: decisions as they are, figures rounded for reading."""
    return StandingRow(
        indicator=standing.indicator.code,
        row=standing.indicator.row,
        short=standing.indicator.short,
        unit=standing.unit.code,
        unit_name=standing.unit.name,
        unit_since=standing.unit.valid_from if standing.unit.valid_from > SINCE_EVER else None,
        officer=standing.officer,
        a=standing.count.a,
        b=standing.count.b,
        target=float(standing.target),
        roadmap=_rounded(standing.roadmap),
        gap_points=_rounded(standing.gap),
        roadmap_gap_points=_rounded(standing.roadmap_gap),
        light=None if standing.light is None else standing.light.value,
        still_needed=standing.still_needed,
        late_allowed=standing.late_allowed,
        expected=standing.recent.expected,
        forecast=_rounded(standing.forecast, 100),
        needed_from_now=_rounded(standing.needed_from_now, 100),
        outlook=None if standing.outlook is None else standing.outlook.value,
        unpaid_procedures=standing.unpaid_procedures,
    )


def _rounded(exact: Fraction | None, scale: int = 1) -> float | None:
    return None if exact is None else round(float(scale * exact), 2)


def _unpaid(
    indicator: Indicator,
    counted: list[tuple[Cell, int]],
    catalogue: frozenset[tuple[str, str]],
) -> tuple[str, ...]:
    if indicator.counts != "procedures":
        return ()
    paid = {(c.level, c.procedure) for c, _ in counted if c.measure == "paid"}
    return tuple(sorted({code for _, code in catalogue - paid}))
