"""``GET /api/v1/units``: the decision's table from the live counters."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from schemas.registry import Registry
from services.asked import (
    RETRY,
    Wrong,
    live_awaited,
    read_lineage,
    read_live_book,
    read_period,
    split_told,
)
from services.books import Books
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
        asked, period = read_live_book(books, book), read_period(first, last)
        under = read_lineage(lineage)
        if isinstance(asked, Wrong):
            return problem_response(asked.problem())
        if isinstance(period, Wrong):
            return problem_response(period.problem())
        if isinstance(under, Wrong):
            return problem_response(under.problem())
        if (why := live.not_ready()) is not None:
            return problem_response(live_awaited(why), RETRY)
        try:
            report = live_report(
                live,
                asked,
                registry(),
                period,
                unit or None,
                officer=officer or None,
                lineage=under,
                demo=settings.demo,
                computed_at=clock(),
            )
        except UnitSplit as split:
            return problem_response(split_told(split).problem())
        return Response(report.model_dump_json(), media_type="application/json")

    return router
