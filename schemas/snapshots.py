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


class UnitNow(_Snapshot):
    """Key ``<unit>|now``: what holds for the unit as a whole."""

    kind: Literal["now"] = "now"
    dossiers: int
    """Dossiers with at least one event."""
    open: int
    """Received and neither closed nor reopened since without a further closing."""
    months: tuple[str, ...]
    """Every month that has cells: a reader without one of them has not read enough yet."""
    last_recorded_at: str | None
    """RFC 3339: when the newest event of the unit was admitted."""


def month_key(unit: str, month: str) -> str:
    """Kafka key of a month's snapshot."""
    return f"{unit}|{month}"


def now_key(unit: str) -> str:
    """Kafka key of a unit's ``now`` snapshot."""
    return f"{unit}|now"
