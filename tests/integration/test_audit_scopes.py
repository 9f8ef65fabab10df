"""Officers, lineages and balances: the history's report and the live one are one table."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from fastapi import FastAPI
from fastapi.testclient import TestClient

from schemas.books import Book, Period, load_book
from schemas.report import Report
from services.audit.app import audit_router
from services.audit.questions import report
from services.audit.settled import Clocks, Settled
from services.front.units import units_router
from services.settings import Settings
from streams.core.balance import TERMS
from streams.core.cells import cells, is_open
from streams.core.facts import Facts, facts, facts_as_of
from streams.core.indicators import Count
from streams.core.lineage import Lineage
from streams.core.receptions import judged_at, received_counts
from streams.live import UnitState
from streams.live_report import live_report
from tests.support.clickhouse import Database, Server, numbered
from tests.support.histories import (
    WORK,
    admitted,
    dossiers,
    moment,
    received,
    reopened,
    resolved,
    withdrawn,
)
from tests.support.parity import FOR_EVER, core_balances
from tests.support.wall import NOW, FakeLive, certificate, state
from tests.unit.test_core_lineage import CROSSED, SPLIT

BOOK = load_book("dak-ha-2023")
YEAR = Period(first=date(2025, 1, 1), last=date(2025, 12, 31))
SPRING = Period(first=date(2025, 3, 1), last=date(2025, 5, 31))
OFFICERS = ("cb01", "cb02", "cb03")
NOW_2026 = datetime(2026, 6, 1, tzinfo=UTC)


def some_events(number: int) -> list[bytes]:
    """Dossiers of three units and three officers over a year, some reopened, some withdrawn."""
    chance = random.Random(7)
    found = []
    for n in range(number):
        of = {"dossier": f"d{n}", "unit": chance.choice("123")}
        begins = moment("2025-01-01T09:00") + timedelta(days=chance.randrange(330))
        ends = begins + timedelta(days=chance.randrange(1, 120))
        due = (begins + timedelta(days=30)).isoformat()
        said = [received(begins.isoformat(), due=due, officer=chance.choice(OFFICERS), **of)]
        if chance.random() < 0.1:
            said = []
        if chance.random() < 0.7:
            giver = chance.choice((None, *OFFICERS))
            said.append(resolved(ends.isoformat(), officer=giver, **of))
        elif chance.random() < 0.5:
            said.append(withdrawn(ends.isoformat(), **of))
        if chance.random() < 0.2:
            said.append(reopened((ends + timedelta(days=40)).isoformat(), **of))
        found += [admitted(one, level="commune") for one in said]
    return found


EVENTS = some_events(400)


@pytest.fixture(scope="module")
def database(clickhouse_server: Server) -> Database:
    database = clickhouse_server.database()
    database.store(numbered(EVENTS))
    return database


@pytest.fixture(scope="module")
def client(database: Database) -> Iterator[Client]:
    client = database.connect()
    yield client
    client.close()


@pytest.fixture(scope="module")
def live() -> FakeLive:
    live = FakeLive()
    by_unit: dict[str, list[Facts]] = {}
    for (unit, _), dossier in dossiers(EVENTS).items():
        by_unit.setdefault(unit, []).append(facts(dossier, WORK))
    for unit, known in by_unit.items():
        counted = Counter(cell for one in known for cell in cells(one))
        drawn = state(unit, counted, still_open=sum(map(is_open, known)))
        now = drawn.now.model_copy(update={"dossiers": len(known)})
        live.set(UnitState(now, drawn.months))
    return live


def both(
    client: Client,
    live: FakeLive,
    period: Period,
    unit: str | None = None,
    officer: str | None = None,
    lineage: Lineage = "old",
) -> tuple[Report, Report]:
    history = report(
        client, Settled(), BOOK, CROSSED, period, unit,
        officer=officer, lineage=lineage, demo=True, computed_at=NOW,
    )  # fmt: skip
    now = live_report(
        live, BOOK, CROSSED, period, unit,
        officer=officer, lineage=lineage, demo=True, computed_at=NOW,
    )  # fmt: skip
    return history, now


@pytest.mark.parametrize("lineage", ["old", "new"])
@pytest.mark.parametrize(
    ("period", "unit", "officer"),
    [
        (YEAR, None, None),
        (YEAR, "1", None),
        (YEAR, "2", "cb02"),
        (SPRING, None, "cb02"),
        (SPRING, None, ""),
        (SPRING, "2", None),
        (SPRING, None, "nobody"),
    ],
)
def test_history_and_live_say_the_same(client, live, period, unit, officer, lineage):
    """Whatever is asked: a clerk must not get two answers from one system."""
    history, now = both(client, live, period, unit, officer, lineage)

    assert history.rows == now.rows
    assert (history.dossiers, history.resolved) == (now.dossiers, now.resolved)
    assert [a.model_copy(update={"examples": ()}) for a in history.anomalies] == list(now.anomalies)
    assert [named(row.unit_name, row.terms) for row in history.balance] == [
        named(row.unit_name, row.terms) for row in now.balance
    ]
    assert {row.difference for row in (*history.balance, *now.balance)} == {0}


def named(unit: str | None, terms: dict[str, int | None]) -> tuple[str | None, dict[str, int]]:
    """Live counters know no earlier closing: what came back lay there from the beginning."""
    found = {name: n or 0 for name, n in terms.items()}
    return unit, {**found, "opening": found["opening"] + found["came_back"], "came_back": 0}


def test_only_the_history_tells_what_came_back(client, live):
    """What the counters cannot know is not shown as zero."""
    history, now = both(client, live, SPRING)

    expected = core_balances(numbered(EVENTS), Clocks(FOR_EVER, FOR_EVER), SPRING)
    assert {row.unit: row.terms["came_back"] for row in history.balance if row.unit} == {
        unit: counted.get("came_back", 0) for unit, counted in expected.items()
    }
    assert history.balance[0].terms["came_back"]
    assert now.balance[0].terms["came_back"] is None
    assert set(history.balance[0].terms) == {term.name for term in TERMS}


@pytest.mark.parametrize("unit", [None, "3"])
def test_the_figures_of_officers_add_up_to_those_of_their_unit(client, live, unit):
    """Each dossier has one officer who answers for it, or none that is known."""
    whole, *parts = (both(client, live, SPRING, unit, one) for one in (None, *OFFICERS, ""))
    for source in (0, 1):
        adds_up(whole[source], [part[source] for part in parts])


def adds_up(whole: Report, parts: list[Report]) -> None:
    assert sum(part.resolved for part in parts) == whole.resolved > 0
    # of nobody: what was never received nor closed belongs to no officer's figures
    assert sum(part.dossiers for part in parts) <= whole.dossiers
    for row in whole.rows:
        if row.counts == "dossiers":
            of_parts = [
                one
                for part in parts
                for one in part.rows
                if (one.indicator, one.unit) == (row.indicator, row.unit)
            ]
            assert sum(one.a for one in of_parts) == row.a
            assert sum(one.b for one in of_parts) == row.b
    for total in whole.balance:
        of_unit = [one for part in parts for one in part.balance if one.unit == total.unit]
        for name, n in total.terms.items():
            assert sum(one.terms[name] or 0 for one in of_unit) == (n or 0), name


SUMMER = Period(first=date(2025, 5, 1), last=date(2025, 8, 31))


def receptions(carried_over: bool) -> Book:
    book = load_book("qd766")
    first = book.indicators[0].model_copy(update={"carried_over": carried_over})
    raw = {name: getattr(book, name) for name in Book.model_fields}
    raw["indicators"] = (first, *book.indicators[1:])
    return Book.model_validate(raw, by_alias=False, by_name=True)


@pytest.mark.parametrize("carried_over", [False, True])
@pytest.mark.parametrize("lineage", ["old", "new"])
def test_receptions_are_counted_once_where_codes_change_hands(client, lineage, carried_over):
    """The period is cut on 1 July: what lay there then must not be carried over a second time."""
    book = receptions(carried_over)
    at = judged_at(SUMMER)
    known = [facts_as_of(dossier, at, WORK) for dossier in dossiers(EVENTS).values()]
    expected = received_counts(book, CROSSED, SUMMER, None, filter(None, known), at)

    found = report(
        client,
        Settled(),
        book,
        CROSSED,
        SUMMER,
        None,
        lineage=lineage,
        demo=True,
        computed_at=NOW_2026,
    )

    for row in found.rows:
        if row.unit is None:
            assert Count(row.a, row.b, row.due_unknown or 0) == Count(
                *expected[row.indicator][:2],
                expected[row.indicator].due_unknown if row.due_unknown is not None else 0,
            )
    of_units = [row for row in found.rows if row.indicator == "in_time" and row.unit]
    assert sum(row.a for row in of_units) == expected["in_time"].a > 0
    # three units of before and two that came after, or these two alone
    assert len(of_units) == (5 if lineage == "old" else 2)


@pytest.mark.parametrize("unit", [None, "3"])
def test_the_receptions_of_officers_add_up_to_those_of_their_unit(client, unit):
    whole, *parts = (
        report(
            client, Settled(), receptions(True), CROSSED, SPRING, unit,
            officer=officer, demo=True, computed_at=NOW_2026,
        )
        for officer in (None, *OFFICERS, "")
    )  # fmt: skip
    adds_up(whole, parts)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def http(database: Database, live: FakeLive, data: Path) -> Iterator[TestClient]:
    pool = database.pool()
    app = FastAPI(openapi_url=None)
    settings = Settings(demo=True, data=data)
    app.include_router(units_router(settings, lambda: SPLIT, live, lambda: NOW))
    app.include_router(
        audit_router(
            settings, pool, Settled(), lambda: SPLIT, certificate, lambda: None, lambda: NOW
        )
    )
    yield TestClient(app)
    pool.close()


@pytest.mark.parametrize("path", ["/api/v1/units", "/api/v1/report"])
def test_both_addresses_take_officer_and_lineage_and_say_what_is_wrong(http: TestClient, path: str):
    """A script that asks for what cannot be told learns why, in both languages."""
    period = {"from": "2025-01-01", "to": "2025-12-31"}

    found = http.get(path, params={**period, "officer": "cb01"}).json()
    wrong = http.get(path, params={**period, "lineage": "newest"})
    split = http.get(path, params={**period, "lineage": "new"})

    assert (found["officer"], found["lineage"]) == ("cb01", "old")
    assert 0 < found["dossiers"] < 200
    assert found["balance"][0]["difference"] == 0
    assert (wrong.status_code, wrong.json()["errors"][0]["rule"]) == (422, "lineage_unknown")
    assert (split.status_code, split.json()["errors"][0]["rule"]) == (422, "unit_split")
    assert "Part Two (2), Part Three (3)" in split.json()["detail_vi"]


def test_the_page_tells_the_two_units_of_one_code_apart(http: TestClient):
    """Rows of two units under one heading would read as one unit's."""
    page = http.get("/", params={"from": "2025-01-01", "to": "2026-12-31"}).text

    assert "Whole" in page
    assert "Part Two" in page


def test_a_districts_own_book_is_reported_beside_the_shipped_one(http: TestClient, data: Path):
    """The history and the page answer by the same books as the live counters."""
    period = {"from": "2025-01-01", "to": "2025-12-31"}
    shipped = (resources.files("schemas") / "books_data" / "dak-ha-2023.toml").read_text("utf-8")
    (data / "books").mkdir()
    (data / "books" / "mine.toml").write_text(
        shipped.replace("dak-ha-2023", "mine"), encoding="utf-8"
    )
    (data / "books" / "broken.toml").write_text("code =", encoding="utf-8")

    for path in ("/api/v1/units", "/api/v1/report"):
        mine = http.get(path, params={**period, "book": "mine"}).json()
        shipped_too = http.get(path, params=period).json()
        broken = http.get(path, params={**period, "book": "broken"})
        assert (mine["book"], shipped_too["book"]) == ("mine", "dak-ha-2023")
        assert mine["rows"] == shipped_too["rows"]
        assert broken.status_code == 422
        assert "motcua book check" in broken.json()["detail_vi"]
    assert "bộ chỉ tiêu mine" in http.get("/", params={**period, "book": "mine"}).text
