"""What a wall's address may ask for, and what it answers to a wrong one."""

from datetime import date

import pytest

from schemas.books import Period
from schemas.registry import load_registry
from services.wall.parameters import Refusal, Selection, WallQuery, understand

REGISTRY = load_registry()
TODAY = date(2023, 11, 10)


def test_nothing_given_means_all_units_this_year_in_the_dark_theme() -> None:
    found = understand({}, REGISTRY, (), TODAY)
    year = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))
    assert found == WallQuery(Selection(None, year, "Năm 2023"), "dark", "vi")


@pytest.mark.parametrize(
    ("text", "first", "last", "title"),
    [
        ("2022", date(2022, 1, 1), date(2022, 12, 31), "Năm 2022"),
        ("2023-Q3", date(2023, 7, 1), date(2023, 9, 30), "Quý III năm 2023"),
        ("2023-q1", date(2023, 1, 1), date(2023, 3, 31), "Quý I năm 2023"),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29), "Tháng 2 năm 2024"),
        (
            "2010-01-01..2012-12-31", date(2010, 1, 1), date(2012, 12, 31),
            "01/01/2010 – 31/12/2012",
        ),
    ],
)  # fmt: skip
def test_periods(text: str, first: date, last: date, title: str) -> None:
    found = understand({"period": text}, REGISTRY, (), TODAY)
    assert isinstance(found, WallQuery)
    assert found.selection == Selection(None, Period(first=first, last=last), title)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"period": "2023-Q5"}, "2023-Q3"),
        ({"period": "2023-13"}, "2023-09"),
        ({"period": "2023-02-30..2023-03-01"}, "khoảng ngày"),
        ({"period": "2023-03-02..2023-03-01"}, "khoảng ngày"),
        ({"period": "9999"}, "năm (2023)"),
        ({"scope": "huyen"}, "toan-huyen"),
        ({"scope": "don-vi:"}, "không có đơn vị"),
        ({"scope": "don-vi:99999"}, "không có đơn vị"),
        ({"theme": "blue"}, "light"),
        ({"lang": "fr"}, "en"),
        ({"officer": "cb01"}, "scope=don-vi:"),
        ({"as_of": "2022-12-31"}, "2023-01-01 … 2023-12-31"),
        ({"as_of": "today"}, "2023-12-31"),
    ],
)
def test_a_wrong_parameter_is_answered_with_what_would_be_right(
    parameters: dict[str, str], named: str
) -> None:
    found = understand(parameters, REGISTRY, (), TODAY)
    assert isinstance(found, Refusal)
    assert {found.parameter: found.value} == parameters
    assert named in found.message_vi


def test_a_unit_is_known_from_the_registry_or_from_its_dossiers() -> None:
    """A unit that nobody has registered still has dossiers to show."""
    for parameters, live in (({"scope": "don-vi:23509"}, ()), ({"scope": "don-vi:x1"}, ("x1",))):
        found = understand(parameters, REGISTRY, live, TODAY)
        assert isinstance(found, WallQuery)
        assert f"don-vi:{found.selection.unit}" == parameters["scope"]


def test_a_day_ends_the_period_and_says_so() -> None:
    found = understand({"period": "2023-Q3", "as_of": "2023-08-31"}, REGISTRY, (), TODAY)
    assert isinstance(found, WallQuery)
    period = Period(first=date(2023, 7, 1), last=date(2023, 8, 31))
    assert found.selection == Selection(None, period, "Quý III năm 2023 · đến 31/08/2023")


def test_an_officer_belongs_to_a_unit() -> None:
    found = understand({"scope": "don-vi:23509", "officer": "cb01"}, REGISTRY, (), TODAY)
    assert isinstance(found, WallQuery)
    assert (found.selection.unit, found.selection.officer) == ("23509", "cb01")
