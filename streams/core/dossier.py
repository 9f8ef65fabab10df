"""A dossier is the set of its events: reading, adding, merging and storing that set.

Adding is idempotent, commutative and associative, so redelivery, reordering and replay change
nothing. An entry keeps of an event only what the fold needs; the whole event stays in Kafka and
in ClickHouse.
"""

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec

from schemas.registry import normal_procedure
from schemas.words import Channel, DossierPart, Outcome, PaymentWay, ServiceLevel


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One event in the set.

    ``at`` and ``recorded`` are milliseconds since the epoch; ``id`` is a 64-bit hash of (source,
    id) and identifies the event within its dossier; ``content`` is the first 8 bytes of the
    admission's content hash.
    """

    kind: ClassVar[int]

    at: int
    id: int
    recorded: int
    content: int
    level: str


class Submitted(Entry, tag=1, frozen=True, array_like=True):
    kind = 1


class Received(Entry, tag=2, frozen=True, array_like=True):
    kind = 2

    procedure: str
    """Normalised code."""
    officer: str
    due: int | None
    flags: int
    """Bits of :class:`ReceptionFlag`: what was said and what admission froze."""


class Digitized(Entry, tag=3, frozen=True, array_like=True):
    kind = 3

    application: bool
    """Papers of the application; else the result."""
    complete: bool


class Paid(Entry, tag=8, frozen=True, array_like=True):
    kind = 8

    payment: str
    amount: int
    online: bool


class Refunded(Entry, tag=9, frozen=True, array_like=True):
    kind = 9

    payment: str
    amount: int
    online: bool


class FeeWaived(Entry, tag=10, frozen=True, array_like=True):
    kind = 10


class Resolved(Entry, tag=12, frozen=True, array_like=True):
    kind = 12

    electronic: bool
    claim: bool | None
    officer: str


class Returned(Entry, tag=13, frozen=True, array_like=True):
    kind = 13


class Rejected(Entry, tag=14, frozen=True, array_like=True):
    kind = 14


class Withdrawn(Entry, tag=15, frozen=True, array_like=True):
    kind = 15


class Stopped(Entry, tag=16, frozen=True, array_like=True):
    kind = 16


class Reopened(Entry, tag=17, frozen=True, array_like=True):
    kind = 17


AnyEntry: TypeAlias = (
    Submitted
    | Received
    | Digitized
    | Paid
    | Refunded
    | FeeWaived
    | Resolved
    | Returned
    | Rejected
    | Withdrawn
    | Stopped
    | Reopened
)
Dossier: TypeAlias = tuple[AnyEntry, ...]
"""The set, ordered by (moment, kind, id) so that equal sets are equal tuples and equal bytes."""


class ReceptionFlag:
    """Bits of :attr:`Received.flags`."""

    ONLINE = 1
    PAPERLESS = 2
    OFFERED_ONLINE = 4
    FULLY_ONLINE = 8
    FEE = 16
    PAYMENT_ONLINE = 32
    PROCEDURE_KNOWN = 64


class UnreadableEvent(ValueError):
    """A record of ``motcua.events`` that is not an admitted event this code knows."""


# -- from the record


class _Data(msgspec.Struct):
    """Every field that any event carries and the fold reads."""

    procedure: str = ""
    channel: str = ""
    paperless: bool = False
    due_at: datetime | None = None
    officer: str = ""
    part: str = ""
    items_total: int = 0
    items_digitized: int = 0
    payment_id: str = ""
    amount_vnd: int = 0
    way: str = ""
    outcome: Outcome | None = None
    electronic_result: bool = False
    claims_on_time: bool | None = None


class _Frozen(msgspec.Struct):
    known: bool = False
    service: ServiceLevel = ServiceLevel.NONE
    has_fee: bool = False
    payment_online: bool = False


_AwareMoment = Annotated[datetime, msgspec.Meta(tz=True)]


class _Record(msgspec.Struct):
    id: str
    source: str
    type: str
    subject: str
    time: _AwareMoment
    unit: str
    recordedat: _AwareMoment
    level: str
    contenthash: Annotated[str, msgspec.Meta(min_length=16, max_length=16)]
    data: _Data
    frozen: _Frozen | None = None


_record_decoder = msgspec.json.Decoder(_Record)
_ONLINE_WAYS = frozenset({PaymentWay.NATIONAL_PORTAL.value, PaymentWay.LOCAL_GATEWAY.value})
_TYPE_PREFIX = "motcua.dossier."


def read(value: bytes) -> tuple[str, str, AnyEntry]:
    """(unit, dossier code, entry) of a record's value.

    Raises :class:`UnreadableEvent`, saying why; never anything else.
    """
    try:
        record = _record_decoder.decode(value)
        return record.unit, record.subject, _entry(record)
    except (msgspec.DecodeError, ValueError, KeyError, RecursionError) as error:
        raise UnreadableEvent(f"{type(error).__name__}: {error}") from error


def event_id(source: str, event_id: str) -> int:
    """64-bit identity of an event within its dossier."""
    joined = f"{source}\x00{event_id}".encode()
    return int.from_bytes(blake2b(joined, digest_size=8).digest(), "big")


def _ms(moment: datetime) -> int:
    # admission writes whole milliseconds: a double holds them exactly
    return round(moment.timestamp() * 1000)


def _entry(record: _Record) -> AnyEntry:
    name, _, version = record.type.removeprefix(_TYPE_PREFIX).partition(".")
    if version != "v1" or not record.type.startswith(_TYPE_PREFIX):
        raise UnreadableEvent(f"unknown event type {record.type!r}")
    base = (
        _ms(record.time),
        event_id(record.source, record.id),
        _ms(record.recordedat),
        int(record.contenthash, 16),
        record.level,
    )
    data = record.data
    match name:
        case "submitted":
            return Submitted(*base)
        case "received":
            due = None if data.due_at is None else _ms(data.due_at)
            procedure = normal_procedure(data.procedure)
            return Received(*base, procedure, data.officer, due, _reception_flags(record))
        case "digitized":
            complete = 0 < data.items_total <= data.items_digitized
            return Digitized(*base, data.part == DossierPart.APPLICATION, complete)
        case "paid":
            return Paid(*base, data.payment_id, data.amount_vnd, data.way in _ONLINE_WAYS)
        case "refunded":
            return Refunded(*base, data.payment_id, data.amount_vnd, data.way in _ONLINE_WAYS)
        case "fee_waived":
            return FeeWaived(*base)
        case "resolved":
            return Resolved(*base, data.electronic_result, data.claims_on_time, data.officer)
        case "returned":
            return Returned(*base)
        case "rejected":
            return Rejected(*base)
        case "withdrawn":
            return Withdrawn(*base)
        case "stopped":
            return Stopped(*base)
        case "reopened":
            return Reopened(*base)
        case _:
            raise UnreadableEvent(f"unknown event type {record.type!r}")


def _reception_flags(record: _Record) -> int:
    data, frozen = record.data, record.frozen or _Frozen()
    flag = ReceptionFlag
    return (
        flag.ONLINE * (data.channel == Channel.ONLINE)
        | flag.PAPERLESS * data.paperless
        | flag.OFFERED_ONLINE * (frozen.service is not ServiceLevel.NONE)
        | flag.FULLY_ONLINE * (frozen.service is ServiceLevel.FULL)
        | flag.FEE * frozen.has_fee
        | flag.PAYMENT_ONLINE * frozen.payment_online
        | flag.PROCEDURE_KNOWN * frozen.known
    )


# -- the set


def order(entry: AnyEntry) -> tuple[int, int, int]:
    """The total order of a dossier's events: moment, kind, identity."""
    return entry.at, entry.kind, entry.id


def add(dossier: Dossier, entry: AnyEntry) -> tuple[Dossier, AnyEntry | None]:
    """The set with the entry in it, and the entry that lost where two contents share an identity.

    Gives back ``dossier`` itself when the entry, or an earlier copy of it, is in it already. Of two
    contents the smallest (recorded, content) stays, whatever the order of arrival.
    """
    for known in dossier:
        if known.id == entry.id:
            if known.content == entry.content and known.recorded <= entry.recorded:
                return dossier, None
            first, other = sorted((known, entry), key=_precedence)
            loser = None if known.content == entry.content else other
            if first is known:
                return dossier, loser
            return _sorted((e for e in dossier if e.id != entry.id), first), loser
    if not dossier or order(dossier[-1]) < order(entry):
        return (*dossier, entry), None
    return _sorted(dossier, entry), None


def merge(one: Dossier, other: Dossier) -> Dossier:
    """The union of two sets."""
    for entry in other:
        one, _ = add(one, entry)
    return one


def _precedence(entry: AnyEntry) -> tuple[int, int]:
    return entry.recorded, entry.content


def _sorted(entries: Iterable[AnyEntry], further: AnyEntry) -> Dossier:
    return tuple(sorted((*entries, further), key=order))


# -- to bytes and back


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(tuple[AnyEntry, ...])


def encode(dossier: Dossier) -> bytes:
    """The set as MessagePack; equal sets give equal bytes."""
    return _encoder.encode(dossier)


def decode(value: bytes) -> Dossier:
    """The set of these bytes. Raises ``msgspec.DecodeError`` when they are not one."""
    decoded: Dossier = _decoder.decode(value)
    return decoded
