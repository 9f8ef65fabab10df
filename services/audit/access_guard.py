"""Stands before every answer of the history: who asks, may they, and a line in the access log.

The line is on the disk before the first byte of the answer goes out: what cannot be written down is
not answered.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson
import structlog
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.certificates import Certificate
from schemas.problems import Problem
from services.audit.access import (
    OPEN,
    OfficersSeen,
    Person,
    Right,
    answer_for,
    audit_secret,
    is_public,
    right_of,
)
from services.audit.access_accounts import Account, accounts_file, by_key, read_accounts
from services.audit.access_forms import FOREIGN_FORM, SESSIONS
from services.audit.access_log import AccessLog, log_file
from services.audit.access_sessions import COOKIE, Guesses, Sessions
from services.audit.pages import Pages
from services.reread import Reread, stamp_of
from services.settings import Settings
from services.web import problem_response

log = structlog.get_logger()

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_UNLOGGED = ("/static/", "/healthz", "/readyz", "/.well-known/motcua")
_OFFICER_FIELDS = frozenset({"officer", "approved_by"})
_REMEMBERED = 1024
_LONGEST = 2000


@dataclass
class Access:
    """What is known of the people who may ask."""

    settings: Settings
    accounts: Callable[[], tuple[Account, ...]]
    sessions: Sessions
    guesses: Guesses
    """Wrong passwords of one name from one address."""
    floods: Guesses
    """Wrong passwords and keys from one address."""
    log: AccessLog
    pages: Pages
    officers: OfficersSeen
    """As a viewer sees them."""
    clock: Callable[[], datetime]
    _keys: OrderedDict[bytes, Account] = field(default_factory=OrderedDict)
    _keys_for: tuple[Account, ...] = ()
    # one at a time: a flood of wrong keys keeps one thread busy, and nobody else waits for it
    _verifying: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def account_of(self, key: str, accounts: tuple[Account, ...]) -> Account | None:
        """Whose key it is; what was verified is remembered by the key's SHA-256."""
        if accounts is not self._keys_for:
            self._keys_for = accounts
            self._keys.clear()
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        if digest in self._keys:
            return self._keys[digest]
        async with self._verifying:
            found = await asyncio.to_thread(by_key, accounts, key)
        if found is not None and accounts is self._keys_for:
            self._keys[digest] = found
            while len(self._keys) > _REMEMBERED:
                self._keys.popitem(last=False)
        return found

    async def write(
        self, request: Request, person: Person | None, status: int, **more: Any
    ) -> None:
        """A line of the access log. Raises ``OSError``."""
        said = {
            "at": self.clock().isoformat(timespec="milliseconds"),
            "who": person.name if person else "",
            "role": person.role if person else "",
            "way": person.way if person else "",
            "from": request.client.host if request.client else "",
            "method": request.method,
            "path": request.url.path[:_LONGEST],
            "query": request.url.query[:_LONGEST],
            "status": status,
            **more,
        }
        await asyncio.to_thread(self.log.append, said)


def access_of(
    settings: Settings,
    newest: Callable[[], Certificate | None],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Access:
    """Of this installation."""
    file = accounts_file(settings.data)
    secret = partial(audit_secret, settings.data)
    return Access(
        settings,
        Reread(lambda: read_accounts(file), lambda: stamp_of(file)),
        Sessions(secret, lambda: clock().timestamp()),
        Guesses(time.monotonic),
        Guesses(time.monotonic, most=30),
        AccessLog(log_file(settings.data)),
        Pages(settings, newest, clock),
        OfficersSeen(True, secret),
        clock,
    )


class Guard:
    """ASGI middleware around everything that the history answers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See this module."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        scope[SESSIONS] = self._access.sessions
        who = await self._who(request)
        if isinstance(who, Problem):
            person, refusal = None, self._unless_public(request, who)
        else:
            person = who
            answer_for(person, self._access.sessions.form_token(person))
            refusal = self._unless_public(request, self._refusal(request, person))
        answered = _Answered(self._access, request, person, send)
        if refusal is not None:
            await self._refuse(request, refusal)(scope, receive, answered.send)
            return
        try:
            await self._app(scope, receive, answered.send)
        except Exception:
            await answered.failed()
            raise

    def _unless_public(self, request: Request, refusal: Problem | None) -> Problem | None:
        path = request.url.path
        if path == "/login":
            # the page by which one becomes somebody; without accounts there is nobody to become
            return None if self._access.accounts() else refusal
        return None if is_public(path) else refusal

    async def _who(self, request: Request) -> Person | Problem:
        access = self._access
        accounts = access.accounts()
        if not accounts:
            return self._open(request)
        key = _bearer(request.headers)
        if key is None:
            found = access.sessions.person(request.cookies.get(COOKIE, ""), accounts)
            return found or _WHO
        address = request.client.host if request.client else ""
        if access.floods.wait_s(address):
            return _TOO_OFTEN
        account = await access.account_of(key, accounts)
        if account is None:
            access.floods.wrong(address)
            return _WHO
        return account.person("key")

    def _open(self, request: Request) -> Person | Problem:
        """Without accounts: who sits at the machine, and nobody else."""
        host = self._access.settings.host
        if host not in _LOOPBACK:
            return _NO_ACCOUNTS
        # a page elsewhere may have its name point here; it cannot choose what stands in Host
        named = urlsplit(f"//{request.headers.get('host', '')}").hostname
        return OPEN if named in _LOOPBACK | {host} else _OTHER_NAME

    def _refusal(self, request: Request, person: Person) -> Problem | None:
        right = right_of(request.url.path)
        least = right.least
        if request.method not in _SAFE:
            least = right.least_to_change or least
            if self._is_foreign(request, person):
                return FOREIGN_FORM
        if not person.may(least):
            return _NOT_ALLOWED
        asked = QueryParams(request.scope["query_string"])
        if not person.may("auditor") and any(asked.getlist("officer")):
            return _NO_OFFICERS
        return self._of_units(request, person, right, asked)

    def _is_foreign(self, request: Request, person: Person) -> bool:
        """Whether another site may have made the browser send this."""
        if person.way == "key":
            return False
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            return True
        # forms carry their token inside, see access_forms
        of_script = request.url.path.startswith("/api/") and person.way == "session"
        token = request.headers.get("x-csrf-token", "")
        return of_script and not self._access.sessions.fits(person, token)

    def _of_units(
        self, request: Request, person: Person, right: Right, asked: QueryParams
    ) -> Problem | None:
        """Who sees some units asks about one of them; with one alone it need not be named."""
        if person.units is None or right.own:
            return None
        if not right.of_unit:
            return _NOT_ALLOWED
        named = [unit.strip() for unit in asked.getlist("unit") if unit.strip()]
        if any(unit not in person.units for unit in named):
            return _NOT_ALLOWED
        if named:
            return None
        mine = sorted(person.units)
        if len(mine) == 1 or (mine and _wants_page(request)):
            pairs = [(n, v) for n, v in asked.multi_items() if n != "unit"]
            request.scope["query_string"] = urlencode([*pairs, ("unit", mine[0])]).encode()
            return None
        return _name_one(mine)

    def _refuse(self, request: Request, problem: Problem) -> Response:
        if not _wants_page(request):
            headers = {"www-authenticate": "Bearer"} if problem.status == 401 else None
            return problem_response(problem, headers)
        if problem.status == 401 and request.method == "GET":
            target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(target, safe='')}", 303)
        return self._access.pages.problem(problem)


class _Answered:
    """Writes the line of the log before the answer, and masks what a viewer may not see."""

    def __init__(self, access: Access, request: Request, person: Person | None, send: Send) -> None:
        self._access, self._request, self._person, self._send = access, request, person, send
        self._started = self._gone = False
        self._held: Message | None = None
        self._body: list[bytes] = []

    async def send(self, message: Message) -> None:
        """As ASGI's."""
        if self._gone:
            return
        if message["type"] == "http.response.start":
            self._started = True
            if not await self._written(message["status"]):
                self._gone = True
                refused = problem_response(_NOT_LOGGED)
                await refused(self._request.scope, self._request.receive, self._send)
                return
            if self._masks(message):
                self._held = message
                return
        elif self._held is not None and message["type"] == "http.response.body":
            self._body.append(message.get("body", b""))
            if not message.get("more_body"):
                await self._send_masked(self._held)
            return
        await self._send(message)

    async def failed(self) -> None:
        """The answer was an error of ours."""
        if not self._started:
            await self._written(500)

    async def _written(self, status: int) -> bool:
        path = self._request.url.path
        if path == "/login" or any(path.startswith(p) for p in _UNLOGGED):
            # a login writes its own line
            return True
        try:
            more = self._request.scope.get("audit_note", {})
            await self._access.write(self._request, self._person, status, **more)
        except OSError as error:
            log.error("access_log_unwritable", why=str(error))
            return False
        return True

    def _masks(self, start: Message) -> bool:
        kind = Headers(raw=start["headers"]).get("content-type", "")
        seen = self._person is None or self._person.may("auditor")
        noted = "audit_note" in self._request.scope
        # a document masks its rows itself, and says so in its provenance
        return not seen and not noted and kind.startswith("application/json")

    async def _send_masked(self, start: Message) -> None:
        said = orjson.loads(b"".join(self._body) or b"null")
        body = orjson.dumps(self._masked(said))
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["content-length"] = str(len(body))
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})

    def _masked(self, said: Any) -> Any:
        if isinstance(said, list):
            return [self._masked(one) for one in said]
        if isinstance(said, Mapping):
            return {
                name: self._access.officers(value)
                if name in _OFFICER_FIELDS and isinstance(value, str)
                else self._masked(value)
                for name, value in said.items()
            }
        return said


def _bearer(headers: Headers) -> str | None:
    kind, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else None


def _wants_page(request: Request) -> bool:
    api = request.url.path.startswith("/api/")
    return not api and "text/html" in request.headers.get("accept", "text/html")


# -- problems


def _problem(
    rule: str, status: int, title: str, title_vi: str, detail: str, detail_vi: str
) -> Problem:
    return Problem(
        type=f"urn:motcua:problem:{rule}",
        title=title,
        title_vi=title_vi,
        status=status,
        detail=detail,
        detail_vi=detail_vi,
    )


def _name_one(units: list[str]) -> Problem:
    listed = ", ".join(units)
    return _problem(
        *("unit_expected", 403),
        *("Say which unit", "Cần nêu đơn vị"),
        f"Your account sees some units only; add unit=… with one of: {listed}.",
        f"Tài khoản chỉ xem được một số đơn vị; thêm unit=… với một trong: {listed}.",
    )


_WHO = _problem(
    *("who_are_you", 401),
    *("Say who you are", "Cần đăng nhập"),
    "Log in at /login, or send the key of an account: Authorization: Bearer ma_….",
    "Đăng nhập tại /login, hoặc gửi khóa của tài khoản: Authorization: Bearer ma_….",
)
_NO_ACCOUNTS = _problem(
    *("no_accounts", 403),
    *("There are no accounts yet", "Chưa có tài khoản nào"),
    "This audit can be reached from other machines and nobody has an account. On its machine run: "
    "motcua account add NAME --role auditor",
    "Trang kiểm tra này truy cập được từ máy khác mà chưa có tài khoản nào. Trên máy chủ, chạy: "
    "motcua account add TÊN --role auditor",
)
_OTHER_NAME = _problem(
    *("other_name", 403),
    *("Another name of this machine", "Tên máy khác"),
    "Without accounts the audit answers on this machine alone, at http://127.0.0.1.",
    "Khi chưa có tài khoản, trang kiểm tra chỉ trả lời trên chính máy này, tại http://127.0.0.1.",
)
_NOT_ALLOWED = _problem(
    *("not_allowed", 403),
    *("Your account may not see this", "Tài khoản không được xem phần này"),
    "The role or the units of your account do not reach as far. Ask an administrator.",
    "Vai trò hoặc đơn vị của tài khoản không cho phép. Hãy hỏi người quản trị.",
)
_NO_OFFICERS = _problem(
    *("officers_masked", 403),
    *("Officers are masked for viewers", "Người xem không được xem theo cán bộ"),
    "Leave «officer» out, or ask an auditor.",
    "Hãy bỏ trống «officer», hoặc nhờ người kiểm tra.",
)
_TOO_OFTEN = _problem(
    *("too_many_guesses", 429),
    *("Too many wrong keys", "Sai khóa quá nhiều lần"),
    "Wait a quarter of an hour.",
    "Hãy chờ mười lăm phút.",
)
_NOT_LOGGED = _problem(
    *("access_log_unwritable", 503),
    *("The access log cannot be written", "Không ghi được nhật ký truy cập"),
    "Nothing is answered that cannot be written down. Is the disk full?",
    "Không trả lời điều gì không ghi lại được. Đĩa có bị đầy không?",
)
