"""Whether what was known at a moment is all here: an answer for then will never be another one."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from clickhouse_connect.driver.client import Client
from kafka.errors import KafkaError

from schemas.events import END_OF_TIME, EPOCH
from services.audit.questions.recounts import positions
from services.audit.settled import bound_moment, sql

log = structlog.get_logger()

ON_ITS_WAY = timedelta(seconds=60)
"""Longest from the moment that admission stamps into an event until Kafka has it: the gateway gives
up after ``MOTCUA_KAFKA_WAIT_S`` (5 s); the rest is for clocks of machines that differ."""


class Finality:
    """Knows for each partition up to which recording moment the history has everything.

    A partition is read beyond K when the history has a record of it that was recorded well after
    K, or had all that Kafka had of it well after K. What was once so stays so.
    """

    def __init__(
        self, ends: Callable[[], Mapping[int, int]], clock: Callable[[], datetime]
    ) -> None:
        """``ends`` asks Kafka for the first offset behind each partition's last record."""
        self._ends = ends
        self._clock = clock
        self._lock = threading.Lock()
        self._complete_to: dict[int, datetime] = {}

    def final(self, client: Client, known_at: datetime) -> bool:
        """True: every event recorded by then is in the history, in every partition of the topic."""
        if known_at >= END_OF_TIME:
            return False
        with self._lock:
            if not self._reaches(known_at):
                self._look(client)
            return self._reaches(known_at)

    def until(self, client: Client) -> datetime | None:
        """The latest moment for which an answer is final by now; None: there is none yet."""
        with self._lock:
            self._look(client)
            reached = min(self._complete_to.values(), default=EPOCH)
        return reached if reached > EPOCH else None

    def _reaches(self, known_at: datetime) -> bool:
        return bool(self._complete_to) and min(self._complete_to.values()) >= known_at

    def _look(self, client: Client) -> None:
        asked_at = self._clock()
        try:
            ends = self._ends()
        except (KafkaError, OSError) as error:
            log.warning("ends_unknown", why=f"{type(error).__name__}: {error}")
            ends = {}
        read_to = positions(client)
        # a record of a clock that is ahead proves nothing about what is still to come
        rows = client.query(
            sql("newest_recorded"), {"not_after": bound_moment(asked_at)}
        ).result_rows
        newest = {
            int(partition): recorded_at.replace(tzinfo=UTC) for partition, recorded_at in rows
        }
        for partition in {*ends, *self._complete_to}:
            found = [self._complete_to[partition]] if partition in self._complete_to else []
            if partition in newest:
                found.append(newest[partition] - ON_ITS_WAY)
            if partition in ends and read_to.get(partition, 0) >= ends[partition]:
                found.append(asked_at - ON_ITS_WAY)
            # a partition of which nothing is known keeps everything from being final
            self._complete_to[partition] = max(found, default=EPOCH)
