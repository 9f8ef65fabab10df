"""Strings that events may carry: bounded, printable, NFC, and without anything personal.

Personal data is refused at admission (Luật 91/2025/QH15): officers appear by a staff code, and
no field takes a name, telephone number, e-mail address or identity number.
"""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

# bounded: a long text without an «@» must not be tried from each of its characters to its end
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}\.[^\s@]+")
# +84 or 0, then nine digits, perhaps in groups: 0912 345 678
_PHONE = re.compile(r"(?<![\d.-])(?:\+84|0)(?:[ .-]?\d){9}(?!\d)")
# căn cước: 12 digits; the older chứng minh nhân dân: 9
_IDENTITY = re.compile(r"(?<!\d)(?:\d{12}|\d{9})(?!\d)")
# a common surname and two to four further words, all capitalised: «Nguyễn Văn A», «TRẦN THỊ BÌNH».
# Places that begin like a surname are no person.
_SURNAME = (
    "Nguyễn|Trần|Lê|Phạm|Hoàng|Huỳnh|Phan|Vũ|Võ|Đặng|Bùi|Đỗ|Hồ|Ngô|Dương|Lý|Đinh|Đoàn|Trịnh|Mai"
    "|Nguyen|Tran|Pham|Hoang|Huynh|Dang|Bui|Duong|Dinh|Doan|Trinh"
)
# in U+1EA0…1EF9 upper and lower case alternate: a range of them would take both
_UPPER = "A-ZÀ-ÃÈ-ÊÌÍÒ-ÕÙÚÝĂĐĨŨƠƯ" + "".join(chr(c) for c in range(0x1EA0, 0x1EFA, 2))
_NAME = re.compile(
    rf"(?<!\w)(?!Hồ Chí Minh)(?:{_SURNAME}|{_SURNAME.upper()})"
    rf"(?: [{_UPPER}][^\W\d_]{{0,20}}){{2,4}}(?!\w)"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CODE_THAT_IS_A_NUMBER = re.compile(r"\d{9}|\d{12}|0\d{9}|\+84\d{9}")

MASK = "«***»"
"""Stands where something that looks personal was taken out."""


def looks_personal(text: str) -> bool:
    """True when the text holds what looks like a name, e-mail, telephone or identity number."""
    text = unicodedata.normalize("NFC", text)
    return any(pattern.search(text) for pattern in (_EMAIL, _PHONE, _IDENTITY, _NAME))


def mask_personal(text: str) -> str:
    """The text with :data:`MASK` for everything that makes it look personal."""
    text = unicodedata.normalize("NFC", text)
    for pattern in (_EMAIL, _PHONE, _IDENTITY, _NAME):
        text = pattern.sub(MASK, text)
    return text


def is_personal_code(code: str) -> bool:
    """True for a code that is an e-mail address, or nothing but a telephone or identity number.

    Codes are full of digits, so a number within a longer code is no reason to refuse it.
    """
    # four codes in every event: what cannot match is not searched
    if "@" in code and _EMAIL.search(code):
        return True
    return len(code) in (9, 10, 12) and _CODE_THAT_IS_A_NUMBER.fullmatch(code) is not None


def _printable(text: str) -> str:
    if not text.isprintable() and _CONTROL.search(text):
        raise PydanticCustomError("control_characters", "control characters are not allowed")
    return unicodedata.normalize("NFC", text)


def _impersonal(text: str) -> str:
    if looks_personal(text):
        raise PydanticCustomError("personal_data", "looks like personal data")
    return text


def _impersonal_code(code: str) -> str:
    if is_personal_code(code):
        raise PydanticCustomError("personal_data", "looks like personal data")
    return code


Note = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300, strip_whitespace=True),
    AfterValidator(_printable),
    AfterValidator(_impersonal),
]
"""A short text about the handling of a dossier, never about a person."""

StaffCode = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"),
    AfterValidator(_impersonal_code),
]
"""An officer's code within the office; never a name."""

UnitCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]

DossierCode = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, strip_whitespace=True),
    AfterValidator(_printable),
    AfterValidator(_impersonal_code),
]
"""The raw code that the one-stop software gave; real ones follow no common pattern."""

EventId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_printable),
    AfterValidator(_impersonal_code),
]

Source = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_printable),
    AfterValidator(_impersonal_code),
]
"""URI of the emitting system."""

PaymentId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}$"),
    AfterValidator(_impersonal_code),
]
