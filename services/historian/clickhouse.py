"""The history in ClickHouse, embedded or a server."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.insert import InsertContext
from clickhouse_connect.driver.transform import NativeTransform

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


_Types = Mapping[str, Mapping[str, ClickHouseType]]
"""Of the columns of each table."""


class _Block(NamedTuple):
    """What goes into a table at once."""

    table: str
    columns: list[str]
    data: bytes
    """In ClickHouse's format Native."""


class ClickHouseHistory:
    """See :class:`services.historian.history.History`; for one caller at a time.

    ``positions`` is written last: what it speaks of, the other tables have.
    """

    def __init__(self, connect: Callable[[], Client], topic: str) -> None:
        self._connect = connect
        self._topic = topic
        self._client: Client | None = None
        self._known_types: _Types | None = None

    def append(self, batch: Batch) -> None:
        """See :class:`services.historian.history.History`."""
        self.prepared(batch)()

    def prepared(self, batch: Batch) -> Callable[[], None]:
        """See :class:`services.historian.history.History`."""
        blocks = [
            self._block("events", EVENT_COLUMNS, batch.events),
            self._block("unreadable", UNREADABLE_COLUMNS, batch.unreadable),
            self._block("positions", _POSITION_COLUMNS, _columns(batch.positions)),
        ]

        def store() -> None:
            for block in blocks:
                if block is not None:
                    self._insert(block)

        return store

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

    def _block(self, table: str, names: tuple[str, ...], values: Columns) -> _Block | None:
        count = len(values[0])
        if not count:
            return None
        types = self._types()[table]
        told = {
            name: column
            for name, column in zip(names, values, strict=True)
            if _says_something(types[name], column)
        }
        told["topic"] = [self._topic] * count
        return _Block(table, list(told), _native(types, told))

    def _insert(self, block: _Block) -> None:
        self._try(
            lambda client: client.raw_insert(
                block.table, block.columns, block.data, settings=_SETTINGS, fmt="Native"
            )
        )

    def _types(self) -> _Types:
        """Types to send columns in; the server makes dictionaries of them faster than Python."""
        if self._known_types is None:
            # all at once: later the connection may be busy with the batch before
            self._known_types = {
                table: {
                    name: get_from_name(re.sub(r"^LowCardinality\((.*)\)$", r"\1", type_))
                    for name, type_, *_ in self._try(partial(_described, table))
                }
                for table in ("events", "unreadable", "positions")
            }
        return self._known_types

    def _try(self, ask: Callable[[Client], Any]) -> Any:
        try:
            if self._client is None:
                self._client = self._connect()
            return ask(self._client)
        except (ClickHouseError, ClickHouseUnavailable, OSError) as error:
            self.close()
            raise HistoryUnavailable(first_line(error)) from error


def _described(table: str, client: Client) -> Sequence[Sequence[Any]]:
    return client.query("DESCRIBE TABLE {table:Identifier}", {"table": table}).result_rows


def _columns(positions: Mapping[int, int]) -> Columns:
    return [list(positions), list(positions.values())]


def _native(types: Mapping[str, ClickHouseType], told: Mapping[str, Sequence[Any]]) -> bytes:
    """The columns as the driver writes them, without the statement that it puts before them."""
    context = InsertContext(
        "", list(told), [types[name] for name in told], list(told.values()), column_oriented=True
    )
    first, *others = NativeTransform.build_insert(context)
    if context.insert_exception is not None:
        raise context.insert_exception
    return b"".join([first[first.index(b"\n") + 1 :], *others])


def _says_something(type_: ClickHouseType, column: Sequence[Any]) -> bool:
    """False when all values are the default of the type, which a column left out has."""
    if type_.nullable:
        return any(value is not None for value in column)
    return any(column)
