"""When an answer for a past moment is final: not before everything recorded by then is here."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

import pytest
from clickhouse_connect.driver.client import Client
from kafka.errors import KafkaConnectionError

from schemas.events import END_OF_TIME
from services.audit.final import ON_ITS_WAY, Finality
from services.historian import Record
from tests.support.clickhouse import Database
from tests.support.histories import admitted, moment, received

K = moment("2023-03-01T12:00")
LONG_AFTER = K + timedelta(days=1)


@pytest.fixture
def client(database: Database) -> Iterator[Client]:
    client = database.connect()
    yield client
    client.close()


def record(partition: int, offset: int, recorded_at: str, unit: str) -> Record:
    return Record(partition, offset, admitted(received(unit=unit), recorded_at))


def away() -> Mapping[int, int]:
    raise KafkaConnectionError("nobody there")


def test_an_answer_is_final_once_every_partition_is_read_beyond_it(
    database: Database, client: Client
):
    """One partition that lags may hold an event that was recorded before."""
    database.store([record(0, 0, "2023-03-02T08:00", "23500")])
    ends = {0: 1, 1: 1}
    finality = Finality(lambda: ends, lambda: LONG_AFTER)
    assert not finality.final(client, K)

    database.store([record(1, 0, "2023-02-02T08:00", "23503")])
    # read to the end, so nothing recorded long before can still come
    assert finality.final(client, K)
    assert not finality.final(client, LONG_AFTER - ON_ITS_WAY / 2)
    assert not finality.final(client, END_OF_TIME)


def test_what_is_final_stays_final_without_kafka(database: Database, client: Client):
    """An outage must not take back what was said; and without knowledge nothing is said."""
    database.store([record(0, 0, "2023-02-02T08:00", "23500")])
    assert not Finality(away, lambda: LONG_AFTER).final(client, K)

    asked = [away, lambda: {0: 1}]
    finality = Finality(lambda: asked.pop()(), lambda: LONG_AFTER)
    assert finality.final(client, K)
    assert finality.final(client, K)
    assert not finality.final(client, LONG_AFTER)


def test_a_history_that_lags_is_final_up_to_what_it_has_read(database: Database, client: Client):
    """A rebuild reads years: what lies well behind its position need not wait for its end."""
    database.store([record(0, 0, "2023-03-01T12:02", "23500")])
    behind = Finality(lambda: {0: 1000}, lambda: LONG_AFTER)
    assert behind.final(client, K)
    assert not behind.final(client, K + ON_ITS_WAY * 2)


def test_a_record_of_the_future_makes_nothing_final(database: Database, client: Client):
    """A gateway whose clock ran ahead once says nothing about what is still to come."""
    database.store([record(0, 0, "2023-12-01T08:00", "23500")])
    assert not Finality(lambda: {0: 1000}, lambda: LONG_AFTER).final(client, K)
