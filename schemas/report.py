"""The decision's table with actuals, as JSON: what ``motcua report`` and ``motcua units`` print.

Both have the same shape, so that a script can compare history and live side by side.
"""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True, validate_by_name=True, serialize_by_alias=True)


class ReportRow(_Report):
    """One indicator of one unit, or of all units together."""

    indicator: str
    row: str
    """Row of the decision, e.g. ``IV.1``."""
    title: str
    unit: str | None
    """Code; null: all units that answer for the indicator, together."""
    unit_name: str | None
    unit_since: date | None = None
    """First day of the unit, for a code that was another unit's before; null: since ever."""
    level: str | None
    """Level that answers for the indicator; null: every level."""
    counts: Literal["dossiers", "procedures"]
    target: float
    """Percent."""
    a: int
    b: int
    rate: float | None
    """100·b/a rounded to two decimals, for reading only; null when a = 0."""
    met: bool | None
    """100·b >= target·a, decided in whole numbers; null when a = 0 («chưa phát sinh»)."""
    gap_points: float | None
    """Rate minus target in percentage points, rounded for reading."""
    still_needed: int | None
    """More of b that this a would need; 0 when met; null when a = 0 or for on-time rates."""
    late_allowed: int | None
    """On-time rates: more late dossiers that the target would bear (negative: too many already)."""
    due_unknown: int | None
    """On-time rates: dossiers of a without a known due moment; never in b."""
    points: float | None = None
    """Most points that the row gives; null: the book gives none."""
    score: float | None = None
    """Points reached, in proportion up to the target, rounded for reading; null when a = 0."""


class ScoreRow(_Report):
    """The points of one unit, or of all together, under a heading of the book or in all."""

    unit: str | None
    """Code; null: all units together."""
    unit_name: str | None
    unit_since: date | None = None
    heading: str | None
    """Row of the heading; null: all headings together."""
    title: str
    points: float
    """Most that the document gives under this heading."""
    in_scope: float
    """Most that the rows give which are computed here and have anything to judge (a > 0)."""
    score: float
    """Reached of ``in_scope``: summed up exactly, rounded for reading."""


class OutOfScopeRow(_Report):
    """A row of the document that is not computed here."""

    row: str
    title: str
    heading: str
    points: float | None
    reason: str


class StandingRow(_Report):
    """How a unit, or one of its officers, stands with an indicator at the end of a day."""

    indicator: str
    row: str
    """Row of the decision's appendix, e.g. ``I.1``."""
    short: str
    """A few words of the book for it."""
    unit: str
    unit_name: str
    """Of the code's holder at the period's end; the code where nobody knows it."""
    unit_since: date | None = None
    """First day of that holder, as in :class:`ReportRow`."""
    officer: str | None
    a: int
    b: int
    """Both of the period up to the day."""
    target: float
    """Percent, of the whole period."""
    roadmap: float | None
    """Percent that the roadmap's last step so far asks for; null: there is no roadmap."""
    gap_points: float | None
    """Rate minus target in percentage points, rounded for reading, as all that follows."""
    roadmap_gap_points: float | None
    light: Literal["met", "on_roadmap", "behind"] | None
    """Decided exactly; null when a = 0 («chưa phát sinh»)."""
    still_needed: int | None
    late_allowed: int | None
    expected: int
    """Dossiers expected to the period's end, from the last eight weeks."""
    forecast: float | None
    """Percent at the period's end, if what comes goes as in the last eight weeks."""
    needed_from_now: float | None
    """Percent of what is expected that the target needs; it may lie outside 0 … 100."""
    outlook: Literal["certain", "possible", "impossible"] | None
    """Decided exactly; ``impossible``: «không thể đạt nữa»; null: nothing can be said."""
    unpaid_procedures: tuple[str, ...]
    """Where procedures are counted: those without an online payment yet."""


class Standings(_Report):
    """Where units stand on the way to the targets of a year, at the end of a day."""

    book: str
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    on: date
    computed_at: datetime
    demo: bool
    """True: the data is invented."""
    rows: tuple[StandingRow, ...]
    """By unit, then in the book's order."""


class AnomalyRow(_Report):
    """How many dossiers of the book's population show something that cannot be right."""

    code: str
    title: str
    dossiers: int
    examples: tuple[str, ...] = ()
    """Some of the dossiers as ``unit/dossier``; only the history knows them."""


class CaseRow(_Report):
    """Dossiers of the period's population that stand in one way with an indicator.

    The population are those of the indicator's level. What is met and missed makes up a.
    """

    indicator: str
    kind: Literal["met", "missed", "left_out"]
    rule: str
    """Fact that decides; empty for ``met``."""
    title: str
    dossiers: int


class BalanceRow(_Report):
    """What lay there and came against what was settled and lies there, in dossiers."""

    unit: str | None
    """Code; null: all units together."""
    unit_name: str | None
    unit_since: date | None = None
    terms: dict[str, int | None]
    """By the names of ``streams.core.balance.TERMS``; null: this source cannot tell them apart."""
    left: int
    right: int
    difference: int
    """Left minus right; 0 unless a counter is wrong."""


class Report(_Report):
    """The table of a book for a period."""

    book: str
    book_version: int
    source: Literal["history", "live"]
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    unit: str | None
    """Only this unit; null: all."""
    officer: str | None = None
    """Only dossiers that this officer answers for; null: all."""
    lineage: Literal["old", "new"] = "old"
    """Figures under the units that recorded them, or under those that they have become."""
    computed_at: datetime
    judged_at: datetime | None = None
    """A book of receptions: the moment whose state counts, the period's last or an earlier one."""
    final: bool = False
    """True: what is known at ``known_at`` is all here, and this answer will never be another one.
    False: provisional («tạm tính»); such an answer is neither saved nor signed."""
    demo: bool
    """True: the data is invented."""
    dossiers: int
    """Dossiers with any event, whatever the period; of an officer: those received or closed."""
    resolved: int
    """Dossiers resolved in the period, of the units asked for."""
    overdue: int | None = None
    """Dossiers in process although their due moment has passed, at the period's last moment or the
    earliest that was asked about: they are in no denominator. Only the history tells."""
    cases: tuple[CaseRow, ...] = ()
    """Of all that is asked for, by indicator: what is counted, and what is left out by which rule.
    Only the history tells."""
    rows: tuple[ReportRow, ...]
    """First the rows of all units together, then each unit's; in the book's order."""
    scores: tuple[ScoreRow, ...] = ()
    """Where the book gives points: of all units together, then each unit; the total comes last."""
    out_of_scope: tuple[OutOfScopeRow, ...] = ()
    anomalies: tuple[AnomalyRow, ...]
    balance: tuple[BalanceRow, ...] = ()
    """First all units together, then each unit."""
