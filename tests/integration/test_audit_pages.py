"""Every surface of the audit: what it shows, and what it answers to whoever asks wrongly."""

import re
from collections.abc import Iterator
from html import unescape
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from schemas.books import load_book
from services.audit import settled
from services.audit.pages import MENU
from services.audit.questions.forensics import checks
from services.audit.questions.lists import STATES
from services.audit.timeline import STANDINGS
from services.audit.words import LIGHTS, english
from services.audit.words import STANDINGS as CONTRIBUTIONS
from services.clickhouse import Pool
from streams.core.balance import TERMS
from streams.core.cases import cases_of
from streams.core.facts import FACTS
from streams.core.receptions import bits_of
from tests.support.audited import audit_app, said
from tests.support.clickhouse import Database, Server, numbered
from tests.support.histories import admitted, received, resolved, stopped

PERIOD = {"from": "2023-01-01", "to": "2023-12-31"}
EARLIER = {**PERIOD, "known_at": "2023-02-15"}
API = {
    "/api/v1/report": PERIOD,
    "/api/v1/report/dossiers": {**PERIOD, "indicator": "IV.2", "case": "a"},
    "/api/v1/report/procedures": {**PERIOD, "indicator": "III.1"},
    "/api/v1/dossiers": {},
    "/api/v1/changes": EARLIER,
    "/api/v1/changes/dossiers": {**EARLIER, "indicator": "IV.2"},
    "/api/v1/compare": {**PERIOD, "from_2": "2023-01-01", "to_2": "2023-03-31"},
    "/api/v1/outlook": PERIOD,
    "/api/v1/roadmap": PERIOD,
    "/api/v1/trend": PERIOD,
    "/api/v1/durations": PERIOD,
    "/api/v1/forensics": PERIOD,
    **{f"/api/v1/forensics/{code}": PERIOD for code in checks()},
}
PAGES = {
    "/": EARLIER,
    "/behind": {**PERIOD, "indicator": "IV.2", "case": "missed"},
    "/dossiers": {"state": "closed"},
    "/dossier": {"unit": "23500", "dossier": "moved"},
    "/changes": EARLIER,
    "/changes/dossiers": {**EARLIER, "indicator": "IV.2"},
    "/compare": {**PERIOD, "unit_2": "23503"},
    "/forensics": PERIOD,
    "/forensics/claim_differs": PERIOD,
    "/trend": PERIOD,
    "/verify": {},
    "/docs": {},
}


class Recorded:
    """Everything that ClickHouse is told to do."""

    def __init__(self, database: Database) -> None:
        self.statements: list[str] = []
        self._database = database

    def connect(self) -> Any:
        client = self._database.connect()
        for name in ("query", "command"):
            told = getattr(client, name)

            def tell(statement: str, *rest: Any, _told: Any = told, **named: Any) -> Any:
                self.statements.append(statement)
                return _told(statement, *rest, **named)

            setattr(client, name, tell)
        return client


@pytest.fixture(scope="module")
def recorded(clickhouse_server: Server) -> Recorded:
    database = clickhouse_server.database()
    database.store(numbered(said()))
    return Recorded(database)


@pytest.fixture(scope="module")
def http(recorded: Recorded) -> Iterator[TestClient]:
    pool = Pool(recorded.connect, 2)
    app = audit_app(pool)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    pool.close()


@pytest.mark.parametrize("path", API)
def test_every_question_is_answered_and_says_whether_it_is_final(http: TestClient, path: str):
    """A script must know whether it may keep what it got."""
    found = http.get(path, params=API[path])

    assert found.status_code == 200, found.text
    answer = found.json()
    told = answer["first"] if path == "/api/v1/compare" else answer
    if path != "/api/v1/changes/dossiers":
        assert told["final"] is False
    past = http.get(path, params={**API[path], "known_at": "2023-05-01"}).json()
    if path not in ("/api/v1/changes", "/api/v1/changes/dossiers"):
        assert (past["first"] if path == "/api/v1/compare" else past)["final"] is True


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there_in_both_languages(http: TestClient, path: str, language: str):
    """Links of a page lead to pages of the same language; none of them is dead."""
    lang = {"lang": "en"} if language == "en" else {}
    page = http.get(path, params={**PAGES[path], **lang})

    assert page.status_code == 200, page.text
    assert f'<html lang="{language}">' in page.text
    links = [unescape(link) for link in re.findall(r'<a [^>]*href="(/[^"#]*)', page.text)]
    assert links
    if language == "en":
        assert all(
            "lang=en" in link
            for link in links
            if not link.startswith(("/api", "/openapi", "/print"))
        )


def test_a_number_leads_to_its_dossiers_and_to_their_events(http: TestClient):
    """From the table to the record in three clicks, at the clocks that were asked for."""
    table = http.get("/", params=EARLIER).text
    (behind,) = re.findall(r'href="(/behind\?[^"]*indicator=on_time_commune&amp;case=a)"', table)
    page = http.get(unescape(behind)).text
    (link,) = re.findall(r'href="(/dossier\?[^"]*dossier=moved[^"]*)"', page)
    dossier = http.get(unescape(link)).text

    assert "known_at=2023-02-15" in link
    assert "Đã chốt" in dossier
    assert "lúc đó chưa biết" in dossier
    assert "offset 2" in dossier
    now = http.get("/dossier", params={"unit": "23500", "dossier": "moved"}).text
    assert "đã được thay bằng đính chính" in now and "đính chính đang có hiệu lực" in now
    assert "hạn trả" in now.lower() and "Theo đính chính" in now


def test_a_difference_is_explained_in_the_table(http: TestClient):
    """«−1 hồ sơ» today: a correction moved the due moment before the result."""
    table = http.get("/", params=EARLIER).text
    assert "Đính chính: Tiếp nhận" in table
    found = http.get("/api/v1/changes", params=EARLIER).json()
    (row,) = [r for r in found["rows"] if r["indicator"] == "on_time_commune"]
    (reason,) = [r for r in row["reasons"] if r["reason"] == "corrected:received"]
    assert (reason["before"], reason["after"], reason["delta_b"]) == ("met", "missed", -1)
    (one,) = http.get(
        "/api/v1/changes/dossiers",
        params={**EARLIER, "indicator": "IV.2", "reason": "corrected:received"},
    ).json()["dossiers"]
    assert one["dossier"] == "moved" and one["events"][0]["offset"] == 2


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("due_moved_before_expiry", {"extended"}),
        ("due_moved_repeatedly", {"extended"}),
        ("due_moved_without_document", {"extended"}),
        ("supplement_beyond_list", {"asked"}),
        ("supplement_repeated", {"asked"}),
        ("finished_before_received", {"early"}),
        ("payment_after_result", {"late-papers"}),
        ("digitisation_after_result", {"late-papers"}),
        ("claim_differs", {"extended"}),
    ],
)
def test_a_check_finds_the_dossier_that_it_is_about(
    http: TestClient, check: str, expected: set[str]
):
    """Each definition, with one dossier that fits it and a dozen that do not."""
    found = http.get(f"/api/v1/forensics/{check}", params=PERIOD).json()
    assert {one["dossier"] for one in found["findings"]} == expected
    assert all(len(one["values"]) == len(found["check"]["columns"]) for one in found["findings"])
    before = {"from": "2022-01-01", "to": "2022-12-31"}
    assert http.get(f"/api/v1/forensics/{check}", params=before).json()["findings"] == []


def test_rankings_name_officers_and_units(http: TestClient):
    """Who asks beyond the list, who closes at night, who sends late, who fell silent."""
    of = {
        check: http.get(f"/api/v1/forensics/{check}", params=PERIOD).json()["findings"]
        for check in ("supplement_officers", "mass_closing", "emission_delay", "silent_emitters")
    }
    assert [one["values"][3] for one in of["supplement_officers"]] == [1]
    assert [(one["values"][0], one["values"][2]) for one in of["mass_closing"]] == [("cb9", 6)]
    assert [(one["unit"], one["values"][3]) for one in of["emission_delay"]] == [("23500", 1)]
    assert of["silent_emitters"] == []
    spring = {**PERIOD, "to": "2023-04-30"}
    silent = http.get("/api/v1/forensics/silent_emitters", params=spring).json()["findings"]
    assert {(one["unit"], one["values"][0]) for one in silent} == {
        ("23500", "test"),
        ("23503", "test"),
    }


WRONG = [
    ("/api/v1/report", {"from": "2023-02-01", "to": "2023-01-01"}, "to"),
    ("/api/v1/report", {"unit": "nobody"}, "unit"),
    ("/api/v1/report", {"known_at": "2030-01-01"}, "known_at"),
    ("/api/v1/report", {"offcer": "cb01"}, "offcer"),
    ("/api/v1/report", {"officer": "x" * 201}, "officer"),
    ("/api/v1/report/dossiers", {"indicator": "V.9"}, "indicator"),
    ("/api/v1/report/dossiers", {"indicator": "IV.2", "case": "all"}, "case"),
    ("/api/v1/report/dossiers", {"indicator": "IV.2", "page": "1000000"}, "page"),
    ("/api/v1/report/dossiers", {"indicator": "IV.2", "page": "٣"}, "page"),
    ("/api/v1/report/dossiers", {"indicator": "IV.2", "after": "x"}, "after"),
    ("/api/v1/report/procedures", {"indicator": "IV.2"}, "indicator"),
    ("/api/v1/dossiers", {"state": "lost"}, "state"),
    ("/api/v1/dossiers", {"fact": "bits"}, "fact"),
    ("/api/v1/dossiers", {"code": "\x00"}, "code"),
    ("/api/v1/changes", {}, "known_at"),
    ("/api/v1/changes", {"known_at": "2023-05-01", "known_until": "2023-04-01"}, "known_until"),
    ("/api/v1/changes", {"known_at": "2023-05-01", "known_until": "2030-04-01"}, "known_until"),
    ("/api/v1/changes/dossiers", {"known_at": "2023-05-01", "indicator": "III.1"}, "indicator"),
    ("/api/v1/compare", {"from_2": "2023-09-01", "to_2": "2023-01-01"}, "to"),
    ("/api/v1/outlook", {"book": "qd766"}, "book"),
    ("/api/v1/forensics/everything", {}, "check"),
]


@pytest.mark.parametrize(("path", "params", "field"), WRONG)
def test_a_wrong_question_names_the_field(
    http: TestClient, path: str, params: dict[str, str], field: str
):
    """Two languages, the rule, and what would be right; a misspelt filter is not ignored."""
    answer = http.get(path, params=params)

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert error["message"] != error["message_vi"]


PAYLOADS = [
    "x' OR '1'='1",
    "x'); DROP TABLE events; --",
    "1 UNION ALL SELECT name, name FROM system.tables",
    "{units:Array(String)}",
    "x' INTO OUTFILE '/tmp/canary-of-the-audit' --",
    "'+file('/etc/passwd','LineAsString')+'",
    "\\'; SET readonly=0",
    "a\nSETTINGS max_threads=1",
    "0/'/'; SELECT 1",
]


@pytest.mark.parametrize("path", [p for p in (*API, *PAGES) if p not in ("/docs", "/verify")])
def test_no_parameter_becomes_sql(http: TestClient, recorded: Recorded, path: str):
    """Whatever stands in whichever parameter: bound values, and only the statements we ship."""
    asked = {**API, **PAGES}[path]
    names = {*asked, "book", "from", "to", "unit", "officer", "lineage", "as_of", "known_at"}
    names |= {"indicator", "case", "procedure", "after", "page", "code", "state", "fact"}
    names |= {"reason", "known_until", "from_2", "unit_2", "lang", "versus", "dossier"}
    recorded.statements.clear()
    for number, name in enumerate(sorted(names)):
        payload = PAYLOADS[number % len(PAYLOADS)]
        answer = http.get(path, params={**asked, name: payload})
        assert answer.status_code in (200, 404, 422), (name, payload, answer.text)
        assert "DB::Exception" not in answer.text and "Traceback" not in answer.text
    assert recorded.statements or path == "/verify"
    assert {*recorded.statements} <= shipped()
    assert not Path("/tmp/canary-of-the-audit").exists()


def shipped() -> set[str]:
    """Every statement of ``sql``, and the few that name a table for one question."""
    folder = resources.files("services.audit") / "sql"
    names = [f.name for f in folder.iterdir() if f.name.endswith(".sql")]
    names += [f"forensics/{f.name}" for f in (folder / "forensics").iterdir()]
    return {settled.sql(name.removesuffix(".sql")) for name in names} | {
        "CREATE TABLE {asked:Identifier} AS settled ENGINE = Memory",
        "SELECT count() FROM {asked:Identifier}",
        "DROP TABLE IF EXISTS {asked:Identifier}",
        "SELECT currentDatabase()",
        "TRUNCATE TABLE settled",
    }


def test_what_an_example_list_leaves_out_is_linked(clickhouse_server: Server):
    """Twenty are shown; whoever wants the twenty-first must not need to guess an address."""
    database = clickhouse_server.database()
    said_twice = [
        admitted(one)
        for n in range(22)
        for one in (received(dossier=str(n)), resolved(dossier=str(n)), stopped(dossier=str(n)))
    ]
    database.store(numbered(said_twice))
    pool = database.pool()
    with TestClient(audit_app(pool)) as http:
        page = http.get("/", params={**PERIOD, "unit": "23500"}).text
        (link,) = re.findall(r'href="(/api/v1/anomalies[^"]*)"', page)
        assert len(http.get(unescape(link)).json()["dossiers"]) == 22
    pool.close()


def test_the_api_describes_itself(http: TestClient):
    """What machines read, and the page for people, know every question and its parameters."""
    told = http.get("/openapi.json").json()
    page = http.get("/docs").text
    for path in API:
        route = re.sub(r"forensics/\w+", "forensics/{check}", path)
        described = told["paths"][route]["get"]
        assert route in page
        names = {parameter["name"] for parameter in described["parameters"]}
        assert {*API[path]} <= names
        assert "$ref" in described["responses"]["200"]["content"]["application/json"]["schema"]


def test_what_pages_say_has_its_english():
    """A page in English that breaks into Vietnamese was forgotten, not meant."""
    said = {words for words, _ in STATES.values()} | {*STANDINGS.values(), *LIGHTS.values()}
    said |= {*CONTRIBUTIONS.values(), *(term.title for term in TERMS)}
    said |= {*(fact.title for fact in FACTS), *(title for _, title in MENU)}
    for code in ("dak-ha-2023", "qd766"):
        book = load_book(code)
        names = bits_of(book.population)
        said |= {case.title for i in book.indicators for case in cases_of(i, names)}
    folder = resources.files("services.audit")
    for template in (folder / "templates").iterdir():
        said |= {
            text for _, text in re.findall(r"\bt\(([\"'])(.+?)\1\)", template.read_text("utf-8"))
        }
    said |= {column for line in checks().values() for column in line.told().columns}
    for module in ("page_routes.py", "charts.py", "words.py", "pages.py"):
        text = (folder / module).read_text("utf-8")
        said |= {words for _, words in re.findall(r"\bt\(([\"'])([^\"']+)\1\)", text)}
    assert sorted(said - english().keys()) == []
