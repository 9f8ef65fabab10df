"""Mappings: how the rows of a file become events, as a data file.

A mapping is TOML; ``mappings/receipt.toml`` is a complete one. Its parts::

    name = "receipt"                 # goes into the events' ids: <name>:<dossier>:<event>
    title = "…"                      # for people
    source = "urn:…"                 # the events' source
    zone = "Asia/Ho_Chi_Minh"        # of times that name none (this is the default)

    [input]                          # all optional
    delimiter = ","                  # of CSV
    encoding = "utf-8-sig"
    sheet = "Sheet1"                 # of XLSX; default: the first
    moment_format = "%Y%m%d%H%M%S"   # of times; default: ISO 8601

    [dossier]
    code = "column"                  # the dossier's code
    unit = VALUE                     # the receiving unit's code

    [[unit]]                         # the units, as in the registry: code, name, level
    [[event]]                        # an event for each dossier, in the order of the file
    type = "received"                # last word of the type
    time = VALUE                     # when it happened
    [event.data]
    field = VALUE                    # a field of the event's data

A VALUE is one of::

    { column = "…" }                             # the cell's text
    { column = "…", values = { "A" = "a" } }     # looked up; a text that is not there is an error
    { column = "…", moment = true }              # a time (``time`` itself always is one)
    { column = "…", number = true }              # a whole number
    { column = "…", yes = ["1"], no = ["0"] }    # true or false
    { column = "…", optional = true }            # an empty cell: no field; for ``time``: no event
    { constant = …, reason = "why the file cannot say" }

Rows that repeat a dossier say the same of it: its events are made from the first row that can be
used, and a row that says something else is reported, never guessed about.
"""

import tomllib
import zlib
from collections.abc import Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.admitted import rfc3339_ms
from schemas.events import EVENTS, to_millisecond
from schemas.registry import Unit
from schemas.text import UnitCode

Cell = str | int | float | bool | datetime | None
"""What a row has in a column; of a CSV always text."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"no such time zone: {name}") from error
    return name


class Value(_Data):
    """Where a value comes from."""

    column: str | None = None
    values: dict[str, str] | None = None
    moment: bool = False
    number: bool = False
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    optional: bool = False
    constant: str | int | bool | None = None
    reason: str = ""
    """Why a constant is right although the file does not say it."""

    @model_validator(mode="after")
    def _one_source(self) -> "Value":
        if (self.column is None) == (self.constant is None):
            raise ValueError("give a column or a constant")
        if self.constant is not None and not self.reason:
            raise ValueError("a constant needs its reason")
        return self


class EventRule(_Data):
    """How an event of a dossier is made."""

    type: str
    time: Value
    data: dict[str, Value] = {}

    @model_validator(mode="after")
    def _known(self) -> "EventRule":
        kind = next((k for k in EVENTS if k.name == self.type), None)
        if kind is None:
            raise ValueError(f"no event {self.type!r}; there are: {[k.name for k in EVENTS]}")
        model: Any = kind.model.model_fields["data"].annotation
        if unknown := set(self.data) - set(model.model_fields):
            raise ValueError(f"{self.type} has no fields {sorted(unknown)}")
        required = {n for n, f in model.model_fields.items() if f.is_required()}
        if missing := required - set(self.data):
            raise ValueError(f"{self.type} needs the fields {sorted(missing)}")
        return self

    @property
    def full_type(self) -> str:
        return f"motcua.dossier.{self.type}.v1"


class Input(_Data):
    """How the file is written."""

    delimiter: str = ","
    encoding: str = "utf-8-sig"
    sheet: str | None = None
    moment_format: str | None = None


class DossierRule(_Data):
    """Columns that say which dossier a row is about."""

    code: str
    unit: Value


class Mapping(_Data):
    """A whole mapping; see the module's docstring."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    title: str
    source: str
    zone: Annotated[str, AfterValidator(_is_zone)] = "Asia/Ho_Chi_Minh"
    input: Input = Input()
    dossier: DossierRule
    units: tuple[Unit, ...] = Field(alias="unit", min_length=1)
    events: tuple[EventRule, ...] = Field(alias="event", min_length=1)

    @property
    def unit_codes(self) -> tuple[UnitCode, ...]:
        """The units that events of this mapping can be for."""
        return tuple(dict.fromkeys(unit.code for unit in self.units))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the mapping reads, sorted."""
        values = [self.dossier.unit]
        for event in self.events:
            values += [event.time, *event.data.values()]
        return tuple(sorted({self.dossier.code, *(v.column for v in values if v.column)}))


class UnknownMapping(LookupError):
    """There is no mapping with this name, neither shipped nor as a file."""


def shipped_mappings() -> tuple[str, ...]:
    """Names of the mappings that come with the product."""
    folder = resources.files("services.emitter") / "mappings"
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def mapping_text(name_or_file: str) -> str:
    """The text of a shipped mapping or of a file. Raises :class:`UnknownMapping`."""
    if name_or_file in shipped_mappings():
        shipped = resources.files("services.emitter") / "mappings" / f"{name_or_file}.toml"
        return shipped.read_text(encoding="utf-8")
    try:
        return Path(name_or_file).read_text(encoding="utf-8")
    except OSError:
        raise UnknownMapping(name_or_file) from None


def parse_mapping(text: str) -> Mapping:
    """The mapping. Raises ``ValueError`` saying what is wrong with it."""
    return Mapping.model_validate(tomllib.loads(text))


# -- rows to events


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
