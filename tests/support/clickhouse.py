"""A real ClickHouse for tests: chDB, opened once for a session, a database for every test."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clickhouse_connect.driver.client import Client

from schemas.calendar import load_calendar
from services.clickhouse import Pool, connect, migrate
from services.historian import ClickHouseHistory, Record, batch_of, store_calendar

TOPIC = "motcua.events"


@dataclass
class Database:
    """An empty history; whatever opens it uses the same embedded server."""

    address: str
    name: str

    def connect(self) -> Client:
        """A connection of its own."""
        return connect(self.address, self.name)

    def pool(self, size: int = 2) -> Pool:
        """As the audit uses it."""
        return Pool(self.connect, size)

    def history(self, topic: str = TOPIC) -> ClickHouseHistory:
        """As the historian uses it."""
        return ClickHouseHistory(self.connect, topic)

    def store(self, records: Iterable[Record]) -> None:
        """Append these records as the historian does."""
        history = self.history()
        history.append(batch_of(list(records)))
        history.close()


@dataclass
class Server:
    """The one folder that chDB lets this process open."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def address(self) -> str:
        return f"chdb:{self.folder}"

    def empty_database(self) -> Database:
        """A database that nobody else uses, without any table."""
        name = f"t{next(self._numbers)}"
        with self.connection() as client:
            client.command(f"CREATE DATABASE {name}")
        return Database(self.address, name)

    def database(self) -> Database:
        """The same with the tables of this version."""
        database = self.empty_database()
        client = database.connect()
        migrate(client)
        store_calendar(client, load_calendar())
        client.close()
        return database

    @contextmanager
    def connection(self) -> Iterator[Client]:
        client = connect(self.address)
        yield client
        client.close()


def numbered(
    values: Iterable[bytes], partition_of: Callable[[bytes], int] = lambda _: 0
) -> list[Record]:
    """The values as records of a topic, in the order of their partitions."""
    ends: dict[int, int] = {}
    found = []
    for value in values:
        partition = partition_of(value)
        offset = ends.get(partition, 0)
        found.append(Record(partition, offset, value))
        ends[partition] = offset + 1
    return found
