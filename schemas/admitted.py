"""What stands in ``motcua.events``: an emitter's event and what admission added to it.

Admission freezes everything that the fold needs from today's registry into the event, so that a
replay never depends on a later one.
"""

import hashlib
from datetime import datetime
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict

from schemas.events import LifecycleEvent, Moment
from schemas.text import DossierCode, EventId, UnitCode
from schemas.words import ServiceLevel

ADMISSION_ATTRIBUTES = frozenset(
    {"partitionkey", "recordedat", "level", "emitter", "contenthash", "frozen"}
)
"""Attributes that only admission may set; an emitter that sends one is refused."""


class FrozenProcedure(BaseModel):
    """What the catalogue said of the procedure on the day of reception."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    known: bool
    """False when the catalogue has no such procedure in force: nothing below is known then."""
    service: ServiceLevel = ServiceLevel.NONE
    has_fee: bool = False
    payment_online: bool = False
    """Online payment was deployed for the procedure."""
    due_at: Moment | None = None
    """By the catalogue's time limit; counts where the emitter names no due moment."""


class AdmittedEvent(BaseModel):
    """One record of ``motcua.events`` (structured CloudEvents JSON, key = unit)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    specversion: Literal["1.0"]
    id: EventId
    source: str
    type: str
    subject: DossierCode
    time: Moment
    datacontenttype: Literal["application/json"]
    unit: UnitCode
    partitionkey: UnitCode
    recordedat: Moment
    """When we accepted it; stamped once."""
    level: str
    """Level of the receiving unit on the day of the event."""
    emitter: str
    """Name of the credential that sent it."""
    contenthash: str
    """See :func:`content_hash`."""
    data: dict[str, Any]
    frozen: FrozenProcedure | None = None
    """On ``received`` only, and on a correction that replaces one."""


def rfc3339_ms(moment: datetime) -> str:
    """A UTC moment as it stands in every record: ``2023-02-10T08:30:00.000Z``."""
    # strftime would take seven times as long, and this runs three times for every event
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def content_hash(event_type: str, subject: str, time: str, unit: str, data: Any) -> str:
    """16 hex digits that two sendings share exactly when they say the same.

    First 8 bytes of SHA-256 over the canonical JSON (keys sorted, no spaces) of what the emitter
    said, as normalised at admission; nothing that admission adds is in it.
    """
    said = {"type": event_type, "subject": subject, "time": time, "unit": unit, "data": data}
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def admit(
    event: LifecycleEvent,
    *,
    recorded_at: datetime,
    level: str,
    emitter: str,
    frozen: FrozenProcedure | None,
) -> bytes:
    """The record of ``motcua.events`` for a valid event, as compact JSON.

    ``recorded_at`` is a UTC moment to the millisecond; ``frozen`` is given for a
    reception, and for a correction that replaces one.
    """
    data = _plain(event.data.model_dump(mode="python", exclude_none=True))
    time = rfc3339_ms(event.time)
    record: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": time,
        "datacontenttype": "application/json",
        "unit": event.unit,
        "partitionkey": event.unit,
        "recordedat": rfc3339_ms(recorded_at),
        "level": level,
        "emitter": emitter,
        "contenthash": content_hash(event.type, event.subject, time, event.unit, data),
        "data": data,
    }
    if frozen is not None:
        record["frozen"] = _plain(frozen.model_dump(mode="python", exclude_none=True))
    return orjson.dumps(record)


def _plain(value: Any) -> Any:
    """With every moment as text."""
    if isinstance(value, datetime):
        return rfc3339_ms(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value
