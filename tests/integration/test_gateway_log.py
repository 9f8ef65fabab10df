"""The gateway's log on a real Kafka: what a broker refuses is never called stored."""

import asyncio
from collections.abc import Sequence

import pytest
from kafka.admin import KafkaAdminClient

from services.gateway.kafka_log import KafkaLog, LogUnavailable, Record
from tests.support.kafka import RunningBroker

SMALL = 1_000
"""Bytes that the broker takes at most in a batch of the topic."""


@pytest.fixture
def topic(kafka_broker: RunningBroker) -> str:
    name = f"{kafka_broker.fresh_prefix()}.small"
    admin = KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap)
    configs = {"max.message.bytes": str(SMALL)}
    admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1, "configs": configs}})
    admin.wait_for_topics([name], timeout_ms=10_000)
    admin.close()
    return name


def append(bootstrap: str, topic: str, values: Sequence[bytes]) -> None:
    async def run() -> None:
        log = KafkaLog(bootstrap, [topic], 10)
        log.start()
        try:
            await log.append([Record(topic, b"unit", value) for value in values])
        finally:
            await log.close()

    asyncio.run(run())


def test_what_the_broker_takes_is_acknowledged(kafka_broker: RunningBroker, topic: str):
    append(kafka_broker.bootstrap, topic, [b"small"])


@pytest.mark.parametrize("before", [0, 1])
def test_what_the_broker_refuses_is_not_acknowledged(
    kafka_broker: RunningBroker, topic: str, before: int
):
    """An answer that says no is an answer: taken for an acknowledgement it would be a lost event,
    also when the others of the same call were stored."""
    values = [*[b"small"] * before, b"x" * 5 * SMALL]

    with pytest.raises(LogUnavailable):
        append(kafka_broker.bootstrap, topic, values)
