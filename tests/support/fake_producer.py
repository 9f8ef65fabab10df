"""aiokafka's producer as the worker's writes see it: a log in memory that can be held back."""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

BATCH_BYTES = 200


class Sent(NamedTuple):
    """One record that was acknowledged, in the order of acknowledgement."""

    topic: str
    partition: int | None
    key: bytes
    value: bytes


class _Metadata(NamedTuple):
    offset: int


@dataclass
class _Batch:
    records: list[tuple[bytes, bytes]] = field(default_factory=list)

    def append(self, *, key: bytes, value: bytes, timestamp: None) -> object | None:
        size = sum(len(k) + len(v) for k, v in [*self.records, (key, value)])
        if size > BATCH_BYTES:
            return None
        self.records.append((key, value))
        return True

    def record_count(self) -> int:
        return len(self.records)


class FakeProducer:
    """Acknowledges at once, or when :meth:`release` says so."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.submitted = 0
        """Records handed over, acknowledged or not."""
        self.held = asyncio.Event()
        self.held.set()
        self.offsets: dict[tuple[str, int], int] = {}
        self.fail: Exception | None = None

    def hold(self) -> None:
        """Acknowledge nothing until ``release``."""
        self.held.clear()

    def release(self) -> None:
        self.held.set()

    def create_batch(self) -> _Batch:
        return _Batch()

    async def send_batch(
        self, batch: _Batch, topic: str, *, partition: int
    ) -> "asyncio.Future[_Metadata]":
        return asyncio.ensure_future(self._acknowledge(topic, partition, batch.records))

    async def send(
        self, topic: str, value: bytes, *, key: bytes, partition: int | None
    ) -> "asyncio.Future[_Metadata]":
        return asyncio.ensure_future(self._acknowledge(topic, partition, [(key, value)]))

    async def _acknowledge(
        self, topic: str, partition: int | None, records: list[tuple[bytes, bytes]]
    ) -> _Metadata:
        self.submitted += len(records)
        await self.held.wait()
        if self.fail:
            raise self.fail
        self.sent += [Sent(topic, partition, key, value) for key, value in records]
        offset = self.offsets.get((topic, partition or 0), 0)
        self.offsets[topic, partition or 0] = offset + len(records)
        return _Metadata(offset)
