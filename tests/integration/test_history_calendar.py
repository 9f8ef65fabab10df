"""The working calendar in ClickHouse: a question sees all of one calendar, and never a part."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from clickhouse_connect.driver.client import Client

from schemas.calendar import WorkingCalendar, load_calendar
from services.audit.questions import dossier_history
from services.audit.settled import Settled
from services.clickhouse import migrate
from services.historian import store_calendar
from tests.support.clickhouse import Database, Server, numbered
from tests.support.histories import (
    DOSSIER,
    UNIT,
    admitted,
    moment,
    received,
    supplement_received,
    supplement_requested,
)

CALENDAR = load_calendar()
# a Friday afternoon, which is three and a half hours, and what of Saturday morning is worked
STORY = (
    received("2023-02-09T08:00", due="2023-02-10T17:00"),
    supplement_requested("2023-02-10T13:30"),
    supplement_received("2023-02-11T09:00"),
)


@pytest.fixture
def database(clickhouse_server: Server) -> Database:
    """With tables and one dossier, and without a calendar."""
    database = clickhouse_server.empty_database()
    client = database.connect()
    migrate(client)
    client.close()
    database.store(numbered(admitted(said) for said in STORY))
    return database


@pytest.fixture
def client(database: Database) -> Iterator[Client]:
    client = database.connect()
    yield client
    client.close()


def due(client: Client) -> datetime | None:
    history = dossier_history(client, Settled(), UNIT, DOSSIER)
    assert history is not None and history.known is not None
    return history.known.due_at


def with_work_on(calendar: WorkingCalendar, day: str) -> WorkingCalendar:
    index = (moment(f"{day}T00:00").date() - calendar.first) // timedelta(days=1)
    working = list(calendar.working)
    working[index] = True
    return calendar.model_copy(update={"working": tuple(working)})


def test_without_a_calendar_a_moved_due_moment_is_unknown(client: Client):
    """A guess would be a figure that nobody can defend."""
    assert due(client) is None


def test_storing_it_again_changes_nothing(client: Client):
    """Every start of the process stores it."""
    assert store_calendar(client, CALENDAR)
    assert not store_calendar(client, CALENDAR)

    assert due(client) == moment("2023-02-13T10:30")
    assert client.query("SELECT count() FROM calendars").result_rows == [(1,)]


def test_another_calendar_takes_its_place_also_under_the_same_version(client: Client):
    """A district edits its file and forgets the version."""
    store_calendar(client, CALENDAR)

    assert store_calendar(client, with_work_on(CALENDAR, "2023-02-11"))
    assert due(client) == moment("2023-02-11T14:30")

    assert store_calendar(client, CALENDAR)
    assert due(client) == moment("2023-02-13T10:30")


def test_a_calendar_that_is_half_written_is_not_seen(client: Client):
    """A crash in between leaves the one before in force."""
    store_calendar(client, CALENDAR)
    before = due(client)
    client.command(
        "INSERT INTO calendar_days SELECT 'half', day, true, 0 FROM calendar_days LIMIT 10"
    )

    assert due(client) == before
