"""What stands in ``motcua.units``: absolute counters of a unit, never differences.

A reader keeps the last record of each key; a record read twice changes nothing. The ``now``
record of a unit is written after the months it speaks of, so whoever has read it knows that every
month of the unit is exact at its ``offset``.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.words import Measure

CellRow = tuple[Measure, str, str, str, str, int, int]
"""(measure, day YYYY-MM-DD, level, procedure, officer, facts, how many dossiers)."""


class _Snapshot(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    unit: str
    partition: int
    """Partition of ``motcua.events`` that holds all events of the unit."""
    offset: int
    """Everything of that partition below this offset is in here, nothing else."""


class UnitMonth(_Snapshot):
    """Key ``<unit>|<YYYY-MM>``: the unit's cells whose day lies in the month."""

    kind: Literal["month"] = "month"
    month: str = Field(pattern=r"^\d{4}-\d{2}$")
    cells: tuple[CellRow, ...]
    """Sorted; facts are the bits of ``streams.core.facts.FACTS``."""


class DueDossier(BaseModel):
    """An open dossier in a list of those that are due."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    dossier: str
    procedure: str
    officer: str
    """Who has it; empty when unknown."""
    step: str
    """Where it is; empty when unknown."""
    due_at: str
    """RFC 3339."""


class UnitNow(_Snapshot):
    """Key ``<unit>|now``: what holds for the unit as a whole.

    What is overdue, due soon or next depends on time as well: it holds for the moment of writing,
    and the record is written again when time alone has changed it.
    """

    kind: Literal["now"] = "now"
    dossiers: int
    """Dossiers with at least one event."""
    open: int
    """Received and neither closed nor reopened since without a further closing."""
    months: tuple[str, ...]
    """Every month that has cells: a reader without one of them has not read enough yet."""
    last_recorded_at: str | None
    """RFC 3339: when the newest event of the unit was admitted."""
    overdue: int = 0
    """Open dossiers whose due moment has passed while their clock ran."""
    due_soon: int | None = 0
    """Open ones that are not overdue and have at most two working days left; None: unknown, for
    the working calendar ends before."""
    waiting: int = 0
    """Open ones whose clock stands still: papers were asked for and have not come."""
    worst: tuple[DueDossier, ...] = ()
    """Those overdue for longest, the worst first."""
    next: tuple[DueDossier, ...] = ()
    """Those that will be due first."""


def month_key(unit: str, month: str) -> str:
    """Kafka key of a month's snapshot."""
    return f"{unit}|{month}"


def now_key(unit: str) -> str:
    """Kafka key of a unit's ``now`` snapshot."""
    return f"{unit}|now"
