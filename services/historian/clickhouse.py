"""The history in ClickHouse, embedded or a server."""

from collections.abc import Callable, Mapping
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from services.clickhouse import ClickHouseUnavailable, first_line
from services.historian.history import ForeignTopic, HistoryUnavailable
from services.historian.records import (
    EVENT_COLUMNS,
    LOG_COLUMNS,
    UNREADABLE_COLUMNS,
    Batch,
    Columns,
)

_SETTINGS = {
    # an answer means: written
    "async_insert": 0,
    # a batch of an old office may touch more than 100 months; `log` comes second, so a batch that
    # was cut off in the middle is appended again
    "max_partitions_per_insert_block": 0,
}


class ClickHouseHistory:
    """See :class:`services.historian.history.History`; for one caller at a time.

    ``log`` is written last, and positions are taken from it: what it has, the others have.
    """

    def __init__(self, connect: Callable[[], Client], topic: str) -> None:
        self._connect = connect
        self._topic = topic
        self._client: Client | None = None

    def append(self, batch: Batch) -> None:
        """See :class:`services.historian.history.History`."""
        self._insert("events", EVENT_COLUMNS, batch.events)
        self._insert("unreadable", UNREADABLE_COLUMNS, batch.unreadable)
        self._insert("log", LOG_COLUMNS, batch.log)

    def positions(self) -> Mapping[int, int]:
        """See :class:`services.historian.history.History`.

        Raises :class:`ForeignTopic` when the history comes from a topic with another name.
        """
        found = self._try(
            lambda client: (
                client.query(
                    "SELECT topic, partition, max(offset) + 1 FROM log GROUP BY topic, partition"
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

    def _insert(self, table: str, names: tuple[str, ...], values: Columns) -> None:
        count = len(values[0])
        if not count:
            return
        data = [*values, [self._topic] * count]
        self._try(
            lambda client: client.insert(
                table,
                data,
                column_names=(*names, "topic"),
                column_oriented=True,
                settings=_SETTINGS,
            )
        )

    def _try(self, ask: Callable[[Client], Any]) -> Any:
        try:
            if self._client is None:
                self._client = self._connect()
            return ask(self._client)
        except (ClickHouseError, ClickHouseUnavailable, OSError) as error:
            self.close()
            raise HistoryUnavailable(first_line(error)) from error
