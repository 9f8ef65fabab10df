"""Working days, due moments and pauses: cases counted by hand on the notices' calendars."""

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.calendar import load_calendar, shipped_file
from streams.core.days import DAY_MS, day_number, local_day, milliseconds, moment
from streams.core.working_time import UnknownDay, WorkingTime

HANOI = timezone(timedelta(hours=7))
WORK = WorkingTime(load_calendar())
HOUR = 3_600_000
THREE_PM = 15 * HOUR


def at(text: str) -> int:
    """Milliseconds of a local moment."""
    return milliseconds(datetime.fromisoformat(text).replace(tzinfo=HANOI))


def local(ms: int) -> str:
    """The local moment of milliseconds, as it is written in the cases."""
    return moment(ms).astimezone(HANOI).strftime("%Y-%m-%dT%H:%M")


# far enough from the calendar's end for any pause between two of them
past_moments = st.integers(at("2022-02-01T00:00"), at("2023-12-31T23:59"))
moments = st.integers(at("2022-02-01T00:00"), at("2026-06-30T23:59"))


@pytest.mark.parametrize(
    ("day", "works", "why"),
    [
        ("2023-01-19", True, "Thursday before Tết Quý Mão"),
        ("2023-01-20", False, "29 tháng Chạp"),
        ("2023-01-26", False, "last day of the seven of Tết 2023"),
        ("2023-01-27", True, "back at work"),
        ("2023-05-02", False, "Giỗ Tổ fell on a Saturday: made up for"),
        ("2023-05-03", False, "30/4 fell on a Sunday: made up for"),
        ("2023-09-01", False, "day before Quốc khánh"),
        ("2023-09-04", False, "02/9 fell on a Saturday: made up for"),
        ("2024-02-14", False, "last day of Tết Giáp Thìn"),
        ("2024-04-18", False, "Giỗ Tổ 10/3 âm lịch"),
        ("2024-04-29", False, "swapped"),
        ("2024-05-04", True, "Saturday worked for 29/4"),
        ("2025-04-26", True, "Saturday worked for 02/5"),
        ("2025-05-02", False, "swapped"),
        ("2026-01-02", False, "swapped"),
        ("2026-01-10", True, "Saturday worked for 02/01"),
        ("2026-04-27", False, "Giỗ Tổ fell on a Sunday: made up for"),
        ("2026-08-22", True, "Saturday worked for 31/8"),
        ("2026-08-31", False, "swapped"),
        ("2023-06-10", False, "an ordinary Saturday"),
    ],
)
def test_the_calendar_is_that_of_the_notices(day, works, why):
    """A due moment that forgets a swap day calls an office late that was not."""
    assert WORK.is_working(day_number(date.fromisoformat(day))) is works, why


@pytest.mark.parametrize(
    ("received", "days", "cut_off", "due", "why"),
    [
        ("2023-02-10T08:30", 1, THREE_PM, "2023-02-13T17:00", "Friday, one day: Monday"),
        ("2023-02-10T15:00", 1, THREE_PM, "2023-02-13T17:00", "at the cut-off is still in time"),
        ("2023-02-10T15:01", 1, THREE_PM, "2023-02-14T17:00", "after it: as if on Monday"),
        ("2023-02-10T15:01", 1, None, "2023-02-13T17:00", "no cut-off: until the close"),
        ("2023-02-10T17:01", 1, None, "2023-02-14T17:00", "after the close"),
        ("2023-02-11T09:00", 1, THREE_PM, "2023-02-14T17:00", "filed online on a Saturday"),
        ("2023-02-10T08:30", 0, THREE_PM, "2023-02-10T17:00", "the same day"),
        ("2023-02-10T15:30", 0, THREE_PM, "2023-02-13T17:00", "the same day, after 15:00"),
        ("2023-01-19T09:00", 1, THREE_PM, "2023-01-27T17:00", "over Tết 2023"),
        ("2023-01-19T15:30", 1, THREE_PM, "2023-01-30T17:00", "over Tết, after the cut-off"),
        ("2023-04-28T09:00", 3, THREE_PM, "2023-05-08T17:00", "29/4-03/5 off"),
        ("2023-08-31T09:00", 1, THREE_PM, "2023-09-05T17:00", "over Quốc khánh 2023"),
        ("2024-04-26T09:00", 1, THREE_PM, "2024-05-02T17:00", "29/4-01/5 off"),
        ("2024-05-03T09:00", 1, THREE_PM, "2024-05-04T17:00", "the worked Saturday counts"),
        ("2024-05-03T15:01", 1, THREE_PM, "2024-05-06T17:00", "received as on the Saturday"),
        ("2025-04-25T09:00", 1, THREE_PM, "2025-04-26T17:00", "worked Saturday 2025"),
        ("2025-04-29T09:00", 1, THREE_PM, "2025-05-05T17:00", "30/4-04/5 off"),
        ("2025-12-31T15:30", 1, THREE_PM, "2026-01-06T17:00", "01 and 02/01 off, Monday counts"),
        ("2026-01-08T09:00", 2, THREE_PM, "2026-01-10T17:00", "worked Saturday 2026"),
        ("2026-02-13T09:00", 1, THREE_PM, "2026-02-23T17:00", "over Tết Bính Ngọ"),
        ("2023-03-01T10:00", 15, None, "2023-03-22T17:00", "a building permit: 15 working days"),
        ("2023-02-10T08:30", 3, THREE_PM, "2023-02-15T17:00", "a household business: 3 days"),
    ],
)
def test_a_due_moment_is_counted_in_working_days(received, days, cut_off, due, why):
    """The citizen was told a date; the office is judged by it."""
    assert local(WORK.due_after_days(at(received), days, cut_off)) == due, why


@pytest.mark.parametrize(
    ("received", "hours", "due"),
    [
        ("2023-02-10T08:00", 2, "2023-02-10T10:00"),
        ("2023-02-10T10:30", 4, "2023-02-10T16:30"),
        ("2023-02-10T16:00", 2, "2023-02-13T08:00"),
        ("2023-02-10T09:30", 2, "2023-02-10T11:30"),
        ("2023-02-10T12:15", 1, "2023-02-10T14:30"),
        ("2023-02-11T12:00", 1, "2023-02-13T08:00"),
        ("2023-01-19T16:30", 1, "2023-01-27T07:30"),
        ("2023-02-10T07:00", 8, "2023-02-10T17:00"),
    ],
)
def test_a_procedure_in_hours_counts_office_hours(received, hours, due):
    """Lunch and night are not the office's time."""
    assert local(WORK.due_after_hours(at(received), hours)) == due


@pytest.mark.parametrize(
    ("due", "start", "end", "moved", "why"),
    [
        ("2023-02-13T17:00", "2023-02-10T08:00", "2023-02-14T09:00", "2023-02-16T08:00", "17 h"),
        ("2023-02-13T17:00", "2023-02-11T08:00", "2023-02-12T09:00", "2023-02-13T17:00", "weekend"),
        ("2023-01-19T17:00", "2023-01-19T16:00", "2023-01-27T08:00", "2023-01-27T09:00", "Tết"),
        ("2023-02-13T17:00", "2023-02-10T11:30", "2023-02-10T13:30", "2023-02-13T17:00", "lunch"),
        ("2023-02-13T10:00", "2023-02-10T08:00", "2023-02-10T09:30", "2023-02-13T11:30", "1.5 h"),
    ],
)
def test_the_clock_stands_still_while_papers_are_awaited(due, start, end, moved, why):
    """Only working time is given back, or a supplement over Tết would be a gift."""
    paused = WORK.worked(at(end)) - WORK.worked(at(start))

    assert local(WORK.later(at(due), paused)) == moved, why


def test_a_country_that_nobody_knows_is_an_error(tmp_path):
    file = tmp_path / "calendar.toml"
    file.write_text(shipped_file().read_text("utf-8").replace('"VN"', '"XX"'), "utf-8")

    with pytest.raises(ValueError, match="no country XX"):
        load_calendar(file)


def test_an_unknown_year_is_an_error_that_says_which_file_to_extend():
    """A guessed holiday is a wrong verdict; better to say what is missing."""
    with pytest.raises(UnknownDay, match=r"2031.*vn\.toml"):
        WORK.worked(at("2031-05-05T09:00"))
    with pytest.raises(UnknownDay, match="extend"):
        WORK.due_after_days(at("2026-12-31T09:00"), 5, None)


@given(moments)
def test_working_time_agrees_with_a_walk_over_days_and_shifts(end):
    """The arithmetic is quick because it is short; this is the long way round."""
    start = at("2022-01-01T00:00")
    total, day = 0, local_day(start)
    while day <= local_day(end):
        midnight = day * DAY_MS - 7 * HOUR
        for opens, closes in ((7 * HOUR, 11.5 * HOUR), (13.5 * HOUR, 17 * HOUR)):
            if WORK.is_working(day):
                total += max(0, min(end, midnight + closes) - (midnight + opens))
        day += 1

    assert WORK.worked(end) == total


@given(moments)
def test_the_moment_of_an_amount_is_the_first_that_has_it(when):
    """A due moment at the end of a day must not slip to the next morning."""
    worked = WORK.worked(when)
    found = WORK.moment_when(worked)

    assert WORK.worked(found) == worked
    assert found <= when
    assert WORK.worked(found - 1) == worked - 1


@given(past_moments, st.integers(1, 400 * 8 * HOUR))
def test_a_pause_is_given_back_whole(due, paused):
    """Waiting for the citizen must never make the office late."""
    assert WORK.worked(WORK.later(due, paused)) == WORK.worked(due) + paused
