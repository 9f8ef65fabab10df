"""What every question shares: which dossiers it is about, and how days and moments are bound.

Values reach ClickHouse as bound parameters only; no SQL is ever put together here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from schemas.books import Book, Period
from schemas.events import END_OF_TIME, EPOCH
from services.audit.settled import Clocks, Extent, sql
from streams.core.days import DAY_MS, UTC_OFFSET_MS, day_number, milliseconds, moment
from streams.core.receptions import judged_at

_FIRST_DAY, _LAST_DAY = EPOCH.date(), END_OF_TIME.date()


class Of(NamedTuple):
    """Which dossiers are asked about: those of the units in the table, of one officer or of all."""

    client: Client
    dossiers: str
    asked: Extent
    officer: str | None = None
    """Empty: the dossiers of which nobody knows the officer."""
    settings: Mapping[str, Any] | None = None

    def query(self, question: str, **parameters: Any) -> Sequence[Sequence[Any]]:
        bound = {
            "dossiers": self.dossiers,
            "units": list(self.asked.offsets),
            "officers": [] if self.officer is None else [self.officer],
        }
        found = self.client.query(sql(question), {**bound, **parameters}, dict(self.settings or {}))
        return found.result_rows


def judged(book: Book, period: Period, clocks: Clocks, computed_at: datetime) -> Clocks:
    """The clocks, for a book of receptions with the moment at which its dossiers are judged."""
    if not book.needs_history:
        return clocks
    asked = (clocks.as_of, clocks.known_at, computed_at)
    return replace(clocks, as_of=moment(judged_at(period, *map(milliseconds, asked))))


def days(period: Period) -> dict[str, str]:
    """The period as two parameters of type ``Date32``."""
    # nothing happens outside these bounds, and ClickHouse's days do not reach much further
    first, last = max(period.first, _FIRST_DAY), min(period.last, _LAST_DAY)
    return {"first": first.isoformat(), "last": last.isoformat()}


def midnight_ms(day: date) -> int:
    """When the day begins in Việt Nam, in milliseconds since the epoch."""
    return day_number(day) * DAY_MS - UTC_OFFSET_MS


def aware(moment: datetime | None) -> datetime | None:
    """With the zone that ClickHouse leaves out: its columns are in UTC."""
    return None if moment is None else moment.replace(tzinfo=UTC)
