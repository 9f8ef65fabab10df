"""The questions as JSON under ``/api/v1``: read, ask, answer; what they mean lies in ``questions``.

Every answer says its two clocks and whether it is final.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from schemas import audit as answers
from schemas.problems import Problem
from schemas.report import Report
from services.asked import Wrong
from services.audit.answering import Answering
from services.audit.parameters import CASE, CHANGED, COMPARED, PAGED, QUESTION, SEARCH, documented
from services.web import problem_response

_WRONG: dict[int | str, dict[str, Any]] = {
    422: {"model": Problem, "description": "What is wrong, and what would be right."},
    503: {"model": Problem, "description": "ClickHouse does not answer."},
}
DURATIONS: Mapping[str, str] = {"procedure": CASE["procedure"]}
CHECK: Mapping[str, str] = {**QUESTION, **PAGED}


def api_router(answering: Answering) -> APIRouter:
    """One route for each question."""
    router = APIRouter()
    _dossiers(router, answering)
    _comparisons(router, answering)
    _course(router, answering)
    _forensics(router, answering)

    @router.get(
        "/api/v1/report", **_told("The table of a book, from the events themselves", Report)
    )
    def report(request: Request) -> Response:
        return _json(answering.table(request.query_params))

    return router


def _dossiers(router: APIRouter, answering: Answering) -> None:
    @router.get(
        "/api/v1/dossiers",
        **_told("Dossiers by code, procedure, officer, state", answers.DossierPage, SEARCH),
    )
    def dossiers(request: Request) -> Response:
        return _json(answering.search(request.query_params))

    @router.get(
        "/api/v1/report/dossiers",
        **_told("The dossiers behind a number", answers.DossierPage, QUESTION, CASE),
    )
    def behind(request: Request) -> Response:
        return _json(answering.behind(request.query_params))

    @router.get(
        "/api/v1/report/procedures",
        **_told(
            "The procedures behind a number",
            answers.ProcedureList,
            QUESTION,
            {"indicator": CASE["indicator"]},
        ),
    )
    def procedures(request: Request) -> Response:
        return _json(answering.procedures(request.query_params))


def _comparisons(router: APIRouter, answering: Answering) -> None:
    @router.get(
        "/api/v1/changes",
        **_told(
            "What is known differently at two moments, and why", answers.Changes, QUESTION, CHANGED
        ),
    )
    def changes(request: Request) -> Response:
        return _json(answering.changes(request.query_params))

    @router.get(
        "/api/v1/changes/dossiers",
        **_told(
            "The dossiers behind a change, with the events that explain it",
            answers.ChangedDossiers,
            QUESTION,
            CHANGED,
            {"indicator": CASE["indicator"], "reason": "only this one", **PAGED},
        ),
    )
    def changed(request: Request) -> Response:
        return _json(answering.changed(request.query_params))

    @router.get(
        "/api/v1/compare",
        **_told("Two periods, or two units, side by side", answers.Compared, QUESTION, COMPARED),
    )
    def compare(request: Request) -> Response:
        return _json(answering.compared(request.query_params))


def _course(router: APIRouter, answering: Answering) -> None:
    @router.get("/api/v1/outlook", **_told("Light, forecast, what is needed", answers.Outlook))
    def outlook(request: Request) -> Response:
        return _json(answering.outlook(request.query_params))

    @router.get("/api/v1/roadmap", **_told("The year month by month", answers.Roadmap))
    def roadmap(request: Request) -> Response:
        return _json(answering.roadmap(request.query_params))

    @router.get("/api/v1/trend", **_told("The period week by week", answers.Trend))
    def trend(request: Request) -> Response:
        return _json(answering.trend(request.query_params))

    @router.get(
        "/api/v1/durations",
        **_told("How many working days dossiers took", answers.Durations, QUESTION, DURATIONS),
    )
    def durations(request: Request) -> Response:
        return _json(answering.durations(request.query_params))


def _forensics(router: APIRouter, answering: Answering) -> None:
    @router.get("/api/v1/forensics", **_told("What auditors look for", answers.Checks))
    def checks(request: Request) -> Response:
        return _json(answering.checks(request.query_params))

    @router.get("/api/v1/forensics/{check}", **_told("What a check found", answers.Findings, CHECK))
    def findings(request: Request, check: str) -> Response:
        return _json(answering.findings(check, request.query_params))


def _told(summary: str, model: type[BaseModel], *tables: Mapping[str, str]) -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {200: {"model": model}, **_WRONG},
        "response_class": Response,
        "openapi_extra": documented(*(tables or (QUESTION,))),
    }


def _json(answer: BaseModel | Problem | Wrong) -> Response:
    if isinstance(answer, Wrong):
        answer = answer.problem()
    if isinstance(answer, Problem):
        return problem_response(answer)
    return Response(answer.model_dump_json(), media_type="application/json")
