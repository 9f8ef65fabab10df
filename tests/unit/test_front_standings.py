"""``/api/v1/standings`` and ``motcua outlook``: targets, roadmap and outlook from live counters."""

import io
import json
from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI
from rich.console import Console
from starlette.testclient import TestClient

from schemas.registry import load_registry
from schemas.report import Standings
from services.cli import outlook
from services.front.standings import standings_router
from services.settings import Settings
from tests.support.wall import NOW, FakeLive, closed, state

ROADMAP = """
book = "dak-ha-2023"
document = "Kế hoạch (minh họa)"
unit = "23500"

[[target]]
indicator = "on_time_commune"
period = "2023-Q3"
percent = "{percent}"
"""


@pytest.fixture
def live() -> FakeLive:
    """23500: 40 closed in May, 38 of them on time; 20 in the last eight weeks, 10 on time."""
    live = FakeLive()
    recent = date(2023, 10, 20)
    live.set(
        state(
            "23500",
            closed("commune", 38, "on_time")
            | closed("commune", 2, "late")
            | closed("commune", 10, "on_time", day=recent)
            | closed("commune", 10, "late", day=recent),
        ),
        state("dh-tp", closed("district", 3, "on_time")),
    )
    return live


@pytest.fixture
def http(live: FakeLive, tmp_path: Path) -> TestClient:
    app = FastAPI(openapi_url=None)
    settings = Settings(demo=True, data=tmp_path)
    registry = load_registry()
    app.include_router(standings_router(settings, lambda: registry, live, lambda: NOW))
    return TestClient(app)


def put_roadmap(data: Path, percent: str) -> None:
    (data / "roadmaps").mkdir(exist_ok=True)
    file = data / "roadmaps" / "23500.toml"
    file.write_text(ROADMAP.format(percent=percent), encoding="utf-8")


def ask(http: TestClient, **query: str) -> Standings:
    answer = http.get("/api/v1/standings", params={"year": "2023", **query})
    assert answer.status_code == 200, answer.text
    return Standings.model_validate_json(answer.text)


def on_time(found: Standings, unit: str = "23500"):
    return next(r for r in found.rows if (r.unit, r.indicator) == (unit, "on_time_commune"))


def test_the_figures_are_those_that_can_be_worked_out_by_hand(http):
    """By 10/11: 48 of 60. 20 in 56 days: 51 days to go give 18 more, half of them on time."""
    row = on_time(ask(http))

    assert (row.a, row.b, row.target, row.gap_points) == (60, 48, 95, -15)
    assert (row.expected, row.forecast) == (18, round((48 + 9) / 78 * 100, 2))
    # 95 % of 78 are 74.1: 26.1 of 18 would be needed
    assert (row.needed_from_now, row.outlook) == (145, "impossible")
    assert (row.roadmap, row.light) == (None, "behind")


@pytest.mark.parametrize(("percent", "light"), [("80", "on_roadmap"), ("80.01", "behind")])
def test_the_roadmap_of_the_data_folder_decides_the_light(http, tmp_path, percent, light):
    """The traffic light is against the roadmap, not only against the year's end."""
    put_roadmap(tmp_path, percent)

    row = on_time(ask(http))

    assert (row.roadmap, row.light) == (float(percent), light)


def test_what_is_not_known_yet_on_the_day_is_left_out(http):
    row = on_time(ask(http, on="2023-06-30", unit="23500"))

    assert (row.a, row.b, row.light) == (40, 38, "met")


def test_a_unit_and_an_officer_narrow_the_answer(http):
    assert {row.unit for row in ask(http, unit="dh-tp").rows} == {"dh-tp"}
    assert all(row.a == 0 for row in ask(http, unit="23500", officer="nobody").rows
               if not row.unpaid_procedures)  # fmt: skip


@pytest.mark.parametrize(
    ("query", "rule"),
    [({"book": "no-book"}, "book_unknown"), ({"on": "2024-01-01"}, "day_outside_period")],
)
def test_a_wrong_question_is_told_in_both_languages(http, query, rule):
    answer = http.get("/api/v1/standings", params={"year": "2023", **query})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["rule"] == rule
    assert error["message"]
    assert error["message_vi"]


def test_a_roadmap_that_cannot_be_read_is_named(http, tmp_path):
    """Figures without the unit's own targets would look right and be wrong."""
    put_roadmap(tmp_path, "eighty")

    answer = http.get("/api/v1/standings", params={"year": "2023"})

    assert answer.status_code == 422
    assert "23500.toml" in answer.json()["detail"]
    assert "motcua book check" in answer.json()["detail_vi"]


def test_before_the_counters_are_here_there_is_no_answer(http, live):
    live.why = "reading"

    answer = http.get("/api/v1/standings", params={"year": "2023"})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_the_table_says_what_cannot_be_reached_any_more(http, monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(outlook, "console", lambda: Console(file=out, width=160))

    outlook.show_outlook(ask(http, unit="23500"))

    assert "Thị trấn Đắk Hà" in out.getvalue()
    line = next(line for line in out.getvalue().splitlines() if "IV.2" in line)
    for said in ("48/60", "-15", "95", "không thể đạt nữa", "chậm"):
        assert said in line
    assert "Chưa có giao dịch thanh toán trực tuyến: " in out.getvalue()


def test_a_unit_is_told_by_its_name_and_its_officer(http, live, monkeypatch):
    """Nobody in the office knows the codes; an unknown one is all there is."""
    live.set(state("99999", closed("commune", 3, "on_time")))
    named = {row.unit: row.unit_name for row in ask(http).rows}
    assert named["dh-tp"] == "Phòng Tư pháp"
    assert named["99999"] == "99999"

    out = io.StringIO()
    monkeypatch.setattr(outlook, "console", lambda: Console(file=out, width=160))
    outlook.show_outlook(ask(http, unit="23500", officer="cb01"))
    assert "Thị trấn Đắk Hà" in out.getvalue()
    assert "cán bộ cb01" in out.getvalue()


def test_the_answer_is_plain_json(http):
    said = http.get("/api/v1/standings", params={"year": "2023"}).json()

    assert (said["on"], said["from"], said["demo"]) == ("2023-11-10", "2023-01-01", True)
    assert json.dumps(said)
