"""The audit over HTTP: answers, problems in two languages, a page that works offline."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from schemas.certificates import Certificate, Difference, read_certificate
from schemas.registry import load_registry
from services.audit import audit_router
from services.audit.verifier import LiveNotReady, NotComparable
from services.clickhouse import Pool
from services.settings import Settings
from tests.support.clickhouse import Database, Server, numbered
from tests.support.histories import admitted, digitized, paid, received, resolved, stopped
from tests.support.wall import certificate

NOW = datetime(2023, 6, 1, 3, tzinfo=UTC)
PERIOD = {"from": "2023-01-01", "to": "2023-12-31"}


@pytest.fixture(scope="module")
def database(clickhouse_server: Server) -> Database:
    database = clickhouse_server.database()
    said = [
        *(received(dossier="1"), digitized(dossier="1"), paid(dossier="1")),
        resolved(dossier="1", electronic=True),
        *(received(dossier="2"), resolved("2023-02-10T18:00", dossier="2")),
        stopped("2023-02-11T08:00", dossier="2"),
        received(dossier="<script>alert(1)</script>"),
        resolved(dossier="<script>alert(1)</script>"),
        stopped("2023-02-11T08:00", dossier="<script>alert(1)</script>"),
    ]
    database.store(numbered(admitted(one) for one in said))
    return database


def not_yet() -> Certificate:
    """A live side that has just started."""
    raise LiveNotReady("reading motcua.units: 5 records to go")


def client_of(
    pool: Pool,
    *,
    demo: bool = False,
    verify: Callable[[], Certificate] = not_yet,
    newest: Certificate | None = None,
) -> TestClient:
    settings = Settings(demo=demo, data=Path("unused"))
    app = FastAPI(openapi_url=None)
    app.include_router(
        audit_router(settings, pool, load_registry, verify, lambda: newest, lambda: NOW)
    )
    return TestClient(app)


@pytest.fixture(scope="module")
def http(database: Database) -> Iterator[TestClient]:
    pool = database.pool()
    yield client_of(pool)
    pool.close()


def test_the_report_has_the_documented_shape(http: TestClient):
    """People script against it; live and history print the same."""
    found = http.get("/api/v1/report", params=PERIOD).json()

    assert found["source"] == "history"
    assert (found["from"], found["to"]) == ("2023-01-01", "2023-12-31")
    assert (found["dossiers"], found["resolved"]) == (3, 3)
    row = next(r for r in found["rows"] if r["indicator"] == "on_time_commune")
    assert (row["unit"], row["a"], row["b"], row["met"]) == (None, 3, 2, False)
    (anomaly,) = found["anomalies"]
    assert anomaly["code"] == "closed_again"
    assert anomaly["examples"] == ["23500/2", "23500/<script>alert(1)</script>"]


def test_without_a_period_it_is_the_current_year(http: TestClient):
    """The question that is asked every day needs no parameter."""
    found = http.get("/api/v1/report").json()

    assert (found["from"], found["to"]) == ("2023-01-01", "2023-12-31")


@pytest.mark.parametrize(
    ("params", "field", "rule"),
    [
        ({"book": "nobody"}, "book", "book_unknown"),
        ({"book": "../../etc/passwd.toml"}, "book", "book_unknown"),
        ({"from": "2023-13-01"}, "from", "day_expected"),
        ({"to": "31/12/2023"}, "to", "day_expected"),
        ({"from": "2023-02-01", "to": "2023-01-01"}, "to", "period_backwards"),
        ({"unit": "x' OR '1'='1"}, "unit", "unit_unknown"),
        ({"as_of": "yesterday"}, "as_of", "moment_expected"),
        ({"as_of": "0001-01-01"}, "as_of", "moment_expected"),
        ({"known_at": "9999-12-31T23:59:59+14:00"}, "known_at", "moment_expected"),
        ({"known_at": "2023-06-02"}, "known_at", "known_at_in_future"),
    ],
)
def test_a_wrong_question_is_answered_with_what_would_be_right(
    http: TestClient, params: dict[str, str], field: str, rule: str
):
    """Field, rule and fix in two languages; never a stack trace, and never another question."""
    for path in ("/api/v1/report", "/api/v1/anomalies"):
        answer = http.get(path, params=params)

        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        (error,) = answer.json()["errors"]
        assert (error["field"], error["rule"]) == (field, rule)
        assert error["message"] != error["message_vi"]
    page = http.get("/", params=params)
    assert page.status_code == 422
    assert error["message_vi"].replace("«", "").split()[0] in page.text
    assert "Traceback" not in page.text


def test_a_unit_of_the_registry_without_events_has_no_rows(http: TestClient):
    """A new commune is not an error; the live report says the same."""
    found = http.get("/api/v1/report", params={**PERIOD, "unit": "23524"}).json()

    assert found["rows"] == []
    assert "Chưa có sự kiện nào" in http.get("/", params={**PERIOD, "unit": "23524"}).text


def test_a_dossier_is_answered_with_its_events_and_facts(http: TestClient):
    """From a number to the dossier, from the dossier to what was said of it, and by whom."""
    found = http.get("/api/v1/events", params={"unit": "23500", "dossier": "1"}).json()

    assert [e["kind"] for e in found["events"]] == ["received", "digitized", "paid", "resolved"]
    assert found["events"][0]["event"]["subject"] == "1"
    assert {"resolved", "on_time", "paid_online"} <= set(found["known"]["facts"])
    missing = http.get("/api/v1/events", params={"unit": "23500", "dossier": "nobody"})
    assert missing.status_code == 404
    assert http.get("/api/v1/events", params={"unit": "23500"}).status_code == 422


def test_anomalies_page_by_page(http: TestClient):
    """The keyset that one page ends with begins the next."""
    params = {**PERIOD, "code": "closed_again", "page": 1}
    first = http.get("/api/v1/anomalies", params=params).json()
    second = http.get("/api/v1/anomalies", params={**params, "after": first["after"]}).json()
    third = http.get("/api/v1/anomalies", params={**params, "after": second["after"]}).json()

    assert [len(p["dossiers"]) for p in (first, second, third)] == [1, 1, 0]
    assert http.get("/api/v1/anomalies", params={"code": "x"}).json()["errors"][0]["rule"] == (
        "anomaly_unknown"
    )


def test_verification_waits_for_the_live_side_in_words(http: TestClient):
    """«Not equal» and «cannot say yet» are different answers."""
    answer = http.post("/api/v1/verify")

    assert answer.status_code == 503
    assert "5 records to go" in answer.json()["detail"]


def test_what_the_verification_finds_is_answered_as_it_is(database: Database):
    """A script reads the certificate itself, seal and all."""
    pool = database.pool()
    made = certificate(NOW)

    answer = client_of(pool, verify=lambda: made).post("/api/v1/verify")

    assert read_certificate(answer.content) == made
    assert answer.json()["equal"] is True
    pool.close()


def test_a_verification_that_fails_is_said_in_words(database: Database):
    """No certificate is made of a comparison that did not happen."""

    def fails() -> Certificate:
        raise NotComparable("no answer")

    pool = database.pool()
    answer = client_of(pool, verify=fails).post("/api/v1/verify")

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:motcua:problem:history_unavailable"
    pool.close()


@pytest.mark.parametrize(
    ("changes", "age_s", "style", "words"),
    [
        ({}, 10, "met", "khớp 24/24 đơn vị · 09:59:50"),
        ({}, 124, "missed", "ngừng đối chiếu · 09:57:56"),
        ({"next_within_s": None}, 90_000, "met", "khớp 24/24 đơn vị"),
        ({"state": "differs", "units_differing": 2}, 10, "missed", "LỆCH 2 đơn vị"),
        ({"state": "waiting", "units_compared": 3, "history_behind": 4321}, 10, "none",
         "đang chờ: lịch sử chậm 4.321 bản ghi · 09:59:50"),
        ({"state": "waiting", "units_compared": 3}, 10, "none", "đang đối chiếu, khớp 3/24 đơn vị"),
    ],
)  # fmt: skip
def test_every_page_says_whether_live_and_history_agree(
    database: Database, changes: dict[str, object], age_s: int, style: str, words: str
):
    """An auditor who looks at history wants to know whether the wall says the same."""
    pool = database.pool()
    newest = certificate(NOW - timedelta(seconds=age_s), **changes)
    http = client_of(pool, newest=newest)

    for path in ("/", "/verify"):
        page = http.get(path).text
        (link,) = re.findall(r'<a class="verdict (\w+)" href="/verify">([^<]+)</a>', page)
        assert link[0] == style
        assert words in " ".join(link[1].split())
    pool.close()


def test_the_page_of_the_verification_leads_from_a_difference_to_its_dossiers(database: Database):
    """From the alarm on the wall to the dossier behind it in two clicks."""
    pool = database.pool()
    cell = ("closed", "2023-02-10", "commune", "1.001193", "cb-01", 3, 1)
    wrong = Difference(
        unit="23500", month="2023-02", cell=cell, live=2, history=1, dossiers=("1", "<b>")
    )
    newest = certificate(
        NOW, state="differs", units_differing=1, differences_found=1, differences=(wrong,)
    )
    http = client_of(pool, newest=newest)
    page = http.get("/verify").text

    assert "Thị trấn Đắk Hà" in page
    assert "kết thúc · 10/02/2023 · 1.001193 · cb-01" in page
    assert newest.sha256 in page
    assert "<b>&lt;" not in page and "&lt;b&gt;" in page
    (href, *_) = re.findall(r'href="(/api/v1/events[^"]+)"', page)
    assert http.get(unescape(href)).json()["dossier"] == "1"
    pool.close()


def test_without_a_certificate_the_pages_say_so(http: TestClient):
    """An installation that has just begun."""
    assert "chưa đối chiếu" in http.get("/", params=PERIOD).text
    assert "Chưa có lần đối chiếu nào" in http.get("/verify").text


def test_the_page_is_the_decisions_own_table(http: TestClient):
    """The chairman's office recognises its appendix: rows I.1 to IV.2 under their headings."""
    page = http.get("/", params=PERIOD).text

    for row in ("I.1", "I.2", "II", "III.1", "III.2", "IV.1", "IV.2"):
        assert f'id="{row}"' in page
    assert "Triển khai số hóa hồ sơ, kết quả giải quyết thủ tục hành chính" in page
    assert "66,7%" in page
    assert "✕ Không đạt" in page
    assert "Chưa phát sinh" in page
    assert "Thị trấn Đắk Hà" in page
    assert "kết thúc nhiều lần mà không mở lại" in page


def test_what_emitters_write_stays_text(http: TestClient):
    """A dossier code is not markup."""
    page = http.get("/", params=PERIOD).text

    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_page_needs_nothing_from_elsewhere(http: TestClient):
    """Offices are offline."""
    page = http.get("/", params=PERIOD).text
    style = http.get("/static/audit.css").text

    assert re.findall(r"(?:https?:)?//[a-z]", page + style) == []
    for link in re.findall(r'(?:href|src)="(/static[^"]+)"', page):
        assert http.get(link).status_code == 200
    assert http.get("/static/../app.py").status_code == 404


def test_invented_data_is_marked_on_every_page(database: Database):
    """Nobody may take the demo for the district's own figures."""
    pool = database.pool()
    invented = client_of(pool, demo=True)

    for params in (PERIOD, {"from": "x"}):
        assert "DỮ LIỆU MÔ PHỎNG" in invented.get("/", params=params).text
    assert "DỮ LIỆU MÔ PHỎNG" not in client_of(pool).get("/", params=PERIOD).text
    assert invented.get("/api/v1/report", params=PERIOD).json()["demo"] is True
    pool.close()


def test_no_clickhouse_is_said_in_words(clickhouse_server: Server):
    """A history that is down answers 503 and nobody sees its SQL."""
    database = clickhouse_server.empty_database()
    pool = database.pool()
    broken = client_of(pool)

    answer = broken.get("/api/v1/report", params=PERIOD)

    assert answer.status_code == 503
    assert "SELECT" not in answer.text
    assert "Kho lịch sử chưa trả lời được" in broken.get("/", params=PERIOD).text
    pool.close()
