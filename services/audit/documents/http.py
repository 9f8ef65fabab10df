"""Documents over HTTP: made at once, lists in the background, and files that are checked."""

import io
import re
from collections.abc import Callable, Mapping
from typing import BinaryIO

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, RedirectResponse, Response

from schemas.problems import Problem
from services.asked import Wrong
from services.audit.access import Person, current_person
from services.audit.access_forms import form_of
from services.audit.documents.answers import Wanted, wanted
from services.audit.documents.checking import Checked, check
from services.audit.documents.desk import Desk
from services.audit.documents.exports import ExportState, TooManyExports
from services.audit.documents.files import Read
from services.audit.documents.formats import FORMATS, Format, format_named, read_file
from services.audit.documents.provenance import NoProvenance, Provenance
from services.audit.forms import MOST_BYTES, TooLarge, read_body
from services.web import problem_response

_NO_SNIFFING = {"x-content-type-options": "nosniff", "cache-control": "no-store"}


def documents_router(desk: Desk) -> APIRouter:
    """``/print``, ``/exports``, ``/check`` and the same under ``/api/v1`` for programs."""
    router = APIRouter()
    pages = desk.pages

    @router.get("/api/v1/document")
    def document(request: Request, format: str = "xlsx") -> Response:
        form = format_named(format)
        if form is None:
            return problem_response(_unknown_format().problem())
        made = _report(desk, request, form)
        return problem_response(made) if isinstance(made, Problem) else made

    @router.get("/print", include_in_schema=False)
    def print_page(request: Request) -> Response:
        form = format_named("html")
        assert form is not None
        made = _report(desk, request, form, inline=True)
        return pages.problem(made) if isinstance(made, Problem) else made

    @router.post("/api/v1/exports", status_code=202)
    def export_start(request: Request, format: str = "xlsx") -> Response:
        begun = _export(desk, dict(request.query_params), format)
        if isinstance(begun, Problem):
            return problem_response(begun)
        return _json(begun.model_dump(mode="json"), 202)

    @router.get("/api/v1/exports/{export_id}")
    def export_state(export_id: str) -> Response:
        state = desk.exports.state(export_id, current_person().name)
        if state is None:
            return problem_response(_NO_EXPORT)
        return _json(state.model_dump(mode="json"))

    @router.get("/api/v1/exports/{export_id}/file")
    def export_file(request: Request, export_id: str) -> Response:
        state = desk.exports.state(export_id, current_person().name)
        if state is None or state.state != "done":
            return problem_response(_NO_EXPORT)
        _note(request, data_sha256=state.data_sha256)
        return FileResponse(
            desk.exports.file(export_id),
            media_type=state.media_type,
            filename=state.file_name,
            headers=_NO_SNIFFING,
        )

    @router.post("/exports", include_in_schema=False)
    async def export_form(request: Request) -> Response:
        form = await form_of(request)
        if isinstance(form, Problem):
            return pages.problem(form)
        given = {**request.query_params, **form.fields}
        begun = await run_in_threadpool(_export, desk, given, given.get("format", "xlsx"))
        if isinstance(begun, Problem):
            return pages.problem(begun)
        return RedirectResponse(f"/exports/{begun.id}", 303)

    @router.get("/exports/{export_id}", include_in_schema=False)
    def export_page(request: Request, export_id: str) -> Response:
        state = desk.exports.state(export_id, current_person().name)
        if state is None:
            return pages.problem(_NO_EXPORT)
        return pages.page("export.html", request.query_params, export=state)

    @router.post("/api/v1/check")
    async def check_file(request: Request) -> Response:
        try:
            data = await read_body(request)
        except TooLarge:
            return problem_response(_TOO_LARGE)
        checked = await run_in_threadpool(_check, desk, data)
        if isinstance(checked, Problem):
            return problem_response(checked)
        _note(request, data_sha256=checked.data_sha256)
        return _json(checked.model_dump(mode="json"))

    @router.get("/check", include_in_schema=False)
    def check_page(request: Request) -> Response:
        return pages.page("check.html", request.query_params, checked=None, file_name="")

    @router.post("/check", include_in_schema=False)
    async def check_form(request: Request) -> Response:
        form = await form_of(request, MOST_BYTES)
        if isinstance(form, Problem):
            return pages.problem(form)
        checked = await run_in_threadpool(_check, desk, form.files.get("file", b""))
        if isinstance(checked, Problem):
            return pages.problem(checked)
        _note(request, data_sha256=checked.data_sha256)
        return pages.page("check.html", request.query_params, checked=checked)

    return router


def _report(
    desk: Desk, request: Request, form: Format, *, inline: bool = False
) -> Response | Problem:
    asked = wanted(desk.asks, "report", form.layout, _question(request.query_params))
    if isinstance(asked, Problem):
        return asked
    person = current_person()
    if not _may_see(person, asked):
        return _NOT_YOURS
    output = io.BytesIO()
    made = desk.asks.ask(lambda client: desk.make(client, asked, form, output, person))
    if isinstance(made, Problem):
        return made
    _note(request, data_sha256=made.lines["data_sha256"])
    headers = dict(_NO_SNIFFING)
    if not inline:
        headers["content-disposition"] = f'attachment; filename="{_file_name(asked, form)}"'
    return Response(output.getvalue(), media_type=form.media_type, headers=headers)


def _export(desk: Desk, given: Mapping[str, str], format_name: str) -> ExportState | Problem:
    form = format_named(format_name)
    if form is None or form.most_dossiers == 0:
        return _unknown_format(lists=True).problem()
    asked = wanted(desk.asks, "dossiers", form.layout, _question(given))
    if isinstance(asked, Problem):
        return asked
    person = current_person()
    if not _may_see(person, asked):
        return _NOT_YOURS
    if form.most_dossiers is not None:
        rows = desk.asks.ask(lambda client: desk.length(client, asked))
        if isinstance(rows, Problem):
            return rows
        if rows > form.most_dossiers:
            return _too_long(rows, form).problem()

    def write(output: BinaryIO, tell: Callable[[int, int | None], None]) -> Provenance | Problem:
        return desk.asks.ask(
            lambda client: desk.make_list(client, asked, form, output, person, tell)
        )

    try:
        return desk.exports.begin(person.name, _file_name(asked, form), form.media_type, write)
    except TooManyExports:
        return _TOO_MANY


def _check(desk: Desk, data: bytes) -> Checked | Problem:
    try:
        read: Read = read_file(data)
    except NoProvenance as error:
        return _unreadable(str(error)).problem()
    said, person = read.provenance.lines, current_person()
    if not person.sees(said["unit"] or None):
        return _NOT_YOURS
    if said["officers"] != "masked" and not person.may("auditor"):
        return _NOT_YOURS
    return check(desk.asks, read, desk.officers)


def _may_see(person: Person, asked: Wanted) -> bool:
    """What a form asks for is looked at here; the guard sees addresses alone."""
    by_officer = asked.question.officer is not None and not person.may("auditor")
    return person.sees(asked.question.unit) and not by_officer


def _question(given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if name not in ("format", "csrf")}


def _note(request: Request, **what: object) -> None:
    """For the access log: which data were given out."""
    request.scope.setdefault("audit_note", {}).update(what)


def _file_name(asked: Wanted, form: Format) -> str:
    question = asked.question
    what = "bao-cao" if asked.kind == "report" else "ho-so"
    parts = [what, question.book.code, str(question.period.first), str(question.period.last)]
    parts += [part for part in (question.unit, asked.select.line if asked.select else "") if part]
    return re.sub(r"[^A-Za-z0-9._-]", "-", "_".join(parts))[:150] + f".{form.suffix}"


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


# -- problems


def _unknown_format(*, lists: bool = False) -> Wrong:
    names = ", ".join(f.name for f in FORMATS if not lists or f.most_dossiers != 0)
    return Wrong(
        "format",
        "format_unknown",
        f"No such format. There are: {names}.",
        f"Không có định dạng này. Hiện có: {names}.",
    )


def _too_long(rows: int, form: Format) -> Wrong:
    return Wrong(
        "format",
        "list_too_long",
        f"{rows} dossiers are too many for {form.name} (at most {form.most_dossiers}).",
        f"{rows} hồ sơ là quá nhiều cho {form.title} (tối đa {form.most_dossiers}). "
        "Hãy chọn Excel hoặc CSV.",
    )


def _unreadable(why: str) -> Wrong:
    return Wrong(
        "file",
        "file_unreadable",
        f"This is no document of motcua, or its provenance was taken out: {why}.",
        f"Tệp này không phải tài liệu của motcua, hoặc đã mất phần nguồn gốc: {why}.",
    )


_NO_EXPORT = Problem(
    type="urn:motcua:problem:export_unknown",
    title="No such export",
    title_vi="Không có tệp này",
    status=404,
    detail="There is no such export of yours, or it is not written yet, or a day old.",
    detail_vi="Không có tệp này của bạn, hoặc tệp chưa ghi xong, hoặc đã quá một ngày.",
)
_TOO_MANY = Problem(
    type="urn:motcua:problem:exports_waiting",
    title="Too many exports are waiting",
    title_vi="Có quá nhiều tệp đang chờ",
    status=429,
    detail="Wait until some of the exports are written.",
    detail_vi="Hãy chờ đến khi một số tệp được ghi xong.",
)
_TOO_LARGE = Problem(
    type="urn:motcua:problem:file_too_large",
    title="The file is too large",
    title_vi="Tệp quá lớn",
    status=413,
    detail=f"At most {MOST_BYTES} bytes are read.",
    detail_vi=f"Chỉ đọc tối đa {MOST_BYTES} byte.",
)
_NOT_YOURS = Problem(
    type="urn:motcua:problem:not_allowed",
    title="You may not see these figures",
    title_vi="Bạn không được xem số liệu này",
    status=403,
    detail="The file is about units, or shows codes of officers, that your account may not see.",
    detail_vi="Tệp nói về đơn vị, hoặc có mã cán bộ, mà tài khoản của bạn không được xem.",
)
