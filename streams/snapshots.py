"""What of the counters is published when, and as which records of ``motcua.units``."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.admitted import rfc3339_ms
from schemas.snapshots import DueDossier, UnitMonth, UnitNow, month_key, now_key
from streams.core.cells import UnitCounters, rows
from streams.core.days import moment
from streams.core.deadlines import Deadlines
from streams.core.facts import Facts

UnitKey = tuple[int, str]
"""(partition, unit code)."""


def unit_records(
    unit: str,
    counters: UnitCounters,
    months: Iterable[str],
    partition: int,
    offset: int,
    due: Deadlines,
) -> list[tuple[str, bytes]]:
    """(key, value) of these months, empty ones too, and then of the unit as a whole.

    ``due`` is how the unit's open dossiers stand at the moment of writing.
    """
    found = []
    for month in sorted(months):
        snapshot = UnitMonth(
            unit=unit,
            partition=partition,
            offset=offset,
            month=month,
            cells=tuple(rows(counters.months.get(month, {}))),
        )
        found.append((month_key(unit, month), snapshot.model_dump_json().encode()))
    recorded = counters.last_recorded
    now = UnitNow(
        unit=unit,
        partition=partition,
        offset=offset,
        dossiers=counters.dossiers,
        open=counters.open,
        months=tuple(sorted(month for month, cells in counters.months.items() if cells)),
        last_recorded_at=rfc3339_ms(moment(recorded)) if recorded else None,
        overdue=due.overdue,
        due_soon=due.due_soon,
        waiting=due.waiting,
        worst=tuple(_due_dossier(code, one) for code, one in due.worst),
        next=tuple(_due_dossier(code, one) for code, one in due.next),
    )
    return [*found, (now_key(unit), now.model_dump_json().encode())]


def _due_dossier(code: str, one: Facts) -> DueDossier:
    assert one.due_at is not None, "only dossiers with a due moment are listed"
    return DueDossier(
        dossier=code,
        procedure=one.procedure,
        officer=one.officer,
        step=one.step,
        due_at=rfc3339_ms(moment(one.due_at)),
    )


@dataclass(slots=True)
class _Dirty:
    since: int
    """Position of the partition before the first change that is not published."""
    months: set[str] = field(default_factory=set)


class Schedule:
    """Which changed unit is to be published next, and when. No clock: moments come in, seconds.

    A unit's first change is due at once, further ones ``every_s`` after its last publication, or
    later where that took long: a unit never takes more than ``SHARE_OF_A_UNIT`` of the time.
    While the worker is catching up, publishing takes at most ``SHARE`` of the time: big months
    published ten times a second would cost more than all the folding.
    """

    SHARE = 0.05
    SHARE_OF_A_UNIT = 0.1
    BURST_S = 0.02
    """Time that publishing may take at once while catching up."""
    CATCHING_UP_S = 0.05
    """So long after the last big run nothing is left to catch up with."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._dirty: dict[UnitKey, _Dirty] = {}
        self._published_at: dict[UnitKey, float] = {}
        """Later than it was where it took long."""
        self._taken: UnitKey | None = None
        self._busy_until = float("-inf")
        self._credit_s = self.BURST_S
        self._credit_at = float("-inf")

    def change(self, unit: UnitKey, months: Iterable[str], since: int) -> None:
        """The unit changed in these months, perhaps none; ``since``: the position before it."""
        dirty = self._dirty.get(unit)
        if dirty is None:
            dirty = self._dirty[unit] = _Dirty(since)
        dirty.months.update(months)

    def catching_up(self, now: float) -> None:
        """A big run has just been folded: there is more to fold."""
        self._busy_until = now + self.CATCHING_UP_S

    def due_at(self) -> float | None:
        """When :meth:`take` will next give something; None while nothing is changed."""
        if not self._dirty:
            return None
        never = float("-inf")
        first = min(self._published_at.get(unit, never) for unit in self._dirty) + self._every_s
        if self._credit_s > 0:
            return first
        credit_back_at = self._credit_at - self._credit_s / self.SHARE
        return max(first, min(credit_back_at, self._busy_until))

    def take(self, now: float) -> tuple[UnitKey, set[str]] | None:
        """A unit that is due, with its changed months; it counts as published from now on."""
        self._credit_s = min(
            self.BURST_S, self._credit_s + self.SHARE * max(0.0, now - self._credit_at)
        )
        self._credit_at = now
        if now < self._busy_until and self._credit_s <= 0:
            return None
        for unit in self._dirty:
            if self._published_at.get(unit, float("-inf")) + self._every_s <= now:
                self._published_at[unit] = now
                self._taken = unit
                return unit, self._dirty.pop(unit).months
        return None

    def spent(self, seconds: float) -> None:
        """What :meth:`take` gave took so long to publish."""
        if self._taken in self._published_at:
            pause = seconds / self.SHARE_OF_A_UNIT
            self._published_at[self._taken] += max(0.0, pause - self._every_s)
        if self._credit_at < self._busy_until:
            self._credit_s -= seconds

    def since(self, partition: int) -> int | None:
        """Position before the oldest unpublished change of the partition; None: all published."""
        positions = [dirty.since for (p, _), dirty in self._dirty.items() if p == partition]
        return min(positions, default=None)

    def all_due(self) -> None:
        """Nothing is to wait any more: the worker is about to stop."""
        self._published_at.clear()
        self._busy_until = float("-inf")

    def drop(self, partition: int) -> None:
        """Forget a partition."""
        for kept in (self._dirty, self._published_at):
            for unit in [unit for unit in kept if unit[0] == partition]:
                del kept[unit]
