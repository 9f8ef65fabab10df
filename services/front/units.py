"""``GET /api/v1/units``: the decision's table from the live counters."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from schemas.books import Book, Period
from schemas.problems import FieldError, Problem
from schemas.registry import Registry
from services.books import BookRefused, Books
from services.settings import Settings
from services.web import problem_response
from streams.core.lineage import UnitSplit
from streams.live import LiveSource
from streams.live_report import live_report


def units_router(
    settings: Settings,
    registry: Callable[[], Registry],
    live: LiveSource,
    clock: Callable[[], datetime],
) -> APIRouter:
    """Answers with ``schemas.report.Report``; 422 for a wrong question, 503 before it is ready.

    A book of receptions is a wrong question here. Counters hold by day what is closed or received,
    with facts that no clock can change: whether an open dossier is late at a moment, whether one
    that was withdrawn was in time, and how things stood at the end of a past period is in none.
    """
    router = APIRouter()
    books = Books(settings.data)

    @router.get("/api/v1/units")
    # not async: counting must not hold up the events that this process takes in
    def units(
        first: Annotated[str, Query(alias="from")],
        last: Annotated[str, Query(alias="to")],
        book: str = settings.book,
        unit: str | None = None,
        officer: str | None = None,
        lineage: str = "old",
    ) -> Response:
        try:
            asked = books.load(book)
        except BookRefused as refused:
            return wrong("book", refused.rule, *refused.told)
        if asked.needs_history:
            return history_asked(asked)
        try:
            days = date.fromisoformat(first), date.fromisoformat(last)
        except ValueError:
            return wrong("from/to", "day_expected", *_NO_DAY)
        if days[0] > days[1]:
            return wrong("from/to", "period_backwards", *_BACKWARDS)
        if lineage not in ("old", "new"):
            return wrong("lineage", "lineage_unknown", *_NO_LINEAGE)
        if (why := live.not_ready()) is not None:
            return live_awaited(why)
        try:
            report = live_report(
                live,
                asked,
                registry(),
                Period(first=days[0], last=days[1]),
                unit or None,
                officer=officer or None,
                lineage="new" if lineage == "new" else "old",
                demo=settings.demo,
                computed_at=clock(),
            )
        except UnitSplit as split:
            return wrong("lineage", "unit_split", split.told(), split.told_vi())
        return Response(report.model_dump_json(), media_type="application/json")

    return router


_NO_DAY = (
    "Write days as 2023-01-31.",
    "Viết ngày theo dạng 2023-01-31.",
)
_NO_LINEAGE = (
    "Write lineage as old (as recorded) or new (what the units have become).",
    "Viết lineage là old (đơn vị đã ghi nhận) hoặc new (đơn vị kế thừa nay).",
)
_BACKWARDS = (
    "The period ends before it begins. Swap «from» and «to».",
    "Kỳ báo cáo kết thúc trước khi bắt đầu. Hãy đổi «from» và «to».",
)


def wrong(field: str, rule: str, message: str, message_vi: str) -> Response:
    """422 with what is wrong, and what to do."""
    error = FieldError(field=field, rule=rule, message=message, message_vi=message_vi)
    return problem_response(
        Problem(
            type=f"urn:motcua:problem:{rule}",
            title="The question cannot be answered",
            title_vi="Yêu cầu không hợp lệ",
            status=422,
            detail=message,
            detail_vi=message_vi,
            errors=(error,),
        )
    )


def history_asked(book: Book) -> Response:
    """422: live counters cannot answer by this book, and what can."""
    command = f"motcua report --book {book.code} --from … --to …"
    return wrong(
        "book",
        "book_needs_history",
        "This book counts dossiers by their reception and judges them at a moment, which live "
        f"counters cannot tell. Ask the history: {command}",
        "Bộ chỉ tiêu này tính hồ sơ theo ngày tiếp nhận và xét tình trạng tại một thời điểm; số "
        f"liệu trực tiếp không trả lời được. Hãy hỏi lịch sử: {command}",
    )


def live_awaited(why: str) -> Response:
    """503: the live counters are still being read."""
    told = Problem(
        type="urn:motcua:problem:live_not_ready",
        title="The live counters are not all here yet",
        title_vi="Số liệu trực tiếp chưa tải xong",
        status=503,
        detail=why,
        detail_vi=why,
    )
    return problem_response(told, {"retry-after": "1"})
