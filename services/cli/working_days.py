"""Tells working days and hours as one counts them on a calendar."""

from collections.abc import Iterator
from datetime import time

import holidays

from schemas.registry import Procedure
from services.cli.case import day_told
from services.cli.say import number
from streams.core.days import local_day, to_date
from streams.core.working_time import WorkingTime

_MOST_DAYS = 31
"""Days that are listed one by one; a longer time is told by its ends."""


def limit_told(
    work: WorkingTime, procedure: Procedure, received_at: int, due: int
) -> Iterator[str]:
    """The days of a time limit one by one, as one would count them on a calendar."""
    if procedure.hours is not None:
        yield f"Thời hạn {procedure.hours} giờ làm việc, tính từ lúc tiếp nhận."
        yield from days_off(work, local_day(received_at), local_day(due))
        return
    days = procedure.days or 0
    limit = "trong ngày" if days == 0 else f"{days} ngày làm việc"
    cut_off = procedure.cut_off
    yield (
        f"Thời hạn: {limit}. Giờ chốt {_clock(cut_off or work.calendar.hours[-1][1])}: tiếp nhận "
        "sau giờ này thì tính như tiếp nhận vào ngày làm việc sau."
    )
    day = local_day(received_at)
    start = work.start_of_clock(received_at, None if cut_off is None else _clock_ms(cut_off))
    if start != day:
        why = "Tiếp nhận sau giờ chốt" if work.is_working(day) else "Tiếp nhận vào ngày nghỉ"
        yield f"{why}: tính như tiếp nhận {day_told(start)}."
    if 0 < days <= _MOST_DAYS:
        counted = (work.plus_working_days(start, n) for n in range(1, days + 1))
        yield "Ngày làm việc: " + ", ".join(f"{n}. {day_told(d)}" for n, d in enumerate(counted, 1))
    yield from days_off(work, day, local_day(due))


def days_off(work: WorkingTime, first: int, last: int) -> Iterator[str]:
    """The days off between two days, both included, and the weekend days that are worked."""
    public = holidays.country_holidays("VN", language="vi")
    off, worked = [], []
    for day in range(first, last + 1):
        on = to_date(day)
        weekend = on.weekday() >= 5
        if not work.is_working(day):
            name = public.get(on)
            why = f" ({name})" if name else "" if weekend else " (hoán đổi ngày làm việc)"
            off.append(f"{day_told(day)}{why}")
        elif weekend:
            worked.append(day_told(day))
    if off:
        yield "Không tính ngày nghỉ: " + ", ".join(off)
    if worked:
        yield "Làm bù, có tính: " + ", ".join(worked)


def day_by_day(work: WorkingTime, start: int, end: int) -> Iterator[str]:
    """How the working time between two moments spreads over days, where it is more than one."""
    first, last = local_day(start), local_day(end)
    if not first < last <= first + _MOST_DAYS:
        return
    worked = []
    for day in range(first, last + 1):
        begun, ended = max(start, work.close_of(day - 1)), min(end, work.close_of(day))
        ms = work.worked(ended) - work.worked(begun)
        if ms:
            worked.append(f"{day_told(day)}: {duration(ms)}")
    if worked:
        yield "Trong đó: " + "; ".join(worked)
    yield from days_off(work, first, last)


def duration(ms: int) -> str:
    """So much time in hours, minutes and, where there are some, seconds."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    said = [f"{number(hours)} giờ"] if hours or not minutes + seconds else []
    said += [f"{minutes:02d} phút"] if minutes else []
    said += [f"{seconds:02d} giây"] if seconds else []
    return " ".join(said)


def _clock(of_day: time) -> str:
    return f"{of_day:%H:%M}"


def _clock_ms(of_day: time) -> int:
    return (of_day.hour * 60 + of_day.minute) * 60_000
