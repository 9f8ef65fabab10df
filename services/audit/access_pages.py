"""Logging in and out, and the access log for those who may read it."""

import asyncio
from typing import Annotated, Any
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from schemas.problems import Problem
from services.audit.access import current_person
from services.audit.access_accounts import by_password
from services.audit.access_forms import form_of
from services.audit.access_guard import Access
from services.audit.access_log import Examined
from services.audit.access_sessions import COOKIE, LASTS_S
from services.audit.forms import TooLarge, read_form

_PAGE = 100


def access_router(access: Access) -> APIRouter:
    """``/login``, ``/logout``, ``/access`` and ``/api/v1/access``, ``/api/v1/person``."""
    router = APIRouter()
    pages = access.pages

    @router.get("/login", include_in_schema=False)
    def login_page(request: Request, next: str = "/") -> Response:
        if not access.accounts():
            return RedirectResponse("/", 303)
        return pages.page(
            "login.html", request.query_params, target=_inside(next), wrong="", name=""
        )

    @router.post("/login", include_in_schema=False)
    async def login(request: Request) -> Response:
        try:
            form = await read_form(request, 4_000)
        except (TooLarge, ValueError):
            wrong = "Biểu mẫu không hợp lệ."
            return pages.page("login.html", {}, 422, target="/", wrong=wrong, name="")
        return await _log_in(access, request, form.fields)

    @router.post("/logout", include_in_schema=False)
    async def logout(request: Request) -> Response:
        form = await form_of(request, 4_000)
        if isinstance(form, Problem):
            return pages.problem(form)
        access.sessions.end(current_person())
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return answer

    @router.get("/api/v1/person")
    def person() -> Response:
        who = current_person()
        units = None if who.units is None else sorted(who.units)
        return _json({"name": who.name, "role": who.role, "units": units, "way": who.way})

    @router.get("/api/v1/access")
    def access_json(
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
        page: Annotated[int, Query(ge=1, le=1000)] = _PAGE,
    ) -> Response:
        return _json({"lines": access.log.newest(page, before)})

    @router.get("/api/v1/access/check")
    def access_check_json() -> Response:
        return _json(examined_json(access.log.examine()))

    @router.get("/access", include_in_schema=False)
    def access_page(
        request: Request,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
        check: str = "",
    ) -> Response:
        lines = access.log.newest(_PAGE, before)
        examined = access.log.examine() if check else None
        return pages.page(
            "access.html",
            request.query_params,
            lines=lines,
            examined=examined,
            more=len(lines) == _PAGE,
        )

    return router


async def _log_in(access: Access, request: Request, fields: dict[str, str]) -> Response:
    name, target = fields.get("name", "").strip()[:100], _inside(fields.get("next", "/"))
    address = request.client.host if request.client else ""
    # of one person from one place, and of a place whoever it says it is
    origin = f"{address} {name}"
    wait_s = max(access.guesses.wait_s(origin), access.floods.wait_s(address))
    if wait_s:
        return await _not_in(access, request, name, target, 429, wait_s)
    accounts = access.accounts()
    found = await asyncio.to_thread(by_password, accounts, name, fields.get("password", ""))
    if found is None:
        access.guesses.wrong(origin)
        access.floods.wrong(address)
        return await _not_in(access, request, name, target, 401)
    access.guesses.right(origin)
    person = found.person("session")
    await access.write(request, person, 303, what="login")
    answer = RedirectResponse(target, 303)
    answer.set_cookie(
        COOKIE,
        access.sessions.begin(found),
        max_age=LASTS_S,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


async def _not_in(
    access: Access, request: Request, name: str, target: str, status: int, wait_s: int = 0
) -> Response:
    known = any(account.name == name for account in access.accounts())
    # what is no account's name may be a password in the wrong field
    await access.write(request, None, status, what="login", tried=name if known else "?")
    wrong = (
        f"Sai quá nhiều lần. Hãy thử lại sau {-(-wait_s // 60)} phút."
        if wait_s
        else "Sai tên hoặc mật khẩu."
    )
    answer = access.pages.page("login.html", {}, status, target=target, wrong=wrong, name=name)
    if wait_s:
        answer.headers["retry-after"] = str(wait_s)
    return answer


def _inside(target: str) -> str:
    """The path to go on to; never another site."""
    parts = urlsplit(target)
    inside = target.startswith("/") and not target.startswith(("//", "/\\"))
    clean = inside and not parts.netloc and target.isprintable()
    return target if clean else "/"


def examined_json(examined: Examined) -> dict[str, Any]:
    """What came of going along the chain, for programs."""
    return {
        "intact": examined.broken is None,
        "lines": examined.head.number,
        "sha256": examined.head.sha256,
        "broken": examined.broken._asdict() if examined.broken else None,
    }


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
