"""Becoming overdue by time alone: what the worker publishes when nothing is sent."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
import pytest

from streams.batches import Message
from streams.core.cells import UnitCounters
from streams.core.deadlines import deadlines
from streams.settings import StreamSettings
from streams.snapshots import unit_records
from streams.worker import Counting, partition_of_unit
from tests.support.histories import (
    WORK,
    admitted,
    entry,
    facts_of,
    forwarded,
    ms,
    received,
    resolved,
    supplement_requested,
)

UNIT = "23500"
PARTITION = partition_of_unit(UNIT)


class Table:
    """What the worker needs of its table; keeps what is published."""

    def __init__(self) -> None:
        self.published: list[tuple[str, dict[str, Any]]] = []

    def position(self, partition: int) -> int | None:
        return 7

    def publish(self, partition: int, messages: Sequence[Message]) -> None:
        for message in messages:
            assert message.key is not None and message.value is not None
            self.published.append((message.key.decode(), orjson.loads(message.value)))


class Record:
    def __init__(self, value: bytes) -> None:
        self.offset, self.value = 0, value


class Office:
    """A worker with a clock that a test sets, and one dossier due on Friday at 17:00."""

    def __init__(self) -> None:
        self.now = ms("2023-02-10T10:00")
        self.table = Table()
        settings = StreamSettings(snapshot_every_ms=10)
        self.counting = Counting(settings, WORK, lambda: self.now)
        self.counting.table = self.table  # type: ignore[assignment]  # a fake of what is used

    async def say(self, *events: Any) -> list[tuple[str, dict[str, Any]]]:
        """Events come in; what is published then."""
        self.counting.fold(PARTITION, 0, [Record(admitted(event)) for event in events])
        return await self.shown()

    async def at(self, when: str) -> list[tuple[str, dict[str, Any]]]:
        """Time passes and the worker looks; what is published then."""
        self.now = ms(when)
        self.counting.tick()
        return await self.shown()

    async def shown(self) -> list[tuple[str, dict[str, Any]]]:
        deadline = asyncio.get_running_loop().time() + 5
        while self.counting.shown_below(PARTITION) is not None:
            assert asyncio.get_running_loop().time() < deadline, "never published"
            await asyncio.sleep(0.001)
        found, self.table.published = self.table.published, []
        return found


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    there = Office()
    await there.counting.open(PARTITION, {})
    yield there
    there.counting.close(PARTITION)


def _figures(published: list[tuple[str, dict[str, Any]]]) -> tuple[int, int, int, int]:
    key, now = published[-1]
    assert key == f"{UNIT}|now"
    return now["open"], now["overdue"], now["due_soon"], now["waiting"]


async def test_a_dossier_becomes_overdue_with_no_event_and_is_published_once(
    office: Office,
) -> None:
    """An office that does nothing must see its number grow; nobody is told what has not changed."""
    assert _figures(await office.say(received(due="2023-02-10T17:00"))) == (1, 0, 1, 0)
    assert await office.at("2023-02-10T17:00") == []

    changed = await office.at("2023-02-10T17:00:00.001")
    assert [key for key, _ in changed] == [f"{UNIT}|now"], "no month changes by time"
    assert _figures(changed) == (1, 1, 0, 0)
    assert await office.at("2023-02-13T09:00") == []
    assert _figures(await office.say(resolved("2023-02-13T10:00"))) == (0, 0, 0, 0)
    assert await office.at("2023-02-20T09:00") == []


async def test_a_dossier_becomes_due_soon_with_no_event(office: Office) -> None:
    """Two working days before, whatever lies between."""
    assert _figures(await office.say(received(due="2023-02-15T17:00"))) == (1, 0, 0, 0)
    assert await office.at("2023-02-13T16:59:59.999") == []
    assert _figures(await office.at("2023-02-13T17:00")) == (1, 0, 1, 0)


async def test_a_dossier_whose_clock_stands_still_does_not_become_overdue(office: Office) -> None:
    """Papers asked for in time: the citizen has it in hand."""
    asked = supplement_requested("2023-02-10T16:00")
    assert _figures(await office.say(received(due="2023-02-10T17:00"), asked)) == (1, 0, 0, 1)
    assert await office.at("2023-03-10T17:00") == []


async def test_what_is_restored_is_watched_as_well(office: Office) -> None:
    """A worker that was restarted at night must see the morning's due moments pass."""
    await office.say(received(due="2023-02-10T17:00"))
    entries = office.counting._partitions[PARTITION]._entries
    again = Office()
    await again.counting.open(PARTITION, dict(entries))
    assert _figures(await again.shown()) == (1, 0, 1, 0)
    assert _figures(await again.at("2023-02-10T17:00:01")) == (1, 1, 0, 0)
    again.counting.close(PARTITION)
    assert again.counting._changes_at == {}


def test_the_lists_name_who_has_it_and_where_it_is() -> None:
    """Somebody has to do something: the list says who, what and since when."""
    events = (received(due="2023-02-10T17:00"), forwarded(officer="cb02", step="trình ký"))
    late = facts_of(map(entry, events))
    counters = UnitCounters()
    counters.replace("23500-1", None, late)
    counters.replace("23500-2", None, facts_of([entry(received(due="2023-02-14T17:00"))]))
    state = deadlines(counters.open_dossiers, ms("2023-02-13T09:00"), WORK)
    ((_, value),) = unit_records(UNIT, counters, (), PARTITION, 7, state)
    now = orjson.loads(value)

    assert now["worst"] == [
        {
            "dossier": "23500-1",
            "procedure": "1.001193",
            "officer": "cb02",
            "step": "trình ký",
            "due_at": "2023-02-10T10:00:00.000Z",
        }
    ]
    assert [one["dossier"] for one in now["next"]] == ["23500-2"]
