"""A dossier is the set of its events: reading, adding, merging and storing that set.

Adding is idempotent, commutative and associative, so redelivery, reordering and replay change
nothing. An entry keeps of an event only what the fold needs; the whole event stays in Kafka and
in ClickHouse.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec

from schemas.registry import normal_procedure
from schemas.upcasting import STEPS, lift
from schemas.words import (
    Channel,
    DossierPart,
    DueBasis,
    Outcome,
    PaymentWay,
    ResultForm,
    ServiceLevel,
)
from streams.core.days import milliseconds


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
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


class Submitted(Entry, tag=1, frozen=True, array_like=True, gc=False):
    kind = 1


class Received(Entry, tag=2, frozen=True, array_like=True, gc=False):
    kind = 2

    procedure: str
    """Normalised code."""
    officer: str
    due: int | None
    flags: int
    """Bits of :class:`ReceptionFlag`: what was said and what admission froze."""


class Digitized(Entry, tag=3, frozen=True, array_like=True, gc=False):
    kind = 3

    application: bool
    """Papers of the application; else the result."""
    complete: bool


class SupplementRequested(Entry, tag=4, frozen=True, array_like=True, gc=False):
    kind = 4

    beyond_list: bool


class SupplementReceived(Entry, tag=5, frozen=True, array_like=True, gc=False):
    kind = 5

    due: int | None
    """The due moment that was set with it."""


class Forwarded(Entry, tag=6, frozen=True, array_like=True, gc=False):
    kind = 6

    officer: str
    step: str


class PaymentRequested(Entry, tag=7, frozen=True, array_like=True, gc=False):
    kind = 7


class Paid(Entry, tag=8, frozen=True, array_like=True, gc=False):
    kind = 8

    payment: str
    amount: int
    online: bool


class Refunded(Entry, tag=9, frozen=True, array_like=True, gc=False):
    kind = 9

    payment: str
    amount: int
    online: bool


class FeeWaived(Entry, tag=10, frozen=True, array_like=True, gc=False):
    kind = 10


class DueChanged(Entry, tag=11, frozen=True, array_like=True, gc=False):
    kind = 11

    due: int
    extension: bool
    """The law's own extension moves the due moment; a letter of apology does not."""


class Resolved(Entry, tag=12, frozen=True, array_like=True, gc=False):
    kind = 12

    electronic: bool
    claim: bool | None
    officer: str


class Returned(Entry, tag=13, frozen=True, array_like=True, gc=False):
    kind = 13


class Rejected(Entry, tag=14, frozen=True, array_like=True, gc=False):
    kind = 14


class Withdrawn(Entry, tag=15, frozen=True, array_like=True, gc=False):
    kind = 15


class Stopped(Entry, tag=16, frozen=True, array_like=True, gc=False):
    kind = 16


class Reopened(Entry, tag=17, frozen=True, array_like=True, gc=False):
    kind = 17


class Corrected(Entry, tag=18, frozen=True, array_like=True, gc=False):
    kind = 18

    target: int
    """Identity of the event that it corrects."""
    replacement: (
        Submitted
        | Received
        | Digitized
        | SupplementRequested
        | SupplementReceived
        | Forwarded
        | PaymentRequested
        | Paid
        | Refunded
        | FeeWaived
        | DueChanged
        | Resolved
        | Returned
        | Rejected
        | Withdrawn
        | Stopped
        | Reopened
        | None
    )
    """What counts in its place, under the identity of the original; None: nothing does."""


AnyEntry: TypeAlias = (
    Submitted
    | Received
    | Digitized
    | SupplementRequested
    | SupplementReceived
    | Forwarded
    | PaymentRequested
    | Paid
    | Refunded
    | FeeWaived
    | DueChanged
    | Resolved
    | Returned
    | Rejected
    | Withdrawn
    | Stopped
    | Reopened
    | Corrected
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
    DUE_COMPUTED = 128


class UnreadableEvent(ValueError):
    """A record of ``motcua.events`` that is not an admitted event this code knows."""


# -- from the record

# The bounds of schemas.text and schemas.events once more: a record that did not pass admission
# must neither swell the state nor hold what the state or a calendar cannot.
_Code = Annotated[str, msgspec.Meta(max_length=40)]
_Short = Annotated[str, msgspec.Meta(max_length=100)]
_Long = Annotated[str, msgspec.Meta(max_length=200)]
_Hash = Annotated[str, msgspec.Meta(min_length=16, max_length=16)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
_Amount = Annotated[int, msgspec.Meta(ge=0, le=100_000_000_000)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_LAST_MS = milliseconds(datetime(9999, 1, 1, tzinfo=UTC))


class _Corrects(msgspec.Struct):
    source: _Long
    id: _Long


class _Replacement(msgspec.Struct):
    type: str
    time: _Moment
    data: "_Data"


class _Data(msgspec.Struct):
    """Every field that any event carries and the fold reads."""

    procedure: _Code = ""
    channel: str = ""
    paperless: bool = False
    due_at: _Moment | None = None
    officer: _Code = ""
    part: str = ""
    items_total: _Count = 0
    items_digitized: _Count = 0
    payment_id: _Short = ""
    amount_vnd: _Amount = 0
    way: str = ""
    outcome: Outcome | None = None
    result_form: ResultForm | None = None
    claims_on_time: bool | None = None
    beyond_list: bool = False
    new_due_at: _Moment | None = None
    step: _Long = ""
    basis: DueBasis | None = None
    corrects: _Corrects | None = None
    replacement: _Replacement | None = None


class _Frozen(msgspec.Struct):
    known: bool = False
    service: ServiceLevel = ServiceLevel.NONE
    has_fee: bool = False
    payment_online: bool = False
    due_at: _Moment | None = None


class _Record(msgspec.Struct):
    id: _Long
    source: _Long
    type: str
    subject: _Short
    time: _Moment
    unit: _Code
    recordedat: _Moment
    level: _Code
    contenthash: _Hash
    data: _Data
    frozen: _Frozen | None = None


_record_decoder = msgspec.json.Decoder(_Record)


def read(value: bytes) -> tuple[str, str, AnyEntry]:
    """(unit, dossier code, entry) of a record's value.

    Raises :class:`UnreadableEvent`, saying why; never anything else.
    """
    try:
        record = _record_decoder.decode(value)
        replacement = record.data.replacement
        if record.type in STEPS or (replacement is not None and replacement.type in STEPS):
            record = _lifted(value)
        make = _MAKERS[record.type]
        base = (
            _ms(record.time),
            event_id(record.source, record.id),
            _ms(record.recordedat),
            int(record.contenthash, 16),
            record.level,
        )
        entry = make(base, record.data, record.frozen or _NOT_FROZEN)
    except UnreadableEvent:
        raise
    except KeyError:
        raise UnreadableEvent(f"unknown event type {record.type!r}") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise UnreadableEvent(f"{type(error).__name__}: {error}") from error
    return record.unit, record.subject, entry


def _lifted(value: bytes) -> _Record:
    """The record with an older version of its event, or of a replacement, lifted to today's."""
    said = msgspec.json.decode(value)
    said["type"], said["data"] = lift(said["type"], said["data"])
    replacement = said["data"].get("replacement")
    if replacement is not None:
        newest, data = lift(replacement["type"], replacement["data"])
        said["data"] = {
            **said["data"],
            "replacement": {**replacement, "type": newest, "data": data},
        }
    return msgspec.convert(said, _Record)


def event_id(source: str, event_id: str) -> int:
    """64-bit identity of an event within its dossier."""
    joined = f"{source}\x00{event_id}".encode()
    return int.from_bytes(blake2b(joined, digest_size=8).digest(), "big")


def _ms(moment: datetime) -> int:
    # admission writes whole milliseconds: a double holds them exactly
    ms = round(moment.timestamp() * 1000)
    if 0 <= ms < _LAST_MS:
        return ms
    raise UnreadableEvent(f"a moment before 1970 or after 9998: {moment}")


# One function for each type of event: what the fold keeps besides the five fields of every entry.
_Base: TypeAlias = tuple[int, int, int, int, str]
_Maker: TypeAlias = Callable[[_Base, _Data, _Frozen], AnyEntry]
_NOT_FROZEN = _Frozen()


def _bare(kind: Callable[..., AnyEntry]) -> _Maker:
    return lambda base, data, frozen: kind(*base)


def _received(base: _Base, data: _Data, frozen: _Frozen) -> Received:
    flags = _reception_flags(data, frozen)
    due_at = data.due_at
    if due_at is None and frozen.due_at is not None:
        due_at = frozen.due_at
        flags |= ReceptionFlag.DUE_COMPUTED
    due = None if due_at is None else _ms(due_at)
    return Received(*base, normal_procedure(data.procedure), data.officer, due, flags)


def _digitized(base: _Base, data: _Data, frozen: _Frozen) -> Digitized:
    complete = 0 < data.items_total <= data.items_digitized
    return Digitized(*base, data.part == DossierPart.APPLICATION.value, complete)


def _supplement_requested(base: _Base, data: _Data, frozen: _Frozen) -> SupplementRequested:
    return SupplementRequested(*base, data.beyond_list)


def _supplement_received(base: _Base, data: _Data, frozen: _Frozen) -> SupplementReceived:
    return SupplementReceived(*base, None if data.new_due_at is None else _ms(data.new_due_at))


def _forwarded(base: _Base, data: _Data, frozen: _Frozen) -> Forwarded:
    return Forwarded(*base, data.officer, data.step)


def _paid(base: _Base, data: _Data, frozen: _Frozen) -> Paid:
    return Paid(*base, data.payment_id, data.amount_vnd, data.way in _ONLINE_WAYS)


def _refunded(base: _Base, data: _Data, frozen: _Frozen) -> Refunded:
    return Refunded(*base, data.payment_id, data.amount_vnd, data.way in _ONLINE_WAYS)


def _due_changed(base: _Base, data: _Data, frozen: _Frozen) -> DueChanged:
    if data.new_due_at is None:
        raise UnreadableEvent("due_changed without a due moment")
    return DueChanged(*base, _ms(data.new_due_at), data.basis is DueBasis.LEGAL_EXTENSION)


def _resolved(base: _Base, data: _Data, frozen: _Frozen) -> Resolved:
    electronic = data.result_form in (ResultForm.ELECTRONIC, ResultForm.BOTH)
    return Resolved(*base, electronic, data.claims_on_time, data.officer)


def _corrected(base: _Base, data: _Data, frozen: _Frozen) -> Corrected:
    if data.corrects is None:
        raise UnreadableEvent("a correction that names no event")
    target = event_id(data.corrects.source, data.corrects.id)
    new = data.replacement
    if new is None:
        return Corrected(*base, target, None)
    make = _MAKERS.get(new.type)
    if make is None or make is _corrected:
        raise UnreadableEvent(f"a correction by {new.type!r}")
    _, _, recorded, content, level = base
    replacement = make((_ms(new.time), target, recorded, content, level), new.data, frozen)
    return Corrected(*base, target, replacement)  # type: ignore[arg-type]  # not a Corrected


_MAKERS: dict[str, _Maker] = {
    "motcua.dossier.submitted.v1": _bare(Submitted),
    "motcua.dossier.received.v1": _received,
    "motcua.dossier.digitized.v1": _digitized,
    "motcua.dossier.supplement_requested.v1": _supplement_requested,
    "motcua.dossier.supplement_received.v1": _supplement_received,
    "motcua.dossier.forwarded.v1": _forwarded,
    "motcua.dossier.payment_requested.v1": _bare(PaymentRequested),
    "motcua.dossier.paid.v1": _paid,
    "motcua.dossier.refunded.v1": _refunded,
    "motcua.dossier.fee_waived.v1": _bare(FeeWaived),
    "motcua.dossier.due_changed.v1": _due_changed,
    "motcua.dossier.resolved.v2": _resolved,
    "motcua.dossier.returned.v1": _bare(Returned),
    "motcua.dossier.rejected.v1": _bare(Rejected),
    "motcua.dossier.withdrawn.v1": _bare(Withdrawn),
    "motcua.dossier.stopped.v1": _bare(Stopped),
    "motcua.dossier.reopened.v1": _bare(Reopened),
    "motcua.dossier.corrected.v1": _corrected,
}
_ONLINE_WAYS = frozenset({PaymentWay.NATIONAL_PORTAL.value, PaymentWay.LOCAL_GATEWAY.value})


def _reception_flags(data: _Data, frozen: _Frozen) -> int:
    flag = ReceptionFlag
    return (
        flag.ONLINE * (data.channel == Channel.ONLINE.value)
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
    # most events come in order, and most moments differ: the cheap comparison first
    if not dossier or dossier[-1].at < entry.at or order(dossier[-1]) < order(entry):
        return (*dossier, entry), None
    return _sorted(dossier, entry), None


def corrections(dossier: Dossier) -> dict[int, Corrected]:
    """The correction in force for each corrected event, by the event's identity.

    Of several for one event the latest (recorded, content) is in force. A correction of a
    correction changes nothing.
    """
    found = [entry for entry in dossier if type(entry) is Corrected]
    own = {entry.id for entry in found}
    in_force: dict[int, Corrected] = {}
    for entry in found:
        if entry.target in own:
            continue
        other = in_force.get(entry.target)
        if other is None or _precedence(other) < _precedence(entry):
            in_force[entry.target] = entry
    return in_force


def effective(dossier: Dossier) -> Dossier:
    """What the events say once every correction is heeded; a replacement has its own moment.

    A replacement counts before its original has come, too.
    """
    in_force = corrections(dossier)
    kept = [e for e in dossier if type(e) is not Corrected and e.id not in in_force]
    kept += [e.replacement for e in in_force.values() if e.replacement is not None]
    return tuple(sorted(kept, key=order))


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
