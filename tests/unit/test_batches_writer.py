"""The order in which a fold reaches Kafka, on a producer that can be held back."""

import asyncio
import logging
from collections.abc import Iterator

import pytest

from streams.batches import fatal
from streams.batches.part import MARKER, Part
from streams.batches.writer import WRITES_AHEAD, Message, Write, Writer
from tests.support.fake_producer import FakeProducer

SESSION_S = 6.0


class Died(BaseException):
    """The process would have ended here."""


@pytest.fixture(autouse=True)
def _survive(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def exit_process(code: int) -> None:
        raise Died(code)

    monkeypatch.setattr(fatal.os, "_exit", exit_process)
    monkeypatch.setattr(logging, "shutdown", lambda: None)
    return iter((None,))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def writer(producer: FakeProducer, clock: Clock | None = None) -> Writer:
    return Writer("changelog", lambda: producer, SESSION_S, clock or Clock())


def part_at(position: int) -> Part:
    part = Part()
    part.applied = position
    return part


def message(topic: str, key: bytes = b"k") -> Message:
    return Message(topic, 0, key, b"v")


async def test_notes_come_before_the_state_and_snapshots_after_it() -> None:
    """A crash in between leaves a state that is true and behind, never one that is ahead."""
    producer, part = FakeProducer(), part_at(10)
    writing = writer(producer)
    writing.enqueue(0, part, Write([message("rejected")], {b"x": b"1"}, [message("units")]), 10)
    await writing.done()
    assert [(s.topic, s.key) for s in producer.sent] == [
        ("rejected", b"k"),
        ("changelog", b"x"),
        ("changelog", MARKER),
        ("units", b"k"),
    ]
    assert (part.marker, part.log_end, part.shown) == (10, 2, 10)


async def test_a_marker_never_overtakes_the_entries_of_an_earlier_run() -> None:
    producer, part = FakeProducer(), part_at(10)
    writing = writer(producer)
    producer.hold()
    writing.enqueue(0, part, Write(changed={b"x": b"1"}), 10)
    part.applied = 20
    writing.enqueue(0, part, Write(changed={b"x": b"2"}), 20)
    await asyncio.sleep(0.01)
    # the entry and the marker of the first run; nothing else before they are acknowledged
    assert (producer.submitted, producer.sent) == (2, [])
    producer.release()
    await writing.done()
    assert [(s.key, s.value) for s in producer.sent] == [
        (b"x", b"1"),
        (MARKER, b"10"),
        (b"x", b"2"),
        (MARKER, b"20"),
    ]


async def test_entries_that_do_not_fit_into_one_batch_are_acknowledged_before_the_marker() -> None:
    producer, part = FakeProducer(), part_at(10)
    writing = writer(producer)
    many = {b"%d" % number: b"." * 90 for number in range(5)}
    writing.enqueue(0, part, Write(changed=many), 10)
    await writing.done()
    assert [s.key for s in producer.sent] == [*many, MARKER]


async def test_a_snapshot_of_an_unchanged_position_writes_no_marker() -> None:
    producer, part = FakeProducer(), part_at(10)
    part.marker = 10
    writing = writer(producer)
    writing.enqueue(0, part, Write(after=[message("units")]), 10)
    await writing.done()
    assert [s.topic for s in producer.sent] == ["units"]


async def test_a_position_that_moved_without_changes_is_written() -> None:
    """Otherwise a restart would read repeated or refused records again for ever."""
    producer, part = FakeProducer(), part_at(10)
    writing = writer(producer)
    writing.enqueue(0, part, Write(), 10)
    await writing.done()
    assert [(s.key, s.value) for s in producer.sent] == [(MARKER, b"10")]


async def test_partitions_do_not_wait_for_each_other_but_all_are_bounded() -> None:
    producer, writing = FakeProducer(), None
    writing = writer(producer)
    producer.hold()
    for number in range(WRITES_AHEAD):
        writing.enqueue(number, part_at(1), Write(changed={b"x": b"1"}), 1)
    room = asyncio.ensure_future(writing.room())
    await asyncio.sleep(0.01)
    assert not room.done()
    producer.release()
    await room


async def test_a_changelog_that_somebody_else_wrote_to_ends_the_process() -> None:
    """Two owners of one partition: the one that finds out must not write any further."""
    producer, part = FakeProducer(), part_at(10)
    producer.offsets["changelog", 0] = 7
    writing = writer(producer)
    writing.enqueue(0, part, Write(changed={b"x": b"1"}), 10)
    with pytest.raises(Died):
        await _outcome(writing)
    assert part.marker == 0


async def test_a_failed_write_ends_the_process() -> None:
    producer, part = FakeProducer(), part_at(10)
    producer.fail = OSError("away")
    writing = writer(producer)
    writing.enqueue(0, part, Write(changed={b"x": b"1"}), 10)
    with pytest.raises(Died):
        await _outcome(writing)


async def test_a_process_frozen_for_longer_than_its_session_writes_nothing_any_more() -> None:
    producer, part, clock = FakeProducer(), part_at(10), Clock()
    writing = writer(producer, clock)
    clock.now = SESSION_S + 0.1
    writing.enqueue(0, part, Write(changed={b"x": b"1"}), 10)
    with pytest.raises(Died):
        await _outcome(writing)
    assert producer.sent == []


async def test_a_process_that_beats_may_write() -> None:
    producer, part, clock = FakeProducer(), part_at(10), Clock()
    writing = writer(producer, clock)
    for _ in range(20):
        clock.now += 0.5
        writing.beat()
    writing.enqueue(0, part, Write(changed={b"x": b"1"}), 10)
    await writing.done()
    assert len(producer.sent) == 2


async def _outcome(writing: Writer) -> None:
    """What the last write ended with."""
    (task,) = writing._under_way
    await task
