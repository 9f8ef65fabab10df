"""Records of ``motcua.events`` as rows of the history's tables; knows no database."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from struct import unpack
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from schemas.events import END_OF_TIME, EVENTS
from schemas.upcasting import STEPS, lift


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
    "frozen_due_at",
    "result_form",
    "beyond_list",
    "new_due_at",
    "due_basis",
    "step",
    "corrects_key",
    "new_kind",
    "new_at",
    "partition",
    "offset",
    "body",
)
UNREADABLE_COLUMNS = ("partition", "offset", "reason", "raw")


Columns = list[list[Any]]
"""Rows turned on their side, as ClickHouse takes them fastest; in the order of the names."""


class Batch(NamedTuple):
    """What records become in each table. Every record is in one of them."""

    events: Columns
    unreadable: Columns
    positions: Mapping[int, int]
    """Where each partition goes on after these records."""


_PIECE = 2_000
"""Records turned into columns together: the processor's cache holds as many."""


PartitionOf = Callable[[str], int]
"""The partition in which the events of a unit belong."""


def records_of(found: Iterable[Any]) -> list[Record]:
    """What kafka-python read, without what the history does not keep."""
    return [Record(record.partition, record.offset, record.value or b"") for record in found]


def batch_of(records: Sequence[Record], partition_of: PartitionOf | None = None) -> Batch:
    """The rows of these records; a record that is no event goes to ``unreadable``, with why.

    So does an event that ``partition_of`` says belongs elsewhere: only a stray writer puts it
    there, and the live side does not count it either. None: nobody knows where events belong.
    """
    events, unreadable = _event_columns([]), []
    for start in range(0, len(records), _PIECE):
        columns, further = _sift(records[start : start + _PIECE], partition_of)
        for whole, piece in zip(events, columns, strict=True):
            whole += piece
        unreadable += further
    unreadable_columns: Columns = [
        [record.partition for record, _ in unreadable],
        [record.offset for record, _ in unreadable],
        [reason for _, reason in unreadable],
        [record.value for record, _ in unreadable],
    ]
    return Batch(
        events,
        unreadable_columns,
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
    result_form: Literal["electronic", "paper", "both"] | None = None
    claims_on_time: bool | None = None
    beyond_list: bool = False
    new_due_at: _Moment | None = None
    basis: Literal["legal_extension", "apology"] | None = None
    step: str = ""
    corrects: "_Corrects | None" = None
    replacement: "_Replacement | None" = None


class _Corrects(msgspec.Struct, gc=False):
    source: Annotated[str, msgspec.Meta(max_length=200)]
    id: Annotated[str, msgspec.Meta(max_length=200)]


class _Replacement(msgspec.Struct, gc=False):
    type: str
    time: _Moment
    data: _Data


class _Frozen(msgspec.Struct, gc=False):
    known: bool = False
    service: Literal["none", "partial", "full"] = "none"
    has_fee: bool = False
    payment_online: bool = False
    due_at: _Moment | None = None


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
    "step": 200,
}
_LAST_MS = round(END_OF_TIME.timestamp() * 1000) - 1
_BETWEEN = {
    "content_hash": (0, 2**64 - 1),
    "occurred_at": (0, _LAST_MS),
    "recorded_at": (0, _LAST_MS),
    "due_at": (0, _LAST_MS),
    "frozen_due_at": (0, _LAST_MS),
    "new_due_at": (0, _LAST_MS),
    "new_at": (0, _LAST_MS),
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
_CORRECTED = "motcua.dossier.corrected.v1"
_SUPPLEMENT_RECEIVED = _KIND["motcua.dossier.supplement_received.v1"]
_DUE_CHANGED = _KIND["motcua.dossier.due_changed.v1"]
_MOVES = frozenset({_SUPPLEMENT_RECEIVED, _DUE_CHANGED})
_CORRECTION = _KIND[_CORRECTED]
_MAY_BE_OLDER = frozenset({*STEPS, _CORRECTED})


_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError, OverflowError)


def _sift(
    records: Sequence[Record], partition_of: PartitionOf | None
) -> tuple[Columns, list[tuple[Record, str]]]:
    """Columns of the readable ones, and the others with the reason.

    All at once when all are readable, which is nearly always so; else half by half.
    """
    try:
        columns = _event_columns(records)
        _check(columns)
        if partition_of is not None:
            _check_places(columns, partition_of)
    except _UNREADABLE as error:
        if len(records) == 1:
            return _event_columns([]), [(records[0], str(error))]
        half = len(records) // 2
        first, unreadable = _sift(records[:half], partition_of)
        second, further = _sift(records[half:], partition_of)
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


def _check_places(columns: Columns, partition_of: PartitionOf) -> None:
    """Raises :class:`_OutOfBounds` when an event is not in its unit's partition."""
    column = dict(zip(EVENT_COLUMNS, columns, strict=True))
    for unit, partition in set(zip(column["unit"], column["partition"], strict=True)):
        if partition_of(unit) != partition:
            raise _OutOfBounds(f"unit {unit!r} belongs in partition {partition_of(unit)}")


def _event_columns(records: Sequence[Record]) -> Columns:
    # a comprehension for each column: three times as fast as a tuple for each row
    said = _read([value for _, _, value in records])
    kinds = [_KIND[e.type] for e in said]
    if _CORRECTION in kinds:
        corrections = [_correction(e) if e.type == _CORRECTED else _NONE for e in said]
        # the columns of a correction hold what it puts in the place of the original
        data = [
            e.data if new is _NONE else new.data for e, new in zip(said, corrections, strict=True)
        ]
    else:
        corrections = [_NONE] * len(said)
        data = [e.data for e in said]
    frozen = [event.frozen or _NOT_FROZEN for event in said]
    return [
        [e.unit for e in said],
        [e.subject for e in said],
        [e.source for e in said],
        [e.id for e in said],
        _event_keys([(e.source, e.id) for e in said]),
        _content_hashes([e.contenthash for e in said]),
        kinds,
        # admission writes whole milliseconds: a double holds them exactly
        [round(e.time.timestamp() * 1000) for e in said],
        [round(e.recordedat.timestamp() * 1000) for e in said],
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
        [d.result_form in ("electronic", "both") for d in data],
        [d.claims_on_time for d in data],
        [f.known for f in frozen],
        [f.service for f in frozen],
        [f.has_fee for f in frozen],
        [f.payment_online for f in frozen],
        [None if f.due_at is None else _ms(f.due_at) for f in frozen],
        [d.result_form or "" for d in data],
        [d.beyond_list for d in data],
        _new_dues(kinds, corrections, data),
        [d.basis or "" for d in data],
        [d.step for d in data],
        [new.corrects for new in corrections],
        [new.kind for new in corrections],
        [new.at for new in corrections],
        [partition for partition, _, _ in records],
        [offset for _, offset, _ in records],
        [value for _, _, value in records],
    ]


def _read(values: Sequence[bytes]) -> list[_Admitted]:
    """The events, with older versions of their content lifted to today's."""
    said = [_decode(value) for value in values]
    if {event.type for event in said}.isdisjoint(_MAY_BE_OLDER):
        return said
    return [
        _lifted(event, value) if event.type in _MAY_BE_OLDER else event
        for event, value in zip(said, values, strict=True)
    ]


def _lifted(event: _Admitted, value: bytes) -> _Admitted:
    new = event.data.replacement
    if event.type not in STEPS and (new is None or new.type not in STEPS):
        return event
    said = msgspec.json.decode(value)
    said["type"], said["data"] = lift(said["type"], said["data"])
    if replacement := said["data"].get("replacement"):
        newest, data = lift(replacement["type"], replacement["data"])
        said["data"] |= {"replacement": {**replacement, "type": newest, "data": data}}
    return msgspec.convert(said, _Admitted)


class _Correction(NamedTuple):
    """What a correction says."""

    corrects: int
    """Key of the original."""
    kind: int | None
    """Of what counts in its place; None: nothing does."""
    at: int | None
    data: _Data


_NO_DATA = _Data()
_NONE = _Correction(0, None, None, _NO_DATA)


def _correction(event: _Admitted) -> _Correction:
    original, new = event.data.corrects, event.data.replacement
    if original is None:
        raise _OutOfBounds("a correction that names no event")
    key = _event_key(original.source, original.id)
    if new is None:
        return _Correction(key, None, None, _NO_DATA)
    if new.type == _CORRECTED:
        raise _OutOfBounds("a correction by a correction")
    return _Correction(key, _KIND[new.type], _ms(new.time), new.data)


def _new_dues(
    kinds: Sequence[int], corrections: Sequence[_Correction], data: Sequence[_Data]
) -> list[int | None]:
    if _MOVES.isdisjoint(kinds) and _CORRECTION not in kinds:
        return [None] * len(kinds)
    return [
        _new_due(new.kind or kind, d) for kind, new, d in zip(kinds, corrections, data, strict=True)
    ]


def _new_due(kind: int, data: _Data) -> int | None:
    if kind == _DUE_CHANGED and data.new_due_at is None:
        raise _OutOfBounds("due_changed without a due moment")
    if data.new_due_at is None or kind not in _MOVES:
        return None
    return _ms(data.new_due_at)


def _content_hashes(texts: Sequence[str]) -> list[int]:
    if any(len(text) != 16 for text in texts):
        raise _OutOfBounds("contenthash is not 16 hexadecimal digits")
    return [int(text, 16) for text in texts]


def _event_keys(identities: Sequence[tuple[str, str]]) -> list[int]:
    digests = [
        blake2b(f"{source}\0{event_id}".encode(), digest_size=8).digest()
        for source, event_id in identities
    ]
    return list(unpack(f">{len(digests)}Q", b"".join(digests)))


def _event_key(source: str, event_id: str) -> int:
    """Identity of an event within its dossier; the live side orders equal moments by it too."""
    return _event_keys([(source, event_id)])[0]


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
