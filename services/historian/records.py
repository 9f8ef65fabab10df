"""Records of ``motcua.events`` as rows of the history's tables; knows no database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from schemas.events import END_OF_TIME, EVENTS


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
    events, unreadable = _sift(records)
    column = dict(zip(EVENT_COLUMNS, events, strict=True))
    empty, zero = [""] * len(unreadable), [0] * len(unreadable)
    unreadable_columns: Columns = [
        [record.partition for record, _ in unreadable],
        [record.offset for record, _ in unreadable],
        [reason for _, reason in unreadable],
        [record.value for record, _ in unreadable],
    ]
    return Batch(
        events,
        unreadable_columns,
        log=[
            column["partition"] + unreadable_columns[0],
            column["offset"] + unreadable_columns[1],
            column["unit"] + empty,
            column["dossier"] + empty,
            column["event_key"] + zero,
            column["content_hash"] + zero,
            column["recorded_at"] + zero,
        ],
        # records of a partition come in its order: the last one wins
        positions={partition: offset + 1 for partition, offset, _ in records},
    )


_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


# gc=False: nothing in these can refer back to them, and a batch has 150,000 of them
class _Data(msgspec.Struct, gc=False):
    """Every field that any event carries and a column holds."""

    procedure: str = ""
    officer: str = ""
    channel: str = ""
    paperless: bool = False
    due_at: _Moment | None = None
    part: str = ""
    items_total: int = 0
    items_digitized: int = 0
    payment_id: str = ""
    amount_vnd: int = 0
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
    id: str
    source: str
    type: str
    subject: str
    time: _Moment
    unit: str
    recordedat: _Moment
    level: str
    contenthash: Annotated[str, msgspec.Meta(min_length=16, max_length=16)]
    data: _Data
    emitter: Any = ""
    """Only shown, never counted: a record is not refused for it."""
    frozen: _Frozen | None = None


_decode = msgspec.json.Decoder(_Admitted).decode
_NOT_FROZEN = _Frozen()

# The bounds of the live side's reader: both must call the same records unreadable. They are
# checked for whole columns, which takes a tenth of the time.
_LONGEST = {
    "unit": 40,
    "dossier": 100,
    "source": 200,
    "id": 200,
    "level": 40,
    "procedure": 40,
    "officer": 40,
    "payment_id": 100,
}
_LAST_MS = round(END_OF_TIME.timestamp() * 1000) - 1
_BETWEEN = {
    "content_hash": (0, 2**64 - 1),
    "occurred_at": (0, _LAST_MS),
    "recorded_at": (0, _LAST_MS),
    "due_at": (0, _LAST_MS),
    "items_total": (0, 10_000),
    "items_digitized": (0, 10_000),
    "amount_vnd": (0, 100_000_000_000),
}


class _OutOfBounds(ValueError):
    """A value that no admitted event has."""


class _Kinds(dict[str, int]):
    """The number of each type of event."""

    def __missing__(self, event_type: str) -> int:
        raise _OutOfBounds(f"unknown event type {event_type!r}")


_KIND = _Kinds({kind.type: kind.number for kind in EVENTS})


_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError, OverflowError)


def _sift(records: Sequence[Record]) -> tuple[Columns, list[tuple[Record, str]]]:
    """Columns of the readable ones, and the others with the reason.

    All at once when all are readable, which is nearly always so; else half by half.
    """
    try:
        columns = _event_columns(records)
        _check(columns)
    except _UNREADABLE as error:
        if len(records) == 1:
            return _event_columns([]), [(records[0], str(error))]
        half = len(records) // 2
        first, unreadable = _sift(records[:half])
        second, further = _sift(records[half:])
        joined = [one + other for one, other in zip(first, second, strict=True)]
        return joined, unreadable + further
    return columns, []


def _check(columns: Columns) -> None:
    """Raises :class:`_OutOfBounds` when any value is."""
    column = dict(zip(EVENT_COLUMNS, columns, strict=True))
    for name, longest in _LONGEST.items():
        if max(map(len, column[name]), default=0) > longest:
            raise _OutOfBounds(f"{name} is longer than {longest} characters")
    for name, (least, most) in _BETWEEN.items():
        values = [value for value in column[name] if value is not None]
        if values and not (least <= min(values) and max(values) <= most):
            raise _OutOfBounds(f"{name} is not between {least} and {most}")


def _event_columns(records: Sequence[Record]) -> Columns:
    # a comprehension for each column, and no function of ours in it: every microsecond counts here
    from_bytes = int.from_bytes
    said = [_decode(record.value) for record in records]
    data = [event.data for event in said]
    frozen = [event.frozen or _NOT_FROZEN for event in said]
    return [
        [e.unit for e in said],
        [e.subject for e in said],
        [e.source for e in said],
        [e.id for e in said],
        # identity within the dossier; the live side orders equal moments by the same number
        [
            from_bytes(blake2b(f"{e.source}\0{e.id}".encode(), digest_size=8).digest(), "big")
            for e in said
        ],
        [int(e.contenthash, 16) for e in said],
        [_KIND[e.type] for e in said],
        # admission writes whole milliseconds: a double holds them exactly
        [round(e.time.timestamp() * 1000) for e in said],
        [round(e.recordedat.timestamp() * 1000) for e in said],
        [e.level for e in said],
        [e.emitter if isinstance(e.emitter, str) else "" for e in said],
        [d.procedure for d in data],
        [d.officer for d in data],
        [d.channel for d in data],
        [d.paperless for d in data],
        [None if d.due_at is None else round(d.due_at.timestamp() * 1000) for d in data],
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
        [partition for partition, _, _ in records],
        [offset for _, offset, _ in records],
        [value for _, _, value in records],
    ]
