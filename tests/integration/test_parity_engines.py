"""Python and ClickHouse compute the same facts and counters from the same events, independently."""

import contextlib
import random
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from streams.core.balance import TERMS, difference
from streams.core.facts import FACTS
from tests.support.clickhouse import Database, Server
from tests.support.parity import (
    EVERYTHING,
    Story,
    core_balances,
    core_counters,
    core_facts,
    different,
    merge,
    some_clocks,
    some_offsets,
    some_periods,
    sql_balances,
    sql_counters,
    sql_facts,
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
