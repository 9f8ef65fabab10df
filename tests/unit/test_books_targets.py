"""Targets below the year: which one is asked of whom, for which days."""

from datetime import date
from fractions import Fraction

import pytest
from pydantic import ValidationError

from schemas.books import Answerable, Book, Period, Step, Target, load_book
from schemas.roadmaps import Roadmap, load_roadmaps

BOOK = load_book("dak-ha-2023")
YEAR = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))
Q3 = Period(first=date(2023, 7, 1), last=date(2023, 9, 30))
SEPTEMBER = Period(first=date(2023, 9, 1), last=date(2023, 9, 30))
TOWN = Answerable("23500", "commune")
OFFICER = Answerable("23500", "commune", "cb01")
ON = date(2023, 9, 15)


def target(percent: str, period: str = "*", **fields: object) -> Target:
    raw = {"indicator": "full_online", "document": "d", "percent": percent, "period": period}
    return Target.model_validate({**raw, **fields})


def asked(targets: list[Target], period: Period, who: Answerable = TOWN, on: date = ON) -> str:
    found = BOOK.with_targets(targets).target_of("full_online", period, on, who)
    return "" if found is None else str(found.percent)


def test_the_target_of_the_year_is_what_is_left_where_a_roadmap_says_nothing():
    other = [target("41", "2023-08"), target("42", "2023-Q2"), target("43", "2023-09", unit="x")]
    for period in (YEAR, Q3, SEPTEMBER, Period(first=date(2022, 12, 1), last=ON)):
        assert asked(other, period) == "60"


def test_the_shortest_period_that_holds_the_days_is_asked_first():
    targets = [target("50", "2023-Q3"), target("51", "2023-09"), target("61", "2023")]
    assert [asked(targets, p) for p in (YEAR, Q3, SEPTEMBER)] == ["61", "50", "51"]
    assert asked(targets[:1], SEPTEMBER) == "50"
    assert asked(targets, Period(first=date(2023, 9, 4), last=date(2023, 9, 10))) == "51"
    assert asked(targets, Period(first=date(2023, 8, 31), last=date(2023, 9, 1))) == "50"
    assert asked(targets, Period(first=date(2024, 9, 1), last=date(2024, 9, 30))) == "60"


def test_of_one_period_the_closest_to_the_person_counts():
    all_of_them = [
        target("1", "2023-09"),
        target("2", "2023-09", level="commune"),
        target("3", "2023-09", unit="23500"),
        target("4", "2023-09", unit="23500", officer="cb01"),
    ]
    assert asked(all_of_them, SEPTEMBER, OFFICER) == "4"
    assert asked(all_of_them, SEPTEMBER, Answerable("23500", "commune", "cb02")) == "3"
    assert asked(all_of_them, SEPTEMBER, TOWN) == "3"
    assert asked(all_of_them, SEPTEMBER, Answerable("23503", "commune")) == "2"
    assert asked(all_of_them, SEPTEMBER, Answerable("H1", "district")) == "1"
    assert asked(all_of_them, SEPTEMBER, Answerable()) == "1"
    assert asked([target("9", "2023", unit="23500"), *all_of_them[:1]], SEPTEMBER) == "1"


def test_a_newer_document_replaces_an_older_one_from_its_first_day():
    targets = [target("50", "2023-09"), target("55", "2023-09", valid_from=ON)]
    for order in (targets, targets[::-1]):
        assert asked(order, SEPTEMBER, on=date(2023, 9, 14)) == "50"
        assert asked(order, SEPTEMBER, on=ON) == "55"


def test_a_single_year_says_more_than_every_year():
    assert asked([target("50", "*-Q3"), target("45", "2023-Q3")], Q3) == "45"
    assert asked([target("50", "*-Q3"), target("45", "2024-Q3")], Q3) == "50"


def test_a_roadmap_has_a_step_for_each_month_or_quarter_that_ends_within_the_period():
    targets = [
        target("30", "2023-Q1"),
        target("20", "*-02"),
        target("31", "2023-03", unit="23500"),
        target("99", "2024-05"),
        target("60", "2023-Q4"),
    ]
    book = BOOK.with_targets(targets)
    february, march, december = date(2023, 2, 28), date(2023, 3, 31), date(2023, 12, 31)

    found = book.roadmap("full_online", YEAR, ON, TOWN)

    assert found == (
        Step(february, Fraction(20)),
        Step(march, Fraction(31)),
        Step(december, Fraction(60)),
    )
    assert book.roadmap("full_online", YEAR, ON, Answerable())[1] == Step(march, Fraction(30))
    first_quarter = Period(first=date(2023, 1, 1), last=march)
    # the quarter's own target is its end, not a step on the way
    assert book.roadmap("full_online", first_quarter, ON, Answerable()) == (
        Step(february, Fraction(20)),
    )
    assert book.roadmap("full_online", SEPTEMBER, ON, TOWN) == ()
    # a year is no step on the way, even of days that hold several
    two_years = Period(first=date(2022, 1, 1), last=date(2023, 12, 31))
    assert BOOK.roadmap("full_online", two_years, ON, TOWN) == ()


def test_leap_years_end_february_a_day_later():
    book = BOOK.with_targets([target("20", "*-02")])
    leap = Period(first=date(2024, 1, 1), last=date(2024, 12, 31))
    assert book.roadmap("full_online", leap, date(2024, 3, 1), TOWN)[0].last == date(2024, 2, 29)


def test_all_together_are_asked_for_the_books_own_target():
    """A unit's ambition, or its modesty, changes nothing in the decision's table."""
    targets = [target("10", unit="23500"), target("11", level="commune"), target("12", "*-09")]
    assert BOOK.with_targets(targets).target("full_online", 2023) == 60
    with pytest.raises(KeyError):
        BOOK.target("nothing", 2023)


def test_each_year_is_held_against_its_own_target():
    """A report of last year must not change when next year's targets are written down."""
    book = BOOK.with_targets([target("61", "2023"), target("70", "2025")])
    assert [book.target("full_online", year) for year in (2022, 2023, 2024, 2025)] == [
        *(60, 61, 60, 70)
    ]
    every = tuple(t for t in book.targets if t.indicator != "full_online" or t.year != "*")
    single = book.model_copy(update={"targets": every})
    assert [single.target("full_online", year) for year in (2023, 2024)] == [61, 70]


@pytest.mark.parametrize("percent", ["0", "100", "97.5", "200/3", 60])
def test_a_percentage_is_exact(percent):
    assert target(percent).percent == Fraction(str(percent))


@pytest.mark.parametrize(
    "percent", [97.5, True, "100.01", "-1", "1/0", "sáu mươi", "1e5", "97,5", ""]
)
def test_what_is_no_exact_percentage_is_refused(percent):
    with pytest.raises(ValidationError):
        target(percent)


@pytest.mark.parametrize("period", ["2023-13", "2023-Q5", "2023-9", "23", "2023-Q0", "*-", "quý 3"])
def test_what_is_no_period_is_refused(period):
    with pytest.raises(ValidationError):
        target("1", period)


def test_a_book_refuses_what_has_no_single_answer():
    with pytest.raises(ValueError, match="two targets"):
        BOOK.with_targets([target("1", "2023-01"), target("2", "2023-01")])
    with pytest.raises(ValueError, match="unknown"):
        BOOK.with_targets([target("1", indicator="x")])
    with pytest.raises(ValueError, match="for all"):
        Book.model_validate(
            {
                "code": "x",
                "version": 1,
                "title": "t",
                "document": "d",
                "indicator": [BOOK.indicators[0]],
                "target": [],
            }
        )


def test_the_head_of_a_roadmap_speaks_for_its_targets():
    one = {"indicator": "full_online", "percent": "50"}
    raw = {
        "book": "dak-ha-2023",
        "unit": "23500",
        "document": "KH 5",
        "valid_from": date(2023, 3, 1),
        "target": [one, {**one, "level": "commune"}, {**one, "unit": "23503", "document": "KH 6"}],
    }
    first, second, third = Roadmap.model_validate(raw).targets
    assert (first.unit, first.document, first.valid_from) == ("23500", "KH 5", date(2023, 3, 1))
    assert (second.unit, second.level) == (None, "commune")
    assert (third.unit, third.document) == ("23503", "KH 6")


def test_roadmaps_of_a_folder_join_the_book_that_they_name(tmp_path):
    one = 'indicator = "full_online"\nperiod = "2023-09"\npercent = "7"\ndocument = "d"\n'
    text = f"[[target]]\n{one}"
    (tmp_path / "a.toml").write_text('book = "dak-ha-2023"\n' + text)
    (tmp_path / "b.toml").write_text('book = "other"\n' + text)

    assert asked(list(load_roadmaps(BOOK, tmp_path).targets[len(BOOK.targets) :]), SEPTEMBER) == "7"
    assert load_roadmaps(BOOK, tmp_path / "missing") == BOOK

    (tmp_path / "c.toml").write_text("book = 1")
    with pytest.raises(ValueError, match=r"c\.toml"):
        load_roadmaps(BOOK, tmp_path)
