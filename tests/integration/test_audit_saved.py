"""Reports under a name: asked each month when the answer is final, kept with their hash."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from schemas.registry import load_registry
from services.audit.app import audit_router
from services.audit.asking import Asking
from services.audit.documents.desk import Desk
from services.audit.documents.exports import Exports
from services.audit.documents.formats import read_file
from services.audit.final import Finality
from services.audit.pages import Pages
from services.audit.saved import SavedQuestion, SavedReports, SavedResult
from services.audit.saved_runs import SavedRuns
from services.audit.settled import Settled
from services.clickhouse import Pool
from services.settings import Settings
from tests.integration.test_audit_http import not_yet
from tests.support.clickhouse import Server, numbered
from tests.support.histories import admitted, received, resolved


class Office:
    """A history whose clock and whose Kafka the test sets."""

    def __init__(self, pool: Pool, records: int, data: Path) -> None:
        self.now = datetime(2023, 4, 10, tzinfo=UTC)
        self.ends = {0: records}
        settings, finality = Settings(data=data), Finality(lambda: self.ends, lambda: self.now)
        asking = Asking(settings, pool, Settled(), load_registry, lambda: self.now, finality)
        pages = Pages(settings, lambda: None, lambda: self.now)
        exports = Exports(data / "exports")
        desk = Desk(asking, pages, exports, lambda: None, finality.until, lambda: b"")
        self.reports = SavedReports(data / "saved")
        self.runs = SavedRuns(desk, self.reports)
        app = FastAPI(openapi_url=None)
        app.include_router(
            audit_router(
                settings, pool, Settled(), load_registry, not_yet, lambda: None,
                lambda: self.now, lambda: self.ends,
            )
        )  # fmt: skip
        # not started: the test says when the minute is over
        self.http = TestClient(app, follow_redirects=False)

    def add(self, **said: Any) -> Any:
        return self.http.post("/api/v1/saved", params={"name": "monthly", **said})

    def run_due(self) -> list[SavedResult]:
        return self.runs.run_due(self.now)

    def results(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get("/api/v1/saved/monthly").json()["results"]
        return found


@pytest.fixture(scope="module")
def history(clickhouse_server: Server) -> Iterator[tuple[Pool, int]]:
    database = clickhouse_server.database()
    said = [received(dossier="1"), resolved(dossier="1"), received("2023-03-01T08:30", dossier="2")]
    records = numbered(admitted(one) for one in said)
    database.store(records)
    pool = database.pool()
    yield pool, len(records)
    pool.close()


@pytest.fixture
def office(history: tuple[Pool, int], tmp_path: Path) -> Office:
    return Office(*history, tmp_path)


def test_a_month_is_kept_when_it_is_over_and_late_senders_were_waited_for(office: Office):
    """Five days after the month's end, as known then; each month once, in its order."""
    assert office.add(since="2023-02", format="json").status_code == 201
    office.now = datetime(2023, 3, 5, 16, 59, tzinfo=UTC)
    assert office.run_due() == []
    office.now = datetime(2023, 4, 10, tzinfo=UTC)

    kept = office.run_due()

    assert [one.month for one in kept] == ["2023-02", "2023-03"]
    assert office.run_due() == []
    document = office.http.get("/api/v1/saved/monthly/2023-02/file").content
    read = read_file(document)
    assert read.provenance.lines["known_at"] == "2023-03-05T23:59:59.999+07:00"
    assert (read.provenance.lines["from"], read.provenance.lines["to"]) == (
        "2023-01-01", "2023-02-28",
    )  # fmt: skip
    assert read.data_sha256 == kept[0].data_sha256
    assert [(r["month"], r["intact"]) for r in office.results()] == [
        ("2023-03", True), ("2023-02", True),
    ]  # fmt: skip
    assert office.http.post("/api/v1/check", content=document).json()["verdict"] == "confirmed"


def test_a_provisional_answer_is_not_kept_but_asked_again(office: Office):
    """While the history is behind Kafka nothing is written down; once it has caught up, it is."""
    office.add(since="2023-02")
    office.ends = {0: office.ends[0] + 1}

    assert office.run_due() == []
    refused = office.http.post("/api/v1/saved/monthly/run", params={"month": "2023-02"})
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:motcua:problem:provisional"
    assert office.results() == []

    office.ends = {0: office.ends[0] - 1}
    assert [one.month for one in office.run_due()] == ["2023-02", "2023-03"]


def test_what_is_kept_is_never_written_again_and_an_edit_is_seen(office: Office, tmp_path: Path):
    """The first result of a month stays, whatever is asked; a file that was touched says so."""
    office.add(since="2023-02", format="csv")
    asked = {"month": "2023-02"}
    first = office.http.post("/api/v1/saved/monthly/run", params=asked).json()
    office.now = datetime(2023, 5, 1, tzinfo=UTC)
    assert office.http.post("/api/v1/saved/monthly/run", params=asked).json() == first

    file = tmp_path / "saved" / "monthly" / first["file"]
    file.write_bytes(file.read_bytes().replace(b"100.00", b"99.00"))
    assert [r["intact"] for r in office.results()] == [False]
    assert "đã bị sửa hoặc mất" in office.http.get("/saved").text
    file.unlink()
    assert [r["intact"] for r in office.results()] == [False]
    assert office.http.get("/api/v1/saved/monthly/2023-02/file").status_code == 404


def test_months_are_those_of_the_offices_and_years_end(office: Office):
    """December is followed by January; a month is over at midnight in Việt Nam."""
    question = SavedQuestion(
        name="x", book="dak-ha-2023", unit=None, span="month", after_days=0, format="csv",
        since="2022-11", created_at=office.now, created_by="a",
    )  # fmt: skip
    at = datetime(2023, 1, 31, 16, 59, 59, tzinfo=UTC)
    assert list(question.due_months(at)) == ["2022-11", "2022-12"]
    assert list(question.due_months(at.replace(day=31, hour=17, minute=0, second=0))) == [
        "2022-11", "2022-12", "2023-01",
    ]  # fmt: skip
    assert str(question.period("2024-02").last) == "2024-02-29"
    assert str(question.period("2024-02").first) == "2024-02-01"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": "../x"}, "name"), ({"name": "A"}, "name"), ({"name": "a\nb"}, "name"),
        ({"name": ""}, "name"), ({"name": "x" * 41}, "name"), ({"span": "week"}, "span"),
        ({"after_days": "-1"}, "after_days"), ({"after_days": "1e9"}, "after_days"),
        ({"format": "exe"}, "format"), ({"since": "2023-13"}, "since"),
        ({"since": "0001-01"}, "since"), ({"book": "nobody"}, "book"),
        ({"unit": "' OR 1=1"}, "unit"), ({"unit": "99999"}, "unit"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_not_saved(office: Office, said: dict[str, str], field: str):
    """What would fail in a month is refused now."""
    answer = office.add(**said)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert office.http.get("/api/v1/saved").json() == {"questions": []}


def test_names_and_months_in_addresses_open_no_other_file(office: Office, tmp_path: Path):
    """A name is looked up among those saved; nothing of it becomes a path."""
    (tmp_path / "accounts.json").write_text("secret")
    office.add(since="2023-02")
    for path in ("/api/v1/saved/..%2F..%2Faccounts.json", "/api/v1/saved/nobody",
                 "/api/v1/saved/monthly/..%2F..%2F..%2Faccounts.json/file",
                 "/api/v1/saved/monthly/2023-01/file"):  # fmt: skip
        answer = office.http.get(path)
        assert answer.status_code == 404 and "secret" not in answer.text
    for month in ("", "2023", "2023-1", "2023-01-01", "2023-01\n", "' OR 1=1"):
        asked = {"month": month}
        assert office.http.post("/api/v1/saved/monthly/run", params=asked).status_code == 422
    early = office.http.post("/api/v1/saved/monthly/run", params={"month": "2023-04"})
    assert early.status_code == 409
    assert (
        office.http.post("/api/v1/saved/nobody/run", params={"month": "2023-01"}).status_code == 404
    )


def test_the_page_saves_runs_and_stops(office: Office):
    """From the table to a saved report without a command line; what is kept stays."""
    form = {"name": "monthly", "book": "dak-ha-2023", "unit": "", "since": "2023-02"}
    assert office.http.post("/saved", data=form).headers["location"] == "/saved"
    assert "Chưa có kết quả" in office.http.get("/saved").text
    assert office.http.post("/saved", data=form).status_code == 422
    assert office.http.post("/saved/monthly/run", data={"month": "2023-02"}).status_code == 303
    assert "monthly_2023-02.docx" in office.http.get("/saved").text
    assert office.http.post("/saved/monthly/remove", data={"csrf": ""}).status_code == 303
    assert office.http.delete("/api/v1/saved/monthly").status_code == 404
    office.add(since="2023-02")
    assert [r["month"] for r in office.results()] == ["2023-02"]
