"""Working days and office hours as data: the package ``holidays`` and a dated override file.

The file lists each year that somebody has checked against its notice; any other year is unknown.
"""

import tomllib
from datetime import date, time, timedelta
from importlib import metadata, resources
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CalendarYear(_Data):
    """What the package does not know of a year, and where it is written."""

    year: int = Field(ge=1976, le=2100)
    source: str
    working: tuple[date, ...] = ()
    """Weekend days on which offices work (swap days)."""
    free: tuple[date, ...] = ()
    """Weekdays off besides those of the package."""

    @model_validator(mode="after")
    def _of_this_year(self) -> Self:
        for day in (*self.working, *self.free):
            if day.year != self.year:
                raise ValueError(f"{day} is not in {self.year}")
        return self


class CalendarFile(_Data):
    """The override file."""

    version: str
    country: str
    hours: tuple[tuple[time, time], ...]
    years: tuple[CalendarYear, ...] = Field(alias="year")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        listed = [y.year for y in self.years]
        if listed != list(range(listed[0], listed[0] + len(listed))):
            raise ValueError("years must be listed in order, none left out")
        moments = [moment for shift in self.hours for moment in shift]
        if not moments or moments != sorted(set(moments)):
            raise ValueError("office hours must be ascending and must not overlap")
        return self


class WorkingCalendar(_Data):
    """Every day from ``first`` on, and whether offices work on it."""

    version: str
    """Of the file and of the package, for provenance."""
    first: date
    working: tuple[bool, ...]
    """One for each day from ``first``."""
    hours: tuple[tuple[time, time], ...]
    """Local time; the same on every working day."""
    extend: str
    """Which file to extend for a further year."""


def shipped_file() -> Path:
    """The override file that comes with the product."""
    return Path(str(resources.files("schemas") / "calendar_data" / "vn.toml"))


def load_calendar(file: Path | None = None) -> WorkingCalendar:
    """The calendar of the listed years.

    Raises ``ValueError`` for a file that is not one.
    """
    file = file or shipped_file()
    read = CalendarFile.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    years = [y.year for y in read.years]
    # here, for it takes a fifth of a second and many who know this module load no calendar
    import holidays

    try:
        public = holidays.country_holidays(read.country, years=years)
    except NotImplementedError as error:
        raise ValueError(f"the package holidays knows no country {read.country}") from error
    forced = {d: True for y in read.years for d in y.working}
    forced |= {d: False for y in read.years for d in y.free}
    first, last = date(years[0], 1, 1), date(years[-1], 12, 31)
    days = (first + timedelta(n) for n in range((last - first).days + 1))
    return WorkingCalendar(
        version=f"{read.version}+holidays-{metadata.version('holidays')}",
        first=first,
        working=tuple(forced.get(d, d.weekday() < 5 and d not in public) for d in days),
        hours=read.hours,
        extend=str(file),
    )
