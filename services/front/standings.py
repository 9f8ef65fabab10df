"""``GET /api/v1/standings``: where units stand on the way to their targets, live."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from starlette.responses import Response

from schemas.books import Period
from schemas.registry import Registry
from schemas.report import Standings
from schemas.roadmaps import load_roadmaps
from services.asked import RETRY, Wrong, live_awaited, read_live_book
from services.books import Books
from services.settings import Settings
from services.wall.roadmaps import FOLDER as ROADMAPS
from services.web import problem_response
from streams.core.targets import standing_row, standings
from streams.live import LiveSource

_VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


def standings_router(
    settings: Settings,
    registry: Callable[[], Registry],
    live: LiveSource,
    clock: Callable[[], datetime],
) -> APIRouter:
    """Answers with ``schemas.report.Standings``; 422 for a wrong question or a roadmap that cannot
    be read, 503 before it is ready.
    """
    router = APIRouter()
    books = Books(settings.data)

    @router.get("/api/v1/standings")
    # not async: counting must not hold up the events that this process takes in
    def found(
        year: Annotated[int, Query(ge=2000, le=9000)],
        on: date | None = None,
        book: str = settings.book,
        unit: str | None = None,
        officer: str | None = None,
    ) -> Response:
        plain = read_live_book(books, book)
        if isinstance(plain, Wrong):
            return problem_response(plain.problem())
        if (why := live.not_ready()) is not None:
            return problem_response(live_awaited(why), RETRY)
        period = Period(first=date(year, 1, 1), last=date(year, 12, 31))
        computed_at = clock()
        day = on or min(max(computed_at.astimezone(_VIETNAM).date(), period.first), period.last)
        if not period.first <= day <= period.last:
            return problem_response(_OUTSIDE.problem())
        try:
            asked = load_roadmaps(plain, settings.data / ROADMAPS)
        except ValueError as error:
            return problem_response(_unreadable(error).problem())
        states, known = live.units(), registry()
        rows = [
            standing_row(standing)
            for code in sorted(states)
            if unit in (None, "", code)
            for standing in standings(
                asked, known, period, code, states[code].cells(), day, officer or None
            )
        ]
        answer = Standings(
            book=book,
            first=period.first,
            last=period.last,
            on=day,
            computed_at=computed_at,
            demo=settings.demo,
            rows=tuple(rows),
        )
        return Response(answer.model_dump_json(), media_type="application/json")

    return router


_OUTSIDE = Wrong(
    "on",
    "day_outside_period",
    "The day lies outside the year. Give a day of the year, or none for today.",
    "Ngày nằm ngoài năm đã chọn. Chọn một ngày trong năm, hoặc bỏ trống để lấy hôm nay.",
)


def _unreadable(error: ValueError) -> Wrong:
    check_it = "Kiểm tra bằng: motcua book check FILE"
    return Wrong("roadmaps", "roadmap_unreadable", str(error), f"{error} {check_it}")
