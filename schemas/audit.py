"""What the audit answers besides the table: lists, changes, comparisons, trends, findings."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.report import StandingRow


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, validate_by_name=True, serialize_by_alias=True)


class _AtClocks(_Answer):
    as_of: datetime | None
    """As it was then; null: as it is."""
    known_at: datetime | None
    """As it was known then; null: now."""
    final: bool
    """True: this answer will never be another one. False: provisional («tạm tính»)."""


class DossierRow(_Answer):
    """A dossier in a list."""

    unit: str
    unit_name: str
    dossier: str
    level: str
    procedure: str
    procedure_title: str
    officer: str
    step: str
    received_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    waiting_since: datetime | None
    facts: tuple[str, ...]
    """Names of those that hold."""


class DossierPage(_AtClocks):
    """Some dossiers in the order of unit and code."""

    dossiers: tuple[DossierRow, ...]
    after: str | None
    """Asks for the next page; null: this is the last one."""


class ProcedureRow(_Answer):
    """A procedure that an indicator is about."""

    level: str
    procedure: str
    title: str
    met: bool
    dossiers: int
    """Of the period."""
    paid: int
    """By which the procedure counts as met."""


class ProcedureList(_AtClocks):
    """Every procedure that an indicator of procedures is about: those of the catalogue."""

    indicator: str
    procedures: tuple[ProcedureRow, ...]


class ChangeReason(_Answer):
    """Dossiers that went the same way for the same reason."""

    reason: str
    """Kind of the event that explains most; ``corrected:…``: a correction, and of what; empty: no
    event, in a book that judges at the moment of knowledge time passes."""
    title: str
    before: Literal["outside", "missed", "met"]
    after: Literal["outside", "missed", "met"]
    dossiers: int
    delta_a: int
    delta_b: int
    first_recorded_at: datetime | None
    last_recorded_at: datetime | None
    units: int
    examples: tuple[str, ...]
    """Some of them as ``unit/dossier``."""


class ProcedureChange(_Answer):
    """A procedure that counts as met at one moment and not at the other."""

    level: str
    procedure: str
    title: str
    gained: bool


class ChangeRow(_Answer):
    """An indicator at two moments of knowledge; reasons add up exactly to the difference."""

    indicator: str
    row: str
    short: str
    counts: Literal["dossiers", "procedures"]
    a_before: int
    b_before: int
    a_after: int
    b_after: int
    reasons: tuple[ChangeReason, ...]
    procedures: tuple[ProcedureChange, ...] = ()
    """Where procedures are counted."""


class Changes(_Answer):
    """What is known differently at two moments, and why."""

    book: str
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    unit: str | None
    officer: str | None
    known_before: datetime
    known_after: datetime
    final: bool
    """Both answers are."""
    rows: tuple[ChangeRow, ...]


class RecordedEvent(_Answer):
    """An event as the record has it."""

    kind: str
    title: str
    replaced_by: str | None
    """Of a correction: the kind of what it puts in place; null: it makes void, or is none."""
    occurred_at: datetime
    recorded_at: datetime
    emitter: str
    source: str
    id: str
    partition: int
    offset: int


class ChangedDossier(_Answer):
    """A dossier whose contribution differs, and what was recorded of it in between."""

    unit: str
    unit_name: str
    dossier: str
    before: Literal["outside", "missed", "met"]
    after: Literal["outside", "missed", "met"]
    reason: str
    events: tuple[RecordedEvent, ...]


class ChangedDossiers(_Answer):
    """Some of them, in the order of unit and code."""

    dossiers: tuple[ChangedDossier, ...]
    after: str | None
    """Asks for the next page; null: this is the last one."""


class ComparedRow(_Answer):
    """An indicator in two tables; differences are the second less the first."""

    indicator: str
    row: str
    short: str
    a: tuple[int, int]
    b: tuple[int, int]
    rate: tuple[float | None, float | None]
    met: tuple[bool | None, bool | None]
    target: tuple[float, float]
    difference_points: float | None
    """Of the exact rates, rounded for reading."""


class Compared(_Answer):
    """Two tables side by side: of two periods, or of two units."""

    book: str
    first: dict[str, Any]
    """What the first table is of: unit, from, to, final."""
    second: dict[str, Any]
    rows: tuple[ComparedRow, ...]


class Outlook(_AtClocks):
    """On the way to the year's targets: light, roadmap, forecast, what is still needed."""

    book: str
    on: date
    rows: tuple[StandingRow, ...]
    """Of the unit; without one, of all together (its code is empty)."""


class RoadmapStep(_Answer):
    """The year from its beginning to the end of a month."""

    indicator: str
    month: str
    last: date
    a: int
    b: int
    rate: float | None
    roadmap: float | None
    """Percent that the roadmap asks for by that day; null: it has no step there."""
    reached: bool | None
    """Decided exactly; null without a step, or when a = 0."""
    ends_quarter: bool


class Roadmap(_AtClocks):
    """Month by month, cumulated, up to the day asked."""

    book: str
    year: int
    steps: tuple[RoadmapStep, ...]


class TrendPoint(_Answer):
    """A week or month of an indicator."""

    indicator: str
    begins: date
    a: int
    b: int
    rate: float | None
    cumulated: float | None
    """Rate from the period's beginning to the end of this week."""


class Trend(_AtClocks):
    """The period week by week."""

    book: str
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    points: tuple[TrendPoint, ...]


class DurationRow(_Answer):
    """Resolved dossiers that took so many whole working days."""

    working_days: int
    on_time: int
    late: int
    due_unknown: int


class Durations(_AtClocks):
    """How long resolved dossiers took, in working days from their reception, pauses included."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    procedure: str | None
    most: int
    """Working days of the last row: so many, or more."""
    rows: tuple[DurationRow, ...]
    allowed: int | None
    """Working days that the middle one of them had until its due moment."""


class Check(_Answer):
    """Something that an auditor looks for."""

    code: str
    title: str
    title_en: str
    definition: str
    definition_en: str
    basis: str
    """Legal basis."""
    thresholds: dict[str, int | str]
    columns: tuple[str, ...]
    """Names of the columns of its list, as screens show them."""


class Finding(_Answer):
    """A line of a check's list."""

    unit: str
    unit_name: str
    dossier: str | None
    values: tuple[str | int | float | datetime | None, ...]
    """In the order of the check's columns."""


class Findings(_AtClocks):
    """What a check found in the period."""

    check: Check
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    findings: tuple[Finding, ...]
    after: str | None
    """Asks for the next page; null: this is the last one."""


class Checks(_AtClocks):
    """Every check with the number of its findings."""

    checks: tuple[Check, ...]
    found: dict[str, int | None]
    """By code; null: more than ``most``."""
    most: int
