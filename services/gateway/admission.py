"""Decides about one request's body: which events are admitted, which are refused, and why.

Pure: the emitter, the registry and the clock's reading are arguments, and what comes out is a
value for each event. Nothing here knows HTTP or Kafka.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from schemas.admitted import ADMISSION_ATTRIBUTES, FrozenProcedure, admit
from schemas.events import EVENT, Corrected, Event, Received, ReceivedData, Submitted
from schemas.problems import FieldError
from schemas.registry import Registry
from services.gateway.due import Owed
from services.gateway.rules import RULES, broken, translated
from streams.core.days import UTC_OFFSET_MS

FUTURE_LIMIT = timedelta(hours=24)
LOCAL = timedelta(milliseconds=UTC_OFFSET_MS)
"""From UTC to Asia/Ho_Chi_Minh."""

_EVENTS: TypeAdapter[list[Event]] = TypeAdapter(list[Event])
# a look at the bytes saves reading the JSON twice: without such a key nothing reserved was sent;
# an escape might hide one
_RESERVED = re.compile(rb'"(?:' + b"|".join(a.encode() for a in ADMISSION_ATTRIBUTES) + rb')"|\\u')
_decoder = json.JSONDecoder()
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask of us."""

    event_bytes: int = 1_000_000
    batch_bytes: int = 8_000_000
    batch_events: int = 1000
    depth: int = 16


@dataclass(frozen=True, slots=True)
class Emitter:
    """Who sends: the name of a credential, and the units it may write for."""

    name: str
    units: frozenset[str]


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event for ``motcua.events``."""

    id: str
    source: str
    unit: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """An event for ``motcua.rejected``, or a whole body that could not be taken apart."""

    errors: tuple[FieldError, ...]
    """At least one; the first decides the HTTP status."""
    text: str
    """As it came."""
    id: str | None = None
    source: str | None = None
    unit: str | None = None

    @property
    def status(self) -> int:
        """The HTTP status that this one alone would get."""
        return RULES[self.errors[0].rule].status


Verdict = Accepted | Refused


@dataclass(frozen=True, slots=True)
class Admission:
    """The circumstances of a request: who sends, what is known, what time it is."""

    emitter: Emitter
    registry: Registry
    recorded_at: datetime
    """UTC, to the millisecond."""
    limits: Limits
    owed: Owed
    """The due moment by the catalogue; part of what is frozen."""

    def one(self, body: bytes) -> Verdict:
        """The verdict on a body that holds one event."""
        if len(body) > self.limits.event_bytes:
            return _too_large(body, self.limits.event_bytes)
        if not _RESERVED.search(body) and self._is_shallow(body, 1):
            try:
                return self._admit(EVENT.validate_json(body), body)
            except ValidationError:
                pass  # read again below, where the reasons are found
        text = _text(body)
        if not _is_json(body):
            return Refused((broken("json_invalid", ""),), text)
        return self._examine(text)

    def batch(self, body: bytes) -> list[Verdict] | Refused:
        """A verdict for each event of a JSON array, in its order, or one on the whole body."""
        limits = self.limits
        if len(body) > limits.batch_bytes:
            return _too_large(body, limits.batch_bytes)
        if not _RESERVED.search(body):
            try:
                events = _EVENTS.validate_json(body)
            except ValidationError:
                events = []  # one by one below, where the reasons are found
            if 0 < len(events) <= limits.batch_events and self._is_shallow(body, len(events)):
                return self._admit_all(events, body)
        text = _text(body)
        if not _is_json(body):
            return Refused((broken("json_invalid", ""),), text)
        if not text.lstrip(_BLANK).startswith("["):
            return Refused((broken("batch_expected", ""),), text)
        items = _items(text)
        if not items:
            return Refused((broken("batch_empty", ""),), text)
        if len(items) > limits.batch_events:
            return Refused((broken("batch_too_long", "", limit=limits.batch_events),), text)
        return [self._examine(item) for item in items]

    # -- one event

    def _is_shallow(self, body: bytes, events: int) -> bool:
        """True when so many valid events cannot be too deep; counting is cheaper than following.

        Each opens two objects, so what opens besides bounds how deep one of them can be.
        """
        openings = body.count(b"{") + body.count(b"[")
        array = 1 if events > 1 else 0
        return openings <= array + 2 * events + self.limits.depth - 2

    def _examine(self, text: str) -> Verdict:
        """The verdict on the text of one event, with every reason to refuse it."""
        if len(text.encode()) > self.limits.event_bytes:
            return _too_large(text.encode(), self.limits.event_bytes)
        found = _loads(text)
        identity = _identity(found)
        if found is None or _depth(found, self.limits.depth) > self.limits.depth:
            return Refused((broken("too_deep", "", limit=self.limits.depth),), text, *identity)
        if not isinstance(found, dict):
            return Refused((broken("object_expected", ""),), text)
        reserved = [
            broken("attribute_reserved", name) for name in sorted(ADMISSION_ATTRIBUTES & set(found))
        ]
        try:
            event = EVENT.validate_json(text)
        except ValidationError as error:
            wrong = translated(error.errors(include_url=False, include_input=False))
            return Refused((*reserved, *wrong), text, *identity)
        if reserved:
            return Refused(tuple(reserved), text, *identity)
        return self._admit(event, text)

    def _admit_all(self, events: Sequence[Event], body: bytes) -> list[Verdict]:
        verdicts = [self._admit(event, "") for event in events]
        if any(isinstance(verdict, Refused) for verdict in verdicts):
            items = _items(_text(body))
            verdicts = [self._admit(e, item) for e, item in zip(events, items, strict=True)]
        return verdicts

    def _admit(self, event: Event, text: str | bytes) -> Verdict:
        """The verdict on an event whose form is right. ``text`` is kept when it is refused."""
        on = (event.time + LOCAL).date()
        unit = self.registry.unit(event.unit, on)
        if unit is None and not isinstance(event, Submitted | Received):
            # abolished: it takes nothing new, but what it had received is still brought to its end
            unit = self.registry.last_unit_before(event.unit, on)
        wrong: FieldError | None = None
        if event.unit not in self.emitter.units:
            wrong = broken("unit_not_yours", "unit")
        elif event.time > self.recorded_at + FUTURE_LIMIT:
            wrong = broken("time_in_future", "time")
        elif unit is None:
            wrong = broken("unit_unknown", "unit")
        elif isinstance(event, Corrected):
            wrong = self._wrong_correction(event)
        if wrong is not None or unit is None:
            if isinstance(text, bytes):
                text = _text(text)
            assert wrong is not None
            return Refused((wrong,), text, event.id, event.source, event.unit)
        value = admit(
            event,
            recorded_at=self.recorded_at,
            level=unit.level,
            emitter=self.emitter.name,
            frozen=self._frozen(event),
        )
        return Accepted(event.id, event.source, event.unit, value)

    def _wrong_correction(self, event: Corrected) -> FieldError | None:
        """What can be seen of a correction alone; whether its original exists cannot."""
        corrects, replacement = event.data.corrects, event.data.replacement
        if (corrects.source, corrects.id) == (event.source, event.id):
            return broken("corrects_itself", "data.corrects.id")
        if replacement is not None and replacement.time > self.recorded_at + FUTURE_LIMIT:
            return broken("time_in_future", "data.replacement.time")
        return None

    def _frozen(self, event: Event) -> FrozenProcedure | None:
        """What the catalogue says of a reception, or of a replacement that is one, on its day."""
        said, received_at = event.data, event.time
        if isinstance(event, Corrected) and event.data.replacement is not None:
            said, received_at = event.data.replacement.data, event.data.replacement.time
        if not isinstance(said, ReceivedData):
            return None
        procedure = self.registry.procedure(said.procedure, (received_at + LOCAL).date())
        if procedure is None:
            return FrozenProcedure(known=False)
        return FrozenProcedure(
            known=True,
            service=procedure.service,
            has_fee=procedure.fee_vnd > 0,
            payment_online=procedure.payment_online,
            due_at=self.owed(procedure, received_at),
        )


# -- the body's form


def is_array(body: bytes) -> bool:
    """True when the first thing in the body opens an array."""
    return body.lstrip(b" \t\r\n")[:1] == b"["


def structured(attributes: dict[str, str], data: bytes) -> bytes | None:
    """One structured event from CloudEvents' binary mode; None when the data is not JSON."""
    if not _is_json(data):
        return None
    return orjson.dumps(attributes)[:-1] + (b"," if attributes else b"") + b'"data":' + data + b"}"


def _too_large(body: bytes, limit: int) -> Refused:
    return Refused((broken("body_too_large", "", limit=limit),), _text(body))


def _text(body: bytes) -> str:
    return body.decode("utf-8", "backslashreplace")


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # too deep to be read is another fault than not being JSON
        return "depth limit" in str(error)
    return True


def _loads(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _items(text: str) -> list[str]:
    """The texts of an array's items, as they came. The text is a JSON array."""
    found: list[str] = []
    at = _skip(text, 0) + 1
    while text[at := _skip(text, at)] != "]":
        try:
            _, end = _decoder.raw_decode(text, at)
        except RecursionError:
            # nobody can say where such an item ends: it and all after it are one
            return [*found, text[at:]]
        found.append(text[at:end])
        at = _skip(text, end)
        if text[at] == ",":
            at += 1
    return found


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANK:
        at += 1
    return at


def _identity(found: Any) -> tuple[str | None, str | None, str | None]:
    """(id, source, unit) as far as the sender said them in a form that can be given back."""
    if not isinstance(found, dict):
        return None, None, None
    said = [found.get(name) for name in ("id", "source", "unit")]
    known = [s if isinstance(s, str) and len(s) <= 200 else None for s in said]
    return known[0], known[1], known[2]


def _depth(found: Any, limit: int) -> int:
    """How deeply arrays and objects are nested; stops looking beyond the limit."""
    level, depth = [found], 0
    while depth <= limit:
        level = [item for item in level if isinstance(item, dict | list)]
        if not level:
            break
        depth += 1
        level = [x for item in level for x in (item.values() if isinstance(item, dict) else item)]
    return depth
