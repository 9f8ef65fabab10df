"""The one table of Kafka topics; whoever creates, reads or documents a topic takes it from here."""

from dataclasses import dataclass, field

PARTITIONS = 8
"""Of events and everything that must lie in the partition of its events."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A line of the table. ``name`` is without the installation's prefix."""

    name: str
    key: str
    partitions: int
    holds: str
    config: dict[str, str] = field(default_factory=dict)
    single_broker_config: dict[str, str] = field(default_factory=dict)
    """Set besides where there is no second broker to hold a copy."""

    def full_name(self, prefix: str = "motcua") -> str:
        """The topic's name in Kafka: ``motcua.events``."""
        return f"{prefix}.{self.name}"


# by default a broker refuses a record that is an hour ahead of its own clock: a host whose clock is
# wrong would be told «Kafka is away» until somebody looks. Nothing of ours reads that timestamp.
_ANY_CLOCK = {"message.timestamp.after.max.ms": str(2**63 - 1)}
_FOR_EVER = {**_ANY_CLOCK, "retention.ms": "-1", "retention.bytes": "-1"}
_COMPACT = {
    **_ANY_CLOCK,
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.2",
    # a frozen worker may still read what a compaction would take away
    "min.compaction.lag.ms": "60000",
    # the segment that is written to is never compacted, and by default that is a gigabyte or a
    # week of each partition: whoever starts has to read all of it before it is ready
    "segment.bytes": str(16 * 1024 * 1024),
}
_LARGE_RECORDS = {"max.message.bytes": "4194304"}
# a single broker acknowledges from the page cache: force each batch to the disk
_TO_DISK = {"flush.messages": "1"}

EVENTS = Topic(
    "events",
    key="receiving unit",
    partitions=PARTITIONS,
    holds="admitted events, the record; only our own admission writes here",
    config=_FOR_EVER,
    single_broker_config=_TO_DISK,
)
REJECTED = Topic(
    "rejected",
    key="unit or emitter",
    partitions=1,
    holds="refused events as they came, with reasons; repairable and re-submittable",
    config={**_ANY_CLOCK, "retention.ms": str(400 * 86_400_000), **_LARGE_RECORDS},
    single_broker_config=_TO_DISK,
)
UNITS = Topic(
    "units",
    key="unit and month; unit and «now»",
    partitions=PARTITIONS,
    holds="absolute snapshots of each unit's counters, in the partition of its events",
    config={**_COMPACT, **_LARGE_RECORDS},
)
DOSSIERS_CHANGELOG = Topic(
    "worker-dossiers-changelog",
    key="dossier",
    partitions=PARTITIONS,
    holds="the worker's state of each dossier, and how far of motcua.events is in it",
    config=_COMPACT,
)

CERTIFICATES = Topic(
    "certificates",
    key="one for the installation",
    partitions=1,
    holds="the newest certificate of the verification: live and history compared",
    # a segment that is written to is never compacted: without an end of its own it would keep weeks
    config={**_COMPACT, "segment.ms": "3600000"},
)

TOPICS: tuple[Topic, ...] = (EVENTS, REJECTED, UNITS, DOSSIERS_CHANGELOG, CERTIFICATES)
