"""Writes records to Kafka and says when they are safe.

One idempotent producer for the process. Its acknowledgements come in a thread of its own; they are
handed to the event loop in bunches, one wake-up for however many there are.
"""

import asyncio
import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError

log = structlog.get_logger()

_MAX_REQUEST_BYTES = 4_194_304  # as topics with large records allow
_BATCH_BYTES = 65_536  # a batch of 100 events of one unit travels in one piece
_BOOTSTRAP_TRY_S = 2.0
_PROBE_S = 1.0


class Record(NamedTuple):
    """What goes to a topic; equal keys go to one partition, in the order given."""

    topic: str
    key: bytes
    value: bytes


class LogUnavailable(Exception):
    """Not acknowledged in time. Whether something was stored is unknown: send all of it again."""


class Log(Protocol):
    """Where records are kept for ever."""

    async def append(self, records: Sequence[Record]) -> None:
        """Return when all in-sync replicas have every record (at least one is given).

        Raises :class:`LogUnavailable` within the configured time. Calling again with the same
        records is always right: readers count an event once.
        """

    @property
    def waiting(self) -> int:
        """Records handed over and neither acknowledged nor given up."""


class KafkaLog:
    """:class:`Log` on Kafka: ``acks=all``, idempotent. Heals by itself when Kafka comes back."""

    def __init__(self, bootstrap: str, topics: Sequence[str], wait_s: float) -> None:
        self._bootstrap, self._topics, self._wait_s = bootstrap, topics, wait_s
        self._producer: Any = None
        self._connected: asyncio.Event = asyncio.Event()
        self._closing = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: deque[tuple[_Waiter, Exception | None]] = deque()
        self._woken = False
        self._in_flight = 0
        self._thread: threading.Thread | None = None
        self.why_away: str | None = "chưa kết nối / not connected yet"
        """Why there is no connection yet; None once there was one."""

    @property
    def waiting(self) -> int:
        return self._in_flight

    def start(self) -> None:
        """Begin to connect, in the background; call within the event loop that will append."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._connect, name="kafka-connect", daemon=True)
        self._thread.start()

    async def append(self, records: Sequence[Record]) -> None:
        """See :class:`Log`."""
        if not self._connected.is_set():
            await self._until_connected()
        waiter = _Waiter(self, len(records))
        self._in_flight += len(records)
        acknowledged, failed = waiter.acknowledged, waiter.failed
        send = self._producer.send
        for sent, (topic, key, value) in enumerate(records):
            try:
                # both callbacks under one lock, as the producer itself does it
                send(topic, value, key)._add_cb_eb(acknowledged, failed)
            except KafkaError as error:
                for _ in records[sent:]:
                    failed(error)
                break
        try:
            async with asyncio.timeout(self._wait_s):
                await waiter.future
        except (TimeoutError, KafkaError) as error:
            why = f"{type(error).__name__}: {error}".rstrip(": ")
            log.warning("kafka_away", bootstrap=self._bootstrap, why=why)
            raise LogUnavailable(why) from error

    async def close(self) -> None:
        """Give up what is not acknowledged within a second, and disconnect."""
        self._closing.set()
        if self._producer is not None:
            await asyncio.to_thread(self._producer.close, 1)

    async def _until_connected(self) -> None:
        try:
            async with asyncio.timeout(self._wait_s):
                await self._connected.wait()
        except TimeoutError as error:
            raise LogUnavailable(self.why_away) from error

    async def not_ready(self) -> str | None:
        """Why a record could not be stored now, in words; None when nothing speaks against it."""
        if self.why_away is not None:
            return self.why_away
        for address in self._bootstrap.split(","):
            host, _, port = address.rpartition(":")
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_PROBE_S):
                    _, writer = await asyncio.open_connection(host, int(port))
                writer.close()
                return None
        return f"Kafka không trả lời / Kafka does not answer: {self._bootstrap}"

    # -- in other threads

    def _connect(self) -> None:
        """Make the producer and let it learn the topics, so that no send ever blocks for that."""
        loop = self._loop
        assert loop is not None
        wait_ms = int(self._wait_s * 1000)
        while not self._closing.is_set():
            producer = None
            try:
                producer = KafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    client_id="motcua-gateway",
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=0,
                    batch_size=_BATCH_BYTES,
                    max_request_size=_MAX_REQUEST_BYTES,
                    # a record that nobody waits for any more must not pile up behind a dead broker
                    delivery_timeout_ms=wait_ms,
                    request_timeout_ms=min(wait_ms, max(500, wait_ms - 1000)),
                    max_block_ms=wait_ms,
                    bootstrap_timeout_ms=int(_BOOTSTRAP_TRY_S * 1000),
                    # at most this long after Kafka is back
                    reconnect_backoff_max_ms=500,
                    allow_auto_create_topics=False,
                    metrics_enabled=False,
                )
                for topic in self._topics:
                    producer.partitions_for(topic)
            except KafkaError as error:
                self.why_away = f"{self._bootstrap}: {type(error).__name__}: {error}"
                if producer is not None:
                    producer.close(0)
                self._closing.wait(0.2)
                continue
            with contextlib.suppress(RuntimeError):  # the loop ended meanwhile
                loop.call_soon_threadsafe(self._use, producer)
            return

    def _use(self, producer: Any) -> None:
        self._producer = producer
        self.why_away = None
        self._connected.set()

    def _finished(self, waiter: "_Waiter", error: Exception | None) -> None:
        """Called by the producer's thread when the last record of a waiter is decided."""
        self._done.append((waiter, error))
        if not self._woken:
            self._woken = True
            loop = self._loop
            assert loop is not None
            with contextlib.suppress(RuntimeError):  # the loop ended meanwhile
                loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        # first: whatever is appended from here on wakes us again
        self._woken = False
        while self._done:
            waiter, error = self._done.popleft()
            self._in_flight -= waiter.count
            if waiter.future.done():
                continue
            if error is None:
                waiter.future.set_result(None)
            else:
                waiter.future.set_exception(error)


class _Waiter:
    """Counts the acknowledgements of one call, in whichever thread they come."""

    __slots__ = ("_decided", "_log", "_worst", "count", "future")

    def __init__(self, owner: KafkaLog, count: int) -> None:
        self._log, self.count = owner, count
        self._decided = itertools.count(1)  # its next() is atomic
        self._worst: Exception | None = None
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def acknowledged(self, _: object) -> None:
        if next(self._decided) == self.count:
            self._log._finished(self, self._worst)

    def failed(self, error: Exception) -> None:
        self._worst = error
        self.acknowledged(None)
