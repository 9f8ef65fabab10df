"""A partition's state: what of a run is new, what is missing, what a restore gives."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from faust.types import TP

from streams.batches.part import MARKER, Hole, Part
from streams.batches.transport import Run


class Record(NamedTuple):
    offset: int
    key: bytes = b""
    value: bytes = b""


def run(start: int, end: int, records: Sequence[Record] | None = None) -> Run:
    found = [Record(offset) for offset in range(start, end)] if records is None else records
    return Run(TP("log", 0), found, start, end)


def union(key: bytes, older: bytes, newer: bytes) -> bytes:
    """Entries of these tests are sets of letters."""
    both = bytes(sorted({*older, *newer}))
    return newer if both == bytes(sorted(newer)) else both


def opened(at: int) -> Part:
    part = Part(marker=at)
    part.open()
    return part


def test_a_run_that_follows_is_taken_whole() -> None:
    part = opened(5)
    assert [r.offset for r in part.take(run(5, 8))] == [5, 6, 7]
    assert part.applied == 8


def test_a_run_that_is_in_the_state_is_dropped() -> None:
    part = opened(5)
    assert part.take(run(2, 5)) == ()
    assert part.applied == 5


def test_a_run_that_is_in_the_state_in_part_is_trimmed() -> None:
    """After a seek, a restart or a rebalance the same records come again."""
    part = opened(5)
    assert [r.offset for r in part.take(run(3, 7))] == [5, 6]
    assert part.applied == 7


def test_a_run_above_the_state_is_a_hole_and_changes_nothing() -> None:
    """A run was lost on its way: folding on would lose its events for ever."""
    part = opened(5)
    with pytest.raises(Hole):
        part.take(run(6, 8))
    assert part.applied == 5


def test_offsets_without_records_move_the_position() -> None:
    """Compacted or control records leave gaps between the records of a run."""
    part = opened(5)
    assert [r.offset for r in part.take(run(5, 9, [Record(6)]))] == [6]
    assert part.applied == 9


def test_nothing_is_taken_before_the_state_is_restored() -> None:
    part = Part(marker=5)
    assert part.take(run(5, 8)) == ()
    assert part.applied is None


def test_a_restore_gives_the_last_entries_and_the_last_marker() -> None:
    part = Part()
    log = [
        Record(0, b"x", b"a"),
        Record(1, MARKER, b"10"),
        Record(2, b"x", b"ab"),
        Record(3, b"y", b"c"),
        Record(4, MARKER, b"20"),
    ]
    part.restore(run(0, 5, log), union)
    assert part.entries == {b"x": b"ab", b"y": b"c"}
    assert part.open() == {}
    assert (part.applied, part.log_end) == (20, 5)


def test_a_restore_may_read_records_again() -> None:
    part = Part()
    part.restore(run(0, 2, [Record(0, b"x", b"a"), Record(1, MARKER, b"10")]), union)
    again = [Record(1, MARKER, b"10"), Record(2, b"x", b"ab"), Record(3, MARKER, b"12")]
    part.restore(run(1, 4, again), union)
    assert (part.entries, part.marker, part.log_end) == ({b"x": b"ab"}, 12, 4)


def test_a_restore_that_starts_over_changes_nothing() -> None:
    part = Part()
    log = [Record(0, b"x", b"a"), Record(1, MARKER, b"10")]
    part.restore(run(0, 4, [*log, Record(2, b"x", b"ab"), Record(3, MARKER, b"20")]), union)
    part.restore(run(0, 2, log), union)
    assert (part.entries, part.marker, part.log_end) == ({b"x": b"ab"}, 20, 4)
    assert part.open() == {}


def test_a_restore_refuses_a_gap_in_the_changelog() -> None:
    part = Part()
    part.restore(run(0, 2, [Record(0, b"x", b"a"), Record(1, MARKER, b"10")]), union)
    with pytest.raises(ValueError, match="between 2 and 3"):
        part.restore(run(3, 4, [Record(3, b"x", b"ab")]), union)


def test_a_late_entry_of_a_frozen_worker_takes_nothing_away_and_is_healed() -> None:
    """The last record of a key may know less than an older one: the union counts."""
    part = Part()
    log = [Record(0, b"x", b"ab"), Record(1, MARKER, b"10"), Record(2, b"x", b"ac")]
    part.restore(run(0, 3, log), union)
    assert part.entries == {b"x": b"abc"}
    assert part.open() == {b"x": b"abc"}
    assert part.open() == {}


def test_an_entry_healed_within_the_changelog_needs_no_further_healing() -> None:
    part = Part()
    log = [Record(0, b"x", b"ab"), Record(1, b"x", b"ac"), Record(2, b"x", b"abc")]
    part.restore(run(0, 3, log), union)
    assert part.open() == {}
