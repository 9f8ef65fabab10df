"""What is kept in ``motcua.rejected``: a refused event as it came, with its reasons.

As it came, but for what may be about a person: that never goes to Kafka. Recognised personal data
is masked wherever it stands, and free text where the language of events has no free text.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from schemas.admitted import ADMISSION_ATTRIBUTES, rfc3339_ms
from schemas.events import LifecycleEvent
from schemas.problems import FieldError
from schemas.text import MASK, mask_personal
from services.gateway.admission import Refused

MAX_TEXT_BYTES = 600_000
"""Beyond, the text is cut and the record says so: escaped as JSON it must fit into 4 MB."""
_ATTRIBUTES = frozenset(LifecycleEvent.model_fields) | ADMISSION_ATTRIBUTES
_CODES = frozenset({"data.officer", "data.payment_id", "data.procedure", "unit"})
"""Fields that take a code: what is no code there may well be somebody's name."""
_DIGITS_OF_A_PERSON = 9


def rejected_record(refused: Refused, emitter: str, received_at: datetime) -> bytes:
    """The record's value, as compact JSON.

    ``masked`` lists the fields of which something was taken out, ``truncated`` says that the text
    was too long to be kept whole.
    """
    text, masked = impersonal(refused.text, refused.errors)
    kept = text.encode("utf-8", "backslashreplace")
    record: dict[str, Any] = {
        "stage": "gateway",
        "emitter": emitter,
        "received_at": rfc3339_ms(received_at),
        "reasons": [error.model_dump() for error in refused.errors],
        "event": kept[:MAX_TEXT_BYTES].decode("utf-8", "ignore"),
        "masked": masked,
        "truncated": len(kept) > MAX_TEXT_BYTES,
    }
    return orjson.dumps(record)


def impersonal(text: str, errors: Sequence[FieldError]) -> tuple[str, list[str]]:
    """The text without personal data, and the fields that were masked for it.

    The very text when there was nothing to mask. What is no JSON is masked as one string.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        cut = mask_personal(text[:MAX_TEXT_BYTES])
        return (cut, [""]) if MASK in cut else (text, [])
    masked: list[str] = []
    clean = _clean(found, "", {error.field for error in errors}, masked)
    return (orjson.dumps(clean).decode(), masked) if masked else (text, [])


def _clean(value: Any, field: str, wrong: set[str], masked: list[str]) -> Any:
    match value:
        case dict():
            found = {}
            for name, item in value.items():
                name = _key(name, field, masked)
                found[name] = _clean(item, f"{field}.{name}" if field else name, wrong, masked)
            return found
        case list():
            return [_clean(item, field, wrong, masked) for item in value]
        case str() | int() | float() if not isinstance(value, bool):
            clean = _clean_scalar(value, field, wrong)
            if clean is not value:
                masked.append(field)
            return clean
        case _:
            return value


def _clean_scalar(value: str | int | float, field: str, wrong: set[str]) -> object:
    free = _is_unknown(field, wrong) or (field in _CODES and field in wrong)
    if isinstance(value, str):
        if free and (" " in value.strip() or not value.isascii()):
            return MASK
        clean = mask_personal(value)
        return clean if MASK in clean else value
    return MASK if free and len(str(abs(value))) >= _DIGITS_OF_A_PERSON else value


def _is_unknown(field: str, wrong: set[str]) -> bool:
    """True for what the language of events has no place for."""
    top, _, rest = field.partition(".")
    if top not in _ATTRIBUTES:
        return True
    # a field refused as unknown, and all that lies within it
    return bool(rest) and any(field == w or field.startswith(f"{w}.") for w in wrong if "." in w)


def _key(name: str, field: str, masked: list[str]) -> str:
    clean = mask_personal(name)
    if MASK in clean:
        masked.append(field)
        return clean
    return name
