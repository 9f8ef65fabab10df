"""Folds runs into their partitions; what raises is tried again in place, from the state as it was.

An error that is over in a moment costs that moment and nothing else. One that is not over ends the
process, which then says at which record it stands.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from streams.batches.fatal import die
from streams.batches.part import Part
from streams.batches.transport import Run
from streams.batches.writer import Write

log = logging.getLogger(__name__)

AGAIN_AFTER_S = (0.1, 0.5, 2.0)
"""A run that raised is folded again after so long; after the last one record by record."""


class Folds(Protocol):
    """The part of a ``StateOwner`` that is meant here."""

    def fold(self, partition: int, start: int, records: Sequence[Any]) -> Write:
        """See ``StateOwner``: changes no entry when it raises."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One run after the other, in the order of each partition.

    ``reopen`` waits, has everything beside the entries made anew from them, and says whether the
    partition is still there to fold into.
    """

    owner: Folds
    enqueue: Callable[[int, Write], None]
    room: Callable[[], Awaitable[None]]
    """Returns when there is room for another write."""
    written: Callable[[], Awaitable[None]]
    """Returns when all that was enqueued is acknowledged."""
    reopen: Callable[[int, Part, float], Awaitable[bool]]
    """(partition, its part, seconds to wait before)."""

    async def take(self, part: Part, run: Run) -> None:
        """Fold what of the run is not in the part yet. Raises ``Hole``."""
        for wait_s in AGAIN_AFTER_S:
            error = self._try(part, run)
            if error is None:
                return
            log.warning("%s: folding again in %g s: %r", _place(run), wait_s, error)
            if not await self.reopen(run.partition, part, wait_s):
                return
        await self._one_by_one(part, run)

    async def _one_by_one(self, part: Part, run: Run) -> None:
        """What stands before the record that raises is counted; that record is named."""
        for one in run.single():
            await self.room()
            error = self._try(part, one)
            if error is not None:
                await self.written()
                die(
                    f"{_place(one)} cannot be folded, tried {len(AGAIN_AFTER_S) + 1} times: all"
                    " before it is counted, and nothing after it in this partition. The record is"
                    " safe in Kafka. It is an error of the program: report it with this record;"
                    " a version without the error goes on from here",
                    error,
                )

    def _try(self, part: Part, run: Run) -> Exception | None:
        """Fold and enqueue; after an error the part is as it was."""
        start = part.applied
        records = part.take(run)
        if start is None or part.applied == start:
            return None
        try:
            write = self.owner.fold(run.partition, start, records)
        except Exception as error:
            part.applied = start
            return error
        self.enqueue(run.partition, write)
        return None


def _place(run: Run) -> str:
    offsets = f"offset {run.start}" if run.end == run.start + 1 else f"{run.start}..{run.end - 1}"
    return f"{run.topic} partition {run.partition}, {offsets}"
