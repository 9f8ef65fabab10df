"""Settled dossiers: what is kept between questions is what judging anew would say."""

import contextlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from clickhouse_connect.driver.client import Client

from services.audit import kept
from services.audit.questions import recount
from services.audit.settled import NOW, Clocks, Extent, Settled, extent, forget_asked
from services.historian import Record
from tests.support.clickhouse import Database, numbered
from tests.support.districts import district

PARTS = 4
RECORDS = numbered(record.value for record in district(120, units=3, days=20))
UNITS = ("U000", "U001", "U002")


@pytest.fixture
def client(database: Database) -> Iterator[Client]:
    client = database.connect()
    yield client
    client.close()


def parts() -> list[list[Record]]:
    size = len(RECORDS) // PARTS + 1
    return [RECORDS[start : start + size] for start in range(0, len(RECORDS), size)]


def tables(client: Client) -> set[str]:
    return {name for (name,) in client.query("SHOW TABLES").result_rows}


def test_only_what_got_an_event_is_judged_again(database: Database, client: Client):
    """A year of dossiers must not be judged for one that moved."""
    settled = Settled()
    database.store(RECORDS)
    everything = settled.settle(client)
    assert everything == 120
    assert settled.settle(client) == 0

    one = RECORDS[-1]
    database.store([one._replace(offset=one.offset + 1)])

    assert settled.settle(client) == 1


def test_a_recount_at_an_offset_is_exact_while_records_come_in(database: Database, client: Client):
    """Verification asks about an old offset of a unit that gets events at this moment."""
    settled = Settled()
    batches = parts()
    database.store(batches[0])
    ends = dict.fromkeys(UNITS, batches[0][-1].offset + 1)
    expected = recount(client, settled, Extent(ends))
    stored = threading.Event()

    def store() -> None:
        with contextlib.closing(database.connect()) as other:
            for batch in batches[1:]:
                database.store(batch)
                settled.settle(other)
        stored.set()

    thread = threading.Thread(target=store)
    thread.start()
    asked = 0
    while not stored.is_set() or not asked:
        assert recount(client, settled, Extent(ends)) == expected
        asked += 1
    thread.join()

    assert recount(client, settled, Extent(ends)) == expected
    assert (
        sum(n.dossiers for n in recount(client, settled, extent(client, settled)).values()) == 120
    )


def test_another_calendar_or_version_settles_everything_anew(database: Database, client: Client):
    """A due moment by last year's calendar must not survive the calendar's correction."""
    settled = Settled()
    database.store(RECORDS)
    settled.settle(client)

    client.insert("calendars", [["another"]], column_names=["calendar"])

    assert settled.settle(client) == 120
    assert settled.settle(client) == 0


def test_questions_of_the_past_leave_only_so_many_tables(
    database: Database, client: Client, monkeypatch: pytest.MonkeyPatch
):
    """Kept for the next click, also when one breaks off in the middle; dropped when too many."""
    monkeypatch.setattr(kept, "MOST_TABLES", 2)
    settled = Settled()
    database.store(RECORDS)
    before = tables(client)
    asked = extent(client, settled)
    moments = [Clocks(known_at=datetime(2023, 1, day, tzinfo=UTC)) for day in (8, 10, 12)]
    names = []
    for past in moments:
        with settled.dossiers(client, asked, past) as name:
            assert name in tables(client) - before
            names.append(name)
        with pytest.raises(ZeroDivisionError), settled.dossiers(client, asked, past) as again:
            assert again == name
            raise ZeroDivisionError

    assert tables(client) - before == {*names[1:]}
    one = RECORDS[0]
    with settled.dossiers(client, asked, moments[0], json.loads(one.value)["subject"]):
        pass
    assert tables(client) - before == {*names[1:]}


def test_what_a_killed_process_left_is_dropped(database: Database, client: Client):
    """Or each kill would leave a table for ever."""
    before = tables(client)
    client.command("CREATE TABLE asked_0123 AS settled ENGINE = Memory")

    forget_asked(client)

    assert tables(client) == before


def test_a_kill_in_the_middle_settles_again(database: Database, client: Client):
    """Rows written before the kill are the same rows; only then the position follows."""
    settled = Settled()
    database.store(RECORDS)
    settled.settle(client)
    expected = recount(client, settled, extent(client, settled))
    client.command("TRUNCATE TABLE settlements")
    with contextlib.closing(database.connect()) as broken:
        broken.insert = _killed  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            settled.settle(broken)

    assert settled.settle(client) == 120
    assert recount(client, settled, extent(client, settled)) == expected


def test_settled_rows_fit_only_the_clocks_that_see_all_their_events(
    database: Database, client: Client
):
    """One millisecond before the last event was known, it was not known."""
    settled = Settled()
    database.store(RECORDS)
    asked = extent(client, settled)
    (last,) = client.query("SELECT max(recorded_at) FROM events").first_row
    last = last.replace(tzinfo=UTC)

    def table(clocks: Clocks) -> str:
        with settled.dossiers(client, asked, clocks) as name:
            return name

    assert table(NOW) == table(Clocks(known_at=last))
    assert table(Clocks(known_at=last - timedelta(milliseconds=1))) != table(NOW)


def _killed(*args: object, **kwargs: object) -> None:
    raise KeyboardInterrupt
