"""What a wall's address may ask for. A wrong parameter is answered in words.

What only changes how a screen looks (pages, scale, schedules, limits of freshness) is read by the
browser; here is what is computed for it, and what the page is delivered with.
"""

import calendar
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import ValidationError

from schemas.books import Period
from schemas.registry import Registry

ALL_UNITS = "toan-huyen"
_UNIT_PREFIX = "don-vi:"
Theme = Literal["dark", "light", "auto"]
Language = Literal["vi", "en"]
_THEMES: tuple[Theme, ...] = ("dark", "light", "auto")
_LANGUAGES: tuple[Language, ...] = ("vi", "en")
_YEAR = re.compile(r"((?:19|20)\d\d)")
_QUARTER = re.compile(r"((?:19|20)\d\d)-Q([1-4])", re.IGNORECASE)
_MONTH = re.compile(r"((?:19|20)\d\d)-(0[1-9]|1[0-2])")
_DAYS = re.compile(r"((?:19|20)\d\d-\d\d-\d\d)\.\.((?:19|20)\d\d-\d\d-\d\d)")


@dataclass(frozen=True, slots=True)
class Selection:
    """What a view is computed for; equal selections share one."""

    unit: str | None
    """None: all units together."""
    period: Period
    period_title: str
    """Vietnamese, as the header shows it."""
    officer: str | None = None
    """Only the dossiers that this officer of the unit answers for."""


@dataclass(frozen=True, slots=True)
class WallQuery:
    """A wall's address, understood."""

    selection: Selection
    theme: Theme
    language: Language


@dataclass(frozen=True, slots=True)
class Refusal:
    """A parameter that cannot be used, with what would be right."""

    parameter: str
    value: str
    message: str
    message_vi: str


def understand(
    parameters: Mapping[str, str], registry: Registry, live_units: Container[str], today: date
) -> WallQuery | Refusal:
    """The query of these parameters; what is not given has its default, others are ignored.

    ``today`` is the day in Asia/Ho_Chi_Minh: its year is the default period.
    """
    scope = parameters.get("scope", ALL_UNITS)
    unit = scope.removeprefix(_UNIT_PREFIX) if scope.startswith(_UNIT_PREFIX) else None
    if unit is None and scope != ALL_UNITS:
        return Refusal(
            "scope", scope,
            f"use {ALL_UNITS} or {_UNIT_PREFIX}<unit code>",
            f"dùng {ALL_UNITS} hoặc {_UNIT_PREFIX}<mã đơn vị>",
        )  # fmt: skip
    if unit is not None and registry.latest_unit(unit) is None and unit not in live_units:
        return Refusal(
            "scope", scope,
            "no unit has this code, neither in the registry nor among the dossiers",
            "không có đơn vị nào mang mã này trong danh mục hoặc trong số liệu",
        )  # fmt: skip
    officer = parameters.get("officer") or None
    if officer is not None and unit is None:
        return Refusal(
            "officer", officer,
            f"an officer belongs to a unit: give scope={_UNIT_PREFIX}<unit code> as well",
            f"cán bộ thuộc một đơn vị: hãy ghi thêm scope={_UNIT_PREFIX}<mã đơn vị>",
        )  # fmt: skip
    text = parameters.get("period", str(today.year))
    found = _period(text)
    if found is None:
        return Refusal(
            "period", text,
            "use a year (2023), a quarter (2023-Q3), a month (2023-09) or days "
            "(2023-01-01..2023-06-30)",
            "dùng năm (2023), quý (2023-Q3), tháng (2023-09) hoặc khoảng ngày "
            "(2023-01-01..2023-06-30)",
        )  # fmt: skip
    period, title = found
    if until := parameters.get("as_of"):
        clipped = _until(period, until)
        if clipped is None:
            return Refusal(
                "as_of", until,
                f"use a day of the period: {period.first} … {period.last}",
                f"dùng một ngày trong kỳ: {period.first} … {period.last}",
            )  # fmt: skip
        period, title = clipped, f"{title} · đến {clipped.last:%d/%m/%Y}"
    theme = next((t for t in _THEMES if t == parameters.get("theme", "dark")), None)
    if theme is None:
        return Refusal(
            "theme", parameters["theme"], "use dark, light or auto",
            "dùng dark (tối), light (sáng) hoặc auto (theo giờ)",
        )  # fmt: skip
    language = next((n for n in _LANGUAGES if n == parameters.get("lang", "vi")), None)
    if language is None:
        return Refusal("lang", parameters["lang"], "use vi or en", "dùng vi hoặc en")
    return WallQuery(Selection(unit, period, title, officer), theme, language)


def _until(period: Period, text: str) -> Period | None:
    """The period up to this day; None when that is no day of it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return Period(first=period.first, last=day) if period.first <= day <= period.last else None


def _period(text: str) -> tuple[Period, str] | None:
    if match := _YEAR.fullmatch(text):
        year = int(match[1])
        return Period(first=date(year, 1, 1), last=date(year, 12, 31)), f"Năm {year}"
    if match := _QUARTER.fullmatch(text):
        year, quarter = int(match[1]), int(match[2])
        roman = ("I", "II", "III", "IV")[quarter - 1]
        return _months(year, 3 * quarter - 2, 3 * quarter), f"Quý {roman} năm {year}"
    if match := _MONTH.fullmatch(text):
        year, month = int(match[1]), int(match[2])
        return _months(year, month, month), f"Tháng {month} năm {year}"
    if match := _DAYS.fullmatch(text):
        try:
            first, last = date.fromisoformat(match[1]), date.fromisoformat(match[2])
            period = Period(first=first, last=last)
        except (ValueError, ValidationError):
            return None
        return period, f"{first:%d/%m/%Y} – {last:%d/%m/%Y}"
    return None


def _months(year: int, first: int, last: int) -> Period:
    end = calendar.monthrange(year, last)[1]
    return Period(first=date(year, first, 1), last=date(year, last, end))
