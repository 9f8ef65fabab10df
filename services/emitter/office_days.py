"""Moments of the simulator as local seconds, and the days on which invented offices are open."""

from datetime import date, datetime, timedelta

import holidays

DAY_S = 86_400
SHIFTS = ((7 * 3600, 11 * 3600 + 1800), (13 * 3600 + 1800, 17 * 3600))
"""Office hours, in seconds of the day."""
CLOSE_S = SHIFTS[-1][1]
WORK_S = sum(end - start for start, end in SHIFTS)
"""Of one day."""

_PUBLIC = holidays.country_holidays("VN")
_dates: dict[int, str] = {}


def seconds(at: datetime) -> int:
    """Local seconds since the first day of the calendar; the zone is dropped."""
    return at.toordinal() * DAY_S + at.hour * 3600 + at.minute * 60 + at.second


def iso(at: int) -> str:
    """The moment as an emitter writes it, in Asia/Ho_Chi_Minh."""
    day, second = divmod(at, DAY_S)
    text = _dates.get(day)
    if text is None:
        # remembered: a year has few days and many moments
        text = _dates[day] = date.fromordinal(day).isoformat()
    hours, rest = divmod(second, 3600)
    return f"{text}T{hours:02d}:{rest // 60:02d}:{rest % 60:02d}+07:00"


def last_working_day(before: date) -> date:
    """The last day before this one on which offices were open."""
    day = before - timedelta(days=1)
    while not is_working(day):
        day -= timedelta(days=1)
    return day


def is_working(day: date) -> bool:
    """Monday to Friday, but for public holidays.

    Swap days are not known here: invented people may rest on them. Nor may a demonstration end in
    a year for which nobody has checked the calendar that due moments are computed with.
    """
    return day.weekday() < 5 and day not in _PUBLIC


class OfficeDays:
    """Working days as ordinals, some way beyond the period; beyond that every day works."""

    def __init__(self, first: date, last: date) -> None:
        self.last = last.toordinal()
        span = range(first.toordinal(), self.last + 150)
        self.days = [day for day in span if is_working(date.fromordinal(day))]
        self._position = dict.fromkeys(span, 0)
        position = 0
        for day in span:
            # of the first working day from this one on
            self._position[day] = position
            if position < len(self.days) and self.days[position] == day:
                position += 1

    def is_working(self, day: int) -> bool:
        return self.plus(day, 0) == day

    def plus(self, day: int, working_days: int) -> int:
        """So many working days later; 0: the day itself, or the next working day."""
        position = self._position.get(day, len(self.days)) + working_days
        if position < len(self.days):
            return self.days[position]
        return self.days[-1] + 1 + position - len(self.days)

    def next_working(self, day: int) -> int:
        """The first working day after this one."""
        return self.plus(day + 1, 0)

    def between(self, day: int, later: int) -> int:
        """How many working days lie between."""
        end = len(self.days)
        return self._position.get(later, end) - self._position.get(day, end)

    def in_office(self, at: int) -> int:
        """This moment, or the first quarter of an hour in which somebody is there again."""
        day, second = divmod(at, DAY_S)
        if not self.is_working(day) or second >= SHIFTS[1][1]:
            return self.next_working(day) * DAY_S + SHIFTS[0][0] + second % 900
        for opens, closes in SHIFTS:
            if second < opens:
                return day * DAY_S + opens + second % 900
            if second < closes:
                return at
        raise AssertionError("a moment before the close lies before or in a shift")

    def worked(self, at: int) -> int:
        """Seconds of office hours before this moment, from a beginning that does not matter."""
        day, second = divmod(at, DAY_S)
        whole = self._position.get(day, len(self.days)) * WORK_S
        if not self.is_working(day):
            return whole
        return whole + sum(min(max(second - start, 0), end - start) for start, end in SHIFTS)

    def after(self, at: int, work_s: int) -> int:
        """The moment at which so many further seconds of office hours have passed."""
        if not work_s:
            return at
        days, left = divmod(self.worked(at) + work_s - 1, WORK_S)
        left += 1
        day = self.plus(self.days[0], days)
        for start, end in SHIFTS:
            if left <= end - start:
                return day * DAY_S + start + left
            left -= end - start
        raise AssertionError("a day's shifts are its working time")
