"""Local time of the offices, and whether they work: decides whether silence is an alarm."""

from datetime import UTC, datetime, time, timedelta, timezone

LOCAL = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
"""UTC+7 without daylight saving since 1975."""

OPENS = time(7, 0)
CLOSES = time(17, 30)
_SATURDAY = 5


def local(moment: datetime) -> datetime:
    """The moment on the offices' clock."""
    return moment.astimezone(LOCAL)


def working(moment: datetime) -> bool:
    """Whether offices work at this moment: Monday to Friday, 07:00 to 17:30.

    Public holidays are not known here: on them silence is announced as on a working day.
    """
    at = local(moment)
    return at.weekday() < _SATURDAY and OPENS <= at.time() < CLOSES


def utc_now() -> datetime:
    """The clock of the process."""
    return datetime.now(UTC)
