"""Faust's table and its rebalances around partitions that own their positions.

It knows runs, entries and positions as bytes and numbers, never what they mean: that is the
:class:`StateOwner`'s. Whatever is unexpected ends the process (``fatal.py``).
"""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

import faust
from faust.types import TP
from mode import Service

from streams.batches.fatal import die
from streams.batches.folding import Folder
from streams.batches.part import Hole, Part
from streams.batches.transport import RunSchema
from streams.batches.writer import Message, Write, Writer

log = logging.getLogger(__name__)

_TICK_S = 1.0
_PULSE_S = 0.5
_SEEK_AGAIN_S = 0.2
_STUCK_S = 30.0
_STUCK_JOINING_S = 120.0


class StateOwner(Protocol):
    """What entries mean. Called in the event loop's thread only."""

    def merge(self, key: bytes, older: bytes, newer: bytes) -> bytes:
        """The union of two versions of an entry; ``newer`` itself when ``older`` adds nothing."""

    async def open(self, partition: int, entries: dict[bytes, bytes]) -> None:
        """The partition is ours and its entries are restored; folding starts when this returns."""

    def fold(self, partition: int, start: int, records: Sequence[Any]) -> Write:
        """Change the entries at once; a record seen before must change nothing.

        ``start`` is the position before these records. Raising leaves the entries as they were:
        the partition is then closed, opened again, and the records are folded again.
        """

    def shown_below(self, partition: int) -> int | None:
        """The position below which everything is published; None: all that is folded."""

    def flush(self) -> None:
        """Publish at once what is not published yet: the worker is about to stop."""

    def close(self, partition: int) -> None:
        """The partition is not ours any more; also called when ``open`` was overtaken."""


class PositionedTable(faust.Table):  # type: ignore[misc]  # Faust is untyped
    """Entries by partition, changed only by :meth:`drain`, with the position they stand at."""

    def __init__(
        self, app: faust.App, name: str, *, source: str, owner: StateOwner, partitions: int
    ) -> None:
        super().__init__(
            app,
            name=name,
            schema=RunSchema(),
            store="memory://",
            partitions=partitions,
            recovery_buffer_size=4,  # of runs
        )
        self._source = source
        self._owner = owner
        self._parts: dict[int, Part] = {}
        self._writer = Writer(
            self.changelog_topic_name,
            lambda: app.producer._ensure_producer(),
            app.conf.broker_session_timeout,
        )
        self._sought_at: dict[int, float] = {}
        self._behind = False
        self._closing = False
        self._revocations = 0
        self._opening = asyncio.Lock()
        self._folder = Folder(
            owner, self._enqueue, self._writer.room, self._writer.done, self._reopen
        )
        app.transport.settler = self
        app.on_partitions_revoked.connect(self._on_revoked)

    # -- what others may ask and say

    def position(self, partition: int) -> int | None:
        """Next offset of the source that is not in the entries; None when it is not open."""
        part = self._parts.get(partition)
        return part.applied if part else None

    def waiting(self) -> tuple[list[int], list[int]]:
        """(partitions that are ours and open, partitions that are ours and not restored yet)."""
        opened = self._open()
        return sorted(opened), sorted(self._parts.keys() - opened.keys())

    def restored(self) -> tuple[int, int]:
        """(records of the changelog read, records there are) while a restore is under way."""
        recovery = self.app.tables.recovery
        total = sum(end + 1 for end in recovery.active_highwaters.values() if end is not None)
        return total - sum(max(0, left) for left in recovery.active_remaining().values()), total

    def publish(self, partition: int, messages: Sequence[Message]) -> None:
        """Publish what speaks of the state as it is now, once that state is acknowledged."""
        self._enqueue(partition, Write(after=messages))

    async def close(self) -> None:
        """Fold no more; return when everything folded so far is acknowledged and published."""
        self._closing = True
        await self._writer.done()
        self._owner.flush()
        await self._writer.done()

    # -- from the source to the changelog

    async def drain(self, runs: Any) -> None:
        """Fold every run of the stream; the body of the agent. Never returns."""
        try:
            async for run in runs:
                await self._writer.room()
                part = self._parts.get(run.partition)
                if part is None or part.applied is None or self._closing:
                    continue
                try:
                    await self._folder.take(part, run)
                except Hole:
                    await self._seek_hole(run.partition)
        except Exception as error:
            die("a run could not be folded", error)

    async def _reopen(self, partition: int, part: Part, wait_s: float) -> bool:
        """See ``Folder``. Meanwhile nothing of the partition is published."""
        revocations = self._revocations
        self._owner.close(partition)
        await asyncio.sleep(wait_s)
        async with self._opening:
            if revocations != self._revocations or self._closing:
                # whoever gets the partition now opens it
                return False
            await self._owner.open(partition, part.entries)
            if revocations == self._revocations:
                return True
            self._owner.close(partition)
            return False

    async def _seek_hole(self, partition: int) -> None:
        # more runs beyond the hole may be queued: one seek is enough for all of them
        now = time.monotonic()
        if now > self._sought_at.get(partition, 0.0) + _SEEK_AGAIN_S:
            self._sought_at[partition] = now
            await self.settle([partition])

    def _enqueue(self, partition: int, write: Write) -> None:
        part = self._parts[partition]
        shown = self._owner.shown_below(partition)
        if shown is None:
            assert part.applied is not None
            shown = part.applied
        self._writer.enqueue(partition, part, write, shown)

    @Service.task  # type: ignore[untyped-decorator]  # Faust is untyped
    async def _pulse(self) -> None:
        while not self.should_stop:
            self._writer.beat()
            await asyncio.sleep(_PULSE_S)
        self._writer.stopped = True

    # -- positions of the consumer

    async def settle(self, seek: Collection[int] | None = None) -> None:
        """Put the consumer where the state ends (None: in every partition), and commit.

        A seek loses nothing; what is read twice is dropped. Committed is what has been published.
        """
        applied = {TP(self._source, p): part.applied for p, part in self._open().items()}
        consumer = self.app.consumer
        first = await consumer.earliest_offsets(*applied) if applied else {}
        end = await consumer.highwaters(*applied) if applied else {}
        for tp, position in applied.items():
            if position > end[tp]:
                die(f"the state holds {tp} to {position}, but it ends at {end[tp]}: made anew?")
            part = self._parts.get(tp.partition)
            if position < first[tp] and part and part.applied == position:
                log.critical("%s: %s..%s deleted before they were read", tp, position, first[tp])
                part.applied = first[tp]
        self._behind = applied != end
        now = {TP(self._source, p): part for p, part in self._open().items()}
        await consumer._thread.call_thread(
            consumer._thread.settle,
            {tp: part.applied for tp, part in now.items() if seek is None or tp.partition in seek},
            {tp: part.shown for tp, part in now.items() if part.shown},
        )

    def _open(self) -> dict[int, Part]:
        return {p: part for p, part in self._parts.items() if part.applied is not None}

    @Service.task  # type: ignore[untyped-decorator]  # Faust is untyped
    async def _tick(self) -> None:
        """Each second: ask again for a run lost on its way, commit, end a process that is stuck."""
        last: dict[int, int | None] = {}
        seen: object = None
        since = time.monotonic()
        while not self.should_stop:
            await self.sleep(_TICK_S)
            applied = {p: part.applied for p, part in self._open().items()}
            try:
                await self.settle([p for p, position in applied.items() if last.get(p) == position])
            except Exception as error:
                log.warning("not settled, trying again: %r", error)
            last = applied
            joining = self.app.rebalancing or not self.app.tables.recovery.completed.is_set()
            idle = not (joining or self._behind or len(applied) < len(self._parts))
            progress = applied, [part.log_end for part in self._parts.values()], self._revocations
            if progress != seen or idle:
                seen, since = progress, time.monotonic()
            elif time.monotonic() - since > (_STUCK_JOINING_S if joining else _STUCK_S):
                die("no progress")

    # -- from the changelog to memory: called by Faust

    def persisted_offset(self, tp: Any) -> int:
        """The last offset of the changelog that is in the entries."""
        part = self._parts.get(tp.partition)
        return (part.log_end if part else 0) - 1

    async def on_rebalance(
        self,
        assigned: set[Any],
        revoked: set[Any],
        newly_assigned: set[Any],
        generation_id: int = 0,
    ) -> None:
        """Forget what is not ours; what was ours before and still is keeps its entries."""
        ours = self._numbers(assigned)
        kept = ours - self._numbers(newly_assigned)
        self._parts = {p: self._parts.get(p, Part()) if p in kept else Part() for p in ours}
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    def _numbers(self, tps: Iterable[Any]) -> set[int]:
        return {tp.partition for tp in tps if tp.topic == self.changelog_topic_name}

    async def _on_revoked(self, app: Any, revoked: Any, **kwargs: Any) -> None:
        self._revocations += 1
        for partition, part in self._open().items():
            part.applied = None  # from here on nothing is folded
            self._owner.close(partition)
        await self._writer.done()

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Take runs of the changelog into the entries."""
        try:
            for event in batch:
                run = event.message.value
                part = self._parts.setdefault(run.partition, Part())
                part.restore(run, self._owner.merge)
        except BaseException as error:
            # Faust would log it and go on without these records
            die("restore failed", error)

    async def on_recovery_completed(self, active_tps: Any, standby_tps: Any) -> None:
        """Open what is restored to its end.

        Faust also calls this for a recovery that a rebalance has overtaken, even twice at once.
        """
        try:
            async with self._opening:
                await self._open_restored()
        except Exception as error:
            die("not recovered", error)
        await super().on_recovery_completed(active_tps, standby_tps)

    async def _open_restored(self) -> None:
        revocations = self._revocations
        logs = {TP(self.changelog_topic_name, p): part for p, part in self._parts.items()}
        first = await self.app.consumer.earliest_offsets(*logs) if logs else {}
        end = await self.app.consumer.highwaters(*logs) if logs else {}
        for tp, part in logs.items():
            part.log_end = part.log_end or first[tp]
            if part.applied is not None or part.log_end < end[tp]:
                continue
            if revocations == self._revocations:
                await self._owner.open(tp.partition, part.entries)
            if revocations != self._revocations:
                # what was asked above speaks of the past: the next recovery opens what is ours
                self._owner.close(tp.partition)
                return
            self._enqueue(tp.partition, Write(changed=part.open()))
