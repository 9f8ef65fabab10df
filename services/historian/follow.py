"""Follows ``motcua.events`` into the history, in a thread that survives outages of either side."""

import gc
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from kafka.errors import KafkaError
from kafka.partitioner.default import murmur2

from services.historian.history import ForeignTopic, History, HistoryUnavailable
from services.historian.records import PartitionOf, Record, batch_of, records_of
from streams.reading import BATCH_RECORDS, REQUEST_S, close_reader, open_reader

log = structlog.get_logger()

# what comes within this time becomes one insert: many small parts would keep merges busy
_BATCH_S = 0.2
_POLL_S = 0.3
_RETRY_S = 1.0
_HELD_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the history has got, as one consistent picture."""

    positions: Mapping[int, int]
    """For each partition the first offset that is not stored."""
    ends: Mapping[int, int]
    """For each partition the first offset that Kafka did not have when it was asked last."""

    @property
    def behind(self) -> int:
        """Records that Kafka has and the history has not."""
        return sum(
            max(0, end - self.positions.get(partition, 0)) for partition, end in self.ends.items()
        )


class Storing:
    """Stores one batch while the next one is read and prepared: two cores instead of one.

    Batches are stored in their order, one at a time.
    """

    def __init__(self, history: History, partition_of: PartitionOf | None = None) -> None:
        self._history = history
        self._partition_of = partition_of
        self._thread = ThreadPoolExecutor(1, "historian-store")
        self._running: Future[None] | None = None
        self._next: Mapping[int, int] = {}
        self.positions: dict[int, int] = {}
        """For each partition seen, the first offset that is not stored yet."""

    def append(self, records: Sequence[Record]) -> None:
        """Have them stored; raises what storing the batch before raised."""
        batch = batch_of(records, self._partition_of)
        store = self._history.prepared(batch)
        self.finish()
        self._next = batch.positions
        self._running = self._thread.submit(store)

    def finish(self) -> None:
        """Return when everything is stored; raises what storing raised."""
        if self._running is not None:
            running, self._running = self._running, None
            running.result()
            self.positions.update(self._next)

    def close(self) -> None:
        """End the thread, after what it does now."""
        self._thread.shutdown()


class Historian:
    """Appends every record of the topic to the history, in the order of each partition.

    The position is what the history holds, never what Kafka's groups remember: after a crash the
    records that were on their way are read and appended again, which changes nothing.
    """

    def __init__(self, bootstrap: str, topic: str, history: Callable[[], History]) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._make_history = history
        self._thread = threading.Thread(target=self._run, name="historian", daemon=True)
        self._stopping = threading.Event()
        self._hold = threading.Event()
        self._following = threading.Lock()
        self._progress: Progress | None = None
        self._trouble: str | None = "has not started"
        self._caught_up = False

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch that is being stored; returns within a few seconds."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(REQUEST_S)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is stored meanwhile; afterwards it goes on where the history then ends.

        For one caller at a time.
        """
        self._hold.set()
        try:
            with self._following:
                yield
        finally:
            self._hold.clear()

    @property
    def progress(self) -> Progress | None:
        """How far the history has got; None before anything is known."""
        return self._progress

    def not_ready(self) -> str | None:
        """Why the history is not up to date, in words; None when it follows."""
        if self._trouble is not None:
            return self._trouble
        if not self._caught_up:
            behind = self._progress.behind if self._progress else 0
            return f"reading {self._topic} into ClickHouse: {behind} records to go"
        return None

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._hold.is_set():
                self._stopping.wait(_HELD_LOOK_S)
                continue
            history = self._make_history()
            try:
                with self._following:
                    self._follow(history)
                continue
            except ForeignTopic as error:
                # going on would mix two records in one history: a person must decide
                self._tell(f"the historian has stopped: {error}")
                return
            except (KafkaError, OSError) as error:
                self._tell(f"cannot read {self._topic}: {type(error).__name__}: {error}")
            except HistoryUnavailable as error:
                self._tell(f"cannot write to ClickHouse: {error}")
            except Exception as error:
                # a bug, or an answer that nobody has seen yet: say it, keep the record, try again
                self._tell(f"the historian failed: {type(error).__name__}: {error}")
                log.exception("historian_failed")
            finally:
                history.close()
            # kafka-python leaves the sockets of failed connections to the garbage collector: an
            # outage of a night would use up all that a process may have
            gc.collect()
            self._stopping.wait(_RETRY_S)

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("historian_waits", why=trouble)
        self._trouble = trouble

    def _follow(self, history: History) -> None:
        consumer = open_reader(self._bootstrap, self._topic, "motcua-historian")
        storing = Storing(history, by_key_among(len(consumer.assignment())))
        try:
            self._go_to(consumer, history.positions())
            while not self._stopping.is_set() and not self._hold.is_set():
                records = self._collect(consumer)
                if records:
                    storing.append(records)
                else:
                    storing.finish()
                self._report(storing.positions, _ends(consumer))
            storing.finish()
        finally:
            storing.close()
            close_reader(consumer)

    def _report(self, stored: Mapping[int, int], ends: Mapping[int, int]) -> None:
        before = self._progress or Progress({}, {})
        self._progress = Progress(
            {**before.positions, **stored},
            # a partition that has not answered yet keeps the end that it had at the start
            {number: max(end, before.ends.get(number, 0)) for number, end in ends.items()},
        )
        if self._trouble is not None:
            log.info("historian_follows", topic=self._topic, behind=self._progress.behind)
            self._trouble = None
        self._caught_up = self._caught_up or self._progress.behind == 0

    def _go_to(self, consumer: Any, stored: Mapping[int, int]) -> None:
        """Begin in each partition where the history ends. Raises :class:`ForeignTopic`."""
        partitions = list(consumer.assignment())
        timeout_ms = int(REQUEST_S * 1000)
        begins = consumer.beginning_offsets(partitions, timeout_ms=timeout_ms)
        ends = consumer.end_offsets(partitions, timeout_ms=timeout_ms)
        positions: dict[int, int] = {}
        for partition in partitions:
            number = partition.partition
            position = stored.get(number, 0)
            if position > ends[partition]:
                raise ForeignTopic(
                    f"the history holds {position} records of {self._topic} partition {number}, and"
                    f" Kafka has only {ends[partition]}: the topic was made anew or lost records."
                    " Restore it, or rebuild the history into an empty database"
                )
            if position < begins[partition]:
                log.warning(
                    "records_gone",
                    partition=number,
                    missing=begins[partition] - position,
                    why="Kafka deleted them before they were stored",
                )
            positions[number] = max(position, begins[partition])
            consumer.seek(partition, positions[number])
        if missing := set(stored) - set(positions):
            raise ForeignTopic(f"{self._topic} has no partition {sorted(missing)} any more")
        self._progress = Progress(positions, {tp.partition: end for tp, end in ends.items()})

    def _collect(self, consumer: Any) -> list[Record]:
        """What comes, until there is enough of it or it has waited long enough."""
        records: list[Record] = []
        wait_s, deadline = _POLL_S, None
        while wait_s > 0 and len(records) < BATCH_RECORDS and not self._stopping.is_set():
            polled = consumer.poll(
                timeout_ms=int(wait_s * 1000) + 1, max_records=BATCH_RECORDS - len(records)
            )
            if not polled and not records:
                break
            for found in polled.values():
                records += records_of(found)
            now = time.monotonic()
            deadline = deadline or now + _BATCH_S
            wait_s = deadline - now
        return records


def by_key_among(partitions: int) -> PartitionOf:
    """Where Kafka's default partitioner puts a unit's events; the live side asks the same."""
    return lambda unit: int(murmur2(unit.encode()) & 0x7FFFFFFF) % partitions


def _ends(consumer: Any) -> dict[int, int]:
    """Kafka's ends as the last answers told them, without asking again."""
    return {tp.partition: consumer.highwater(tp) or 0 for tp in consumer.assignment()}
