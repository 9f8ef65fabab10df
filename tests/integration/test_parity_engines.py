"""Python and ClickHouse compute the same facts and counters from the same events, independently."""

import contextlib
import random
from collections import Counter
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from schemas.books import Book, load_book
from schemas.registry import load_registry
from streams.core.balance import TERMS, difference
from streams.core.facts import FACTS
from tests.support.clickhouse import Database, Server
from tests.support.parity import (
    EVERYTHING,
    Story,
    core_balances,
    core_counters,
    core_facts,
    core_receptions,
    different,
    merge,
    some_clocks,
    some_closings,
    some_offsets,
    some_periods,
    sql_balances,
    sql_counters,
    sql_facts,
    sql_receptions,
    store,
    story,
    waits,
)

HISTORIES = 250
TANGLES = 1500
WAITS = 3000


@pytest.fixture(scope="module")
def told() -> Story:
    return story(HISTORIES, TANGLES, random.SystemRandom().randrange(1 << 32))


@pytest.fixture(scope="module")
def stored(told: Story, clickhouse_server: Server) -> Database:
    database = clickhouse_server.database()
    store(database, told)
    return database


@pytest.fixture(scope="module", params=["as inserted", "merged"])
def client(stored: Database, request: pytest.FixtureRequest) -> Iterator[Client]:
    client = stored.connect()
    if request.param == "merged":
        merge(client)
    yield client
    client.close()


def test_facts_are_equal_at_any_two_clocks(client: Client, told: Story):
    """An auditor's answer and the wall's number must be one number, whatever came late or twice."""
    compared = 0
    for clocks in some_clocks(told, 3):
        expected = core_facts(told.records, clocks)
        actual = sql_facts(client, EVERYTHING, clocks)

        assert different(expected, actual) == {}, f"seed {told.seed}, {clocks}"
        compared += len(expected)

    assert compared > HISTORIES + TANGLES


def test_counters_are_equal_at_any_offset(client: Client, told: Story):
    """Verification recounts at the offset of a snapshot, also when a merge kept a later copy."""
    for offsets in some_offsets(told, 3):
        expected = core_counters(told, offsets)
        found = sql_counters(client, offsets)

        for unit, counted in expected.items():
            assert different(counted.cells, found[unit].cells) == {}, f"seed {told.seed}, {offsets}"
            assert found[unit] == counted, f"seed {told.seed}, {offsets}"


def test_balances_are_equal_and_add_up_in_any_period(client: Client, told: Story):
    """What a unit hides it hides on one side: both engines must show it."""
    seen: set[str] = set()
    for clocks, period in zip(some_clocks(told, 1), some_periods(told, 3), strict=True):
        expected = core_balances(told.records, clocks, period)
        actual = sql_balances(client, clocks, period)

        assert actual == expected, f"seed {told.seed}, {clocks}, {period}"
        assert not any(map(difference, actual.values())), f"seed {told.seed}, {clocks}, {period}"
        seen.update(term for counted in actual.values() for term in counted)

    # few are reopened in a later period: those are compared in test_audit_scopes
    rare = {"came_back", "taken_over", "handed_over"}
    assert seen >= {term.name for term in TERMS} - rare, f"seed {told.seed}"


def test_a_book_of_receptions_is_equal_at_any_moment_of_any_period(client: Client, told: Story):
    """What a unit is told of its points is computed twice, as things stood at a period's end."""
    registry, book = load_registry(), of_receptions()
    lowest, highest = Counter[str](), Counter[str]()
    for period, clocks in some_closings(told, 6):
        expected = core_receptions(told, book, registry, period, clocks)
        actual = sql_receptions(client, book, registry, period, clocks)

        assert different(expected, actual) == {}, f"seed {told.seed}, {period}, {clocks}"
        for counts in expected.values():
            lowest.update({code: count.b for code, count in counts.items()})
            highest.update({code: count.a for code, count in counts.items()})

    # two engines that agree on all or on nothing agree on little
    assert all(0 < lowest[i.code] < highest[i.code] for i in book.indicators), f"seed {told.seed}"


def of_receptions() -> Book:
    """The shipped book, with each of its rules by itself as a further indicator, and what was
    carried over counted in one of them."""
    book = load_book("qd766")
    whole = book.indicator("in_time")
    more = [
        whole.model_copy(update={"code": "carried", "carried_over": True, "points": None}),
        whole.model_copy(update={"code": "running", "hit": ("in_time",), "points": None}),
        whole.model_copy(update={"code": "asked", "hit": ("asked_once_at_most",), "points": None}),
        whole.model_copy(update={"code": "level", "level": "commune", "points": None}),
    ]
    targets = [book.targets[0].model_copy(update={"indicator": i.code}) for i in more]
    raw = {name: getattr(book, name) for name in Book.model_fields}
    raw |= {"indicators": (*book.indicators, *more), "targets": (*book.targets, *targets)}
    return Book.model_validate(raw, by_alias=False, by_name=True)


def test_due_moments_are_equal_on_any_days_of_four_years(clickhouse_server: Server):
    """Working days, swap days, Tết and office hours are computed twice, in integers."""
    told = waits(WAITS, random.SystemRandom().randrange(1 << 32))
    database = clickhouse_server.database()
    database.store(told.records)
    (everything, *_) = some_clocks(told, 0)
    expected = core_facts(told.records, everything)

    with contextlib.closing(database.connect()) as client:
        actual = sql_facts(client, EVERYTHING, everything)

    assert different(expected, actual) == {}, f"seed {told.seed}"
    assert len(expected) == WAITS
    assert sum(known.due_at is not None for known in expected.values()) > 0.9 * WAITS


def test_every_fact_is_drawn_often_enough_to_be_compared(told: Story):
    """Two engines that agree on what never happens agree on nothing."""
    (everything, *_) = some_clocks(told, 0)
    found = [known.facts for known in core_facts(told.records, everything).values()]

    rare = {fact.name: n for fact in FACTS if (n := sum(fact.name in held for held in found)) < 5}
    assert rare == {}, f"seed {told.seed}"
