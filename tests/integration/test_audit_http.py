"""The audit over HTTP: answers, problems in two languages, a page that works offline."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from schemas.certificates import Certificate, Difference, read_certificate
from schemas.registry import load_registry
from services.audit.app import audit_router
from services.audit.settled import Settled
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
    verify: Callable[[], Certificate] = not_yet,
    newest: Certificate | None = None,
    **given: Any,
) -> TestClient:
    settings = Settings(data=Path("unused"), **given)
    app = FastAPI(openapi_url=None)
    app.include_router(
        audit_router(settings, pool, Settled(), load_registry, verify, lambda: newest, lambda: NOW)
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


def test_a_missing_book_does_not_hide_what_happened_to_a_dossier(database: Database):
    """The report says which file to mend; a clerk who looks a dossier up need not wait for it."""
    pool = database.pool()
    http = client_of(pool, book="own")
    assert http.get("/api/v1/report", params=PERIOD).json()["errors"][0]["rule"] == "book_unknown"
    asked = {"unit": "23500", "dossier": "1"}
    found = http.get("/api/v1/events", params=asked)
    assert (found.status_code, len(found.json()["events"])) == (200, 4)
    then = http.get("/api/v1/events", params={**asked, "as_of": " 2023-02-01 "}).json()
    assert then["known"] is None
    wrong = http.get("/api/v1/events", params={**asked, "as_of": "yesterday"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "as_of")
    pool.close()


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


QUARTER = {"book": "qd766", "from": "2023-01-01", "to": "2023-03-31"}


def test_a_book_of_receptions_is_answered_with_points_and_what_is_left_out(http: TestClient):
    """Two of three were in time: 20·2/3 points; one of three on paper only, and so on."""
    found = http.get("/api/v1/report", params=QUARTER).json()

    assert (found["book"], found["judged_at"]) == ("qd766", "2023-03-31T16:59:59.999000Z")
    rows = {r["row"]: r for r in found["rows"] if r["unit"] is None}
    assert {row: (r["a"], r["b"]) for row, r in rows.items() if row != "3.6B"} == {
        "2.1": (3, 2),
        "3.3": (3, 0),
        "4.1": (3, 1),
        "4.2": (3, 1),
        "3.6A": (3, 1),
    }
    assert (rows["2.1"]["points"], rows["2.1"]["score"], rows["2.1"]["met"]) == (20, 13.33, False)
    assert rows["2.1"]["late_allowed"] == -1
    # 4.1: 6 · 1/3; 4.2: 4 · (100/3)/80; of 6 and 4
    points = {r["heading"]: r for r in found["scores"] if r["unit"] is None}
    assert (points["4"]["points"], points["4"]["in_scope"], points["4"]["score"]) == (22, 10, 3.67)
    assert points[None]["in_scope"] == 44
    assert sum(r["points"] or 0 for r in found["out_of_scope"]) == 56
    # the third was closed twice; «stopped» came afterwards
    assert [a["code"] for a in found["anomalies"]] == ["closed_again"]


def test_a_book_of_receptions_is_judged_at_the_asked_moment(http: TestClient):
    """The same question, a moment earlier, of a dossier that was resolved late that evening."""
    before = http.get(
        "/api/v1/report", params={**QUARTER, "as_of": "2023-02-10T16:59:59.999"}
    ).json()
    now = http.get("/api/v1/report", params={"book": "qd766", "to": "2023-12-31"}).json()
    past = http.get("/api/v1/report", params={**QUARTER, "known_at": "2023-02-10T12:00"}).json()

    in_time = {id(f): next(r for r in f["rows"] if r["row"] == "2.1") for f in (before, now, past)}
    assert [in_time[id(f)]["b"] for f in (before, now, past)] == [3, 2, 3]
    assert before["judged_at"] == "2023-02-10T09:59:59.999000Z"
    # the year still runs: it is judged when it is asked, and what was known by when it was known
    assert now["judged_at"] == "2023-06-01T03:00:00Z"
    assert past["judged_at"] == "2023-02-10T05:00:00Z"


def test_the_anomalies_of_a_book_of_receptions_are_those_received(http: TestClient):
    """The list behind a figure is of the dossiers that the figure counts."""
    params = {**QUARTER, "code": "closed_again"}

    assert len(http.get("/api/v1/anomalies", params=params).json()["dossiers"]) == 2
    later = {**params, "from": "2023-02-11"}
    assert http.get("/api/v1/anomalies", params=later).json()["dossiers"] == []
    earlier = {**params, "as_of": "2023-02-10T23:00"}
    assert http.get("/api/v1/anomalies", params=earlier).json()["dossiers"] == []


def test_the_page_shows_points_and_what_is_out_of_scope(http: TestClient):
    """A hundred points on one page: reached, missed, and those that nobody can tell from here."""
    page = http.get("/", params=QUARTER).text

    assert "xét tình trạng tại <b>23:59:59 ngày 31/03/2023</b>" in page
    assert "Điểm: 13,33 / 20 (tối đa 20)" in page
    assert "✕ Chưa đủ điểm" in page
    assert "Ngoài phạm vi: cần Hệ thống tiếp nhận phản ánh, kiến nghị" in page
    assert '<option value="qd766" selected>' in page
    for row in ("1.1", "2.1", "3.3", "3.6A", "3.6B", "4.2", "5.4"):
        assert f'id="{row}"' in page
    decision = http.get("/", params=PERIOD).text
    assert "Ngoài phạm vi" not in decision
    assert "Điểm" not in decision


def test_what_was_carried_over_is_shown_beside_the_points(clickhouse_server: Server):
    """It is in no denominator of this book: unseen, it could be left lying for ever."""
    database = clickhouse_server.database()
    said = [received("2022-12-20T09:00", dossier=str(n)) for n in range(3)]
    said += [resolved("2022-12-30T09:00", dossier="0"), received(dossier="new")]
    database.store(numbered(admitted(one) for one in said))
    pool = database.pool()

    page = client_of(pool).get("/", params=QUARTER).text
    pool.close()

    assert "Từ kỳ trước chuyển sang: <b>2</b> hồ sơ." in page
    assert "Điểm: 0,00 / 20 (tối đa 20)" in page


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
    (href, *_) = re.findall(r'href="(/dossier\?[^"]+)"', page)
    assert "<h1>Hồ sơ 1</h1>" in http.get(unescape(href)).text
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
