"""Makes events of rows, as a mapping says; what cannot be made is said with row and column."""

import zlib
from collections.abc import Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from schemas.admitted import rfc3339_ms
from schemas.events import to_millisecond
from services.emitter.mapping import EventRule, Mapping, Value

Cell = str | int | float | bool | datetime | None
"""What a row has in a column; of a CSV always text."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a file: the header is 1, so that a spreadsheet shows the same number."""

    number: int
    cells: Table[str, Cell]


@dataclass(frozen=True, slots=True)
class Unusable:
    """Something in the file that no event could be made of, or that the gateway refused."""

    row: int
    column: str
    rule: str
    reason: str
    """Vietnamese and English."""
    value: str


@dataclass(frozen=True, slots=True)
class Made:
    """An event, and where it came from."""

    row: Row
    rule: EventRule
    event: dict[str, Any]


class Maker:
    """Makes events of rows; remembers the dossiers that it has made events for."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._zone = ZoneInfo(mapping.zone)
        self._columns = mapping.columns
        self._seen: dict[str, tuple[int, tuple[int, ...]]] = {}

    @property
    def dossiers(self) -> int:
        """How many dossiers gave events."""
        return len(self._seen)

    def make(self, row: Row) -> Iterator[Made | Unusable]:
        """The events of the row's dossier when it is new, nothing when it says the same again."""
        code = _text(row.cells.get(self._mapping.dossier.code))
        try:
            if not code:
                raise _Wrong(self._mapping.dossier.code, *_EMPTY)
            said = tuple(zlib.crc32(_text(row.cells.get(c)).encode()) for c in self._columns)
            if code in self._seen:
                self._compare(said, *self._seen[code])
                return
            made = [e for rule in self._mapping.events if (e := self._event(rule, code, row))]
        except _Wrong as wrong:
            value = _text(row.cells.get(wrong.column))
            yield Unusable(row.number, wrong.column, wrong.rule, wrong.reason, value)
            return
        self._seen[code] = row.number, said
        yield from made

    def _compare(self, said: tuple[int, ...], number: int, first: tuple[int, ...]) -> None:
        for column, now, then in zip(self._columns, said, first, strict=True):
            if now != then:
                raise _Wrong(
                    column,
                    "differs",
                    f"khác với dòng {number} của cùng hồ sơ; dòng {number} được dùng"
                    f" / differs from row {number} of the same dossier, which is used",
                )

    def _event(self, rule: EventRule, code: str, row: Row) -> Made | None:
        time = self._moment(rule.time, row)
        if time is None:
            return None
        data = {name: self._value(value, row) for name, value in rule.data.items()}
        event = {
            "specversion": "1.0",
            "id": f"{self._mapping.name}:{code}:{rule.type}",
            "source": self._mapping.source,
            "type": rule.full_type,
            "subject": code,
            "time": time,
            "unit": self._value(self._mapping.dossier.unit, row),
            "data": {name: value for name, value in data.items() if value is not None},
        }
        return Made(row, rule, event)

    def _value(self, value: Value, row: Row) -> str | int | bool | None:
        if value.column is None:
            return value.constant
        text = self._cell(value.column, value.optional, row)
        if text == "":
            return None
        if value.moment:
            return self._moment(value, row)
        if value.values is not None:
            return self._looked_up(value.column, value.values, text)
        if value.number:
            if not text.lstrip("-").isdigit():
                raise _Wrong(value.column, *_NO_NUMBER)
            return int(text)
        if value.yes or value.no:
            table = {**dict.fromkeys(value.yes, "yes"), **dict.fromkeys(value.no, "no")}
            return self._looked_up(value.column, table, text) == "yes"
        return text

    def _looked_up(self, column: str, values: Table[str, str], text: str) -> str:
        if text not in values:
            known = ", ".join(values)
            raise _Wrong(
                column,
                "value_unknown",
                f"giá trị không có trong bảng của mapping ({known})"
                f" / not in the mapping's table ({known})",
            )
        return values[text]

    def _moment(self, value: Value, row: Row) -> str | None:
        if value.column is None:
            return str(value.constant)
        cell = row.cells.get(value.column)
        text = self._cell(value.column, value.optional, row)
        if text == "":
            return None
        form = self._mapping.input.moment_format
        try:
            if isinstance(cell, datetime):
                moment = cell
            elif form:
                moment = datetime.strptime(text, form)  # noqa: DTZ007 - the zone follows
            else:
                moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=self._zone)
            return rfc3339_ms(to_millisecond(moment))
        except ValueError:
            raise _Wrong(value.column, *_NO_MOMENT) from None

    def _cell(self, column: str, optional: bool, row: Row) -> str:
        if column not in row.cells:
            raise _Wrong(column, *_NO_COLUMN)
        text = _text(row.cells[column])
        if text == "" and not optional:
            raise _Wrong(column, *_EMPTY)
        return text


class _Wrong(Exception):
    """A row cannot be used; within this module only."""

    def __init__(self, column: str, rule: str, reason: str) -> None:
        self.column, self.rule, self.reason = column, rule, reason


_EMPTY = ("missing", "ô trống nhưng bắt buộc / empty, but required")
_NO_COLUMN = ("column_missing", "tệp không có cột này / the file has no such column")
_NO_NUMBER = ("whole_number_expected", "không phải số nguyên / not a whole number")
_NO_MOMENT = (
    "moment_expected",
    "không phải thời điểm (ví dụ 2023-02-10 08:30:00+07:00)"
    " / not a moment (such as 2023-02-10 08:30:00+07:00)",
)


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case float() if cell.is_integer():
            return str(int(cell))  # spreadsheets have no whole numbers
        case datetime():
            return cell.isoformat()
        case _:
            return str(cell).strip()
