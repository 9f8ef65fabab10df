"""Cells as people in Việt Nam read them on paper, and back."""

import re
from datetime import date, datetime

from services.audit.documents.content import ZONE, Column, Kind, Value, canonical, shown_text

NOTHING = "–"
"""A figure that there is not."""

_DAY, _MOMENT = "%d/%m/%Y", "%d/%m/%Y %H:%M:%S"
_COUNT = re.compile(r"-?\d{1,3}(?:\.\d{3})*")
_DECIMAL = re.compile(r"-?\d{1,3}(?:\.\d{3})*,\d{2}")


def shown(value: Value, kind: Kind) -> str:
    """The text of a cell: ``1.234``, ``71,63``, ``10/02/2023 08:30:00``."""
    if value is None:
        return "" if kind == "text" else NOTHING
    match kind:
        case "count":
            return _dotted(f"{value:,}")
        case "decimal":
            return _dotted(f"{value:,.2f}")
        case "day":
            assert isinstance(value, date)
            return f"{value:{_DAY}}"
        case "moment":
            assert isinstance(value, datetime)
            local = value.astimezone(ZONE)
            thousandths = local.microsecond // 1000
            return f"{local:{_MOMENT}}" + (f",{thousandths:03d}" if thousandths else "")
        case "text":
            return shown_text(str(value))


def read_back(text: str, column: Column) -> str:
    """The canonical text of a shown cell; one that cannot have been written is kept as it is."""
    text = shown_text(text)
    if column.kind == "text":
        return text
    if text == NOTHING:
        return ""
    match column.kind:
        case "count" if _COUNT.fullmatch(text):
            return text.replace(".", "")
        case "decimal" if _DECIMAL.fullmatch(text):
            return text.replace(".", "").replace(",", ".")
        case "day":
            return _read_day(text)
        case "moment":
            return _read_moment(text)
    return text


def _read_day(text: str) -> str:
    try:
        return canonical(datetime.strptime(text, _DAY).replace(tzinfo=ZONE).date(), "day")
    except ValueError:
        return text


def _read_moment(text: str) -> str:
    moment, _, thousandths = text.partition(",")
    try:
        read = datetime.strptime(moment, _MOMENT).replace(tzinfo=ZONE)
        return canonical(read.replace(microsecond=int(thousandths or 0) * 1000), "moment")
    except ValueError:
        return text


def _dotted(text: str) -> str:
    return text.translate(str.maketrans(",.", ".,"))
