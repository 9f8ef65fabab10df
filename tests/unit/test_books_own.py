"""A district's own books in the data folder, asked for beside the shipped ones."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from schemas.registry import load_registry
from services.books import BookRefused, Books
from services.front.standings import standings_router
from services.front.units import units_router
from services.settings import Settings
from services.wall import build_wall
from tests.support.wall import NOW, FakeCertificates, FakeLive, closed, state

SHIPPED = (resources.files("schemas") / "books_data" / "dak-ha-2023.toml").read_text("utf-8")
OWN = SHIPPED.replace('code = "dak-ha-2023"', 'code = "my-book"')
ADDRESSES = {
    "/api/v1/units": {"from": "2023-01-01", "to": "2023-12-31"},
    "/api/v1/standings": {"year": "2023"},
}


@pytest.fixture
def http(tmp_path: Path) -> TestClient:
    live, registry = FakeLive(), load_registry()
    live.set(state("23500", closed("commune", 9, "on_time") | closed("commune", 1, "late")))
    app, settings = FastAPI(openapi_url=None), Settings(data=tmp_path)
    for router in (units_router, standings_router):
        app.include_router(router(settings, lambda: registry, live, lambda: NOW))
    return TestClient(app)


def put(data: Path, text: str, name: str = "my-book") -> None:
    (data / "books").mkdir(exist_ok=True)
    (data / "books" / f"{name}.toml").write_text(text, encoding="utf-8")


def with_target(percent: str) -> str:
    return OWN + (
        '\n[[target]]\nindicator = "on_time_commune"\nperiod = "2023"\nunit = "23500"\n'
        f'document = "x"\npercent = "{percent}"\n'
    )


def target(http: TestClient, book: str) -> float:
    answer = http.get("/api/v1/standings", params={"year": "2023", "book": book})
    assert answer.status_code == 200, answer.text
    assert answer.json()["book"] == book
    return next(
        row["target"]
        for row in answer.json()["rows"]
        if (row["unit"], row["indicator"]) == ("23500", "on_time_commune")
    )


def test_two_books_are_answered_side_by_side_and_an_edit_counts_at_once(http, tmp_path):
    put(tmp_path, with_target("80"))
    assert (target(http, "my-book"), target(http, "dak-ha-2023")) == (80, 95)

    put(tmp_path, with_target("70"))
    assert (target(http, "my-book"), target(http, "dak-ha-2023")) == (70, 95)


def test_a_units_own_target_is_of_its_standing_and_not_of_the_decisions_table(http, tmp_path):
    """Rows of a report must compare, and no unit makes its row green by asking less of itself."""
    put(tmp_path, with_target("80"))
    assert target(http, "my-book") == 80
    query = {**ADDRESSES["/api/v1/units"], "book": "my-book", "unit": "23500"}
    rows = http.get("/api/v1/units", params=query).json()["rows"]
    row = next(r for r in rows if r["indicator"] == "on_time_commune")
    assert (row["target"], row["a"], row["b"], row["met"]) == (95, 10, 9, False)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    ("text", "name", "rule"),
    [
        ("code = ", "my-book", "book_unreadable"),
        (OWN.replace('"on_time"', '"on_tyme"'), "my-book", "book_unreadable"),
        (OWN.replace('["payment_deployed"]', '["resolved"]'), "my-book", "book_unreadable"),
        (OWN, "other", "book_misnamed"),
        (SHIPPED, "dak-ha-2023", "book_shipped"),
        (SHIPPED, "other", "book_shipped"),
    ],
)
def test_a_broken_file_is_named_and_the_other_books_go_on(
    http, tmp_path, address, text, name, rule
):
    put(tmp_path, text, name)
    put(tmp_path, OWN.replace("my-book", "good"), "good")

    answer = http.get(address, params={**ADDRESSES[address], "book": name})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["rule"] == rule
    for said in (error["message"], error["message_vi"]):
        assert f"motcua book check {tmp_path / 'books' / name}.toml" in said
    assert http.get(address, params={**ADDRESSES[address], "book": "good"}).status_code == 200


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_unknown_book_is_told_with_all_there_are(http, tmp_path, address):
    put(tmp_path, OWN)

    (error,) = http.get(address, params={**ADDRESSES[address], "book": "x"}).json()["errors"]

    assert error["rule"] == "book_unknown"
    assert "dak-ha-2023, my-book" in error["message"]


def test_the_wall_shows_the_own_book_and_an_edit_of_it(tmp_path, monkeypatch):
    """The screen in the corridor is held against the district's own targets, all day long."""
    monkeypatch.setattr("services.reread._LOOK_EVERY_S", 0)
    put(tmp_path, OWN.replace('title = "Chỉ tiêu thủ tục', 'title = "Riêng: thủ tục'))
    with a_wall(tmp_path, "my-book") as wall:
        assert book_title(wall).startswith("Riêng")
        put(tmp_path, OWN.replace('title = "Chỉ tiêu thủ tục', 'title = "Sửa: thủ tục'))
        assert book_title(wall).startswith("Sửa")
        put(tmp_path, "code = ")
        answer = snapshot(wall)
        assert answer.json()["view"]["book_title"].startswith("Sửa")
        assert json.loads(answer.headers["wall-beat"])["no_book"] is False


def test_a_wall_without_its_book_says_why_until_it_is_there(tmp_path, monkeypatch):
    """What else the process does, taking events in, must not wait for a file to be mended."""
    monkeypatch.setattr("services.reread._LOOK_EVERY_S", 0)
    put(tmp_path, "code = ")
    with a_wall(tmp_path, "my-book") as wall:
        answer = snapshot(wall)
        assert (answer.status_code, answer.json()["title"]) == (503, "The book cannot be read")
        assert f"motcua book check {tmp_path / 'books' / 'my-book'}.toml" in answer.json()["detail"]
        put(tmp_path, OWN)
        assert book_title(wall).startswith("Chỉ tiêu")


def snapshot(wall: TestClient) -> Any:
    return wall.get("/api/wall/snapshot", params={"period": "2023"})


def book_title(wall: TestClient) -> str:
    return snapshot(wall).json()["view"]["book_title"]


@contextmanager
def a_wall(data: Path, book: str) -> Iterator[TestClient]:
    live, registry, app = FakeLive(), load_registry(), FastAPI(openapi_url=None)
    live.set(state("23500", closed("commune", 9, "on_time")))
    settings = Settings(data=data, book=book)
    wall = build_wall(settings, lambda: registry, live, FakeCertificates(), now=lambda: NOW)
    app.include_router(wall.router)
    with TestClient(app) as http:
        yield http


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_book_that_counters_cannot_answer_by_names_the_command_that_can(http, address):
    """An almost right figure would be worse than none."""
    answer = http.get(address, params={**ADDRESSES[address], "book": "qd766"})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["rule"] == "book_needs_history"
    for said in (error["message"], error["message_vi"]):
        assert "motcua report --book qd766" in said


def test_a_wall_with_such_a_book_says_which_command_answers(tmp_path):
    with a_wall(tmp_path, "qd766") as wall:
        answer = snapshot(wall)
        assert answer.status_code == 503
        assert "motcua report --book qd766" in answer.json()["detail"]


def test_a_question_never_becomes_a_path(tmp_path):
    put(tmp_path, OWN)
    (tmp_path / "my-book.toml").write_text(OWN, encoding="utf-8")

    for code in ("../my-book", "../books/my-book", "my-book.toml", str(tmp_path / "my-book")):
        with pytest.raises(BookRefused, match="No such book"):
            Books(tmp_path).load(code)
