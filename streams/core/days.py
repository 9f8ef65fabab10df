"""Moments as integers, and the days they fall on in Việt Nam.

Inside the core a moment is milliseconds since 1970-01-01T00:00Z and a day is the number of local
days since 1970-01-01. Asia/Ho_Chi_Minh has been UTC+7 without daylight saving since 1975.
"""

from datetime import UTC, date, datetime, timedelta

UTC_OFFSET_MS = 7 * 3_600_000
DAY_MS = 86_400_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch; anything below a millisecond is cut."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment(ms: int) -> datetime:
    """The UTC moment of these milliseconds."""
    return _EPOCH + timedelta(milliseconds=ms)


def local_day(ms: int) -> int:
    """The day in Asia/Ho_Chi_Minh on which the moment falls."""
    return (ms + UTC_OFFSET_MS) // DAY_MS


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH_DAY


def to_date(day: int) -> date:
    """The calendar date of a day number."""
    return date.fromordinal(day + _EPOCH_DAY)
