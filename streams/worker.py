"""The worker: folds ``motcua.events`` into dossiers and publishes each unit's counters.

:func:`build_worker` is the composition root; it opens nothing. What the worker promises: an event
that Kafka acknowledged is counted, once, whatever dies or is frozen; and a snapshot on
``motcua.units`` says what the events below its offset say, nothing less and nothing more.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import faust
from aiokafka.partitioner import murmur2

from schemas.calendar import load_calendar
from schemas.topics import EVENTS, REJECTED, UNITS
from streams.batches import Message, PositionedTable, RunSchema, Write, die, install
from streams.core.deadlines import deadlines
from streams.core.working_time import WorkingTime
from streams.counters import Folded, PartitionCounters, TooManyUnreadable, merge_entries
from streams.generations import changelog, generation_in, worker_group
from streams.settings import StreamSettings
from streams.snapshots import Schedule, UnitKey, unit_records

log = logging.getLogger(__name__)

RUN_RECORDS = 4000
"""At most so many records in a run: some 50 ms of folding during which nothing else happens."""
BIG_RUN = 500
"""A run of this size means that the worker is behind."""
SESSION_S = 6.0
"""The shortest that brokers allow: so long a dead worker keeps its partitions from others."""
TICK_S = 5.0
"""So often it is looked at what has become overdue or due soon by time alone."""
MAX_BATCH_BYTES = 900_000
"""Of the changelog; below the 1 MB that a broker takes by default."""


def build_worker(settings: StreamSettings) -> faust.App:
    """The Faust application; its state is :func:`table_of` it."""
    prefix = settings.topic_prefix
    generation = generation_in(settings.data, settings.worker_generation)
    app = faust.App(
        worker_group(prefix, generation),
        broker=[f"kafka://{address}" for address in settings.kafka.split(",")],
        datadir=settings.data / "worker",
        store="memory://",
        web_enabled=False,
        autodiscover=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=EVENTS.partitions,
        table_standby_replicas=0,
        stream_wait_empty=False,
        stream_buffer_maxsize=16,
        stream_recovery_delay=0.0,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=settings.worker_instance,
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=SESSION_S / 4,
        broker_max_poll_records=RUN_RECORDS,
        producer_linger=0.0,
        producer_max_batch_size=MAX_BATCH_BYTES,
        producer_max_request_size=int(UNITS.config["max.message.bytes"]),
    )
    source = EVENTS.full_name(prefix)
    install(app, source)
    counting = Counting(settings, WorkingTime(load_calendar()))
    counting.table = app.tables.add(
        PositionedTable(
            app,
            "dossiers",
            source=source,
            owner=counting,
            partitions=EVENTS.partitions,
        )
    )
    if counting.table.changelog_topic_name != changelog(generation).full_name(prefix):
        raise ValueError(f"Faust calls the changelog {counting.table.changelog_topic_name}")
    events = app.topic(source, schema=RunSchema(), partitions=EVENTS.partitions, acks=False)

    async def folding(runs: Any) -> None:
        await counting.table.drain(runs)

    app.agent(events, name="folding", concurrency=1)(folding)
    return app


def table_of(app: faust.App) -> PositionedTable:
    """The table that holds the worker's state."""
    table: PositionedTable = app.tables["dossiers"]
    return table


class Counting:
    """What the table's entries mean (a ``StateOwner``), and what the worker shows of them.

    ``clock`` gives milliseconds since the epoch; it decides what is overdue, and nothing else.
    """

    def __init__(
        self,
        settings: StreamSettings,
        work: WorkingTime,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._units_topic = UNITS.full_name(settings.topic_prefix)
        self._rejected_topic = REJECTED.full_name(settings.topic_prefix)
        self._limit = settings.unreadable_in_a_row
        self._work = work
        self._clock = clock
        self._changes_at: dict[UnitKey, int] = {}
        self._ticking: asyncio.TimerHandle | None = None
        self._partitions: dict[int, PartitionCounters] = {}
        self._schedule = Schedule(settings.snapshot_every_ms / 1000)
        self._timer: asyncio.TimerHandle | None = None
        self.table: PositionedTable

    # -- as the table's owner

    def merge(self, key: bytes, older: bytes, newer: bytes) -> bytes:
        """See ``StateOwner``."""
        return merge_entries(key, older, newer)

    async def open(self, partition: int, entries: dict[bytes, bytes]) -> None:
        """Count what is restored; all of it will be published, since nobody knows what was."""
        counters = PartitionCounters(partition, entries, partition_of_unit, self._limit, self._work)
        await counters.restore()
        self._partitions[partition] = counters
        for unit, counted in counters.units.items():
            self._schedule.change((partition, unit), counted.months, 0)
        self._arm()
        if self._ticking is None:
            self._tick_later()

    def fold(self, partition: int, start: int, records: Sequence[Any]) -> Write:
        """See ``StateOwner``."""
        try:
            folded = self._partitions[partition].fold(records)
        except TooManyUnreadable as error:
            die(str(error))
        try:
            return self._noted(partition, start, len(records), folded)
        except Exception as error:
            # the entries have changed: folded again, these records would not be written any more
            die("what was folded could not be noted", error)

    def _noted(self, partition: int, start: int, records: int, folded: Folded) -> Write:
        if records >= BIG_RUN:
            self._schedule.catching_up(_now())
        for unit, months in folded.touched.items():
            self._schedule.change((partition, unit), months, start)
        self._arm()
        rejected = [Message(self._rejected_topic, None, *pair) for pair in folded.rejected]
        return Write(before=rejected, changed=folded.changed)

    def shown_below(self, partition: int) -> int | None:
        """See ``StateOwner``."""
        return self._schedule.since(partition)

    def close(self, partition: int) -> None:
        """See ``StateOwner``."""
        self._partitions.pop(partition, None)
        self._schedule.drop(partition)
        for key in [key for key in self._changes_at if key[0] == partition]:
            del self._changes_at[key]

    # -- snapshots

    def _arm(self) -> None:
        due_at = self._schedule.due_at()
        if due_at is None:
            return
        if self._timer:
            self._timer.cancel()
        # never at once: a run that is being folded is enqueued before what it shows
        self._timer = asyncio.get_running_loop().call_at(due_at, self._publish_due)

    def _publish_due(self) -> None:
        """One unit, then others may have their turn."""
        self._timer = None
        started = _now()
        taken = self._schedule.take(started)
        if taken is not None:
            (partition, unit), months = taken
            offset = self.table.position(partition)
            if offset is not None:
                records = self._records(partition, unit, months, offset)
                messages = [
                    Message(self._units_topic, partition, key.encode(), value)
                    for key, value in records
                ]
                self.table.publish(partition, messages)
            self._schedule.spent(_now() - started)
        self._arm()

    def _records(
        self, partition: int, unit: str, months: set[str], offset: int
    ) -> list[tuple[str, bytes]]:
        counters = self._partitions[partition].units[unit]
        due = deadlines(counters.open_dossiers, self._clock(), self._work)
        self._changes_at.pop((partition, unit), None)
        if due.changes_at is not None:
            self._changes_at[partition, unit] = due.changes_at
        return unit_records(unit, counters, months, partition, offset, due)

    def tick(self) -> None:
        """Have those units published again of which time alone has changed the figures."""
        now = self._clock()
        for key in [key for key, at in self._changes_at.items() if at <= now]:
            del self._changes_at[key]
            position = self.table.position(key[0])
            if position is not None:
                self._schedule.change(key, (), position)
        self._arm()

    def _tick_later(self) -> None:
        self._ticking = asyncio.get_running_loop().call_later(TICK_S, self._tick_on)

    def _tick_on(self) -> None:
        self.tick()
        self._tick_later()

    def flush(self) -> None:
        """See ``StateOwner``."""
        self._schedule.all_due()
        while self._schedule.due_at() is not None:
            self._publish_due()


def partition_of_unit(unit: str) -> int:
    """The partition in which Kafka's default partitioner puts a unit's events."""
    return int(murmur2(unit.encode()) & 0x7FFFFFFF) % EVENTS.partitions


def _now() -> float:
    return asyncio.get_running_loop().time()
