"""Creates the topics of ``schemas.topics`` and says where a cluster differs from the table.

An existing topic is never changed: more partitions would send a unit's events to another one, and
a shorter retention would delete the record. What differs is reported to whoever can decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import NoError, TopicAlreadyExistsError, for_code

from schemas.topics import TOPICS, Topic


@dataclass(frozen=True, slots=True)
class TopicState:
    """What was found or done about one topic of the table."""

    name: str
    state: Literal["created", "same", "differs"]
    differences: tuple[str, ...] = ()
    """``setting: actual, expected`` for each setting that is not as in the table."""


def ensure_topics(
    bootstrap: str,
    prefix: str = "motcua",
    replication_factor: int = 1,
    topics: Sequence[Topic] = TOPICS,
    timeout_s: float = 15,
) -> list[TopicState]:
    """Return one state for each topic, in the order of the table; all exist and have leaders.

    Idempotent, and safe to call from several processes at once. ``timeout_s`` bounds each of its
    few requests. Raises ``kafka.errors.KafkaError``.
    """
    timeout_ms = int(timeout_s * 1000)
    admin = KafkaAdminClient(
        bootstrap_servers=bootstrap,
        client_id="motcua-topics",
        bootstrap_timeout_ms=timeout_ms,
        request_timeout_ms=timeout_ms,
    )
    try:
        wanted = {topic.full_name(prefix): topic for topic in topics}
        created = _create_missing(admin, wanted, replication_factor, timeout_ms)
        admin.wait_for_topics(list(wanted), timeout_ms=timeout_ms)
        return [
            TopicState(name, "created")
            if name in created
            else _compare(admin, name, topic, replication_factor)
            for name, topic in wanted.items()
        ]
    finally:
        admin.close()


def _create_missing(
    admin: Any, wanted: Mapping[str, Topic], replication_factor: int, timeout_ms: int
) -> set[str]:
    present = set(admin.list_topics())
    missing = {
        name: {
            "num_partitions": topic.partitions,
            "replication_factor": replication_factor,
            "configs": _config(topic, replication_factor),
        }
        for name, topic in wanted.items()
        if name not in present
    }
    if not missing:
        return set()
    # somebody else may create the same topic now: that one error is no error
    answer = admin.create_topics(missing, timeout_ms=timeout_ms, raise_errors=False)
    for line in answer["topics"]:
        error = for_code(line["error_code"])
        if error not in (NoError, TopicAlreadyExistsError):
            raise error(f"{line['name']}: {line.get('error_message')}")
    return {line["name"] for line in answer["topics"] if line["error_code"] == 0}


def _compare(admin: Any, name: str, topic: Topic, replication_factor: int) -> TopicState:
    (found,) = admin.describe_topics([name])
    copies = min(len(partition["replica_nodes"]) for partition in found["partitions"])
    expected = {
        "partitions": str(topic.partitions),
        "copies": str(replication_factor),
        **_config(topic, replication_factor),
    }
    resource = ConfigResource(ConfigResourceType.TOPIC, name)
    settings = admin.describe_configs([resource], config_filter="all")["topic"][name]
    actual = {
        "partitions": str(len(found["partitions"])),
        "copies": str(copies),
        **{key: setting["value"] for key, setting in settings.items()},
    }
    differences = tuple(
        f"{key}: {actual.get(key)}, expected {value}"
        for key, value in expected.items()
        if actual.get(key) != value
    )
    return TopicState(name, "differs" if differences else "same", differences)


def _config(topic: Topic, replication_factor: int) -> dict[str, str]:
    if replication_factor == 1:
        return {**topic.config, **topic.single_broker_config}
    return topic.config
