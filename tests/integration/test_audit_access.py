"""Role × path × unit: who may ask the audit what, and the line written before the answer."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from schemas.registry import load_registry
from services.audit.access_accounts import (
    Secrets,
    accounts_file,
    add_account,
    read_accounts,
    remove_account,
)
from services.audit.access_guard import Guard, access_of
from services.audit.access_log import AccessLog, log_file
from services.audit.access_pages import access_router
from services.audit.app import audit_router
from services.audit.settled import Settled
from services.clickhouse import Pool
from services.settings import Settings
from tests.integration.test_audit_http import NOW, PERIOD, not_yet
from tests.support.clickhouse import Server, numbered
from tests.support.histories import admitted, received, resolved

MINE, OTHER = "23500", "23503"
PAGE = {"accept": "text/html"}


class Office:
    """An audit with people, as a browser or a program sees it."""

    def __init__(self, pool: Pool, data: Path, **given: Any) -> None:
        self.data, self.pool = data, pool
        self.settings = Settings(data=data, **given)
        self.people: dict[str, Secrets] = {}

    def add(self, name: str, role: Any, units: list[str] | None = None) -> None:
        self.people[name] = add_account(accounts_file(self.data), name, role, units)

    def client(self, base: str = "http://127.0.0.1:8401") -> TestClient:
        app = FastAPI(openapi_url=None)
        access = access_of(self.settings, lambda: None, lambda: NOW)
        # a file that is read once a second is too slow for a test
        access.accounts = lambda: read_accounts(accounts_file(self.data))
        app.include_router(
            audit_router(
                self.settings, self.pool, Settled(), load_registry, not_yet, lambda: None,
                lambda: NOW,
            )
        )  # fmt: skip
        app.include_router(access_router(access))

        @app.post("/api/v1/rebuild")
        def rebuild() -> dict[str, str]:
            return {"state": "begun"}

        @app.get("/of-tomorrow")
        def of_tomorrow() -> dict[str, str]:
            return {"new": "page"}

        app.add_middleware(Guard, access=access)
        return TestClient(app, base_url=base, follow_redirects=False)

    def key(self, name: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.people[name].key}"}

    def log_in(self, http: TestClient, name: str, password: str | None = None) -> Any:
        password = self.people[name].password if password is None else password
        return http.post("/login", data={"name": name, "password": password, "next": "/check"})

    def lines(self) -> list[dict[str, Any]]:
        return AccessLog(log_file(self.data)).newest(1000)


@pytest.fixture(scope="module")
def pool(clickhouse_server: Server) -> Iterator[Pool]:
    database = clickhouse_server.database()
    said = []
    for unit in (MINE, OTHER):
        said += [
            received(dossier="1", unit=unit, officer="cb-014"),
            resolved(dossier="1", unit=unit),
        ]
    database.store(numbered(admitted(one) for one in said))
    pool = database.pool()
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def office(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Office:
    office = Office(pool, tmp_path_factory.mktemp("office"))
    office.add("viewer", "viewer")
    office.add("one-unit", "viewer", [MINE])
    office.add("two-units", "auditor", [MINE, "23509"])
    office.add("auditor", "auditor")
    office.add("administrator", "administrator")
    return office


@pytest.fixture(scope="module")
def http(office: Office) -> TestClient:
    return office.client()


REPORT, EVENTS = "/api/v1/report", "/api/v1/events"
# who may have what of whose: viewer, one-unit, two-units, auditor, administrator
MATRIX = [
    ("GET", REPORT, None, "200 200 403 200 200"),
    ("GET", REPORT, MINE, "200 200 200 200 200"),
    ("GET", REPORT, OTHER, "200 403 403 200 200"),
    ("GET", "/api/v1/document", OTHER, "200 403 403 200 200"),
    ("GET", "/api/v1/anomalies", OTHER, "422 403 403 422 422"),
    ("GET", EVENTS, MINE, "200 200 200 200 200"),
    ("GET", EVENTS, OTHER, "200 403 403 200 200"),
    ("POST", "/api/v1/exports", OTHER, "202 403 403 202 202"),
    ("GET", "/api/v1/person", None, "200 200 200 200 200"),
    ("GET", "/api/v1/access", None, "403 403 403 200 200"),
    ("GET", "/api/v1/access/check", None, "403 403 403 200 200"),
    ("POST", "/api/v1/verify", None, "403 403 403 503 503"),
    ("POST", "/api/v1/rebuild", None, "403 403 403 403 200"),
    # 422: allowed, and asked with a parameter that it does not know
    ("GET", "/api/v1/dossiers", MINE, "403 403 422 422 422"),
    ("GET", "/api/v1/changes", OTHER, "403 403 403 422 422"),
    ("GET", "/api/v1/forensics/claim_differs", OTHER, "403 403 403 422 422"),
    ("GET", "/api/v1/compare", MINE, "403 403 403 422 422"),
    ("GET", "/api/v1/trend", OTHER, "422 403 403 422 422"),
    ("GET", "/of-tomorrow", MINE, "403 403 403 200 200"),
]
KNOWING = {path for _, path, _, answers in MATRIX if answers.endswith("422 422")}
WHO = ("viewer", "one-unit", "two-units", "auditor", "administrator")


@pytest.mark.parametrize(("method", "path", "unit", "answers"), MATRIX)
def test_rights_are_exactly_these(
    office: Office, http: TestClient, method: str, path: str, unit: str | None, answers: str
):
    """Role × path × unit, with keys; without one 401; each of them in the log."""
    asked = {**PERIOD, **({"unit": unit} if unit else {})}
    asked |= {"dossier": "1"} if path == EVENTS else {}
    asked |= {"nobody_knows": "1"} if path in KNOWING else {}
    found = []
    for name in WHO:
        found.append(http.request(method, path, params=asked, headers=office.key(name)).status_code)
        line = office.lines()[0]
        assert (line["who"], line["path"], line["status"]) == (name, path, found[-1])

    assert " ".join(map(str, found)) == answers
    nobody = http.request(method, path, params=asked)
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
    assert office.lines()[0]["who"] == ""


def test_one_unit_need_not_be_named_and_cannot_be_smuggled(office: Office, http: TestClient):
    """Who sees one unit gets that one; a second ``unit`` in the address gets nobody further."""
    key = office.key("one-unit")
    assert http.get(REPORT, params=PERIOD, headers=key).json()["unit"] == MINE
    for query in (f"unit={MINE}&unit={OTHER}", f"unit={OTHER}&unit={MINE}", f"unit=%20{OTHER}%20",
                  f"unit=&unit={OTHER}", f"%75nit={OTHER}", f"unit={OTHER}%00"):  # fmt: skip
        assert http.get(f"{REPORT}?{query}", headers=key).status_code == 403
    for query in (f"UNIT={OTHER}", f"unit={MINE};unit={OTHER}", f"x=1%26unit={OTHER}"):
        answer = http.get(f"{REPORT}?{query}", headers=key)
        # refused, as not allowed or as a parameter that nobody knows; or the own unit
        assert answer.status_code in (403, 422) or answer.json()["unit"] == MINE
    form = {**PERIOD, "unit": OTHER, "format": "csv"}
    assert http.post("/exports", data=form, headers={**key, **PAGE}).status_code == 403
    page = http.get("/", params=PERIOD, headers={**office.key("two-units"), **PAGE})
    assert page.status_code == 200 and "Thị trấn Đắk Hà" in page.text


def test_officers_are_masked_for_viewers_everywhere(office: Office, http: TestClient):
    """A viewer sees that it was the same officer, and not who."""
    asked = {"unit": MINE, "dossier": "1"}
    seen = http.get(EVENTS, params=asked, headers=office.key("auditor")).json()
    masked = http.get(EVENTS, params=asked, headers=office.key("viewer")).json()

    assert seen["events"][0]["event"]["data"]["officer"] == "cb-014"
    said = masked["events"][0]["event"]["data"]["officer"]
    assert re.fullmatch("CB-[0-9a-f]{8}", said) and "cb-014" not in str(masked)
    assert masked["known"]["officer"] == said
    asked = {**PERIOD, "officer": "cb-014"}
    assert http.get(REPORT, params=asked, headers=office.key("viewer")).status_code == 403
    assert http.post("/exports", data=asked, headers=office.key("viewer")).status_code == 403


def test_a_list_for_viewers_is_masked_and_confirmed_as_such(office: Office, http: TestClient):
    """The mask is part of the document: it is the same when the file is checked."""
    viewer, auditor = office.key("viewer"), office.key("auditor")
    files = {}
    for name, key in (("viewer", viewer), ("auditor", auditor)):
        begun = http.post("/api/v1/exports", params={**PERIOD, "format": "csv"}, headers=key).json()
        while (
            answer := http.get(f"/api/v1/exports/{begun['id']}/file", headers=key)
        ).status_code != 200:
            assert (
                http.get(f"/api/v1/exports/{begun['id']}", headers=key).json()["state"] != "failed"
            )
        files[name] = answer.content
        assert (
            http.get(
                f"/api/v1/exports/{begun['id']}/file", headers=office.key("two-units")
            ).status_code
            == 404
        )

    assert b"cb-014" in files["auditor"] and b"cb-014" not in files["viewer"]
    checked = http.post("/api/v1/check", content=files["viewer"], headers=viewer)
    assert checked.json()["verdict"] == "confirmed"
    # the differences of another's file would tell who it was
    assert http.post("/api/v1/check", content=files["auditor"], headers=viewer).status_code == 403
    assert (
        http.post(
            "/api/v1/check", content=files["viewer"], headers=office.key("one-unit")
        ).status_code
        == 403
    )


def test_logging_in_and_out_in_a_browser(office: Office):
    """From the page that one wanted to the login and back; the cookie is for this site alone."""
    http = office.client()
    sent = http.get("/?from=2023-01-01", headers=PAGE)
    assert (sent.status_code, sent.headers["location"]) == (
        303,
        "/login?next=%2F%3Ffrom%3D2023-01-01",
    )
    assert http.get(sent.headers["location"]).status_code == 200

    logged = office.log_in(http, "auditor")
    assert (logged.status_code, logged.headers["location"]) == (303, "/check")
    cookie = logged.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "max-age" in cookie
    page = http.get("/check", headers=PAGE).text
    assert "auditor · Thoát" in page
    token = re.search(r'action="/logout"><input type="hidden" name="csrf" value="(\w+)"', page)
    assert token is not None
    assert office.lines()[0]["way"] == "session"

    kept = dict(http.cookies)
    assert http.post("/logout", data={"csrf": "x" * 64}).status_code == 403
    assert http.post("/logout", data={"csrf": token[1]}).status_code == 303
    again = office.client()
    again.cookies.update(kept)
    http.cookies.update(kept)
    assert http.get("/check", headers=PAGE).status_code == 303


def test_another_site_cannot_ask_in_my_name(office: Office):
    """A form of another page, a script of another page: both without the token, both refused."""
    http = office.client()
    office.log_in(http, "administrator")
    assert http.post("/api/v1/rebuild").status_code == 403
    assert http.post("/exports", data={**PERIOD, "format": "csv"}).status_code == 403
    page = http.get("/check", headers=PAGE).text
    token = re.findall(r'name="csrf" value="(\w+)"', page)[0]
    foreign = {"origin": "http://evil.example", "x-csrf-token": token}
    assert http.post("/api/v1/rebuild", headers=foreign).status_code == 403
    mine = {"origin": "http://127.0.0.1:8401", "x-csrf-token": token}
    assert http.post("/api/v1/rebuild", headers=mine).status_code == 200


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a\r\nb"],
)
def test_a_login_leads_nowhere_else(office: Office, target: str):
    """A link to our login page is no way to somebody else's."""
    answer = office.client().post(
        "/login",
        data={"name": "auditor", "password": office.people["auditor"].password, "next": target},
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_guessing_a_password_is_slowed_down(office: Office):
    """Five wrong ones, then even the right one waits; others are not kept out. All in the log."""
    http = office.client()
    for _ in range(5):
        assert office.log_in(http, "viewer", "wrong").status_code == 401
    late = office.log_in(http, "viewer")
    assert late.status_code == 429 and int(late.headers["retry-after"]) > 600
    assert office.log_in(http, "auditor").status_code == 303
    assert [line["status"] for line in office.lines()[:7]] == [303, 429, 401, 401, 401, 401, 401]
    office.log_in(http, "my-password-in-the-wrong-field", "x")
    assert "my-password" not in str(office.lines())


def test_wrong_keys_are_slowed_down(office: Office):
    """Thirty from one address, then nobody from there is heard for a while."""
    http = office.client()
    wrong = [{"authorization": f"Bearer ma_{n:012x}_{'x' * 43}"} for n in range(30)]
    assert {http.get(REPORT, headers=key).status_code for key in wrong} == {401}
    assert http.get(REPORT, headers=wrong[0]).status_code == 429


@pytest.mark.parametrize("field", ["name", "password", "next", "csrf"])
def test_nonsense_at_the_login_is_a_wrong_login(office: Office, field: str):
    """Long, binary, injected: 401 and no 5xx."""
    for text in ("' OR '1'='1", "x" * 3000, "\x00", "𝒳", "{{7*7}}", "<script>"):
        # each from another place, as it were: guesses are counted
        http = office.client()
        answer = http.post("/login", data={"name": "a", "password": "b", field: text})
        assert answer.status_code == 401
        assert "<script>" not in answer.text and "49" not in answer.text
    assert http.post("/login", content=b"\xff" * 100).status_code == 422
    assert http.post("/login", data={"name": "x" * 10_000}).status_code == 422


def test_without_accounts_the_machine_itself_is_an_auditor_and_says_so(pool: Pool, tmp_path: Path):
    """Two commands and a demonstration: nobody makes an account for that. With the first account
    the door closes, with the last it opens again, to this machine alone.
    """
    office = Office(pool, tmp_path)
    http = office.client()
    page = http.get("/", params=PERIOD, headers=PAGE)
    assert page.status_code == 200 and "Chưa có tài khoản nào" in page.text
    assert http.get("/api/v1/person").json()["role"] == "auditor"
    assert http.get("/login").headers["location"] == "/"
    # another name that points here: a page elsewhere asks through a browser on this machine
    assert office.client("http://evil.example").get(REPORT).status_code == 403
    assert (
        http.post("/api/v1/rebuild", headers={"origin": "http://evil.example"}).status_code == 403
    )

    office.add("a", "auditor")
    assert http.get(REPORT, params=PERIOD).status_code == 401
    remove_account(accounts_file(tmp_path), "a")
    assert http.get(REPORT, params=PERIOD).status_code == 200


def test_an_audit_that_others_can_reach_needs_accounts(pool: Pool, tmp_path: Path):
    """Whoever binds it to the network is told what to do first."""
    office = Office(pool, tmp_path, host="0.0.0.0")
    http = office.client("http://10.0.0.7:8401")
    for path in ("/", REPORT, "/access", "/login"):
        refused = http.get(path, headers=PAGE)
        assert refused.status_code == 403
        assert "motcua account add" in refused.text
    office.add("a", "auditor")
    assert http.get(REPORT, params=PERIOD, headers=office.key("a")).status_code == 200


def test_what_cannot_be_written_down_is_not_answered(pool: Pool, tmp_path: Path):
    """A full disk is no way to read unseen."""
    office = Office(pool, tmp_path)
    http = office.client()
    (tmp_path / "access").mkdir()
    log_file(tmp_path).mkdir()

    answer = http.get(REPORT, params=PERIOD)

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:motcua:problem:access_log_unwritable"
    assert "rows" not in answer.text


def test_the_page_of_the_log_shows_who_took_what(office: Office, http: TestClient):
    """An auditor reads it; nothing in the product changes it."""
    key = {**office.key("auditor"), **PAGE}
    http.get("/api/v1/document", params={**PERIOD, "format": "csv"}, headers=office.key("auditor"))
    sha256 = office.lines()[0]["data_sha256"]

    page = http.get("/access?check=1", headers=key).text

    assert sha256[:16] in page and "Chuỗi còn nguyên" in page
    assert http.get(f"/access?before={10**30}", headers=key).status_code == 422
    assert http.get("/access?before=1' OR 1=1", headers=key).status_code == 422
    lines = http.get("/api/v1/access?page=2&before=5", headers=office.key("auditor")).json()[
        "lines"
    ]
    assert [line["n"] for line in lines] == [4, 3]
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        status = http.request(
            method, "/api/v1/access", headers=office.key("administrator")
        ).status_code
        assert status == 405
