"""What every service that answers questions by a book reads in the same way, in the same words.

A wrong question is a value, :class:`Wrong`: it names the field and the rule, and says what would be
right in both languages.
"""

from dataclasses import dataclass
from datetime import date

from schemas.books import Book, Period
from schemas.problems import FieldError, Problem
from services.books import BookRefused, Books
from streams.core.lineage import Lineage, UnitSplit


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a question cannot be answered, and what would be right."""

    field: str
    rule: str
    message: str
    message_vi: str

    def problem(self) -> Problem:
        """The same as a problem document, status 422."""
        error = FieldError(
            field=self.field, rule=self.rule, message=self.message, message_vi=self.message_vi
        )
        return Problem(
            type=f"urn:motcua:problem:{self.rule}",
            title="The question cannot be answered",
            title_vi="Yêu cầu không hợp lệ",
            status=422,
            detail=self.message,
            detail_vi=self.message_vi,
            errors=(error,),
        )


def read_book(books: Books, code: str) -> Book | Wrong:
    """The book with this code as its file says now."""
    try:
        return books.load(code)
    except BookRefused as refused:
        return Wrong("book", refused.rule, *refused.told)


def read_live_book(books: Books, code: str) -> Book | Wrong:
    """The same for live counters, by which not every book can be answered."""
    try:
        return books.load_live(code)
    except BookRefused as refused:
        return Wrong("book", refused.rule, *refused.told)


def read_day(field: str, text: str) -> date | Wrong:
    """The day written as 2023-01-31."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return Wrong(
            field,
            "day_expected",
            "Write the day as 2023-01-31.",
            "Viết ngày theo dạng 2023-01-31 (năm-tháng-ngày).",
        )


def read_period(first: str, last: str) -> Period | Wrong:
    """The days ``from`` and ``to``, both included."""
    begins, ends = read_day("from", first), read_day("to", last)
    if isinstance(begins, Wrong):
        return begins
    if isinstance(ends, Wrong):
        return ends
    if ends < begins:
        return Wrong(
            "to",
            "period_backwards",
            "The period ends before it begins. Swap «from» and «to».",
            "Kỳ báo cáo kết thúc trước khi bắt đầu. Hãy đổi «từ ngày» và «đến ngày».",
        )
    return Period(first=begins, last=ends)


def read_lineage(text: str) -> Lineage | Wrong:
    """Under which units figures are shown."""
    match text:
        case "old" | "new":
            return text
        case _:
            return Wrong(
                "lineage",
                "lineage_unknown",
                "Write lineage as old (as recorded) or new (what the units have become).",
                "Viết lineage là old (đơn vị đã ghi nhận) hoặc new (đơn vị kế thừa nay).",
            )


def split_told(split: UnitSplit) -> Wrong:
    """A unit became several, and figures were asked for under one of them."""
    return Wrong("lineage", "unit_split", split.told(), split.told_vi())


def live_awaited(why: str) -> Problem:
    """Status 503: the live counters are still being read."""
    return Problem(
        type="urn:motcua:problem:live_not_ready",
        title="The live counters are not all here yet",
        title_vi="Số liệu trực tiếp chưa tải xong",
        status=503,
        detail=why,
        detail_vi=f"Số liệu trực tiếp chưa tải xong: {why}",
    )


RETRY = {"retry-after": "1"}
"""Headers of :func:`live_awaited`."""
