"""Reads a question from a URL's parameters: a typed question, or what is wrong with it."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from schemas.events import END_OF_TIME, EPOCH
from schemas.registry import Registry
from services.asked import Wrong, read_book, read_lineage, read_period
from services.audit.questions import Question
from services.audit.settled import Clocks
from services.books import Books

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def read_question(
    given: Mapping[str, str],
    *,
    books: Books,
    default_book: str,
    registry: Registry,
    known_units: Callable[[], Collection[str]],
    now: datetime,
) -> Question | Wrong:
    """The question in these parameters; what is left out or empty has its default.

    ``known_units`` are those that the history has events of, beside the registry's.
    """
    asked = {name: value.strip() for name, value in given.items()}
    today = now.astimezone(ZONE).date()
    book = read_book(books, asked.get("book") or default_book)
    if isinstance(book, Wrong):
        return book
    year = today.year
    period = read_period(
        asked.get("from") or f"{year:04}-01-01", asked.get("to") or f"{year:04}-12-31"
    )
    if isinstance(period, Wrong):
        return period
    unit = asked.get("unit") or None
    if unit is not None and registry.latest_unit(unit) is None and unit not in known_units():
        return Wrong(
            "unit",
            "unit_unknown",
            "No such unit: neither in the registry nor in any event. Leave it out for all units.",
            "Không có đơn vị này trong danh mục và trong dữ liệu. Bỏ trống để xem tất cả đơn vị.",
        )
    lineage = read_lineage(asked.get("lineage") or "old")
    if isinstance(lineage, Wrong):
        return lineage
    clocks = read_clocks(asked, now)
    if isinstance(clocks, Wrong):
        return clocks
    return Question(
        book,
        period,
        unit,
        clocks,
        officer=asked.get("officer") or None,
        lineage=lineage,
    )


def read_clocks(asked: Mapping[str, str], now: datetime) -> Clocks | Wrong:
    """The two clocks in these parameters; what is left out or empty is the end of time."""
    as_of = read_moment("as_of", asked.get("as_of"))
    known_at = read_moment("known_at", asked.get("known_at"))
    if isinstance(as_of, Wrong):
        return as_of
    if isinstance(known_at, Wrong):
        return known_at
    if known_at is not None and known_at > end_of_day(now.astimezone(ZONE).date()):
        return Wrong(
            "known_at",
            "known_at_in_future",
            "Nobody knows yet what will be known then. Leave it out for what is known now.",
            "Chưa thể biết thông tin ở thời điểm tương lai. Bỏ trống để xem theo hiện tại.",
        )
    return Clocks(as_of=as_of or END_OF_TIME, known_at=known_at or END_OF_TIME)


def read_moment(field: str, text: str | None) -> datetime | Wrong | None:
    """The moment written as a day (its end), or as a day with a time; without a zone: local."""
    text = (text or "").strip()
    if not text:
        return None
    try:
        if len(text) <= len("2023-01-31"):
            moment = end_of_day(date.fromisoformat(text))
        else:
            moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return _no_moment(field)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=ZONE)
    return moment if EPOCH <= moment < END_OF_TIME else _no_moment(field)


def end_of_day(day: date) -> datetime:
    """The last millisecond of the day in Việt Nam."""
    return datetime.combine(day, time(23, 59, 59, 999_000), ZONE)


def _no_moment(field: str) -> Wrong:
    return Wrong(
        field,
        "moment_expected",
        "Write a day between 1970 and 2199 as 2023-01-31, or a moment as 2023-01-31T17:00.",
        "Viết ngày từ 1970 đến 2199 theo dạng 2023-01-31, hoặc thời điểm 2023-01-31T17:00.",
    )
