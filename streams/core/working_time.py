"""Working time: how much of it lies before a moment, and when so much more of it will have passed.

Everything is integers: moments and amounts are milliseconds, days are local day numbers (see
``streams.core.days``). ClickHouse computes the same in SQL, and both are compared.
"""

from datetime import time
from itertools import accumulate

from schemas.calendar import WorkingCalendar
from schemas.registry import Procedure
from streams.core.days import DAY_MS, UTC_OFFSET_MS, day_number, local_day, to_date


class UnknownDay(LookupError):
    """The calendar does not list the year of this day; the message says which file to extend."""


class WorkingTime:
    """A calendar made fit for computing with. Immutable."""

    def __init__(self, calendar: WorkingCalendar) -> None:
        self.calendar = calendar
        self._first = day_number(calendar.first)
        self._working = calendar.working
        # working days before each day; one more entry than days
        self._before = [0, *accumulate(int(w) for w in calendar.working)]
        self._days = [self._first + n for n, w in enumerate(calendar.working) if w]
        self._shifts = [(_ms(start), _ms(end)) for start, end in calendar.hours]
        self.day_ms = sum(end - start for start, end in self._shifts)
        self.opens, self.closes = self._shifts[0][0], self._shifts[-1][1]

    def is_working(self, day: int) -> bool:
        """Whether offices work on this day."""
        return self._working[self._index(day)]

    def next_working_day(self, day: int) -> int:
        """The first working day after this one."""
        return self._nth(self._before[self._index(day) + 1])

    def plus_working_days(self, day: int, n: int) -> int:
        """The n-th working day after this one (n >= 1); the day itself for n = 0."""
        return day if n == 0 else self._nth(self._before[self._index(day) + 1] + n - 1)

    def worked(self, at: int) -> int:
        """Working milliseconds from the calendar's beginning to this moment."""
        day = local_day(at)
        index = self._index(day)
        whole = self._before[index] * self.day_ms
        if not self._working[index]:
            return whole
        of_day = (at + UTC_OFFSET_MS) % DAY_MS
        return whole + sum(min(max(of_day - start, 0), end - start) for start, end in self._shifts)

    def moment_when(self, worked: int) -> int:
        """The first moment with so much working time before it; a day's end stays that day's."""
        days, left = divmod(worked - 1, self.day_ms)
        left += 1
        day = self._nth(days)
        for start, end in self._shifts:
            if left <= end - start:
                return day * DAY_MS - UTC_OFFSET_MS + start + left
            left -= end - start
        raise AssertionError("a day's shifts are its working time")

    def close_of(self, day: int) -> int:
        """The moment at which offices close on this day."""
        return day * DAY_MS - UTC_OFFSET_MS + self.closes

    def start_of_clock(self, received_at: int, cut_off_ms: int | None) -> int:
        """The working day on which a dossier counts as received.

        After the cut-off (milliseconds of the local day; None: the close), or on a day off, it is
        the next working day.
        """
        day = local_day(received_at)
        of_day = (received_at + UTC_OFFSET_MS) % DAY_MS
        if self.is_working(day) and of_day <= (self.closes if cut_off_ms is None else cut_off_ms):
            return day
        return self.next_working_day(day)

    def due_after_days(self, received_at: int, days: int, cut_off_ms: int | None) -> int:
        """The close of the n-th working day after reception; 0: the same day."""
        return self.close_of(
            self.plus_working_days(self.start_of_clock(received_at, cut_off_ms), days)
        )

    def due_after_hours(self, received_at: int, hours: int) -> int:
        """The moment at which so many working hours have passed since reception."""
        return self.moment_when(self.worked(received_at) + hours * 3_600_000)

    def owed(self, procedure: Procedure, received_at: int) -> int | None:
        """The due moment by the procedure's time limit; None when the catalogue names none."""
        if procedure.hours is not None:
            return self.due_after_hours(received_at, procedure.hours)
        if procedure.days is None:
            return None
        cut_off = None if procedure.cut_off is None else _ms(procedure.cut_off)
        return self.due_after_days(received_at, procedure.days, cut_off)

    def later(self, due: int, paused: int) -> int:
        """The due moment moved by so much working time; 0 leaves it where it is."""
        return self.moment_when(self.worked(due) + paused) if paused else due

    def _index(self, day: int) -> int:
        index = day - self._first
        if not 0 <= index < len(self._working):
            raise self._unknown(day)
        return index

    def _nth(self, n: int) -> int:
        if n >= len(self._days):
            raise self._unknown(self._first + len(self._working))
        return self._days[n]

    def _unknown(self, day: int) -> UnknownDay:
        year = to_date(day).year
        known = f"{self.calendar.first.year}-{to_date(self._first + len(self._working) - 1).year}"
        return UnknownDay(
            f"working days near {year} are unknown ({known} are known); "
            f"extend {self.calendar.extend} with the year's notice"
        )


def _ms(moment: time) -> int:
    return (moment.hour * 60 + moment.minute) * 60_000
