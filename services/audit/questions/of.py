"""What every question shares: which dossiers it is about, and how days and moments are bound.

Values reach ClickHouse as bound parameters only; no SQL is ever put together here.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from schemas.books import Book, Period
from schemas.events import END_OF_TIME, EPOCH
from schemas.registry import Registry
from services.audit.settled import Clocks, Extent, Settled, bound_moment, extent, sql
from streams.core.days import DAY_MS, UTC_OFFSET_MS, day_number, milliseconds, moment
from streams.core.lineage import Lineage, Stretch, stretches
from streams.core.receptions import judged_at

_FIRST_DAY, _LAST_DAY = EPOCH.date(), END_OF_TIME.date()


@dataclass(frozen=True, slots=True)
class Question:
    """A book over a period, of one unit or of all, at two clocks."""

    book: Book
    period: Period
    unit: str | None
    clocks: Clocks
    officer: str | None = None
    """Empty: the dossiers of which nobody knows the officer."""
    lineage: Lineage = "old"


class Source(NamedTuple):
    """Whom a question is put to, and when."""

    client: Client
    settled: Settled
    registry: Registry
    asked_at: datetime


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


class Opened(NamedTuple):
    """A question whose dossiers are there."""

    of: Of
    plan: Sequence[Stretch]
    clocks: Clocks
    """Those of the question; of a book of receptions ``as_of`` is the moment whose state counts."""
    at: datetime
    """The last moment that the question can see: of its period, its clocks, and of now."""

    def counted(self, book: Book, n: int = 0) -> dict[str, Any]:
        """The parameters of the part ``counted`` for the stretch of this number."""
        return counted(book, self.plan[n].period, self.clocks, self.at, opening=n == 0)

    def codes(self, n: int, unit: str | None) -> list[str]:
        """Codes whose dossiers of that stretch are shown under the unit, or under any."""
        holders = self.plan[n].holders
        return [code for code, holder in holders.items() if unit in (None, holder.code)]


@contextmanager
def opened(source: Source, question: Question) -> Iterator[Opened]:
    """The dossiers that the question is about, until the context ends.

    Raises :class:`~streams.core.lineage.UnitSplit`.
    """
    clocks = judged(question.book, question.period, question.clocks, source.asked_at)
    of_code = question.unit if question.lineage == "old" else None
    there = extent(source.client, source.settled, of_code).offsets
    plan = stretches(source.registry, there, question.period, question.lineage, question.unit)
    asked = Extent({code: there[code] for code in plan[0].holders}, open_ended=True)
    with source.settled.dossiers(source.client, asked, clocks, fresh=True) as dossiers:
        of = Of(source.client, dossiers, asked, question.officer)
        yield Opened(of, plan, clocks, last_seen(question.period, clocks, source.asked_at))


def counted(
    book: Book, period: Period, clocks: Clocks, at: datetime, *, opening: bool
) -> dict[str, Any]:
    """The parameters of the part ``counted``, but for which dossiers."""
    return {
        **days(period),
        "as_of": bound_moment(clocks.as_of),
        "at": bound_moment(at),
        "population": book.population,
        "opening": opening,
    }


def last_seen(period: Period, clocks: Clocks, asked_at: datetime) -> datetime:
    """The last moment of the period, or the earliest that the clocks or the asking allow."""
    asked = (clocks.as_of, clocks.known_at, asked_at)
    return moment(judged_at(period, *map(milliseconds, asked)))


def judged(book: Book, period: Period, clocks: Clocks, computed_at: datetime) -> Clocks:
    """The clocks, for a book of receptions with the moment at which its dossiers are judged."""
    if not book.needs_history:
        return clocks
    return replace(clocks, as_of=last_seen(period, clocks, computed_at))


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
