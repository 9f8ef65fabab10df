"""What figures mean against targets: each number by hand at its edges, and as laws."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.books import Period, Target, load_book
from schemas.registry import load_registry
from streams.core.cells import Cell
from streams.core.days import day_number
from streams.core.facts import BIT, mask
from streams.core.indicators import Count
from streams.core.targets import (
    RECENT_DAYS,
    Light,
    Outlook,
    Recent,
    Standing,
    days_left,
    forecast,
    light,
    needed_from_now,
    outlook,
    recent,
    standing_row,
    standings,
)

BOOK = load_book("dak-ha-2023")
REGISTRY = load_registry()
YEAR = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))
ONLINE = BOOK.indicator("full_online")
PROCEDURES = BOOK.indicator("payment_procedures")
SCOPE = mask(ONLINE.scope)
HIT = SCOPE | mask(ONLINE.hit)
# 56 days are left after this day
DAY = date(2023, 11, 5)

counts = st.integers(0, 400).flatmap(lambda a: st.builds(Count, st.just(a), st.integers(0, a)))
percents = st.fractions(0, 100, max_denominator=20)
days = st.dates(date(2022, 11, 1), date(2024, 2, 1))


def cell(day: date, bits: int = SCOPE, officer: str = "cb", measure: str = "closed") -> Cell:
    return Cell(measure, day_number(day), "commune", "1.004884", officer, bits)  # type: ignore[arg-type]  # one of the measures


def standing(
    cells: dict[Cell, int],
    day: date = DAY,
    code: str = "full_online",
    targets: tuple[Target, ...] = (),
    officer: str | None = None,
    period: Period = YEAR,
) -> Standing:
    book = BOOK.with_targets(targets)
    found = standings(book, REGISTRY, period, "23500", cells, day, officer)
    return next(s for s in found if s.indicator.code == code)


def step(percent: str, period: str, **fields: object) -> Target:
    raw = {"indicator": "full_online", "document": "d", "percent": percent, "period": period}
    return Target.model_validate({**raw, **fields})


# -- by hand


def test_a_unit_by_hand():
    """100 in the year, 50 met; of 40 in the last eight weeks 30 met; as many days are left.

    n = 40, r = 3/4: forecast (50 + 30)/140 = 4/7; needed (0,6·140 − 50)/40 = 34/40.
    """
    old, new = date(2023, 3, 1), date(2023, 10, 1)
    cells = {cell(old): 40, cell(old, HIT): 20, cell(new): 10, cell(new, HIT): 30}

    found = standing(cells)

    assert (found.count.a, found.count.b) == (100, 50)
    assert (found.gap, found.still_needed, found.late_allowed) == (Fraction(-10), 10, None)
    assert found.recent == Recent(40, 30, 40)
    assert found.forecast == Fraction(4, 7)
    assert found.needed_from_now == Fraction(34, 40)
    assert (found.outlook, found.light) == (Outlook.POSSIBLE, Light.BEHIND)
    assert (found.roadmap, found.roadmap_gap) == (None, None)

    shown = standing_row(found)
    assert (shown.a, shown.b, shown.target, shown.gap_points, shown.expected) == (
        100, 50, 60.0, -10.0, 40,
    )  # fmt: skip
    assert (shown.forecast, shown.needed_from_now, shown.roadmap) == (57.14, 85.0, None)
    assert (shown.light, shown.outlook) == ("behind", "possible")


def test_late_ones_still_allowed_by_hand():
    """95 % on time of 100 with 98 on time: 98/0,95 = 103,2, so three more may be late."""
    on_time = BIT["resolved"] | BIT["on_time"] | BIT["due_known"]
    cells = {cell(DAY, on_time): 98, cell(DAY, BIT["resolved"] | BIT["late"]): 2}
    found = standing(cells, code="on_time_commune")
    assert (found.late_allowed, found.still_needed, found.gap) == (3, None, Fraction(3))


@pytest.mark.parametrize(
    ("day", "left"),
    [
        (date(2023, 12, 31), 0),
        (date(2023, 12, 30), 1),
        (date(2024, 5, 1), 0),
        (DAY, 56),
        (date(2023, 1, 1), 364),
        (date(2022, 12, 31), 365),
        (date(2022, 6, 1), 365),
    ],
)
def test_days_left_are_those_of_the_period_after_the_day(day, left):
    assert days_left(YEAR, day) == left


def test_eight_weeks_are_56_days_with_the_day_asked():
    first = DAY - timedelta(days=RECENT_DAYS - 1)
    around = {first - timedelta(days=1): 1, first: 2, DAY: 4, DAY + timedelta(days=1): 8}
    assert recent(ONLINE, YEAR, {cell(day): n for day, n in around.items()}, DAY) == (6, 0, 6)


def test_eight_weeks_reach_back_before_the_period_and_what_is_expected_is_cut():
    """On 10 January 355 days are left: of 3 dossiers, 3·355/56 = 19,02 more are expected."""
    day = date(2023, 1, 10)
    cells = {cell(date(2022, 12, 1), HIT): 2, cell(day): 1, cell(date(2023, 1, 11)): 50}
    found = standing(cells, day)
    assert (found.count.a, found.recent) == (1, Recent(3, 2, 19))
    assert found.forecast == Fraction(2, 3) * 19 / 20


@pytest.mark.parametrize(
    ("count", "target", "n", "needed", "verdict"),
    [
        ((100, 60), 60, 10, Fraction(6, 10), Outlook.POSSIBLE),
        ((100, 66), 60, 10, Fraction(0), Outlook.CERTAIN),
        ((100, 65), 60, 10, Fraction(1, 10), Outlook.POSSIBLE),
        ((100, 70), 60, 10, Fraction(-4, 10), Outlook.CERTAIN),
        ((100, 56), 60, 10, Fraction(1), Outlook.POSSIBLE),
        ((100, 55), 60, 10, Fraction(11, 10), Outlook.IMPOSSIBLE),
        ((100, 60), 60, 0, None, None),
        ((0, 0), 60, 10, Fraction(6, 10), Outlook.POSSIBLE),
        ((0, 0), 60, 0, None, None),
        ((10, 0), 0, 5, Fraction(0), Outlook.CERTAIN),
        ((10, 10), 100, 5, Fraction(1), Outlook.POSSIBLE),
        ((10, 9), 100, 5, Fraction(6, 5), Outlook.IMPOSSIBLE),
    ],
)
def test_what_is_needed_from_now(count, target, n, needed, verdict):
    """Exactly 100 % can still be done; exactly 0 % is nothing any more."""
    found = Count(*count)
    assert needed_from_now(found, Fraction(target), n) == needed
    assert outlook(ONLINE, found, Fraction(target), n, 30) == verdict


@pytest.mark.parametrize(
    ("count", "verdict"),
    [((5, 3), Outlook.CERTAIN), ((5, 2), Outlook.IMPOSSIBLE), ((0, 0), None)],
)
def test_when_the_period_is_over_nothing_is_open(count, verdict):
    assert outlook(ONLINE, Count(*count), Fraction(60), 0, 0) == verdict
    assert outlook(PROCEDURES, Count(*count), Fraction(60), 0, 0) == verdict


def test_procedures_can_be_paid_for_as_long_as_days_are_left():
    assert outlook(PROCEDURES, Count(5, 2), Fraction(60), 0, 1) == Outlook.POSSIBLE
    assert outlook(PROCEDURES, Count(5, 3), Fraction(60), 0, 1) == Outlook.CERTAIN
    assert outlook(PROCEDURES, Count(0, 0), Fraction(60), 0, 1) is None


@pytest.mark.parametrize(
    ("count", "target", "roadmap", "shows"),
    [
        ((0, 0), 60, 50, None),
        ((0, 0), 60, None, None),
        ((10, 6), 60, None, Light.MET),
        ((1000, 599), 60, None, Light.BEHIND),
        ((10, 6), 60, 50, Light.MET),
        ((10, 5), 60, 50, Light.ON_ROADMAP),
        ((1000, 499), 60, 50, Light.BEHIND),
        ((10, 0), 60, 0, Light.ON_ROADMAP),
        ((10, 0), 0, None, Light.MET),
        ((10, 10), 100, 100, Light.MET),
        ((10, 6), 60, 65, Light.BEHIND),
    ],
)
def test_the_light(count, target, roadmap, shows):
    asked = None if roadmap is None else Fraction(roadmap)
    assert light(Count(*count), Fraction(target), asked) == shows


@pytest.mark.parametrize(
    ("day", "asked", "shows"),
    [
        (date(2023, 3, 30), 0, Light.ON_ROADMAP),
        (date(2023, 3, 31), 50, Light.ON_ROADMAP),
        (date(2023, 6, 29), 50, Light.ON_ROADMAP),
        (date(2023, 6, 30), 55, Light.BEHIND),
        (date(2024, 2, 1), 60, Light.BEHIND),
    ],
)
def test_a_step_is_asked_for_from_its_last_day_on(day, asked, shows):
    """A unit that walks its roadmap must not be called late on the first of a month."""
    steps = (step("50", "2023-Q1"), step("55", "2023-06"), step("60", "2023-Q4"))
    january = date(2023, 1, 9)
    found = standing({cell(january): 91, cell(january, HIT): 109}, day, targets=steps)
    assert (found.roadmap, found.light, found.target) == (asked, shows, 60)
    assert found.roadmap_gap == Fraction(109, 2) - asked


def test_a_quarter_is_held_against_its_own_target():
    quarter = Period(first=date(2023, 10, 1), last=date(2023, 12, 31))
    found = standing({cell(DAY, HIT): 1}, targets=(step("58", "2023-Q4"),), period=quarter)
    assert (found.target, found.roadmap, found.light) == (58, None, Light.MET)


def test_an_officer_stands_with_his_own_dossiers_against_his_own_target():
    cells = {cell(DAY, HIT, "a"): 3, cell(DAY, SCOPE, "a"): 1, cell(DAY, SCOPE, "b"): 6}
    own = (step("80", "2023", unit="23500", officer="a"),)
    a, b = (standing(cells, targets=own, officer=who) for who in "ab")
    assert (a.officer, a.count.a, a.gap, a.light) == ("a", 4, Fraction(-5), Light.BEHIND)
    assert (b.count.a, b.target, b.light) == (6, 60, Light.BEHIND)


def test_procedures_without_a_first_online_payment_are_listed():
    """What is left to do for III.1 is a list, not a number."""
    paid = {cell(DAY, 0, measure="paid"): 2, cell(date(2023, 12, 1), 0, measure="paid"): 1}
    found = standing(paid, code="payment_procedures")
    assert found.count.a == 5
    assert found.count.b == 1
    assert found.unpaid_procedures == ("1.004859", "1.004873", "2.000635", "2.000815")
    assert (found.still_needed, found.outlook) == (2, Outlook.POSSIBLE)
    assert (found.recent.expected, found.forecast) == (0, Fraction(1, 5))
    assert standing(paid).unpaid_procedures == ()


def test_before_the_period_nothing_has_happened():
    found = standing({cell(date(2022, 12, 30), HIT): 56}, date(2022, 12, 30))
    assert (found.count, found.gap, found.light) == (Count(0, 0), None, None)
    assert found.recent.expected == 365
    assert (found.forecast, found.needed_from_now) == (1, Fraction(60, 100))


def test_a_unit_is_told_of_what_it_answers_for_and_no_more():
    codes = [s.indicator.code for s in standings(BOOK, REGISTRY, YEAR, "23500", {}, DAY)]
    assert codes == [i.code for i in BOOK.indicators if i.level in (None, "commune")]
    unknown = [s.indicator.code for s in standings(BOOK, REGISTRY, YEAR, "nobody", {}, DAY)]
    assert unknown == [i.code for i in BOOK.indicators if i.level is None]


# -- laws


@given(counts, percents, st.integers(1, 300))
def test_doing_what_is_needed_from_now_on_meets_the_target_exactly(count, target, n):
    needed = needed_from_now(count, target, n)
    assert needed is not None
    assert (count.b + needed * n) / (count.a + n) == target / 100


@given(counts, percents, st.integers(1, 300), st.data())
def test_certain_and_impossible_are_never_wrong(count, target, n, data):
    """«Không thể đạt nữa» is a heavy word: no course of the expected ones may contradict it."""
    met = data.draw(st.integers(0, n))
    reached = 100 * (count.b + met) >= target * (count.a + n)
    verdict = outlook(ONLINE, count, target, n, 1)
    assert verdict is not None
    assert not (verdict is Outlook.CERTAIN and not reached)
    assert not (verdict is Outlook.IMPOSSIBLE and reached)
    if verdict is Outlook.POSSIBLE:
        assert 100 * (count.b + n) >= target * (count.a + n)
        assert 100 * count.b < target * (count.a + n)


@given(counts, counts, st.integers(0, 300))
def test_a_forecast_lies_between_what_was_and_what_is_lately(count, weeks, n):
    coming = Recent(weeks.a, weeks.b, n if weeks.a else 0)
    found = forecast(count, coming)
    rates = [Fraction(c.b, c.a) for c in (count, weeks) if c.a]
    if found is None:
        assert count.a + coming.expected == 0
    else:
        assert min(rates) <= found <= max(rates)


@given(counts, percents, percents, percents)
def test_a_stricter_roadmap_never_gives_a_better_light(count, target, one, other):
    order = [Light.BEHIND, Light.ON_ROADMAP, Light.MET]
    lax, strict = (light(count, target, roadmap) for roadmap in sorted((one, other)))
    assert (lax is None) == (strict is None) == (count.a == 0)
    if lax is not None and strict is not None:
        assert order.index(strict) <= order.index(lax)


@given(st.lists(st.tuples(days, st.booleans(), st.integers(1, 30)), max_size=30), days)
def test_what_comes_after_the_day_changes_nothing(events, day):
    """Asked again later, the same day must be told the same."""
    cells: dict[Cell, int] = {}
    for on, hit, n in events:
        one = cell(on, HIT if hit else SCOPE)
        cells[one] = cells.get(one, 0) + n
    known = {c: n for c, n in cells.items() if c.day <= day_number(day)}
    assert standing(cells, day) == standing(known, day)
    found = standing(cells, day)
    in_scope = sum(n for on, _, n in events if YEAR.first <= on <= min(day, YEAR.last))
    assert found.count.a == in_scope
