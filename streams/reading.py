"""Reads ``motcua.events`` from known offsets; nothing is remembered for the reader in Kafka."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError, UnknownTopicOrPartitionError

BATCH_RECORDS = 50_000
REQUEST_S = 5.0
_FETCH_BYTES = 8 << 20
_POLL_S = 0.3
_SILENCE_S = 60.0


def open_reader(
    bootstrap: str, topic: str, client_id: str, partitions: Iterable[int] | None = None
) -> Any:
    """A consumer that has these partitions of the topic, or all; raises ``KafkaError``."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id=client_id,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_bytes=4 * _FETCH_BYTES,
        bootstrap_timeout_ms=int(REQUEST_S * 1000),
        reconnect_backoff_max_ms=1000,
    )
    try:
        found = partitions or consumer.partitions_for_topic(topic)
        if not found:
            raise UnknownTopicOrPartitionError(topic)
        consumer.assign([TopicPartition(topic, number) for number in sorted(found)])
    except BaseException:
        close_reader(consumer)
        raise
    return consumer


def close_reader(consumer: Any) -> None:
    """Give it back at once; it has nothing to commit."""
    consumer.close(autocommit=False, timeout_ms=500)


def first_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """For each partition the first offset that Kafka still has; raises ``KafkaError``."""
    consumer = open_reader(bootstrap, topic, "motcua-reading")
    try:
        found = consumer.beginning_offsets(list(consumer.assignment()))
        return {tp.partition: offset for tp, offset in found.items()}
    finally:
        close_reader(consumer)


def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """For each partition the first offset that Kafka does not have yet; raises ``KafkaError``."""
    consumer = open_reader(bootstrap, topic, "motcua-reading")
    try:
        found = consumer.end_offsets(list(consumer.assignment()), timeout_ms=int(REQUEST_S * 1000))
        return {tp.partition: offset for tp, offset in found.items()}
    finally:
        close_reader(consumer)


def read_between(
    bootstrap: str, topic: str, begins: Mapping[int, int], ends: Mapping[int, int]
) -> Iterator[list[Any]]:
    """Every record from ``begins`` (0 where none is named) to below ``ends``, in batches.

    They are kafka-python's; those of a partition come in their order. Raises ``KafkaError``, also
    when nothing comes for a minute that should be there.
    """
    at = {p: begins.get(p, 0) for p, end in ends.items() if begins.get(p, 0) < end}
    if not at:
        return
    # a new consumer for each call: one that is assigned anew may wait for ever for what it had
    consumer = open_reader(bootstrap, topic, "motcua-reading", at)
    try:
        for number, offset in at.items():
            consumer.seek(TopicPartition(topic, number), offset)
        yield from _below(consumer, topic, {number: ends[number] for number in at})
    finally:
        close_reader(consumer)


def _below(consumer: Any, topic: str, ends: dict[int, int]) -> Iterator[list[Any]]:
    heard_at = time.monotonic()
    batch: list[Any] = []
    while ends:
        polled = consumer.poll(timeout_ms=int(_POLL_S * 1000), max_records=BATCH_RECORDS)
        for partition, found in polled.items():
            number = partition.partition
            # what lies beyond comes as well, until all partitions have come
            if (end := ends.get(number)) is None:
                continue
            heard_at = time.monotonic()
            batch += [record for record in found if record.offset < end]
            if found[-1].offset + 1 >= end:
                del ends[number]
        if time.monotonic() > heard_at + _SILENCE_S:
            raise KafkaTimeoutError(f"{topic}: nothing came of partitions {sorted(ends)}")
        if len(batch) >= BATCH_RECORDS:
            yield batch
            batch = []
    if batch:
        yield batch
