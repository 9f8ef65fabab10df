"""The parameters of questions over HTTP: what each means, and which words it takes.

Every value arrives as text and is read in one place, so that what is wrong is said in our words; a
name that nobody knows is refused, for a misspelt filter would be answered as if it were none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.books import Indicator
from services.asked import Wrong
from services.audit.questions import Question
from services.audit.questions.lists import STATES, Cursor, Selection, read_cursor, selection
from streams.core.facts import FACTS

PAGE = 100
MOST_OF_A_PAGE = 1000

QUESTION: Mapping[str, str] = {
    "book": "code of the book; without: the installation's",
    "from": "first day, 2023-01-31; without: 1 January of this year",
    "to": "last day, included; without: 31 December of this year",
    "unit": "code of a unit; without: all units together",
    "officer": "staff code; without: all",
    "lineage": "old: units as recorded; new: what they have become",
    "as_of": "as it was then: a day (its end) or a moment; without: as it is",
    "known_at": "as it was known then: a day (its end) or a moment that is past; without: now",
}
PAGED: Mapping[str, str] = {
    "after": "the «after» of the page before; without: the first page",
    "page": f"how many, 1 … {MOST_OF_A_PAGE}; without: {PAGE}",
}
SEARCH: Mapping[str, str] = {
    "code": "any part of a dossier's code",
    "unit": "code of a unit; without: all units",
    "procedure": "code of a procedure, 1.001193",
    "officer": "staff code",
    "state": ", ".join(STATES),
    "fact": "name of a fact that holds",
    "as_of": QUESTION["as_of"],
    "known_at": QUESTION["known_at"],
    **PAGED,
}
CASE: Mapping[str, str] = {
    "indicator": "code of an indicator of the book; not needed for case=overdue",
    "case": "a, b, missed, left_out, overdue, or one of «cases» of the report as missed:late",
    "procedure": "only of this procedure",
    **PAGED,
}
COMPARED: Mapping[str, str] = {
    "from_2": "first day of the second table; without: that of the first",
    "to_2": "last day of the second table; without: that of the first",
    "unit_2": "unit of the second table; without: that of the first",
}
CHANGED: Mapping[str, str] = {
    "known_at": "the earlier moment of knowledge",
    "known_until": "the later one; without: now",
}
MOST_OF_A_VALUE = 200
"""Characters; the longest that means anything is a dossier's code."""


def known_only(given: Mapping[str, str], allowed: Mapping[str, str]) -> Wrong | None:
    """What is wrong with the names of these parameters, or with their size."""
    for name, value in given.items():
        if name not in allowed and name != "lang":
            names = ", ".join(allowed)
            return Wrong(
                name[:40],
                "parameter_unknown",
                f"No such parameter. There are: {names}.",
                f"Không có tham số này. Hiện có: {names}.",
            )
        if len(value) > MOST_OF_A_VALUE or "\x00" in value:
            return Wrong(
                name,
                "value_too_long",
                f"At most {MOST_OF_A_VALUE} characters, none of them NUL.",
                f"Tối đa {MOST_OF_A_VALUE} ký tự, không có ký tự NUL.",
            )
    return None


@dataclass(frozen=True, slots=True)
class Paged:
    """Which page of a list."""

    after: Cursor
    page: int


def read_page(given: Mapping[str, str]) -> Paged | Wrong:
    """The page in these parameters."""
    text = given.get("page", "").strip() or str(PAGE)
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    if not 1 <= number <= MOST_OF_A_PAGE:
        return Wrong(
            "page",
            "page_size",
            f"Write a number from 1 to {MOST_OF_A_PAGE}.",
            f"Viết một số từ 1 đến {MOST_OF_A_PAGE}.",
        )
    after = read_cursor(given.get("after", ""))
    if after is None:
        return Wrong(
            "after",
            "page_unknown",
            "Not the end of a page. Take «after» of the page before, or leave it out.",
            "Không phải điểm cuối của một trang. Lấy «after» của trang trước, hoặc bỏ trống.",
        )
    return Paged(after, number)


def read_indicator(question: Question, code: str) -> Indicator | Wrong:
    """The indicator of the book with this code or row."""
    for indicator in question.book.indicators:
        if code in (indicator.code, indicator.row):
            return indicator
    codes = ", ".join(indicator.code for indicator in question.book.indicators)
    return Wrong(
        "indicator",
        "indicator_unknown",
        f"The book {question.book.code} has no such indicator. There are: {codes}.",
        f"Bộ {question.book.code} không có chỉ tiêu này. Hiện có: {codes}.",
    )


def read_case(question: Question, indicator: Indicator, case: str) -> Selection | Wrong:
    """Which dossiers of the indicator."""
    found = selection(indicator, question.book.population, case)
    if found is not None:
        return found
    return Wrong(
        "case",
        "case_unknown",
        "Write a, b, missed, left_out, overdue, or one of «cases» of the report, as missed:late.",
        "Viết a, b, missed, left_out, overdue, hoặc một mục «cases» của báo cáo: missed:late.",
    )


def read_one_of(field: str, text: str, words: Mapping[str, object]) -> str | Wrong:
    """A word of these, or nothing."""
    if not text or text in words:
        return text
    told = ", ".join(words)
    return Wrong(field, "word_unknown", f"Write one of: {told}.", f"Viết một trong: {told}.")


FACT_NAMES: Mapping[str, str] = {fact.name: fact.title for fact in FACTS}


def documented(*tables: Mapping[str, str]) -> dict[str, Any]:
    """The parameters as OpenAPI has them."""
    merged = {name: told for table in tables for name, told in table.items()}
    return {
        "parameters": [
            {"name": name, "in": "query", "description": told, "schema": {"type": "string"}}
            for name, told in merged.items()
        ]
    }


def unknown_check(codes: Mapping[str, object]) -> Wrong:
    """There is no such check."""
    told = ", ".join(codes)
    return Wrong(
        "check",
        "check_unknown",
        f"No such check. There are: {told}.",
        f"Không có mục kiểm tra này. Hiện có: {told}.",
    )


COUNTS_DOSSIERS = Wrong(
    "indicator",
    "counts_dossiers",
    "This indicator counts dossiers: ask for /api/v1/report/dossiers.",
    "Chỉ tiêu này đếm hồ sơ: dùng /api/v1/report/dossiers.",
)
COUNTS_PROCEDURES = Wrong(
    "indicator",
    "counts_procedures",
    "This indicator counts procedures: those that changed stand in /api/v1/changes.",
    "Chỉ tiêu này đếm TTHC: các TTHC thay đổi có trong /api/v1/changes.",
)
KNOWN_AT_EXPECTED = Wrong(
    "known_at",
    "known_at_expected",
    "Say since which moment of knowledge: known_at=2023-04-05.",
    "Cần nêu mốc thông tin trước: known_at=2023-04-05.",
)
KNOWN_BACKWARDS = Wrong(
    "known_until",
    "known_backwards",
    "The later moment of knowledge lies before the earlier one. Swap known_at and known_until.",
    "Mốc thông tin sau lại sớm hơn mốc trước. Hãy đổi known_at và known_until.",
)
NO_OUTLOOK = Wrong(
    "book",
    "book_of_receptions",
    "What this book counts depends on a moment: it has neither forecast nor roadmap.",
    "Số liệu của bộ chỉ tiêu này phụ thuộc thời điểm xét: không có dự báo, lộ trình.",
)
