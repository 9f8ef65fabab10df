"""Saved reports over HTTP: a page, and the same for programs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import orjson
from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from schemas.problems import Problem
from services.asked import Wrong
from services.audit.access import current_person
from services.audit.access_forms import form_of
from services.audit.documents.answers import wanted
from services.audit.documents.desk import Desk
from services.audit.saved import (
    SavedExists,
    SavedQuestion,
    SavedReports,
    SavedUnknown,
    is_month,
    month_of,
)
from services.audit.saved_runs import SavedRuns
from services.web import problem_response


def saved_router(desk: Desk) -> APIRouter:
    """``/saved`` and ``/api/v1/saved``; what is due is asked while the application runs."""
    reports = SavedReports(desk.asks.settings.data / "saved")
    runs = SavedRuns(desk, reports)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        runs.start()
        yield
        await run_in_threadpool(runs.stop)

    router = APIRouter(lifespan=lifespan)
    pages = desk.pages

    @router.get("/api/v1/saved")
    def list_json() -> Response:
        return _json({"questions": [_with_results(reports, q) for q in reports.questions()]})

    @router.post("/api/v1/saved")
    def add_json(request: Request) -> Response:
        added = _add(desk, reports, request.query_params)
        if isinstance(added, Problem):
            return problem_response(added)
        return _json(_with_results(reports, added), 201)

    @router.get("/api/v1/saved/{name}")
    def show_json(name: str) -> Response:
        try:
            return _json(_with_results(reports, reports.question(name)))
        except SavedUnknown:
            return problem_response(_UNKNOWN)

    @router.delete("/api/v1/saved/{name}")
    def remove_json(name: str) -> Response:
        try:
            reports.remove(name)
        except SavedUnknown:
            return problem_response(_UNKNOWN)
        return _json({"removed": name})

    @router.post("/api/v1/saved/{name}/run")
    def run_json(name: str, month: str = "") -> Response:
        made = _run(reports, runs, name, month)
        if isinstance(made, Problem):
            return problem_response(made)
        return _json(made)

    @router.get("/api/v1/saved/{name}/{month}/file")
    def file(request: Request, name: str, month: str) -> Response:
        try:
            found = [r for r in reports.results(reports.question(name)) if r.month == month]
            content = reports.document(found[0])
        except (SavedUnknown, IndexError, OSError):
            return problem_response(_UNKNOWN)
        request.scope.setdefault("audit_note", {})["data_sha256"] = found[0].data_sha256
        headers = {
            "content-disposition": f'attachment; filename="{found[0].file}"',
            "x-content-type-options": "nosniff",
        }
        return Response(content, media_type=found[0].media_type, headers=headers)

    @router.get("/saved", include_in_schema=False)
    def page(request: Request) -> Response:
        listed = [(question, reports.results(question)) for question in reports.questions()]
        return pages.page("saved.html", request.query_params, listed=listed)

    @router.post("/saved", include_in_schema=False)
    async def add_form(request: Request) -> Response:
        form = await form_of(request)
        if isinstance(form, Problem):
            return pages.problem(form)
        added = await run_in_threadpool(_add, desk, reports, form.fields)
        return pages.problem(added) if isinstance(added, Problem) else _back()

    @router.post("/saved/{name}/run", include_in_schema=False)
    async def run_form(request: Request, name: str) -> Response:
        form = await form_of(request)
        if isinstance(form, Problem):
            return pages.problem(form)
        month = form.fields.get("month", "")
        made = await run_in_threadpool(_run, reports, runs, name, month)
        return pages.problem(made) if isinstance(made, Problem) else _back()

    @router.post("/saved/{name}/remove", include_in_schema=False)
    async def remove_form(request: Request, name: str) -> Response:
        form = await form_of(request)
        if isinstance(form, Problem):
            return pages.problem(form)
        try:
            reports.remove(name)
        except SavedUnknown:
            return pages.problem(_UNKNOWN)
        return _back()

    return router


def _add(desk: Desk, reports: SavedReports, given: Mapping[str, str]) -> SavedQuestion | Problem:
    now = desk.asks.clock()
    said = {name: value.strip() for name, value in given.items() if value.strip()}
    try:
        question = SavedQuestion.model_validate(
            {
                "name": said.get("name", ""),
                "book": said.get("book", desk.asks.settings.book),
                "unit": said.get("unit"),
                "span": said.get("span", "year"),
                "after_days": said.get("after_days", "5"),
                "format": said.get("format", "docx"),
                "since": said.get("since", month_of(now)),
                "created_at": now,
                "created_by": current_person().name,
            }
        )
    except ValidationError as error:
        return _invalid(str(error.errors()[0]["loc"][0])).problem()
    period = question.period(question.since)
    asked = {"from": str(period.first), "to": str(period.last), "unit": question.unit or ""}
    # a book or unit that there is not would be found out in a month
    found = wanted(desk.asks, "report", "full", {**asked, "book": question.book})
    if isinstance(found, Problem):
        return found
    try:
        reports.add(question)
    except SavedExists:
        return _exists(question.name).problem()
    return question


def _run(
    reports: SavedReports, runs: SavedRuns, name: str, month: str
) -> dict[str, object] | Problem:
    if not is_month(month):
        return _no_month().problem()
    try:
        question = reports.question(name)
    except SavedUnknown:
        return _UNKNOWN
    made = runs.run(question, month)
    return made if isinstance(made, Problem) else made.model_dump(mode="json")


def _with_results(reports: SavedReports, question: SavedQuestion) -> dict[str, object]:
    results = [result.model_dump(mode="json") for result in reports.results(question)]
    return {**question.model_dump(mode="json"), "results": results}


def _back() -> Response:
    return RedirectResponse("/saved", 303)


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


# -- problems


_RULES = {
    "name": (
        "small letters, digits and dashes, at most 40",
        "chữ thường, chữ số, gạch nối; tối đa 40",
    ),
    "span": ("month or year", "month (tháng) hoặc year (từ đầu năm)"),
    "after_days": ("0 to 60", "từ 0 đến 60"),
    "format": (
        "docx, xlsx, csv, csv-bom, json or html",
        "docx, xlsx, csv, csv-bom, json hoặc html",
    ),
    "since": ("a month as 2023-05", "tháng theo dạng 2023-05"),
}


def _invalid(field: str) -> Wrong:
    english, vietnamese = _RULES.get(field, ("a valid value", "giá trị hợp lệ"))
    return Wrong(
        field,
        "saved_invalid",
        f"Write {field} as: {english}.",
        f"Viết {field}: {vietnamese}.",
    )


def _exists(name: str) -> Wrong:
    return Wrong(
        "name",
        "saved_exists",
        f"There is a saved report {name} already; choose another name or remove it.",
        f"Đã có báo cáo {name}; hãy chọn tên khác hoặc xóa báo cáo đó.",
    )


def _no_month() -> Wrong:
    return Wrong(
        "month",
        "month_expected",
        "Write the month as 2023-05.",
        "Viết tháng theo dạng 2023-05.",
    )


_UNKNOWN = Problem(
    type="urn:motcua:problem:saved_unknown",
    title="No such saved report",
    title_vi="Không có báo cáo đã lưu này",
    status=404,
    detail="There is no saved report of this name, or nothing is kept of this month.",
    detail_vi="Không có báo cáo đã lưu với tên này, hoặc chưa có kết quả của tháng này.",
)
