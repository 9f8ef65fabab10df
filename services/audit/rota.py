"""Which units a cycle of the verification recounts. Pure: no clock, no database.

What the history says of a unit at one offset never changes, and neither does a snapshot. So what a
recount found stands for as long as the snapshot is the same object: a new record, even at the same
offset, is a new object. Besides, every unit is recounted again from time to time, so that nothing
rests on that argument alone. Cycles count settled dossiers; only when somebody asks are dossiers
judged anew from their events.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.certificates import Difference
from streams.live import UnitState


@dataclass(frozen=True, slots=True)
class Finding:
    """What a recount of a unit found."""

    state: UnitState
    """The snapshot that was compared."""
    at: datetime
    cells: int
    differences: tuple[Difference, ...]


class Rota:
    """The last finding of each unit, and who is next."""

    def __init__(self, all_within: timedelta) -> None:
        self._all_within = all_within
        self._findings: dict[str, Finding] = {}

    def next(self, states: Mapping[str, UnitState], now: datetime) -> list[str]:
        """The units to recount, whoever has waited for longest first.

        Those with a new snapshot, those that differed, and those whose time has come: each within
        ``all_within`` of its last recount, spread so that they do not come all at once.
        """
        return self._by_age(
            unit for unit, state in states.items() if self._is_due(unit, state, now)
        )

    def all(self, states: Mapping[str, UnitState]) -> list[str]:
        """Every unit, in the same order."""
        return self._by_age(states)

    def found(self, unit: str, finding: Finding) -> None:
        """Remember."""
        self._findings[unit] = finding

    def standing(self, states: Mapping[str, UnitState]) -> dict[str, Finding]:
        """The findings that hold for these very snapshots; those of other units are forgotten."""
        self._findings = {u: f for u, f in self._findings.items() if u in states}
        return {u: f for u, f in self._findings.items() if f.state is states[u]}

    def _is_due(self, unit: str, state: UnitState, now: datetime) -> bool:
        last = self._findings.get(unit)
        if last is None or last.state is not state or last.differences:
            return True
        # each unit has a period of its own between the half and the whole
        share = zlib.crc32(unit.encode()) / 2**32
        return now - last.at >= self._all_within * (1 + share) / 2

    def _by_age(self, units: Iterable[str]) -> list[str]:
        def age(unit: str) -> tuple[float, str]:
            last = self._findings.get(unit)
            return (last.at.timestamp() if last else 0.0, unit)

        return sorted(units, key=age)
