"""A fold that raises: tried again in place, from the state as it was, and named when it stays."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.batches import folding as module
from streams.batches.folding import AGAIN_AFTER_S, Folder
from streams.batches.part import Hole, Part
from streams.batches.transport import Run
from streams.batches.writer import Write


class Record(NamedTuple):
    offset: int


class Died(Exception):
    """In the place of the end of the process."""


@pytest.fixture(autouse=True)
def _no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "die", die)


def die(why: str, error: BaseException | None = None) -> None:
    raise Died(why) from error


def run(*offsets: int, start: int = 0, end: int | None = None) -> Run:
    records = [Record(offset) for offset in offsets]
    return Run(TP("motcua.events", 3), records, start, offsets[-1] + 1 if end is None else end)


class Bench:
    """A partition whose fold raises when ``raises`` says so, and what was written of it."""

    def __init__(self, raises: Callable[[Sequence[Record]], bool], at: int = 0) -> None:
        self.part = Part(marker=at)
        self.part.open()
        self.written: list[tuple[int, list[int], int | None]] = []
        """(position before, offsets, position after) of each write."""
        self.waits: list[float] = []
        self.still_ours = True
        self._raises = raises
        self._memory_is_right = True
        self.folder = Folder(self, self._enqueue, self._now, self._now, self._reopen)

    def fold(self, partition: int, start: int, records: Sequence[Any]) -> Write:
        assert self._memory_is_right, "folded on what an error left half done"
        if self._raises(records):
            self._memory_is_right = False
            raise OSError("in a moment this is over")
        self._folding = start, [record.offset for record in records]
        return Write()

    def _enqueue(self, partition: int, write: Write) -> None:
        self.written.append((*self._folding, self.part.applied))

    def offsets(self) -> list[int]:
        """What was folded, in its order."""
        return [offset for _, offsets, _ in self.written for offset in offsets]

    async def _now(self) -> None:
        """There is room, and all is written."""

    async def _reopen(self, partition: int, part: Part, wait_s: float) -> bool:
        self.waits.append(wait_s)
        self._memory_is_right = self.still_ours
        return self.still_ours


def times(count: int) -> Callable[[Sequence[Record]], bool]:
    """So often, then never again."""
    left = [True] * count
    return lambda _: bool(left and left.pop())


@given(st.integers(0, len(AGAIN_AFTER_S)), st.integers(0, 6))
async def test_an_error_that_is_over_in_time_changes_nothing(errors: int, at: int) -> None:
    """Not lost, not twice, in order: as if it had not been."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "die", die)
        calm, troubled = Bench(times(0), at), Bench(times(errors), at)
        for bench in (calm, troubled):
            await bench.folder.take(bench.part, run(0, 1, 2, 5, end=7))
            await bench.folder.take(bench.part, run(7, 8, start=7))

    assert troubled.offsets() == calm.offsets() == [n for n in (0, 1, 2, 5, 7, 8) if n >= at]
    begins, ends = [w[0] for w in troubled.written], [w[2] for w in troubled.written]
    assert begins == [at, *ends[:-1]]
    assert troubled.part.applied == calm.part.applied == 9
    assert troubled.waits == list(AGAIN_AFTER_S[:errors])


async def test_what_keeps_raising_is_named_and_all_before_it_is_counted() -> None:
    """Who reads the log must know which record it is, and that nothing was passed over."""
    bench = Bench(lambda records: any(record.offset == 5 for record in records))

    with pytest.raises(Died, match=r"motcua\.events partition 3, offset 5 ") as died:
        await bench.folder.take(bench.part, run(0, 1, 2, 4, 5, 6))

    assert isinstance(died.value.__cause__, OSError)
    assert bench.offsets() == [0, 1, 2, 4]
    assert bench.part.applied == 5
    assert bench.waits == list(AGAIN_AFTER_S)


async def test_a_partition_that_went_away_meanwhile_is_left_alone() -> None:
    """Another worker has it now, and reads on from what was written."""
    bench = Bench(times(1))
    bench.still_ours = False

    await bench.folder.take(bench.part, run(0, 1))

    assert bench.written == []
    assert bench.part.applied == 0


async def test_a_hole_is_no_error_of_the_fold() -> None:
    bench = Bench(times(0))

    with pytest.raises(Hole):
        await bench.folder.take(bench.part, run(4, start=4))

    assert bench.waits == []
