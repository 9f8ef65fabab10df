"""Strings that events may carry: bounded, printable, NFC, and without anything personal.

Personal data is refused at admission (Luật 91/2025/QH15): officers appear by a staff code, and
no field takes a name, telephone number, e-mail address or identity number.
"""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
# +84 or 0, then nine digits, perhaps in groups: 0912 345 678
_PHONE = re.compile(r"(?<![\d.-])(?:\+84|0)(?:[ .-]?\d){9}(?!\d)")
# căn cước: 12 digits; the older chứng minh nhân dân: 9
_IDENTITY = re.compile(r"(?<!\d)(?:\d{12}|\d{9})(?!\d)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def looks_personal(text: str) -> bool:
    """True when the text holds what looks like an e-mail, telephone or identity number."""
    return any(pattern.search(text) for pattern in (_EMAIL, _PHONE, _IDENTITY))


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return unicodedata.normalize("NFC", text)


def _impersonal(text: str) -> str:
    if looks_personal(text):
        raise ValueError("looks like personal data (e-mail, telephone or identity number)")
    return text


def _not_an_identity(text: str) -> str:
    # codes of dossiers are full of digits: only a code that is nothing but such a number is refused
    if _EMAIL.search(text) or re.fullmatch(r"\d{9}|\d{12}|0\d{9}|\+84\d{9}", text):
        raise ValueError("looks like personal data (e-mail, telephone or identity number)")
    return text


Note = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300, strip_whitespace=True),
    AfterValidator(_printable),
    AfterValidator(_impersonal),
]
"""A short text about the handling of a dossier, never about a person."""

StaffCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
"""An officer's code within the office; never a name."""

UnitCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]

DossierCode = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, strip_whitespace=True),
    AfterValidator(_printable),
    AfterValidator(_not_an_identity),
]
"""The raw code that the one-stop software gave; real ones follow no common pattern."""

EventId = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)
]

PaymentId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}$")]
