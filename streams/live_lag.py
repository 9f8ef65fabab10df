"""How far behind the live counters are: the moment up to which everything admitted is in them.

Asks Kafka only for offsets, never for records.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError

from schemas.topics import EVENTS, UNITS, Topic

log = structlog.get_logger()

Offsets = Mapping[int, int]
"""Next offset by partition."""

PROBE_EVERY_S = 1.0
_REQUEST_MS = 5000
_REMEMBERED = 256

_Question = TypeVar("_Question")


class Watermark:
    """Follows questions through the pipeline: «is all that stood in the log at T counted?».

    A question is answered when the worker has counted that far and every snapshot that stood in
    ``motcua.units`` by then has been read.
    """

    def __init__(self) -> None:
        self.complete_until: datetime | None = None
        self.counted_to: Offsets = {}
        """The positions in ``motcua.events`` that belong to it: all below is counted and read."""
        self._asked: deque[tuple[datetime, Offsets]] = deque()
        self._counted: deque[tuple[datetime, Offsets, Offsets]] = deque()
        self._every = 1
        """A look asks only when its number is a multiple: long outages are asked about rarely."""
        self._looks = 0

    def observe(
        self,
        at: datetime,
        events_end: Offsets,
        counted_to: Offsets,
        units_end: Offsets,
        read_to: Offsets,
    ) -> None:
        """Take one look at Kafka: ``at`` is before ``events_end`` was asked for, the others after.

        ``units_end`` must be asked for after ``counted_to``, ``read_to`` after both.
        """
        self._looks += 1
        if self._looks % self._every == 0:
            self._asked.append((at, events_end))
        while self._asked and _reached(counted_to, self._asked[0][1]):
            self._counted.append((*self._asked.popleft(), units_end))
        while self._counted and _reached(read_to, self._counted[0][2]):
            self.complete_until, self.counted_to, _ = self._counted.popleft()
        open_questions = len(self._asked) + len(self._counted)
        if open_questions > _REMEMBERED:
            _thin_out(self._asked)
            _thin_out(self._counted)
            self._every *= 2
        elif open_questions == 0:
            self._every = 1


class LagProbe:
    """Keeps a :class:`Watermark` up to date in a thread of its own.

    ``group`` names the worker's consumer group, which changes when its state is rebuilt;
    ``read_to`` gives the reader's positions in ``motcua.units``. While Kafka does not answer the
    watermark stands still: whoever compares it with the clock sees the lag grow.
    """

    def __init__(
        self,
        bootstrap: str,
        prefix: str,
        group: Callable[[], str],
        read_to: Callable[[], Offsets],
    ) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._events = [TopicPartition(EVENTS.full_name(prefix), p) for p in _numbers(EVENTS)]
        self._units = [TopicPartition(UNITS.full_name(prefix), p) for p in _numbers(UNITS)]
        self._read_to = read_to
        self._watermark = Watermark()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-lag", daemon=True)

    @property
    def complete_until(self) -> datetime | None:
        """Everything admitted before this UTC moment is counted and read; None: unknown yet."""
        return self._watermark.complete_until

    @property
    def counted_to(self) -> Offsets:
        """Everything of ``motcua.events`` below these positions is counted and read; empty: unknown
        yet.
        """
        return self._watermark.counted_to

    def start(self) -> None:
        """Begin to ask, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a question under way is not waited for longer than a second."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(1.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._ask()
            except Exception as error:
                # whatever it was: the lag must be known again when Kafka is back
                outage = isinstance(error, KafkaError | OSError)
                log.warning("live_lag_retry", exc_info=not outage, why=str(error))
                self._stopping.wait(PROBE_EVERY_S)

    def _ask(self) -> None:
        admin = KafkaAdminClient(
            bootstrap_servers=self._bootstrap,
            client_id="motcua-live-lag",
            bootstrap_timeout_ms=_REQUEST_MS,
            request_timeout_ms=_REQUEST_MS,
        )
        try:
            while not self._stopping.is_set():
                at = datetime.now(UTC)
                events_end = self._ends(admin, self._events)
                counted_to = self._committed(admin)
                units_end = self._ends(admin, self._units)
                self._watermark.observe(at, events_end, counted_to, units_end, self._read_to())
                self._stopping.wait(PROBE_EVERY_S)
        finally:
            admin.close()

    def _ends(self, admin: Any, partitions: list[Any]) -> Offsets:
        found = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        return {tp.partition: answer.offset for tp, answer in found.items()}

    def _committed(self, admin: Any) -> Offsets:
        group = self._group()
        found = admin.list_group_offsets({group: self._events})[group]
        # -1: never committed
        return {tp.partition: max(0, answer.offset) for tp, answer in found.items()}


def _numbers(topic: Topic) -> range:
    return range(topic.partitions)


def _reached(positions: Offsets, wanted: Offsets) -> bool:
    return all(positions.get(partition, 0) >= offset for partition, offset in wanted.items())


def _thin_out(questions: deque[_Question]) -> None:
    """Forget every other question, never the oldest: an outage must not fill the memory."""
    kept = list(questions)[::2]
    questions.clear()
    questions.extend(kept)
