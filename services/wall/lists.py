"""The dossiers that a wall lists by name: overdue for longest, and due next."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from schemas.registry import Registry, Unit
from schemas.snapshots import DueDossier, UnitNow
from services.wall.hours import OfficeHours

LISTED = 12
"""Dossiers of each sort: two pages of six."""
MOST_OVERDUE = 2
"""Units named in the footer: what fits beside the freshness."""
_TAIL = 4
"""Characters of a code that tell those who work on it which one it is, and nobody else."""


@dataclass(frozen=True, slots=True)
class DueView:
    """One open dossier."""

    code: str
    """The end of its code."""
    procedure: str
    unit: str
    step: str
    due_at: str
    due_worked: int | None
    """Working minutes from the calendar's beginning to the due moment; None: unknown."""


def due_lists(
    nows: Iterable[UnitNow],
    registry: Registry,
    hours: OfficeHours,
    today: date,
    officer: str | None = None,
) -> tuple[tuple[DueView, ...], tuple[DueView, ...]]:
    """(overdue, due next) over these units, the most urgent first; of an officer those that are
    among their unit's most urgent ones.
    """
    late = [(one, now.unit) for now in nows for one in now.worst]
    soon = [(one, now.unit) for now in nows for one in now.next]

    def shown(found: list[tuple[DueDossier, str]]) -> tuple[DueView, ...]:
        own = [pair for pair in found if officer in (None, pair[0].officer)]
        # RFC 3339 in UTC with milliseconds: text order is time order
        own.sort(key=lambda pair: (pair[0].due_at, pair[1], pair[0].dossier))
        return tuple(_due(one, unit, registry, hours, today) for one, unit in own[:LISTED])

    return shown(late), shown(soon)


def most_overdue(
    nows: Iterable[UnitNow], registry: Registry, today: date
) -> tuple[tuple[str, int], ...]:
    """(name, dossiers) of the units with the most overdue ones."""
    late = sorted((one for one in nows if one.overdue), key=lambda one: (-one.overdue, one.unit))
    return tuple(
        (unit_of(registry, one.unit, today).name, one.overdue) for one in late[:MOST_OVERDUE]
    )


def unit_of(registry: Registry, code: str, on: date) -> Unit:
    """The unit of the day, else the one that had the code last, else one that says its code."""
    found = registry.unit(code, on) or registry.latest_unit(code)
    return found or Unit(code=code, name=code, level="")


def _due(
    one: DueDossier, unit: str, registry: Registry, hours: OfficeHours, today: date
) -> DueView:
    return DueView(
        code=one.dossier[-_TAIL:],
        procedure=registry.title(one.procedure),
        unit=unit_of(registry, unit, today).name,
        step=one.step,
        due_at=one.due_at,
        due_worked=hours.worked_minutes(datetime.fromisoformat(one.due_at)),
    )
