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
    type = "received"                # name of the event; its version is told by the fields
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
from importlib import resources
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.events import EVENTS
from schemas.registry import Unit
from schemas.text import UnitCode


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
        if self._fitting():
            return self
        versions = [_fields(model) for model in (*kind.older, kind.model)]
        given = set(self.data)
        # of the newest version that has these fields, or of today's
        required, possible = ([v for v in versions if given <= v[1]] or versions)[-1]
        if unknown := set(self.data) - possible:
            raise ValueError(f"{self.type} has no fields {sorted(unknown)}")
        raise ValueError(f"{self.type} needs the fields {sorted(required - set(self.data))}")

    @property
    def full_type(self) -> str:
        """The newest version of the event that has the fields of this rule.

        A mapping that was written for an earlier version goes on making the same events, so that
        importing a file again after an upgrade still changes nothing.
        """
        return self._fitting()[-1]

    def _fitting(self) -> list[str]:
        kind = next(k for k in EVENTS if k.name == self.type)
        versions = zip(kind.types, (*kind.older, kind.model), strict=True)
        given = set(self.data)
        return [
            full_type
            for full_type, (required, possible) in ((t, _fields(m)) for t, m in versions)
            if required <= given <= possible
        ]


def _fields(event: Any) -> tuple[set[str], set[str]]:
    """(required, possible) fields of an event's data."""
    data: Any = event.model_fields["data"].annotation
    return {n for n, f in data.model_fields.items() if f.is_required()}, set(data.model_fields)


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
