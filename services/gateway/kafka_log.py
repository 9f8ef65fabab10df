"""Writes records to Kafka and says when they are safe.

One idempotent producer at a time. Its acknowledgements come in a thread of its own; they are handed
to the event loop in bunches, one wake-up for however many there are.
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
_CONNECT_AGAIN_S = 0.2
_THREAD_ENDS_WITHIN_S = 10.0
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
        self._connected = asyncio.Event()
        self._closing = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: deque[tuple[_Waiter, Exception | None]] = deque()
        self._woken = False
        self._in_flight = 0
        self.why_away: str | None = "Kafka: chưa kết nối / not connected yet"
        """Why there is no producer; None while there is one."""

    @property
    def waiting(self) -> int:
        return self._in_flight

    def start(self) -> None:
        """Begin to connect, in the background; call within the event loop that will append."""
        self._loop = asyncio.get_running_loop()
        self._connect(None)

    async def append(self, records: Sequence[Record]) -> None:
        """See :class:`Log`."""
        if not self._connected.is_set():
            await self._until_connected()
        producer = self._producer
        waiter = _Waiter(self, len(records))
        self._in_flight += len(records)
        acknowledged, failed = waiter.acknowledged, waiter.failed
        send = producer.send
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
            self._replace(producer, why)
            raise LogUnavailable(why) from error

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

    async def close(self) -> None:
        """Give up what is not acknowledged within a second, and disconnect."""
        self._closing.set()
        if self._producer is not None:
            await asyncio.to_thread(_end, self._producer, 1)

    async def _until_connected(self) -> None:
        try:
            async with asyncio.timeout(self._wait_s):
                await self._connected.wait()
        except TimeoutError as error:
            raise LogUnavailable(self.why_away) from error

    def _replace(self, failed: Any, why: str) -> None:
        """Begin with a new producer: one that could not deliver may never deliver again.

        kafka-python 3.0.12 asks for a new producer id when a record expires between two attempts,
        and does not ask again when that very request times out: a broker frozen for some seconds
        would leave it mute for ever.
        """
        if self._producer is not failed:
            return  # somebody else's record failed with the same one
        log.warning("kafka_away", bootstrap=self._bootstrap, why=why)
        self._producer = None
        self.why_away = f"Kafka {self._bootstrap}: {why}"
        self._connected.clear()
        self._connect(failed)

    def _connect(self, instead_of: Any) -> None:
        loop = self._loop
        assert loop is not None, "start() comes first"
        threading.Thread(
            target=self._connecting, args=(loop, instead_of), name="kafka-connect", daemon=True
        ).start()

    def _use(self, producer: Any) -> None:
        self._producer = producer
        self.why_away = None
        self._connected.set()

    def _tell(self) -> None:
        # first: whatever is finished from here on wakes us again
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

    # -- in other threads

    def _finished(self, waiter: "_Waiter", error: Exception | None) -> None:
        """The last record of a waiter is decided."""
        self._done.append((waiter, error))
        if not self._woken:
            self._woken = True
            loop = self._loop
            assert loop is not None
            with contextlib.suppress(RuntimeError):  # the loop ended meanwhile
                loop.call_soon_threadsafe(self._tell)

    def _connecting(self, loop: asyncio.AbstractEventLoop, instead_of: Any) -> None:
        """Make a producer that knows the topics, so that no send ever blocks for that."""
        if instead_of is not None:
            _end(instead_of, 0)
        while not self._closing.is_set():
            producer = None
            try:
                producer = self._make()
                for topic in self._topics:
                    producer.partitions_for(topic)
            except KafkaError as error:
                self.why_away = f"Kafka {self._bootstrap}: {type(error).__name__}: {error}"
                if producer is not None:
                    _end(producer, 0)
                self._closing.wait(_CONNECT_AGAIN_S)
            else:
                with contextlib.suppress(RuntimeError):  # the loop ended meanwhile
                    loop.call_soon_threadsafe(self._use, producer)
                return

    def _make(self) -> Any:
        wait_ms = int(self._wait_s * 1000)
        return KafkaProducer(
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


def _end(producer: Any, patience_s: float) -> None:
    """End a producer and its thread, whatever it still waits for."""
    if patience_s:
        with contextlib.suppress(KafkaError):
            producer.close(patience_s)
            return
    # close() first waits for every record, then gives up with an error and leaves the thread alive
    producer._sender.force_close()
    producer._sender.join(_THREAD_ENDS_WITHIN_S)
    with contextlib.suppress(KafkaError):
        producer.close(0)


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
