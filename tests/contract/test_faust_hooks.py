"""Every name inside Faust and aiokafka that ``streams.batches`` uses or replaces, as it was read.

These are no public interfaces: a new version may change them in silence. So the versions are
pinned exactly, and each name has its line here. When a version is raised: read the new code behind
each failing line first, then change the pin.
"""

import asyncio
import inspect
from importlib.metadata import version
from pathlib import Path
from typing import Any

import faust
import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.consumer.consumer import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.subscription_state import (
    Assignment,
    Subscription,
    SubscriptionState,
    TopicPartitionState,
)
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator
from aiokafka.producer.producer import AIOKafkaProducer
from faust.app.base import App
from faust.tables.base import Collection
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport import base
from faust.transport.consumer import Consumer, ConsumerThread, ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver
from mode.threads import QueueServiceThread
from mode.utils.objects import cached_property

from streams.batches import PositionedTable, Run, RunSchema
from streams.batches.transport import (
    KnownTables,
    RunConsumer,
    RunThread,
    RunTransport,
    SafeProducer,
)
from streams.settings import StreamSettings
from streams.worker import build_worker, table_of

PINNED = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}


@pytest.mark.parametrize(("package", "pinned"), PINNED.items())
def test_the_versions_whose_inside_we_know_are_installed_and_pinned(
    package: str, pinned: str
) -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    assert version(package) == pinned
    assert f'=={pinned}"' in next(
        line for line in project.read_text().splitlines() if f'"{package}' in line
    )


PARAMETERS: list[tuple[Any, list[str]]] = [
    # replaced by ours: called by Faust with these
    (
        driver.AIOKafkaConsumerThread._fetch_records,
        ["self", "consumer", "active_partitions", "timeout", "max_records"],
    ),
    (driver.AIOKafkaConsumerThread._create_worker_consumer, ["self", "transport"]),
    (driver.Consumer._new_consumer_thread, ["self"]),
    (Consumer.seek_to_committed, ["self"]),
    (Consumer.on_buffer_full, ["self", "tp"]),
    (Consumer.on_buffer_drop, ["self", "tp"]),
    (driver.Producer._settings_extra, ["self"]),
    (Collection.persisted_offset, ["self", "tp"]),
    (
        Collection.on_rebalance,
        ["self", "assigned", "revoked", "newly_assigned", "generation_id"],
    ),
    (Collection.apply_changelog_batch, ["self", "batch"]),
    (Collection.on_recovery_completed, ["self", "active_tps", "standby_tps"]),
    (TableManager.on_start, ["self"]),
    (faust.Schema.loads_value, ["self", "app", "message", "loads", "serializer"]),
    # called by ours
    (driver.AIOKafkaConsumerThread._ensure_consumer, ["self"]),
    (driver.Producer._ensure_producer, ["self"]),
    (base.Transport.__init__, ["self", "url", "app", "loop"]),
    (ConsumerThread.__init__, ["self", "consumer", "kwargs"]),
    (QueueServiceThread.call_thread, ["self", "fun", "args", "kwargs"]),
    (ThreadDelegateConsumer.earliest_offsets, ["self", "partitions"]),
    (ThreadDelegateConsumer.highwaters, ["self", "partitions"]),
    (Recovery.active_remaining, ["self"]),
    (TableManager._update_channels, ["self"]),
    (Fetcher.fetched_records, ["self", "partitions", "timeout", "max_records"]),
    (Fetcher._create_fetch_waiter, ["self"]),
    (Assignment.state_value, ["self", "tp"]),
    (AIOKafkaConsumer.seek, ["self", "partition", "offset"]),
    (AIOKafkaConsumer.commit, ["self", "offsets"]),
    (AIOKafkaProducer.create_batch, ["self"]),
    (AIOKafkaProducer.send_batch, ["self", "batch", "topic", "partition"]),
    (
        AIOKafkaProducer.send,
        ["self", "topic", "value", "key", "partition", "timestamp_ms", "headers"],
    ),
    (BatchBuilder.append, ["self", "timestamp", "key", "value", "headers"]),
    (BatchBuilder.record_count, ["self"]),
    (MessageAccumulator.add_batch, ["self", "builder", "tp", "timeout"]),
    (AIOKafkaClient.bootstrap, ["self"]),
    (AIOKafkaClient.fetch_all_metadata, ["self"]),
    (ClusterMetadata.partitions_for_topic, ["self", "topic"]),
    (murmur2, ["data"]),
]


@pytest.mark.parametrize(
    ("function", "parameters"), PARAMETERS, ids=lambda p: getattr(p, "__qualname__", str(p))
)
def test_hooked_functions_have_the_parameters_that_we_know(
    function: Any, parameters: list[str]
) -> None:
    assert list(inspect.signature(function).parameters) == parameters


PROPERTIES: list[tuple[type, str]] = [
    (App, "producer"),
    (App, "consumer"),
    (App, "tables"),
    (Collection, "changelog_topic_name"),
    (SubscriptionState, "subscription"),
    (SubscriptionState, "reassignment_in_progress"),
    (Subscription, "assignment"),
    (TopicPartitionState, "position"),
    (TopicPartitionState, "has_valid_position"),
    (TableManager, "recovery"),
]


@pytest.mark.parametrize(("owner", "name"), PROPERTIES)
def test_hooked_properties_exist(owner: type, name: str) -> None:
    assert isinstance(inspect.getattr_static(owner, name), property | cached_property)


SOURCES: list[tuple[Any, str]] = [
    # where aiokafka keeps what RunThread reads
    (AIOKafkaConsumer, "self._subscription = SubscriptionState("),
    (AIOKafkaConsumer, "self._fetcher = Fetcher("),
    (AIOKafkaConsumer, "fetch_max_wait_ms=self._fetch_max_wait_ms,"),
    # an empty set of partitions means all of them
    (Fetcher.fetched_records, "if partitions and tp not in partitions:"),
    # the position moves when records are handed out, before anything is awaited
    (Fetcher.fetched_records, "records = res_or_error.getall(max_records)"),
    # Faust's own idea of what was read, which _Forgetful answers
    (Consumer._drain_messages, "get_read_offset = self._read_offset.__getitem__"),
    (Consumer._drain_messages, "set_read_offset = self._read_offset.__setitem__"),
    (Consumer._drain_messages, "if r_offset is None or offset >= r_offset:"),
    (Consumer.perform_seek, "_committed_offsets = await self.seek_to_committed()"),
    # a run becomes a message by these attributes
    (driver.Consumer._to_message, "record.serialized_value_size"),
    # Recovery counts a run by its last offset, and hands runs over in events
    (Recovery._slurp_changelogs.fun, "if seen_offset is None or offset > seen_offset:"),
    (Recovery._slurp_changelogs.fun, "table.apply_changelog_batch(buf)"),
    (Recovery._build_highwaters, "tp: value - 1 if value is not None else -1"),
    (Recovery._add, "persisted_offset = table.persisted_offset(tp)"),
    (Recovery.on_recovery_completed, "table.on_recovery_completed("),
    # all that a table manager does when it starts, and when
    (TableManager.on_start, "await self.sleep(1.0)"),
    (
        TableManager.on_start,
        "await self._update_channels()\n            await self.recovery.start()",
    ),
    # revoked before rebalanced, and waited for
    (App._on_partitions_revoked, "await T(self.on_partitions_revoked.send)(revoked)"),
    # a batch is never appended to by others once it is on its way, and keeps its place
    (MessageAccumulator.add_batch, "await pending[-1].wait_drain(timeout=timeout)"),
]


@pytest.mark.parametrize(("where", "line"), SOURCES)
def test_lines_that_we_rely_on_are_still_there(where: Any, line: str) -> None:
    assert line in inspect.getsource(where)


def test_a_run_has_every_attribute_that_faust_reads_of_a_record() -> None:
    run = Run(faust.types.TP("events", 3), ["a", "b"], 10, 12)
    read = inspect.getsource(driver.Consumer._to_message)
    names = {word.split(")")[0].strip(", ") for word in read.split("record.")[1:]}
    names = {name.split()[0].strip(",") for name in names}
    assert {"topic", "partition", "offset", "value"} <= names
    for name in names:
        getattr(run, name)
    assert (run.topic, run.partition, run.offset, run.value) == ("events", 3, 11, run)


async def test_the_worker_is_wired_from_our_parts(tmp_path: Path) -> None:
    """Nothing is opened by building, and Faust then makes our consumer and our producer."""
    app = build_worker(StreamSettings(data=tmp_path, kafka="127.0.0.1:1"))
    try:
        assert list(tmp_path.iterdir()) == []
        assert isinstance(app.transport, RunTransport)
        assert isinstance(app.consumer, RunConsumer)
        assert isinstance(app.consumer._thread, RunThread)
        assert isinstance(app.producer, SafeProducer)
        assert isinstance(app.tables, KnownTables)
        settings = {**app.producer._settings_default(), **app.producer._settings_extra()}
        assert settings["acks"] == "all"
        assert settings["enable_idempotence"] is True
        assert settings["max_request_size"] == 4_194_304
        table = table_of(app)
        assert isinstance(table, PositionedTable)
        assert isinstance(table.schema, RunSchema)
        assert table.changelog_topic_name == "motcua.worker-dossiers-changelog"
        assert app.conf.id == "motcua.worker"
        assert app.conf.topic_allow_declare is False
        assert app.conf.web_enabled is False
        assert app.conf.consumer_group_instance_id == "worker-1"
    finally:
        await asyncio.sleep(0)
