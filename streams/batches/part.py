"""One partition of the table: its entries, and the two positions that they stand at. No I/O."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.batches.transport import Run

MARKER = b"\x00position"
"""Key of the marker: its value is the next offset of the source that is not in the entries."""

Merge = Callable[[bytes, bytes, bytes], bytes]
"""(key, older, newer) -> the union; ``newer`` itself when ``older`` adds nothing."""


class Hole(Exception):
    """A run starts above what is in the state: something before it is missing."""


@dataclass(slots=True)
class Part:
    """A partition that is assigned to us."""

    entries: dict[bytes, bytes] = field(default_factory=dict)
    log_end: int = 0
    """Next offset of the changelog: all below is in ``entries``."""
    marker: int = 0
    """The last marker in the changelog."""
    applied: int | None = None
    """Next offset of the source that is not in ``entries``; None: not open for folding."""
    shown: int = 0
    """Next offset of the source that is not in what has been published; 0: unknown yet."""
    stale: set[bytes] = field(default_factory=set)
    """Entries whose last version in the changelog knew less than an older one."""

    def take(self, run: Run) -> Sequence[Any]:
        """The records of the run that are not in the state; from now on they count as applied.

        Raises :class:`Hole`, and then nothing has changed.
        """
        if self.applied is None or run.end <= self.applied:
            return ()
        if run.start > self.applied:
            raise Hole
        records = run.records
        if run.start < self.applied:
            records = [record for record in records if record.offset >= self.applied]
        self.applied = run.end
        return records

    def restore(self, run: Run, merge: Merge) -> None:
        """Take a run of the changelog into the entries; what is in them already changes nothing.

        A key met again is merged, not replaced: a frozen worker may have written late.
        """
        if self.log_end and run.start > self.log_end:
            raise ValueError(f"nothing came between {self.log_end} and {run.start}")
        for record in run.records:
            if record.offset < self.log_end:
                continue
            if record.key == MARKER:
                # the last one counts, though it may be lower: then more is read again
                self.marker = int(record.value)
            else:
                self._restore(record.key, record.value, merge)
        self.log_end = max(self.log_end, run.end)

    def _restore(self, key: bytes, value: bytes, merge: Merge) -> None:
        old = self.entries.get(key)
        merged = value if old is None or old == value else merge(key, old, value)
        if merged == value:
            self.stale.discard(key)
        else:
            self.stale.add(key)
        self.entries[key] = merged

    def open(self) -> dict[bytes, bytes]:
        """Start folding at the marker; gives the entries that the changelog needs once more."""
        self.applied = self.marker
        healed = {key: self.entries[key] for key in self.stale}
        self.stale.clear()
        return healed
