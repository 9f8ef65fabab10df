"""Points: exact below, full at the target, and only of what can be judged."""

from datetime import date
from fractions import Fraction

from hypothesis import strategies as st

from schemas.books import Period, load_book
from schemas.registry import Unit
from streams.core.indicators import Count, row, score, shown_points
from streams.core.scores import out_of_scope_rows, score_rows
from tests.support.histories import for_all

BOOK = load_book("qd766")
YEAR = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))
ALL = {
    "in_time": Count(3, 2),  # 20 · 2/3
    "online_filing": Count(10, 4),  # 6 · 40/50
    "electronic_results": Count(9, 9),  # 6
    "digitization": Count(9, 8),  # 88,9 % of 80 %: all 4
    "payment_dossiers_766": Count(0, 0),  # nothing to judge
    "payment_procedures_766": Count(10, 1),  # 2 · 10/80
}


def test_points_of_each_heading_and_in_all_by_hand():
    """20·2/3 + 4,8 + 10 + 0,25 = 28,38…, of the 38 that can be judged."""
    found = score_rows(BOOK, YEAR, {None: ALL})

    assert [(r.heading, r.points, r.in_scope, r.score) for r in found] == [
        ("1", 18, 0, 0),
        ("2", 20, 20, 13.33),
        ("3", 12, 6, 4.8),
        ("3TT", 10, 2, 0.25),
        ("4", 22, 10, 10),
        ("5", 18, 0, 0),
        (None, 100, 38, 28.38),
    ]


def test_units_come_after_all_together_and_by_code():
    units = [Unit(code=code, name=code, level="commune") for code in ("2", "1")]
    found = score_rows(BOOK, YEAR, {units[0]: ALL, None: ALL, units[1]: {}})

    assert [r.unit for r in found] == [None] * 7 + ["1"] * 7 + ["2"] * 7
    assert (found[13].in_scope, found[13].score) == (0, 0)


def test_a_book_without_points_has_none():
    decision = load_book("dak-ha-2023")

    assert score_rows(decision, YEAR, {None: {}}) == ()
    indicator = decision.indicator("full_online")
    shown = row(indicator, decision.target("full_online", 2023), Count(5, 4), None)
    assert (shown.points, shown.score) == (None, None)


def test_what_is_not_computed_is_listed_with_its_reason():
    """A hundred points are accounted for: computed here, or named with what is missing."""
    found = out_of_scope_rows(BOOK)
    computed = sum(float(i.points or 0) for i in BOOK.indicators)

    assert computed == 44
    assert sum(r.points or 0 for r in found) == 56
    assert all(r.reason for r in found)
    assert {r.heading for r in found} == {h.row for h in BOOK.headings}


@for_all(a=st.integers(1, 10_000), b=st.integers(0, 10_000))
def test_points_rise_with_the_rate_up_to_the_target_and_are_full_from_there(a: int, b: int):
    """Neither more than all, nor all for less: «met» and «all points» are one thing."""
    for indicator in BOOK.indicators:
        target = BOOK.target(indicator.code, 2023)
        most = indicator.points
        count = Count(a, min(a, b))
        found = score(indicator, target, count)
        assert most is not None and found is not None
        assert 0 <= found <= most
        assert (found == most) is row(indicator, target, count, None).met
        if found < most:
            assert found == most * Fraction(100 * count.b, a) / target
            assert shown_points(found, most) < most
