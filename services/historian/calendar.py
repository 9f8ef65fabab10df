"""The working calendar into ClickHouse, where due moments are computed with it."""

import hashlib
from datetime import time, timedelta
from itertools import accumulate

from clickhouse_connect.driver.client import Client

from schemas.calendar import WorkingCalendar


def store_calendar(client: Client, calendar: WorkingCalendar) -> bool:
    """Have this calendar in force; False when it is already.

    A question sees the calendar before or this one, never a part: its days and hours stand under
    a name of their own, and the line that puts them in force is written last.
    """
    name = _name(calendar)
    newest = "SELECT argMax(calendar, loaded_at) FROM calendars"
    if client.query(newest).result_rows == [(name,)]:
        return False
    days = len(calendar.working)
    # working days before each day
    before = [0, *accumulate(map(int, calendar.working))][:-1]
    client.insert(
        "calendar_days",
        [
            [name] * days,
            [calendar.first + timedelta(n) for n in range(days)],
            list(calendar.working),
            before,
        ],
        column_names=["calendar", "day", "works", "working_days_before"],
        column_oriented=True,
    )
    client.insert(
        "office_hours",
        [[name, _ms(opens), _ms(closes)] for opens, closes in calendar.hours],
        column_names=["calendar", "opens_ms", "closes_ms"],
    )
    client.insert("calendars", [[name]], column_names=["calendar"])
    return True


def _name(calendar: WorkingCalendar) -> str:
    # a district edits its file and may forget the version: what the file says is in the name
    said = repr((calendar.first, calendar.working, calendar.hours)).encode()
    return f"{calendar.version}/{hashlib.sha256(said).hexdigest()[:16]}"


def _ms(moment: time) -> int:
    return (moment.hour * 60 + moment.minute) * 60_000
