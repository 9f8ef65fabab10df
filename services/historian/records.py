"""Records of ``motcua.events`` as rows of the history's tables; knows no database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from schemas.events import END_OF_TIME, EPOCH, EVENTS


class Record(NamedTuple):
    """A record as Kafka keeps it."""

    partition: int
    offset: int
    value: bytes


EVENT_COLUMNS = (
    "unit",
    "dossier",
    "source",
    "id",
    "event_key",
    "content_hash",
    "kind",
    "occurred_at",
    "recorded_at",
    "level",
    "emitter",
    "procedure",
    "officer",
    "channel",
    "paperless",
    "due_at",
    "part",
    "items_total",
    "items_digitized",
    "payment_id",
    "amount_vnd",
    "way",
    "outcome",
    "electronic_result",
    "claims_on_time",
    "procedure_known",
    "service",
    "has_fee",
    "payment_online",
    "partition",
    "offset",
    "body",
)
LOG_COLUMNS = (
    "partition",
    "offset",
    "unit",
    "dossier",
    "event_key",
    "content_hash",
    "recorded_at",
)
UNREADABLE_COLUMNS = ("partition", "offset", "reason", "raw")


Columns = list[list[Any]]
"""Rows turned on their side, as ClickHouse takes them fastest; in the order of the names."""


class Batch(NamedTuple):
    """What records become in each table. Every record is in ``log`` and in one of the others."""

    events: Columns
    unreadable: Columns
    log: Columns
    positions: Mapping[int, int]
    """Where each partition goes on after these records."""


def batch_of(records: Sequence[Record]) -> Batch:
    """The rows of these records; a record that is no event goes to ``unreadable``, with why."""
    said: list[_Admitted] = []
    places: list[Record] = []
    unreadable: list[tuple[Record, str]] = []
    for record in records:
        try:
            said.append(_read(record.value))
            places.append(record)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            unreadable.append((record, f"{type(error).__name__}: {error}"))
    events = _event_columns(said, places)
    column = dict(zip(EVENT_COLUMNS, events, strict=True))
    none = [0] * len(unreadable)
    return Batch(
        events,
        unreadable=[
            [record.partition for record, _ in unreadable],
            [record.offset for record, _ in unreadable],
            [reason for _, reason in unreadable],
            [record.value for record, _ in unreadable],
        ],
        log=[
            column["partition"] + [record.partition for record, _ in unreadable],
            column["offset"] + [record.offset for record, _ in unreadable],
            column["unit"] + [""] * len(unreadable),
            column["dossier"] + [""] * len(unreadable),
            column["event_key"] + none,
            column["content_hash"] + none,
            column["recorded_at"] + none,
        ],
        # records of a partition come in its order: the last one wins
        positions={partition: offset + 1 for partition, offset, _ in records},
    )


# The same bounds as the live side's reader: both must call the same records unreadable.
_Code = Annotated[str, msgspec.Meta(max_length=40)]
_Short = Annotated[str, msgspec.Meta(max_length=100)]
_Long = Annotated[str, msgspec.Meta(max_length=200)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


# gc=False: nothing in these can refer back to them, and a batch has 150,000 of them
class _Data(msgspec.Struct, gc=False):
    """Every field that any event carries and a column holds."""

    procedure: _Code = ""
    officer: _Code = ""
    channel: str = ""
    paperless: bool = False
    due_at: _Moment | None = None
    part: str = ""
    items_total: _Count = 0
    items_digitized: _Count = 0
    payment_id: _Short = ""
    amount_vnd: Annotated[int, msgspec.Meta(ge=0, le=100_000_000_000)] = 0
    way: str = ""
    outcome: Literal["approved", "refused"] | None = None
    electronic_result: bool = False
    claims_on_time: bool | None = None


class _Frozen(msgspec.Struct, gc=False):
    known: bool = False
    service: Literal["none", "partial", "full"] = "none"
    has_fee: bool = False
    payment_online: bool = False


class _Admitted(msgspec.Struct, gc=False):
    id: _Long
    source: _Long
    type: str
    subject: _Short
    time: _Moment
    unit: _Code
    recordedat: _Moment
    level: _Code
    contenthash: Annotated[str, msgspec.Meta(min_length=16, max_length=16)]
    data: _Data
    emitter: Any = ""
    """Only shown, never counted: a record is not refused for it."""
    frozen: _Frozen | None = None


_decode = msgspec.json.Decoder(_Admitted).decode
_KIND = {kind.type: kind.number for kind in EVENTS}
_NOT_FROZEN = _Frozen()


def _read(value: bytes) -> _Admitted:
    """Raises ``ValueError`` (msgspec's own is one) for what is no event that this version knows."""
    said = _decode(value)
    if said.type not in _KIND:
        raise ValueError(f"unknown event type {said.type!r}")
    if int(said.contenthash, 16) < 0:
        raise ValueError("contenthash is negative")
    for moment in (said.time, said.recordedat, said.data.due_at):
        if moment is not None and not EPOCH <= moment < END_OF_TIME:
            raise ValueError(f"a moment before 1970 or after 2199: {moment}")
    return said


def _event_columns(said: list[_Admitted], places: list[Record]) -> Columns:
    # a comprehension for each column: three times as fast as a tuple for each row
    data = [event.data for event in said]
    frozen = [event.frozen or _NOT_FROZEN for event in said]
    return [
        [e.unit for e in said],
        [e.subject for e in said],
        [e.source for e in said],
        [e.id for e in said],
        [_event_key(e.source, e.id) for e in said],
        [int(e.contenthash, 16) for e in said],
        [_KIND[e.type] for e in said],
        [_ms(e.time) for e in said],
        [_ms(e.recordedat) for e in said],
        [e.level for e in said],
        [e.emitter if isinstance(e.emitter, str) else "" for e in said],
        [d.procedure for d in data],
        [d.officer for d in data],
        [d.channel for d in data],
        [d.paperless for d in data],
        [None if d.due_at is None else _ms(d.due_at) for d in data],
        [d.part for d in data],
        [d.items_total for d in data],
        [d.items_digitized for d in data],
        [d.payment_id for d in data],
        [d.amount_vnd for d in data],
        [d.way for d in data],
        [d.outcome or "" for d in data],
        [d.electronic_result for d in data],
        [d.claims_on_time for d in data],
        [f.known for f in frozen],
        [f.service for f in frozen],
        [f.has_fee for f in frozen],
        [f.payment_online for f in frozen],
        [place.partition for place in places],
        [place.offset for place in places],
        [place.value for place in places],
    ]


def _event_key(source: str, event_id: str) -> int:
    """Identity of an event within its dossier; the live side orders equal moments by it too."""
    digest = blake2b(f"{source}\0{event_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def _ms(moment: datetime) -> int:
    # admission writes whole milliseconds: a double holds them exactly
    return round(moment.timestamp() * 1000)
