"""What folding leads to, written to Kafka in order: first notes, then state, then what it shows.

Each partition has a chain of writes. Within one nothing is sent before what it speaks of has been
acknowledged, so a crash between any two acknowledgements leaves a state that is true and behind,
never one that is ahead of its entries.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from streams.batches.fatal import die
from streams.batches.part import MARKER, Part

WRITES_AHEAD = 8
"""Runs folded but not acknowledged yet; beyond, folding waits."""


class Message(NamedTuple):
    """A record to publish. ``partition`` None: by the key."""

    topic: str
    partition: int | None
    key: bytes
    value: bytes


class Write(NamedTuple):
    """One link of a partition's chain, in the order in which Kafka acknowledges it."""

    before: Sequence[Message] = ()
    """Published before the state: perhaps again after a crash, never lost."""
    changed: Mapping[bytes, bytes] = {}
    """Entries with their new values."""
    after: Sequence[Message] = ()
    """Published once the state that it speaks of is safe."""


class Writer:
    """The chains of all partitions. ``producer`` gives aiokafka's producer, or one like it."""

    def __init__(
        self,
        changelog: str,
        producer: Callable[[], Any],
        session_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._changelog = changelog
        self._producer = producer
        self._session_s = session_s
        self._clock = clock
        self._alive_at = clock()
        self._last: dict[int, asyncio.Task[None]] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self.stopped = False
        """True: the producer may be gone, and a failure is no news."""

    def enqueue(self, partition: int, part: Part, write: Write, shown: int) -> None:
        """Add a link for the state as it is now. ``shown`` holds when all of it is acknowledged."""
        assert part.applied is not None
        link = self._write(self._last.get(partition), partition, part, write, part.applied, shown)
        task = self._last[partition] = asyncio.create_task(link)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def room(self) -> None:
        """Return when fewer than ``WRITES_AHEAD`` writes are under way."""
        while len(self._under_way) >= WRITES_AHEAD:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)

    async def done(self) -> None:
        """Return when everything enqueued so far is acknowledged."""
        if self._under_way:
            await asyncio.wait(set(self._under_way))

    def beat(self) -> None:
        """Called twice a second while this process runs at all."""
        self.check_alive()
        self._alive_at = self._clock()

    def check_alive(self) -> None:
        """A process that was frozen for longer than its session has been replaced: end it."""
        if self._clock() - self._alive_at > self._session_s:
            die("this process was frozen for longer than its session: it may have been replaced")

    async def _write(
        self,
        previous: asyncio.Task[None] | None,
        partition: int,
        part: Part,
        write: Write,
        position: int,
        shown: int,
    ) -> None:
        try:
            if previous:
                await previous
            await self._publish(write.before)
            if write.changed or position != part.marker:
                await self._append(partition, part, write.changed, position)
            await self._publish(write.after)
            part.shown = max(part.shown, shown)
        except BaseException as error:
            if not self.stopped:
                die(f"partition {partition}: state or output not written", error)

    async def _append(
        self, partition: int, part: Part, changed: Mapping[bytes, bytes], position: int
    ) -> None:
        """The entries, then the marker: in one batch (which Kafka takes whole) or in several."""
        producer = self._producer()
        batch = producer.create_batch()
        for key, value in (*changed.items(), (MARKER, b"%d" % position)):
            if batch.append(key=key, value=value, timestamp=None) is None:
                await self._send(producer, batch, partition, part)
                batch = producer.create_batch()
                if batch.append(key=key, value=value, timestamp=None) is None:
                    raise ValueError(f"an entry of {len(value)} bytes does not fit in a batch")
        await self._send(producer, batch, partition, part)
        part.marker = position

    async def _send(self, producer: Any, batch: Any, partition: int, part: Part) -> None:
        self.check_alive()
        count = batch.record_count()
        sent = await producer.send_batch(batch, self._changelog, partition=partition)
        offset = (await sent).offset
        if offset != part.log_end:
            die(
                f"changelog {partition}: written at {offset}, not at {part.log_end}:"
                " another worker has written (one of us was frozen)"
            )
        part.log_end = offset + count

    async def _publish(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        self.check_alive()
        producer = self._producer()
        sent = [
            await producer.send(m.topic, m.value, key=m.key, partition=m.partition)
            for m in messages
        ]
        for acknowledged in sent:
            await acknowledged
