"""Local time of the offices, and whether they work: decides whether silence is an alarm."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

from streams.core.days import DAY_MS, UTC_OFFSET_MS, day_number, milliseconds
from streams.core.working_time import UnknownDay, WorkingTime

LOCAL = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
"""UTC+7 without daylight saving since 1975."""

_AFTER_CLOSE_MS = 30 * 60_000
"""Somebody finishes the last dossier of the day."""
_SATURDAY = 5
_DAYS = 14
"""So many days a screen without its server can go on counting working time."""
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class CalendarView:
    """What a screen needs to count working time by itself, from a day on."""

    midnight_ms: int
    """Beginning of the day, milliseconds since the epoch."""
    working: tuple[int, ...]
    """1 for each day, from that one on, on which offices work."""
    shifts: tuple[tuple[int, int], ...]
    """Minutes of the day."""
    worked: int
    """Working minutes from the calendar's beginning to that midnight."""


class OfficeHours:
    """The working calendar for screens. Where it ends, Monday to Friday count as working days."""

    def __init__(self, work: WorkingTime) -> None:
        self.work = work

    def working(self, moment: datetime) -> bool:
        """Whether offices work at this moment, or have a break; public holidays are known."""
        at = local(moment)
        of_day = (milliseconds(moment) + UTC_OFFSET_MS) % DAY_MS
        if not self.work.opens <= of_day < self.work.closes + _AFTER_CLOSE_MS:
            return False
        try:
            return self.work.is_working(day_number(at.date()))
        except UnknownDay:
            return at.weekday() < _SATURDAY

    def worked_s(self, since: datetime, until: datetime) -> float:
        """Working seconds between the moments; all of them where the calendar ends."""
        try:
            between = self.work.worked(milliseconds(until)) - self.work.worked(milliseconds(since))
        except UnknownDay:
            return (until - since).total_seconds()
        return between / 1000

    def worked_minutes(self, moment: datetime) -> int | None:
        """From the calendar's beginning to this moment; None where it ends before."""
        try:
            return self.work.worked(milliseconds(moment)) // _MINUTE_MS
        except UnknownDay:
            return None

    def calendar(self, today: date) -> CalendarView | None:
        """From this day on; None where the calendar ends before."""
        first = day_number(today)
        working = []
        for day in range(first, first + _DAYS):
            try:
                working.append(int(self.work.is_working(day)))
            except UnknownDay:
                break
        if not working:
            return None
        midnight = first * DAY_MS - UTC_OFFSET_MS
        shifts = tuple(
            (60 * start.hour + start.minute, 60 * end.hour + end.minute)
            for start, end in self.work.calendar.hours
        )
        return CalendarView(
            midnight, tuple(working), shifts, self.work.worked(midnight) // _MINUTE_MS
        )


def local(moment: datetime) -> datetime:
    """The moment on the offices' clock."""
    return moment.astimezone(LOCAL)


def utc_now() -> datetime:
    """The clock of the process."""
    return datetime.now(UTC)
