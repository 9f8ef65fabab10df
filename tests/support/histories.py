"""Events for tests: builders in plain words, and strategies of admitted histories.

Moments are written as an office writes them, ``2023-02-10T17:00`` in Asia/Ho_Chi_Minh; what is not
said has a sensible value, so that a test names only what it is about.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from hypothesis import strategies as st

from schemas.admitted import FrozenProcedure, admit, content_hash, rfc3339_ms
from schemas.events import EVENT, EVENTS, LifecycleEvent
from schemas.words import ServiceLevel
from streams.core.days import milliseconds
from streams.core.dossier import AnyEntry, Dossier, add, read

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
UNIT = "23500"
DOSSIER = "23500-230210-0001"
SOURCE = "urn:example:one-stop"
MORNING = "2023-02-10T08:30"

CATALOGUE = FrozenProcedure(
    known=True, service=ServiceLevel.FULL, has_fee=True, payment_online=True
)
"""A procedure that counts for every indicator."""


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
    """The JSON object that an emitter would send; the id tells apart what happens apart."""
    return {
        "specversion": "1.0",
        "id": id or f"{kind}-{at}",
        "source": source,
        "type": f"motcua.dossier.{kind}.v1",
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


def resolved(
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
    return event("resolved", at, data, **attributes)


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
        frozen=frozen if said.type == "motcua.dossier.received.v1" else None,
    )


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


def dossiers(records: Iterable[bytes]) -> dict[tuple[str, str], Dossier]:
    """Every dossier of these records, added in their order, by (unit, code)."""
    found: dict[tuple[str, str], Dossier] = {}
    for record in records:
        unit, code, one = read(record)
        found[unit, code], _ = add(found.get((unit, code), ()), one)
    return found


# -- strategies

UNITS = ("23500", "23503", "dh-tp")
LEVELS = {"23500": "commune", "23503": "commune", "dh-tp": "district"}
PROCEDURES = ("1.001193", "2.000635", "1.001612", "1.009122.000.00.00.H36")
OFFICERS = ("cb01", "cb02")

# few moments, so that they often coincide: around a due moment, around midnight in Việt Nam
# (17:00 UTC), around the turn of a month and of a year
_MOMENTS = tuple(
    moment(text)
    for text in (
        "2022-12-31T23:59:59.999",
        "2023-01-01T00:00",
        "2023-02-10T08:30",
        "2023-02-10T16:59:59.999",
        "2023-02-10T17:00",
        "2023-02-10T17:00:00.001",
        "2023-02-10T23:59:59.999",
        "2023-02-11T00:00",
        "2023-02-28T17:01",
        "2023-03-01T00:00",
        "2023-03-14T10:00",
    )
)
_REASONS = st.sampled_from(("hộ nghèo", "theo yêu cầu", "quá hạn bổ sung"))
_CHANNELS = st.sampled_from(("counter", "online", "postal"))
_OFFICERS = st.none() | st.sampled_from(OFFICERS)
_MONEY = st.fixed_dictionaries(
    {
        "payment_id": st.sampled_from(("p1", "p2")),
        "amount_vnd": st.sampled_from((2000, 8000, 10_000)),
        "way": st.sampled_from(("national_portal", "local_gateway", "transfer", "cash")),
    }
)
_CLOSED = st.fixed_dictionaries({"reason": _REASONS, "officer": _OFFICERS})

moments = st.sampled_from(_MOMENTS) | st.datetimes(
    datetime.fromisoformat("2022-12-01"),
    datetime.fromisoformat("2023-04-01"),
    timezones=st.just(ZONE),
).map(lambda drawn: drawn.replace(microsecond=drawn.microsecond // 1000 * 1000))

DATA: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "submitted": st.fixed_dictionaries({"channel": _CHANNELS}),
    "received": st.fixed_dictionaries(
        {
            "procedure": st.sampled_from(PROCEDURES),
            "channel": _CHANNELS,
            "paperless": st.booleans(),
            "due_at": st.none() | moments.map(datetime.isoformat),
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
    "paid": _MONEY,
    "refunded": _MONEY,
    "fee_waived": st.fixed_dictionaries({"reason": _REASONS}),
    "resolved": st.fixed_dictionaries(
        {
            "outcome": st.sampled_from(("approved", "refused")),
            "electronic_result": st.booleans(),
            "claims_on_time": st.none() | st.booleans(),
            "officer": _OFFICERS,
        }
    ),
    "returned": st.fixed_dictionaries({"way": _CHANNELS}),
    "rejected": _CLOSED,
    "withdrawn": _CLOSED,
    "stopped": _CLOSED,
    "reopened": _CLOSED,
}
"""What the data of each kind of event may be; every line of ``EVENTS`` needs one."""

# what a dossier lives from comes more often than the rest, so that interesting ones are drawn
KINDS = (*(kind.name for kind in EVENTS), "received", "resolved", "paid", "reopened")

catalogues = st.builds(
    FrozenProcedure,
    known=st.booleans(),
    service=st.sampled_from(ServiceLevel),
    has_fee=st.booleans(),
    payment_online=st.booleans(),
)


@st.composite
def records(draw: st.DrawFn, units: tuple[str, ...] = UNITS, dossiers_each: int = 2) -> bytes:
    """One admitted event of any kind."""
    kind = draw(st.sampled_from(KINDS))
    unit = draw(st.sampled_from(units))
    at = draw(moments)
    said = event(
        kind,
        at.isoformat(),
        draw(DATA[kind]),
        # one pool for all kinds: an id is sometimes taken twice, with another content
        id=f"e{draw(st.integers(0, 40))}",
        unit=unit,
        dossier=f"{unit}-{draw(st.integers(1, dossiers_each))}",
    )
    return admitted(
        said,
        at + timedelta(milliseconds=draw(st.sampled_from((0, 1, 1500, 90_000_000)))),
        level=LEVELS.get(unit, "commune"),
        frozen=draw(catalogues) if kind == "received" else CATALOGUE,
    )


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
    before the reception or without one.
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
