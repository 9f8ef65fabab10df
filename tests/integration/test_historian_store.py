"""The port ``History`` on ClickHouse: every record once, whatever is interrupted or repeated."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from services.audit.questions import recount
from services.audit.settled import Extent, Settled
from services.clickhouse import ClickHouseUnavailable
from services.historian import (
    ClickHouseHistory,
    ForeignTopic,
    HistoryUnavailable,
    Record,
    batch_of,
)
from tests.support.clickhouse import TOPIC, Database, numbered
from tests.support.histories import admitted, paid, received, resolved

RECORDS = numbered(
    [
        admitted(received()),
        b'{"not": "an event"}',
        admitted(paid()),
        admitted(resolved()),
    ]
)


@pytest.fixture
def client(database: Database) -> Iterator[Client]:
    client = database.connect()
    yield client
    client.close()


@pytest.fixture
def history(database: Database) -> Iterator[ClickHouseHistory]:
    history = database.history()
    yield history
    history.close()


def stored(client: Client) -> tuple[int, int, int]:
    """Records that each table has: events, unreadable, log."""
    tables = ("events", "unreadable", "log")
    found = [client.query(f"SELECT uniqExact(partition, offset) FROM {t}") for t in tables]
    return tuple(int(one.first_row[0]) for one in found)  # type: ignore[return-value]


def dossiers(client: Client) -> int:
    return recount(client, Settled(), Extent({"23500": 1000}))["23500"].dossiers


def test_an_empty_history_begins_at_the_beginning(history: ClickHouseHistory):
    """A new installation, or one that is rebuilt, reads everything."""
    assert history.positions() == {}


def test_what_was_appended_is_there_and_the_position_is_behind_it(
    history: ClickHouseHistory, client: Client
):
    """The position is what the history holds, so it can never promise more than that."""
    history.append(batch_of(RECORDS))

    assert stored(client) == (3, 1, 4)
    assert history.positions() == {0: 4}


def test_appending_again_changes_nothing(history: ClickHouseHistory, client: Client):
    """Whoever does not get an answer sends again; figures must not move."""
    history.append(batch_of(RECORDS))
    before = recount(client, Settled(), Extent({"23500": 1000}))

    for _ in range(3):
        history.append(batch_of(RECORDS))

    assert recount(client, Settled(), Extent({"23500": 1000})) == before
    client.command("OPTIMIZE TABLE events FINAL")
    client.command("OPTIMIZE TABLE log FINAL")
    assert recount(client, Settled(), Extent({"23500": 1000})) == before
    assert client.query("SELECT count(*) FROM log").first_row == (4,)


@pytest.mark.parametrize("breaks_at", ["events", "unreadable", "positions"])
def test_a_crash_between_two_inserts_loses_and_doubles_nothing(
    database: Database, client: Client, breaks_at: str
):
    """The process may die anywhere; the next one goes on from what is really there."""
    broken = ClickHouseHistory(lambda: Breaking(database.connect(), breaks_at), TOPIC)
    with pytest.raises(HistoryUnavailable):
        broken.append(batch_of(RECORDS))

    restarted = database.history()
    position = restarted.positions().get(0, 0)
    assert position == 0
    restarted.append(batch_of([r for r in RECORDS if r.offset >= position]))
    restarted.close()

    assert stored(client) == (3, 1, 4)
    assert dossiers(client) == 1
    (counted,) = recount(client, Settled(), Extent({"23500": 1000})).values()
    assert sum(counted.cells.values()) == 3


def test_what_is_no_event_is_kept_as_it_came_with_the_reason(
    history: ClickHouseHistory, client: Client
):
    """Nothing is lost: somebody may mend it, and until then it explains a gap."""
    raw = b"\x00\xff not JSON"
    history.append(batch_of([Record(3, 7, raw)]))

    row = client.query("SELECT partition, offset, reason, hex(raw) FROM unreadable").first_row
    assert (row[0], row[1], bytes.fromhex(row[3])) == (3, 7, raw)
    assert "malformed" in row[2] or "invalid" in row[2].lower()
    assert history.positions() == {3: 8}


def test_a_batch_over_more_than_a_hundred_months_is_taken(history: ClickHouseHistory):
    """An office may bring the archive of fifteen years at once."""
    moments = [f"{2008 + n // 12}-{1 + n % 12:02d}-10T08:30" for n in range(180)]
    records = numbered(admitted(received(at, dossier=at)) for at in moments)

    history.append(batch_of(records))

    assert history.positions() == {0: 180}


def test_a_history_of_another_topic_is_refused(database: Database, history: ClickHouseHistory):
    """Two topics in one history would be two truths; the settings name the wrong one."""
    history.append(batch_of(RECORDS))

    with pytest.raises(ForeignTopic, match=TOPIC):
        database.history("other.events").positions()


def test_no_clickhouse_is_said_and_may_be_tried_again():
    """The historian waits; it must be able to say for what."""

    def connect() -> Client:
        raise ClickHouseUnavailable("nobody is there")

    with pytest.raises(HistoryUnavailable, match="nobody is there"):
        ClickHouseHistory(connect, TOPIC).append(batch_of(RECORDS))


def test_columns_hold_what_the_record_says(history: ClickHouseHistory, client: Client):
    """A column that is filled with its neighbour's value would be wrong for ever."""
    value = admitted(received(officer="cb-9", channel="online", paperless=True), emitter="soft-1")
    history.append(batch_of([Record(5, 11, value)]))
    said = orjson.loads(value)

    row = client.query(
        "SELECT unit, dossier, source, id, lower(hex(content_hash)), kind, level, emitter,"
        " procedure, officer, channel, paperless, procedure_known, service, has_fee,"
        " payment_online, topic, partition, offset, body,"
        " formatDateTime(occurred_at, '%FT%TZ'), formatDateTime(recorded_at, '%FT%TZ'),"
        " formatDateTime(due_at, '%FT%TZ') FROM events"
    ).first_row

    assert row == (
        said["unit"],
        said["subject"],
        said["source"],
        said["id"],
        said["contenthash"].lstrip("0"),
        "received",
        said["level"],
        "soft-1",
        said["data"]["procedure"],
        "cb-9",
        "online",
        True,
        True,
        "full",
        True,
        True,
        TOPIC,
        5,
        11,
        value.decode(),
        said["time"].replace(".000", ""),
        said["recordedat"].replace(".000", ""),
        said["data"]["due_at"].replace(".000", ""),
    )


@pytest.mark.parametrize("claim", [True, False, None])
def test_a_column_left_out_of_an_insert_says_the_same(
    history: ClickHouseHistory, client: Client, claim: bool | None
):
    """«Not on time» is not «did not say», and both are all that a batch may hold."""
    history.append(batch_of([Record(0, 0, admitted(resolved(claims_on_time=claim)))]))

    assert client.query("SELECT claims_on_time, officer, due_at FROM events").first_row == (
        claim,
        "",
        None,
    )


class Breaking:
    """A connection that breaks when one table is written to."""

    def __init__(self, client: Client, table: str) -> None:
        self._client = client
        self._table = table

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def raw_insert(self, table: str, *args: Any, **kwargs: Any) -> Any:
        if table == self._table:
            raise DatabaseError("the power went out")
        return self._client.raw_insert(table, *args, **kwargs)
