"""The history in ClickHouse, embedded or a server."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from services.clickhouse import ClickHouseUnavailable, first_line
from services.historian.history import ForeignTopic, HistoryUnavailable
from services.historian.records import (
    EVENT_COLUMNS,
    UNREADABLE_COLUMNS,
    Batch,
    Columns,
)

_SETTINGS = {
    # an answer means: written
    "async_insert": 0,
    # a batch of an old office may touch more than 100 months; positions come last, so a batch that
    # was cut off in the middle is appended again
    "max_partitions_per_insert_block": 0,
}


_POSITION_COLUMNS = ("partition", "next_offset")


class ClickHouseHistory:
    """See :class:`services.historian.history.History`; for one caller at a time.

    ``positions`` is written last: what it speaks of, the other tables have.
    """

    def __init__(self, connect: Callable[[], Client], topic: str) -> None:
        self._connect = connect
        self._topic = topic
        self._client: Client | None = None
        self._types: dict[str, dict[str, str]] = {}

    def append(self, batch: Batch) -> None:
        """See :class:`services.historian.history.History`."""
        self._insert("events", EVENT_COLUMNS, batch.events)
        self._insert("unreadable", UNREADABLE_COLUMNS, batch.unreadable)
        self._insert("positions", _POSITION_COLUMNS, _columns(batch.positions))

    def positions(self) -> Mapping[int, int]:
        """See :class:`services.historian.history.History`.

        Raises :class:`ForeignTopic` when the history comes from a topic with another name.
        """
        found = self._try(
            lambda client: (
                client.query(
                    "SELECT topic, partition, max(next_offset) FROM positions"
                    " GROUP BY topic, partition"
                ).result_rows
            )
        )
        if foreign := {topic for topic, _, _ in found} - {self._topic}:
            raise ForeignTopic(
                f"this history was written from {', '.join(sorted(foreign))}, and the settings"
                f" name {self._topic}: use another ClickHouse database, or the old topic prefix"
            )
        return {int(partition): int(position) for _, partition, position in found}

    def close(self) -> None:
        """Give the connection back."""
        if self._client is not None:
            self._client.close()
            self._client = None
            self._types = {}

    def _insert(self, table: str, names: tuple[str, ...], values: Columns) -> None:
        count = len(values[0])
        if not count:
            return

        def insert(client: Client) -> None:
            types = self._types_of(client, table)
            told = {
                name: column
                for name, column in zip(names, values, strict=True)
                if _says_something(types[name], column)
            }
            told["topic"] = [self._topic] * count
            client.insert(
                table,
                list(told.values()),
                column_names=list(told),
                column_type_names=[types[name] for name in told],
                column_oriented=True,
                settings=_SETTINGS,
            )

        self._try(insert)

    def _types_of(self, client: Client, table: str) -> dict[str, str]:
        """Types to send columns in; the server makes dictionaries of them faster than Python."""
        if table not in self._types:
            described = client.query("DESCRIBE TABLE {table:Identifier}", {"table": table})
            self._types[table] = {
                name: re.sub(r"^LowCardinality\((.*)\)$", r"\1", type_)
                for name, type_, *_ in described.result_rows
            }
        return self._types[table]

    def _try(self, ask: Callable[[Client], Any]) -> Any:
        try:
            if self._client is None:
                self._client = self._connect()
            return ask(self._client)
        except (ClickHouseError, ClickHouseUnavailable, OSError) as error:
            self.close()
            raise HistoryUnavailable(first_line(error)) from error


def _columns(positions: Mapping[int, int]) -> Columns:
    return [list(positions), list(positions.values())]


def _says_something(type_: str, column: Sequence[Any]) -> bool:
    """False when all values are the default of the type, which a column left out has."""
    if type_.startswith("Nullable"):
        return any(value is not None for value in column)
    return any(column)
