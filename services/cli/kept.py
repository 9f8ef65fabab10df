"""What ``motcua.rejected`` keeps: refused events as they came, and which of them were sent again.

A record that was sent again is not changed: a further record says so. Both are kept by Kafka, so
that nothing depends on the machine where somebody repaired something.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from schemas.admitted import ADMISSION_ATTRIBUTES, rfc3339_ms
from schemas.problems import FieldError
from schemas.topics import REJECTED

_TIMEOUT_MS = 10_000
_CONFLICT = "conflicting_copy"
_OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Kept:
    """A refused event. ``number`` names it for ever: its offset in the topic."""

    number: int
    stage: str
    """Who refused it: ``gateway`` or ``worker``."""
    kept_at: datetime
    reasons: tuple[FieldError, ...]
    emitter: str
    unit: str
    subject: str
    text: str | None
    """As it came; None: the worker had only its hash any more."""
    masked: tuple[str, ...] = ()
    """Fields of which something was taken out, because it may be about a person."""
    truncated: bool = False
    sent_again: tuple[datetime, ...] = ()

    @property
    def events(self) -> list[dict[str, Any]] | None:
        """What an emitter would have sent, without what admission added; None: not to be read."""
        try:
            found = orjson.loads(self.text or "")
        except orjson.JSONDecodeError:
            return None
        events = found if isinstance(found, list) else [found]
        if not events or not all(isinstance(event, dict) for event in events):
            return None
        return [
            {name: value for name, value in event.items() if name not in ADMISSION_ATTRIBUTES}
            for event in events
        ]

    @property
    def conflicts(self) -> bool:
        """Another event under the same source and id counts: sent as it is it changes nothing."""
        return any(reason.rule == _CONFLICT for reason in self.reasons)


class KafkaAway(Exception):
    """Kafka did not answer; the message names the address."""


def read_kept(kafka: str, prefix: str) -> list[Kept]:
    """Everything that the topic holds, oldest first; raises :class:`KafkaAway`."""
    with _told(kafka):
        return list(kept(_records(kafka, REJECTED.full_name(prefix))))


def say_sent_again(kafka: str, prefix: str, number: int, at: datetime) -> None:
    """Have it known that an event was sent again and stored; raises :class:`KafkaAway`."""
    from kafka import KafkaProducer

    key = f"sent_again|{number}".encode()
    value = orjson.dumps({"stage": _OPERATOR, "sent_again": number, "at": rfc3339_ms(at)})
    with _told(kafka):
        producer = KafkaProducer(
            bootstrap_servers=kafka, acks="all", bootstrap_timeout_ms=_TIMEOUT_MS
        )
        with closing(producer):
            sent = producer.send(REJECTED.full_name(prefix), key=key, value=value)
            sent.get(_TIMEOUT_MS / 1000)


def kept(records: Iterable[tuple[int, int, bytes | None, bytes]]) -> Iterator[Kept]:
    """The refused events among (offset, milliseconds, key, value), each once.

    The worker writes the same record again when it folds a run again.
    """
    found: dict[object, Kept] = {}
    numbers: dict[int, object] = {}
    for offset, written_ms, key, value in records:
        said = orjson.loads(value)
        if said["stage"] == _OPERATOR:
            name = numbers.get(said["sent_again"])
            if name in found:
                again = (*found[name].sent_again, datetime.fromisoformat(said["at"]))
                found[name] = replace(found[name], sent_again=again)
            continue
        name = key if said["stage"] == "worker" else offset
        numbers[offset] = name
        if name not in found:
            found[name] = _kept(offset, datetime.fromtimestamp(written_ms / 1000, UTC), said)
    yield from found.values()


def _kept(number: int, at: datetime, said: Mapping[str, Any]) -> Kept:
    text = said.get("event") if said["stage"] == "gateway" else _text(said)
    identity = _identity(text)
    return Kept(
        number=number,
        stage=said["stage"],
        kept_at=at,
        reasons=tuple(FieldError.model_validate(reason) for reason in said["reasons"]),
        emitter=str(said.get("emitter") or identity.get("emitter") or ""),
        unit=str(said.get("unit") or identity.get("unit") or ""),
        subject=str(said.get("subject") or identity.get("subject") or ""),
        text=text,
        masked=tuple(said.get("masked", ())),
        truncated=said.get("truncated", False),
    )


def _text(said: Mapping[str, Any]) -> str | None:
    record: str | None = said["record"]
    if record is None or said.get("encoding") != "base64":
        return record
    return base64.b64decode(record).decode("utf-8", "backslashreplace")


def _identity(text: str | None) -> Mapping[str, Any]:
    try:
        found = orjson.loads(text or "")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def _told(kafka: str) -> Iterator[None]:
    from kafka.errors import KafkaError

    try:
        yield
    except KafkaError as error:
        raise KafkaAway(f"Kafka {kafka}: {type(error).__name__}: {error}") from error


def _records(kafka: str, topic: str) -> Iterator[tuple[int, int, bytes | None, bytes]]:
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(
        bootstrap_servers=kafka,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        bootstrap_timeout_ms=_TIMEOUT_MS,
    )
    with closing(consumer):
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = consumer.end_offsets([partition])[partition]
        while consumer.position(partition) < end:
            for record in consumer.poll(timeout_ms=1000).get(partition, ()):
                yield record.offset, record.timestamp, record.key, record.value
