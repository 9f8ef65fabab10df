"""From a number to its dossiers, and from one moment of knowledge to another: both add up."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from schemas.audit import ChangeReason
from schemas.books import Period, load_book
from schemas.registry import load_registry
from schemas.report import Report
from services.audit.questions import DoesNotAddUp, Question, Source, changes_between, report
from services.audit.questions import changes as changes_module
from services.audit.questions.changes import Pair, changed_dossiers, pair_of
from services.audit.questions.course import outlook, roadmap, trend
from services.audit.questions.lists import (
    OVERDUE,
    Cursor,
    Selection,
    listed,
    procedures,
    read_cursor,
    search,
    selection,
)
from services.audit.settled import NOW, Clocks, Settled
from tests.support.clickhouse import Database, Server, numbered
from tests.support.districts import district, messy

BOOK, PORTAL = load_book("dak-ha-2023"), load_book("qd766")
REGISTRY = load_registry()
YEAR = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))
QUARTER = Period(first=date(2023, 1, 1), last=date(2023, 3, 31))
ASKED_AT = datetime(2024, 1, 1, tzinfo=UTC)
ALL = Question(BOOK, YEAR, None, NOW)
ONE_UNIT = Question(BOOK, QUARTER, "U001", NOW)
OF_OFFICER = Question(BOOK, YEAR, None, NOW, officer="CB02")
RECORDS = numbered(record.value for record in messy(district(400, units=4, days=90), seed=5))


@pytest.fixture(scope="module")
def database(clickhouse_server: Server) -> Database:
    database = clickhouse_server.database()
    database.store(RECORDS)
    return database


@pytest.fixture(scope="module")
def source(database: Database) -> Iterator[Source]:
    client = database.connect()
    yield Source(client, Settled(), REGISTRY, ASKED_AT)
    client.close()


def table(source: Source, question: Question) -> Report:
    return report(
        source.client,
        source.settled,
        question.book,
        source.registry,
        question.period,
        question.unit,
        officer=question.officer,
        clocks=question.clocks,
        demo=False,
        computed_at=source.asked_at,
    )


def every(
    source: Source, question: Question, code: str | None, wanted: Selection, page: int = 90
) -> list[str]:
    indicator = question.book.indicator(code) if code else None
    found, after = [], Cursor()
    while True:
        answer = listed(source, question, indicator, wanted, after=after, page=page)
        found += [f"{row.unit}/{row.dossier}" for row in answer.dossiers]
        if answer.after is None:
            return found
        after = read_cursor(answer.after) or pytest.fail(answer.after)


@pytest.mark.parametrize(
    "question",
    [ALL, ONE_UNIT, OF_OFFICER, Question(PORTAL, QUARTER, None, NOW)],
    ids=["all", "unit", "officer", "receptions"],
)
def test_behind_every_number_are_as_many_dossiers(source: Source, question: Question):
    """An inspector clicks 389 and counts 389, each once; what is left out has a rule."""
    found = table(source, question)
    rows = {r.indicator: r for r in found.rows if r.unit == question.unit}
    for indicator in question.book.indicators:
        if indicator.counts == "procedures" or indicator.code not in rows:
            continue
        of = {
            case: every(source, question, indicator.code, chosen)
            for case in ("a", "b", "missed", "left_out")
            if (chosen := selection(indicator, question.book.population, case))
        }
        row = rows[indicator.code]
        assert (len(of["a"]), len(of["b"])) == (row.a, row.b)
        assert sorted(of["a"]) == sorted({*of["b"], *of["missed"]})
        assert not {*of["a"]} & {*of["left_out"]}
        cases = [case for case in found.cases if case.indicator == indicator.code]
        assert sum(c.dossiers for c in cases if c.kind == "left_out") == len(of["left_out"])
        for case in cases:
            if case.rule:
                name = f"{case.kind}:{case.rule}"
                chosen = selection(indicator, question.book.population, name)
                assert chosen is not None
                assert len(every(source, question, indicator.code, chosen)) == case.dossiers
    assert len(every(source, question, None, OVERDUE)) == found.overdue
    assert found.cases
    if question is ALL:
        assert found.overdue


def test_the_procedures_behind_a_number_are_those_of_the_catalogue(source: Source):
    """III.1 lists what still lacks a first payment before what has one."""
    row = next(r for r in table(source, ALL).rows if r.indicator == "payment_procedures")
    found = procedures(source, ALL, BOOK.indicator("payment_procedures")).procedures

    assert len({p.procedure for p in found}) == row.a
    assert len({p.procedure for p in found if p.met}) == row.b
    assert [p.met for p in found] == sorted(p.met for p in found)


def test_a_search_finds_by_part_of_a_code_and_pages_through(source: Source):
    """A clerk remembers four digits; a list of everything is walked to its end."""
    found = search(source, NOW, unit=None, code="0000012", after=Cursor(), page=100)
    assert found.dossiers and all("0000012" in d.dossier for d in found.dossiers)

    def of(state: str) -> int:
        total, after = 0, Cursor()
        while True:
            page = search(source, NOW, unit=None, state=state, after=after, page=150)
            total += len(page.dossiers)
            if page.after is None:
                return total
            after = read_cursor(page.after) or Cursor()

    assert of("") == table(source, ALL).dossiers
    assert of("resolved") == sum(
        r.a for r in table(source, ALL).rows if r.unit is None and r.row in ("IV.1", "IV.2")
    )
    assert of("waiting") + of("overdue") <= of("open")
    assert 0 < of("open") < of("")


MOMENTS = [datetime(2023, 2, 1, tzinfo=UTC), datetime(2023, 3, 1, 9, 30, tzinfo=UTC), ASKED_AT]


@pytest.mark.parametrize("question", [ALL, ONE_UNIT, OF_OFFICER], ids=["all", "unit", "officer"])
def test_what_changed_adds_up_to_the_difference_of_the_tables(source: Source, question: Question):
    """«Six dossiers fewer» is explained by exactly those six, each with its events."""
    seen = 0
    for earlier, later in [MOMENTS[:2], MOMENTS[1:]]:
        pair = pair_of(question, Clocks(known_at=earlier), Clocks(known_at=later))
        found = changes_between(source, pair)
        before, after = (
            {
                r.indicator: (r.a, r.b)
                for r in table(source, _at(question, clocks)).rows
                if r.unit == question.unit
            }
            for clocks in (pair.before, pair.after)
        )
        for row in found.rows:
            if row.indicator not in after and row.indicator not in before:
                continue
            assert (row.a_before, row.b_before) == before.get(row.indicator, (0, 0))
            assert (row.a_after, row.b_after) == after.get(row.indicator, (0, 0))
            if row.counts == "dossiers":
                assert sum(r.delta_b for r in row.reasons) == row.b_after - row.b_before
            for reason in row.reasons:
                listed_there = _changed(source, pair, row.indicator, reason.reason)
                assert len(listed_there) == sum(
                    r.dossiers for r in row.reasons if r.reason == reason.reason
                )
                seen += len(listed_there)
    assert seen > 50


def _at(question: Question, clocks: Clocks) -> Question:
    return Question(question.book, question.period, question.unit, clocks, question.officer)


def _changed(source: Source, pair: Pair, code: str, reason: str) -> set[str]:
    found: set[str] = set()
    after = Cursor()
    indicator = pair.question.book.indicator(code)
    while True:
        page = changed_dossiers(source, pair, indicator, reason, after=after, page=40)
        for one in page.dossiers:
            assert one.before != one.after
            assert one.events, "every difference is explained by an event"
            assert all(
                pair.before.known_at < e.recorded_at <= pair.after.known_at for e in one.events
            )
            found.add(f"{one.unit}/{one.dossier}")
        if page.after is None:
            return found
        after = read_cursor(page.after) or Cursor()


def test_an_explanation_that_does_not_add_up_is_no_answer(
    source: Source, monkeypatch: pytest.MonkeyPatch
):
    """A wrong explanation would be believed: the check is in the code."""
    pair = pair_of(ALL, Clocks(known_at=MOMENTS[0]), Clocks(known_at=MOMENTS[1]))
    right = changes_module._reason

    def one_too_many(row: Sequence[Any]) -> ChangeReason:
        reason = right(row)
        return reason.model_copy(update={"delta_b": reason.delta_b + 1})

    monkeypatch.setattr(changes_module, "_reason", one_too_many)
    with pytest.raises(DoesNotAddUp):
        changes_between(source, pair)


def test_a_book_of_receptions_changes_by_time_passing_too(source: Source):
    """In process and in time on Monday, late on Friday, without any event."""
    question = Question(PORTAL, QUARTER, None, NOW)
    early, late = datetime(2023, 2, 1, tzinfo=UTC), datetime(2023, 2, 8, tzinfo=UTC)
    found = changes_between(
        source, pair_of(question, Clocks(known_at=early), Clocks(known_at=late))
    )

    reasons = {r.reason for row in found.rows for r in row.reasons}
    assert "" in reasons and "received" in reasons


def test_a_past_answer_never_changes_whatever_comes_later(clickhouse_server: Server):
    """Weeks of late arrivals, corrections and copies: what was final keeps its hash."""
    database = clickhouse_server.database()
    client = database.connect()
    source = Source(client, Settled(), REGISTRY, ASKED_AT)
    weeks = 4
    size = len(RECORDS) // weeks + 1
    final: dict[tuple[datetime, str, str | None], str] = {}
    asked = 0
    for week in range(weeks):
        part = RECORDS[week * size : (week + 1) * size]
        database.store(part)
        read_to = min(_recorded(r.value) for r in RECORDS[(week + 1) * size :] or part[-1:])
        for moment in {read_to - timedelta(milliseconds=1), *(key[0] for key in final)}:
            for book, unit in ((BOOK, None), (PORTAL, "U002")):
                clocks = Clocks(known_at=moment, final=True)
                found = table(source, Question(book, YEAR, unit, clocks)).model_dump_json(
                    exclude={"computed_at"}
                )
                now = hashlib.sha256(found.encode()).hexdigest()
                assert final.setdefault((moment, book.code, unit), now) == now
                asked += 1
        # what is kept between questions must not be what is compared
        source = source._replace(settled=Settled())
    client.close()
    assert len(set(final.values())) == len(final) >= 2 * (weeks - 1)
    assert asked > len(final)


def _recorded(value: bytes) -> datetime:
    return datetime.fromisoformat(orjson.loads(value)["recordedat"])


def test_a_past_moment_is_judged_once_for_many_clicks(source: Source):
    """A list of a past moment is walked page by page; to judge anew for each would take seconds."""
    settled = Settled()
    clocks = Clocks(known_at=MOMENTS[0], final=True)
    asking = source._replace(settled=settled)
    question = _at(ALL, clocks)
    table(asking, question)

    def kept() -> list[str]:
        rows = source.client.query("SHOW TABLES LIKE 'asked_%'").result_rows
        return sorted(name for (name,) in rows)

    before = kept()
    wanted = selection(BOOK.indicators[0], "closed", "a")
    assert wanted is not None
    assert every(asking, question, BOOK.indicators[0].code, wanted)
    assert kept() == before


def test_trend_roadmap_and_outlook_agree_with_the_table(source: Source):
    """The curve ends where the table stands."""
    rows = {r.indicator: r for r in table(source, ALL).rows if r.unit is None}
    weeks, months, now = trend(source, ALL), roadmap(source, ALL), outlook(source, ALL)
    for indicator in BOOK.indicators:
        row = rows[indicator.code]
        points = [p for p in weeks.points if p.indicator == indicator.code]
        if indicator.counts == "dossiers":
            assert (sum(p.a for p in points), sum(p.b for p in points)) == (row.a, row.b)
        assert points[-1].cumulated == row.rate
        last = [s for s in months.steps if s.indicator == indicator.code][-1]
        assert (last.a, last.b) == (row.a, row.b)
        (standing,) = [s for s in now.rows if s.indicator == indicator.code]
        assert (standing.a, standing.b, standing.gap_points) == (row.a, row.b, row.gap_points)
