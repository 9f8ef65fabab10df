"""Events for tests: builders in plain words, and strategies of admitted histories.

Moments are written as an office writes them, ``2023-02-10T17:00`` in Asia/Ho_Chi_Minh; what is not
said has a sensible value, so that a test names only what it is about.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.admitted import FrozenProcedure, admit, content_hash, rfc3339_ms
from schemas.calendar import load_calendar
from schemas.events import EVENT, EVENTS, Corrected, LifecycleEvent
from schemas.words import ServiceLevel
from streams.core.days import milliseconds
from streams.core.dossier import AnyEntry, Dossier, add, read
from streams.core.facts import Facts, facts
from streams.core.working_time import WorkingTime

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
UNIT = "23500"
DOSSIER = "23500-230210-0001"
SOURCE = "urn:example:one-stop"
MORNING = "2023-02-10T08:30"

CATALOGUE = FrozenProcedure(
    known=True, service=ServiceLevel.FULL, has_fee=True, payment_online=True
)
"""A procedure that counts for every indicator."""

WORK = WorkingTime(load_calendar())
"""The working time of the shipped calendar, as the worker has it."""

TYPES: dict[str, str] = {kind.name: kind.type for kind in EVENTS}
"""Today's type of each kind, and of older versions by ``<kind>.v<n>``."""
TYPES |= {t.removeprefix("motcua.dossier."): t for kind in EVENTS for t in kind.types}


# -- builders


def moment(text: str) -> datetime:
    """The aware moment of a text; without a zone it is local time."""
    read_moment = datetime.fromisoformat(text)
    return read_moment if read_moment.tzinfo else read_moment.replace(tzinfo=ZONE)


def ms(text: str) -> int:
    """The same as the core counts it."""
    return milliseconds(moment(text))


def cloud_event(
    kind: str,
    at: str,
    data: dict[str, Any],
    *,
    id: str | None = None,
    unit: str = UNIT,
    dossier: str = DOSSIER,
    source: str = SOURCE,
) -> dict[str, Any]:
    """The JSON object that an emitter would send; the id tells apart what happens apart.

    ``kind`` is the name of a kind, or ``<kind>.v<n>`` for an older version.
    """
    return {
        "specversion": "1.0",
        "id": id or f"{kind}-{at}",
        "source": source,
        "type": TYPES[kind],
        "subject": dossier,
        "time": moment(at).isoformat(),
        "unit": unit,
        "data": {name: value for name, value in data.items() if value is not None},
    }


def event(kind: str, at: str, data: dict[str, Any], **attributes: str) -> LifecycleEvent:
    """The model of such an event. Raises ``pydantic.ValidationError``."""
    return EVENT.validate_json(orjson.dumps(cloud_event(kind, at, data, **attributes)))


def submitted(at: str = MORNING, *, channel: str = "counter", **attributes: str) -> LifecycleEvent:
    return event("submitted", at, {"channel": channel}, **attributes)


def received(
    at: str = MORNING,
    *,
    due: str | None = "2023-02-10T17:00",
    procedure: str = "1.001193",
    channel: str = "counter",
    paperless: bool = False,
    officer: str | None = None,
    **attributes: str,
) -> LifecycleEvent:
    data = {
        "procedure": procedure,
        "channel": channel,
        "paperless": paperless,
        "due_at": moment(due).isoformat() if due else None,
        "officer": officer,
    }
    return event("received", at, data, **attributes)


def digitized(
    at: str = "2023-02-10T08:40",
    *,
    part: str = "application",
    total: int = 2,
    done: int = 2,
    **attributes: str,
) -> LifecycleEvent:
    data = {"part": part, "items_total": total, "items_digitized": done}
    return event("digitized", at, data, **attributes)


def paid(
    at: str = "2023-02-10T09:00",
    *,
    amount: int = 8000,
    payment: str = "p1",
    way: str = "national_portal",
    **attributes: str,
) -> LifecycleEvent:
    data = {"payment_id": payment, "amount_vnd": amount, "way": way}
    return event("paid", at, data, **attributes)


def refunded(
    at: str = "2023-02-10T10:00",
    *,
    amount: int = 8000,
    payment: str = "p1",
    way: str = "national_portal",
    **attributes: str,
) -> LifecycleEvent:
    data = {"payment_id": payment, "amount_vnd": amount, "way": way}
    return event("refunded", at, data, **attributes)


def fee_waived(
    at: str = "2023-02-10T09:00", *, reason: str = "hộ nghèo", **attributes: str
) -> LifecycleEvent:
    return event("fee_waived", at, {"reason": reason}, **attributes)


def supplement_requested(
    at: str = "2023-02-10T10:00",
    *,
    officer: str = "cb01",
    reason: str = "thiếu giấy tờ",
    items: tuple[str, ...] = ("giấy chứng sinh",),
    beyond_list: bool = False,
    **attributes: str,
) -> LifecycleEvent:
    data = {
        "officer": officer,
        "reason": reason,
        "items": list(items),
        "beyond_list": beyond_list,
    }
    return event("supplement_requested", at, data, **attributes)


def supplement_received(
    at: str = "2023-02-10T14:00", *, new_due: str | None = None, **attributes: str
) -> LifecycleEvent:
    data = {"new_due_at": moment(new_due).isoformat() if new_due else None}
    return event("supplement_received", at, data, **attributes)


def forwarded(
    at: str = "2023-02-10T09:30",
    *,
    officer: str = "cb02",
    room: str | None = None,
    step: str | None = "thẩm định",
    step_due: str | None = None,
    **attributes: str,
) -> LifecycleEvent:
    data = {
        "officer": officer,
        "room": room,
        "step": step,
        "step_due_at": moment(step_due).isoformat() if step_due else None,
    }
    return event("forwarded", at, data, **attributes)


def payment_requested(
    at: str = "2023-02-10T08:45", *, amount: int = 8000, payment: str = "p1", **attributes: str
) -> LifecycleEvent:
    data = {"payment_id": payment, "amount_vnd": amount}
    return event("payment_requested", at, data, **attributes)


def due_changed(
    at: str = "2023-02-10T15:00",
    *,
    new_due: str = "2023-02-14T17:00",
    basis: str = "legal_extension",
    document: str = "12/TB-UBND",
    **attributes: str,
) -> LifecycleEvent:
    data = {"new_due_at": moment(new_due).isoformat(), "basis": basis, "document": document}
    return event("due_changed", at, data, **attributes)


def extended(
    at: str = "2023-02-10T15:00", *, new_due: str = "2023-02-14T17:00", **attributes: str
) -> LifecycleEvent:
    return due_changed(at, new_due=new_due, basis="legal_extension", **attributes)


def apologised(
    at: str = "2023-02-10T15:00", *, new_due: str = "2023-02-14T17:00", **attributes: str
) -> LifecycleEvent:
    return due_changed(at, new_due=new_due, basis="apology", document="3/PXL", **attributes)


def resolved(
    at: str = "2023-02-10T16:00",
    *,
    outcome: str = "approved",
    electronic: bool = False,
    form: str | None = None,
    claims_on_time: bool | None = None,
    officer: str | None = None,
    **attributes: str,
) -> LifecycleEvent:
    """``form`` is the form of the result where ``electronic`` does not say enough."""
    data = {
        "outcome": outcome,
        "result_form": form or ("electronic" if electronic else "paper"),
        "claims_on_time": claims_on_time,
        "officer": officer,
    }
    return event("resolved", at, data, **attributes)


def resolved_v1(
    at: str = "2023-02-10T16:00",
    *,
    outcome: str = "approved",
    electronic: bool = False,
    claims_on_time: bool | None = None,
    officer: str | None = None,
    **attributes: str,
) -> LifecycleEvent:
    data = {
        "outcome": outcome,
        "electronic_result": electronic,
        "claims_on_time": claims_on_time,
        "officer": officer,
    }
    return event("resolved.v1", at, data, **attributes)


def returned(
    at: str = "2023-02-10T16:30", *, way: str = "counter", **attributes: str
) -> LifecycleEvent:
    return event("returned", at, {"way": way}, **attributes)


def rejected(at: str = "2023-02-10T11:00", **attributes: str) -> LifecycleEvent:
    return event("rejected", at, {"reason": "không thuộc thẩm quyền"}, **attributes)


def withdrawn(at: str = "2023-02-10T11:00", **attributes: str) -> LifecycleEvent:
    return event("withdrawn", at, {"reason": "theo yêu cầu"}, **attributes)


def stopped(at: str = "2023-02-10T11:00", **attributes: str) -> LifecycleEvent:
    return event("stopped", at, {"reason": "quá hạn bổ sung"}, **attributes)


def reopened(at: str = "2023-02-10T14:00", **attributes: str) -> LifecycleEvent:
    return event("reopened", at, {"reason": "kết quả có sai sót"}, **attributes)


def corrected(
    original: LifecycleEvent,
    replacement: LifecycleEvent | None = None,
    at: str = "2023-02-20T09:00",
    *,
    reason: str = "nhập nhầm",
    approved_by: str = "ld01",
    **attributes: str,
) -> LifecycleEvent:
    """``replacement`` says what should have been said; its id says nothing. None: void."""
    data = correction_data(original.source, original.id, replacement, reason, approved_by)
    return event("corrected", at, data, **attributes)


def correction_data(
    source: str,
    id: str,
    replacement: LifecycleEvent | None,
    reason: str = "nhập nhầm",
    approved_by: str = "ld01",
) -> dict[str, Any]:
    """The data of a correction of the event with this source and id."""
    said = None
    if replacement is not None:
        said = orjson.loads(replacement.model_dump_json(include={"type", "time", "data"}))
        said["data"] = {name: value for name, value in said["data"].items() if value is not None}
    return {
        "corrects": {"source": source, "id": id},
        "replacement": said,
        "reason": reason,
        "approved_by": approved_by,
    }


def admitted(
    said: LifecycleEvent,
    recorded_at: str | datetime | None = None,
    *,
    level: str = "commune",
    emitter: str = "test",
    frozen: FrozenProcedure = CATALOGUE,
) -> bytes:
    """The record of ``motcua.events``; recorded a second after it happened when nothing is said."""
    if recorded_at is None:
        recorded_at = said.time + timedelta(seconds=1)
    elif isinstance(recorded_at, str):
        recorded_at = moment(recorded_at)
    return admit(
        said,
        recorded_at=recorded_at.astimezone(UTC),
        level=level,
        emitter=emitter,
        frozen=frozen if speaks_of_reception(said) else None,
    )


def speaks_of_reception(said: LifecycleEvent) -> bool:
    """Whether admission freezes the catalogue into it."""
    if isinstance(said, Corrected):
        replacement = said.data.replacement
        return replacement is not None and replacement.type == TYPES["received"]
    return said.type == TYPES["received"]


def entry(said: LifecycleEvent | bytes, **admission: Any) -> AnyEntry:
    """What the core keeps of it."""
    record = said if isinstance(said, bytes) else admitted(said, **admission)
    return read(record)[2]


def fold(entries: Iterable[AnyEntry]) -> Dossier:
    """The dossier of these entries, added one after the other."""
    dossier: Dossier = ()
    for one in entries:
        dossier, _ = add(dossier, one)
    return dossier


def facts_of(happened: Iterable[AnyEntry]) -> Facts:
    """What follows from these entries, by the shipped calendar."""
    return facts(fold(happened), WORK)


def dossiers(records: Iterable[bytes]) -> dict[tuple[str, str], Dossier]:
    """Every dossier of these records, added in their order, by (unit, code)."""
    found: dict[tuple[str, str], Dossier] = {}
    for record in records:
        unit, code, one = read(record)
        found[unit, code], _ = add(found.get((unit, code), ()), one)
    return found


# -- strategies


def for_all(examples: int = 60, **strategies: st.SearchStrategy[Any]) -> Callable[[Any], Any]:
    """The law holds for everything that is drawn."""
    return lambda law: settings(max_examples=examples)(given(**strategies)(law))


UNITS = ("23500", "23503", "dh-tp")
LEVELS = {"23500": "commune", "23503": "commune", "dh-tp": "district"}
PROCEDURES = ("1.001193", "2.000635", "1.001612", "1.009122.000.00.00.H36")
OFFICERS = ("cb01", "cb02")

# few moments, so that they often coincide: around a due moment and the close of offices, in the
# evening and over Tết when no working time passes, around midnight in Việt Nam (17:00 UTC), around
# the turn of a month and of a year; and one each side of the years that the calendar knows
_MOMENTS = tuple(
    moment(text)
    for text in (
        "2021-12-31T16:30",
        "2022-12-31T23:59:59.999",
        "2023-01-01T00:00",
        "2023-01-19T16:00",
        "2023-01-27T08:00",
        "2023-02-10T08:30",
        "2023-02-10T16:59:59.999",
        "2023-02-10T17:00",
        "2023-02-10T17:00:00.001",
        "2023-02-10T19:30",
        "2023-02-10T23:59:59.999",
        "2023-02-11T00:00",
        "2023-02-13T09:00",
        "2023-02-28T17:01",
        "2023-03-01T00:00",
        "2023-03-14T10:00",
        "2027-01-04T08:00",
    )
)
_REASONS = st.sampled_from(("hộ nghèo", "theo yêu cầu", "quá hạn bổ sung"))
_CHANNELS = st.sampled_from(("counter", "online", "postal"))
_OFFICERS = st.none() | st.sampled_from(OFFICERS)
_PAYMENTS = st.sampled_from(("p1", "p2"))
_AMOUNTS = st.sampled_from((2000, 8000, 10_000))
_MONEY = st.fixed_dictionaries(
    {
        "payment_id": _PAYMENTS,
        "amount_vnd": _AMOUNTS,
        "way": st.sampled_from(("national_portal", "local_gateway", "transfer", "cash")),
    }
)
_CLOSED = st.fixed_dictionaries({"reason": _REASONS, "officer": _OFFICERS})
_RESULT = {
    "outcome": st.sampled_from(("approved", "refused")),
    "claims_on_time": st.none() | st.booleans(),
    "officer": _OFFICERS,
}

moments = st.sampled_from(_MOMENTS) | st.datetimes(
    datetime.fromisoformat("2022-12-01"),
    datetime.fromisoformat("2023-04-01"),
    timezones=st.just(ZONE),
).map(lambda drawn: drawn.replace(microsecond=drawn.microsecond // 1000 * 1000))

_WRITTEN = moments.map(datetime.isoformat)

DATA: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "submitted": st.fixed_dictionaries({"channel": _CHANNELS}),
    "received": st.fixed_dictionaries(
        {
            "procedure": st.sampled_from(PROCEDURES),
            "channel": _CHANNELS,
            "paperless": st.booleans(),
            "due_at": st.none() | _WRITTEN,
            "officer": _OFFICERS,
            "applicant_kind": st.none() | st.sampled_from(("citizen", "business")),
        }
    ),
    "digitized": st.fixed_dictionaries(
        {
            "part": st.sampled_from(("application", "result")),
            "items_total": st.integers(0, 3),
            "items_digitized": st.integers(0, 3),
        }
    ),
    "supplement_requested": st.fixed_dictionaries(
        {
            "officer": st.sampled_from(OFFICERS),
            "reason": st.just("thiếu giấy tờ"),
            "items": st.just(["giấy chứng sinh"]),
            "beyond_list": st.booleans(),
        }
    ),
    "supplement_received": st.fixed_dictionaries({"new_due_at": st.none() | _WRITTEN}),
    "forwarded": st.fixed_dictionaries(
        {
            "officer": st.sampled_from(("cb02", "cb03")),
            "room": st.none() | st.just("Phòng Tư pháp"),
            "step": st.none() | st.sampled_from(("thẩm định", "trình ký")),
            "step_due_at": st.none() | _WRITTEN,
        }
    ),
    "payment_requested": st.fixed_dictionaries(
        {"payment_id": _PAYMENTS, "amount_vnd": _AMOUNTS},
    ),
    "paid": _MONEY,
    "refunded": _MONEY,
    "fee_waived": st.fixed_dictionaries({"reason": _REASONS}),
    "due_changed": st.fixed_dictionaries(
        {
            "new_due_at": _WRITTEN,
            "basis": st.sampled_from(("legal_extension", "apology")),
            "document": st.just("12/TB-UBND"),
        }
    ),
    "resolved": st.fixed_dictionaries(
        {"result_form": st.sampled_from(("electronic", "paper", "both")), **_RESULT}
    ),
    "returned": st.fixed_dictionaries({"way": _CHANNELS}),
    "rejected": _CLOSED,
    "withdrawn": _CLOSED,
    "stopped": _CLOSED,
    "reopened": _CLOSED,
}
"""What the data of each kind of event may be; every line of ``EVENTS`` needs one."""

OLDER = {"resolved.v1": st.fixed_dictionaries({"electronic_result": st.booleans(), **_RESULT})}
"""The same for older versions."""

# what a dossier lives from comes more often than the rest, so that interesting ones are drawn
_OFTEN = ("received", "received", "resolved", "paid", "reopened")
_CLOCK = ("supplement_requested", "supplement_received", "due_changed")
_REPLACEMENTS = (*DATA, *OLDER, *_OFTEN, *_CLOCK)
KINDS = (*_REPLACEMENTS, *(("corrected",) * 6))

_CATALOGUES = tuple(
    FrozenProcedure(known=known, service=service, has_fee=fee, payment_online=online, due_at=due)
    for known, fee, online in product((True, False), repeat=3)
    for service in ServiceLevel
    for due in (None, moment("2023-02-10T17:00").astimezone(UTC))
)


def _frozen_by(contenthash: str) -> FrozenProcedure:
    """What the catalogue says: any of many, but one and the same for what says the same.

    Of copies that were recorded in the same millisecond only the content decides.
    """
    return _CATALOGUES[int(contenthash, 16) % len(_CATALOGUES)]


# one pool for all kinds: an id is sometimes taken twice, with another content
_IDS = st.integers(0, 24).map("e{}".format)


@st.composite
def corrections(draw: st.DrawFn, ids: st.SearchStrategy[str] = _IDS) -> dict[str, Any]:
    """The data of a correction, of an event that may be there, come later, never come, be corrected
    already or be a correction itself."""
    if draw(st.integers(0, 2)) == 0:
        return correction_data(SOURCE, draw(ids), None)
    kind = draw(st.sampled_from(_REPLACEMENTS))
    replacement = event(kind, draw(moments).isoformat(), draw({**DATA, **OLDER}[kind]))
    return correction_data(SOURCE, draw(ids), replacement)


DATA["corrected"] = corrections()


@st.composite
def records(draw: st.DrawFn, units: tuple[str, ...] = UNITS, dossiers_each: int = 2) -> bytes:
    """One admitted event of any kind."""
    kind = draw(st.sampled_from(KINDS))
    unit = draw(st.sampled_from(units))
    at = draw(moments)
    said = event(
        kind,
        at.isoformat(),
        draw({**DATA, **OLDER}[kind]),
        id=draw(_IDS),
        unit=unit,
        dossier=f"{unit}-{draw(st.integers(1, dossiers_each))}",
    )
    record = admitted(
        said,
        at + timedelta(milliseconds=draw(st.sampled_from((0, 1, 1500, 90_000_000)))),
        level=LEVELS.get(unit, "commune"),
    )
    return _again(record, _freeze)


def _freeze(record: dict[str, Any]) -> None:
    if "frozen" in record:
        frozen = _frozen_by(record["contenthash"]).model_dump(mode="json", exclude_none=True)
        record["frozen"] = frozen


def _again(record: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    copy = orjson.loads(record)
    change(copy)
    return orjson.dumps(copy)


@st.composite
def _copies(draw: st.DrawFn, record: bytes) -> bytes:
    """The same event again: redelivered, sent again later, or in conflict with itself."""
    match draw(st.sampled_from(("redelivered", "sent again", "conflicting"))):
        case "redelivered":
            return record
        case "sent again":
            later = rfc3339_ms(draw(moments).astimezone(UTC))
            return _again(record, lambda copy: copy.update(recordedat=later))
        case _:
            other = orjson.loads(draw(records(units=(orjson.loads(record)["unit"],))))
            kept = orjson.loads(record)
            other.update({name: kept[name] for name in ("id", "source", "unit", "subject")})
            # a tie of the recording is decided by the content
            if draw(st.booleans()):
                other["recordedat"] = kept["recordedat"]
            said = (other[name] for name in ("type", "subject", "time", "unit", "data"))
            other["contenthash"] = content_hash(*said)
            _freeze(other)
            return orjson.dumps(other)


@st.composite
def histories(
    draw: st.DrawFn,
    units: tuple[str, ...] = UNITS,
    dossiers_each: int = 2,
    min_size: int = 0,
    max_size: int = 12,
) -> list[bytes]:
    """Admitted events of several dossiers in the order of their arrival, with everything that
    happens to real ones: equal moments, copies, conflicting copies, refunds, reopenings, closings
    before the reception or without one, papers asked for and brought, due moments moved, and
    corrections of what is there, of what is not, and of corrections.
    """
    one = records(units, dossiers_each)
    history = draw(st.lists(one, min_size=min_size, max_size=max_size))
    if history:
        picked = draw(st.lists(st.sampled_from(history), max_size=4))
        history += [draw(_copies(record)) for record in picked]
        history = draw(st.permutations(history))
    return history


def entries(min_size: int = 0, max_size: int = 12) -> st.SearchStrategy[list[AnyEntry]]:
    """The history of one dossier, as the core keeps it."""
    one = histories((UNIT,), 1, min_size, max_size)
    return one.map(lambda history: [read(record)[2] for record in history])
