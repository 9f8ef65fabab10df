"""Live == history: every unit's counters recounted from the record at the unit's own offset."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from clickhouse_connect.driver.client import Client

from schemas.certificates import Difference, State
from schemas.snapshots import CellRow, UnitNow
from services.audit.questions import Recount, counted_in, positions, recount, unseen
from services.audit.rota import Finding, Rota
from services.audit.settled import Extent, Settled
from streams.core.cells import Cell, month_of, rows
from streams.core.days import day_number, to_date
from streams.live import LiveSource, UnitState

WAIT_S = 10.0
"""How long the history may take to read as far as the live side has."""
_LOOK_EVERY_S = 0.1
_DOSSIERS_A_QUERY = 40_000
"""Bounds a query's memory, and how long it keeps a core: about three seconds, one of them for
ClickHouse to make its plan."""
_SETTINGS: Mapping[str, Any] = {"max_threads": 1}
"""The other cores are for those who wait for an answer."""
MOST_DIFFERENCES = 50
"""Told one by one; the others are only counted."""
_MOST_EXPLAINED = 3
"""Units whose dossiers are named: a question for each of them."""
_MOST_DOSSIERS = 20


@dataclass(frozen=True, slots=True)
class Compared:
    """How things stand after a cycle."""

    at: datetime
    """When the live counters were taken."""
    states: Mapping[str, UnitState]
    """Every unit that live or history have dossiers of."""
    findings: Mapping[str, Finding]
    """Of the units that are compared."""
    recounted: int
    left_over: int
    """Units whose turn it was, and that the budget did not reach."""
    behind: int
    """Records that live has counted and the history had not read in time."""

    @property
    def differing(self) -> int:
        """Units that differ."""
        return sum(1 for finding in self.findings.values() if finding.differences)

    @property
    def state(self) -> State:
        """See :class:`Certificate`: «nothing differs» is not yet «everything is equal»."""
        if self.differing:
            return "differs"
        return "equal" if len(self.findings) == len(self.states) else "waiting"


@dataclass(frozen=True, slots=True)
class Patience:
    """What a cycle may take."""

    wait_s: float = WAIT_S
    budget_s: float = float("inf")
    """No further query is begun when it would last beyond."""
    going_on: Callable[[], bool] = lambda: True
    """False: end soon."""


def compare(
    client: Client,
    settled: Settled,
    live: LiveSource,
    rota: Rota,
    clock: Callable[[], datetime],
    *,
    anew: bool = False,
    patience: Patience = Patience(),
    sleep: Callable[[float], None] = time.sleep,
) -> Compared:
    """One cycle: the units whose turn it is, or ``anew`` all of them, recounted and compared.

    ``anew`` every dossier is judged by its events again; otherwise those that got one.

    Each unit is compared at the offset of its own snapshot: what comes meanwhile is above it. Units
    that the history has not read far enough for, within the patience, are not compared.
    """
    began = time.monotonic()
    states, at = _states(client, live), clock()
    read_to = _wait_for(client, states, patience, sleep)
    turn = rota.all(states) if anew else rota.next(states, at)
    turn = [u for u in turn if states[u].now.offset <= read_to.get(states[u].now.partition, 0)]
    recounted = 0
    explained: set[str] = set()
    for batch in _batches(turn, states):
        batch_began = time.monotonic()
        if not patience.going_on():
            break
        asked = Extent({u: states[u].now.offset for u in batch})
        recounts = recount(client, settled, asked, _SETTINGS, anew=anew)
        for unit in batch:
            cells, differences = _held_against(states[unit], recounts[unit])
            if differences and len(explained) < _MOST_EXPLAINED:
                explained.add(unit)
                differences = _with_dossiers(client, settled, states[unit], differences)
            rota.found(unit, Finding(states[unit], at, cells, tuple(differences)))
        recounted += len(batch)
        now = time.monotonic()
        if now - began + (now - batch_began) > patience.budget_s:
            break
    left_over, behind = len(turn) - recounted, _behind(states, read_to)
    return Compared(at, states, rota.standing(states), recounted, left_over, behind)


def _states(client: Client, live: LiveSource) -> dict[str, UnitState]:
    """The live counters; for a unit that should be among them and is not: none."""
    counted_to = live.counted_to()
    states = dict(live.units())
    for unit, (partition, offset) in unseen(client, states, _SETTINGS).items():
        # a unit of which live has counted no event yet is on its way
        if offset < counted_to.get(partition, 0):
            states[unit] = _nothing(unit, partition, counted_to[partition])
    return states


def _nothing(unit: str, partition: int, offset: int) -> UnitState:
    now = UnitNow(
        unit=unit,
        partition=partition,
        offset=offset,
        dossiers=0,
        open=0,
        months=(),
        last_recorded_at=None,
    )
    return UnitState(now, MappingProxyType({}))


def _wait_for(
    client: Client,
    states: Mapping[str, UnitState],
    patience: Patience,
    sleep: Callable[[float], None],
) -> dict[int, int]:
    read_to = positions(client, _SETTINGS)
    for _ in range(int(patience.wait_s / _LOOK_EVERY_S)):
        if not _behind(states, read_to) or not patience.going_on():
            break
        sleep(_LOOK_EVERY_S)
        read_to = positions(client, _SETTINGS)
    return read_to


def _behind(states: Mapping[str, UnitState], read_to: Mapping[int, int]) -> int:
    needed: dict[int, int] = {}
    for state in states.values():
        partition = state.now.partition
        needed[partition] = max(needed.get(partition, 0), state.now.offset)
    return sum(max(0, offset - read_to.get(p, 0)) for p, offset in needed.items())


def _batches(turn: Sequence[str], states: Mapping[str, UnitState]) -> Iterator[list[str]]:
    batch: list[str] = []
    dossiers = 0
    for unit in turn:
        if batch and dossiers + states[unit].now.dossiers > _DOSSIERS_A_QUERY:
            yield batch
            batch, dossiers = [], 0
        batch.append(unit)
        dossiers += states[unit].now.dossiers
    if batch:
        yield batch


def _held_against(state: UnitState, history: Recount) -> tuple[int, list[Difference]]:
    """(cells compared, what differs)."""
    unit, counted = state.now.unit, state.cells()
    found = [
        Difference(unit=unit, month=None, cell=name, live=ours, history=theirs)
        for name, ours, theirs in (
            ("dossiers", state.now.dossiers, history.dossiers),
            ("open", state.now.open, history.open),
        )
        if ours != theirs
    ]
    if counted != Counter(history.cells):
        for cell in sorted(counted.keys() | history.cells.keys()):
            ours, theirs = counted.get(cell, 0), history.cells.get(cell, 0)
            if ours != theirs:
                (row,) = rows({cell: theirs})
                month = month_of(cell.day)
                found.append(
                    Difference(unit=unit, month=month, cell=row, live=ours, history=theirs)
                )
    return len(counted.keys() | history.cells.keys()), found


def _with_dossiers(
    client: Client, settled: Settled, state: UnitState, differences: Sequence[Difference]
) -> list[Difference]:
    """The same, the first of them with the dossiers that are behind the figure."""
    told, others = differences[:MOST_DIFFERENCES], differences[MOST_DIFFERENCES:]
    cells = [None if isinstance(d.cell, str) else _cell(d.cell) for d in told]
    wanted = sorted({(cell.measure, to_date(cell.day)) for cell in cells if cell})
    counted = counted_in(client, settled, state.now.unit, state.now.offset, wanted, _SETTINGS)

    def dossiers(cell: Cell | None) -> tuple[str, ...]:
        on_day = counted[cell.measure, to_date(cell.day)] if cell else {}
        there = [dossier for dossier, its in on_day.items() if its == cell]
        return tuple((there or list(on_day))[:_MOST_DOSSIERS])

    named = [
        difference.model_copy(update={"dossiers": dossiers(cell)})
        for difference, cell in zip(told, cells, strict=True)
    ]
    return [*named, *others]


def _cell(row: CellRow) -> Cell:
    measure, day, level, procedure, officer, bits, _ = row
    return Cell(measure, day_number(date.fromisoformat(day)), level, procedure, officer, bits)
