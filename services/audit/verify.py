"""Live == history: every unit's counters recounted from the record at the unit's own offset."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime

from clickhouse_connect.driver.client import Client
from pydantic import BaseModel, ConfigDict

from schemas.snapshots import CellRow
from services.audit.questions import Recount, counted_in, positions, recount
from services.audit.settled import Extent, Settled
from streams.core.cells import Cell, month_of, rows
from streams.core.days import day_number
from streams.live import LiveSource, UnitState

WAIT_S = 10.0
"""How long the history may take to read as far as the live side has."""
_LOOK_EVERY_S = 0.1
_MOST_DIFFERENCES = 100
_MOST_DOSSIERS = 20


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Difference(_Answer):
    """One figure on which live and history do not agree."""

    unit: str
    month: str | None
    """Null: a figure of the unit as a whole."""
    cell: CellRow | str
    """The cell (its count is the history's), or ``dossiers`` or ``open``."""
    live: int
    history: int
    dossiers: tuple[str, ...] = ()
    """Dossiers that the history counts in this cell; when it counts none there, those that it
    counts on the same day under the same measure."""


class Verification(_Answer):
    """What came out of a comparison."""

    equal: bool
    """Everything was compared, and nothing differs."""
    compared_at: datetime
    units_compared: int
    cells_compared: int
    offsets: dict[int, int]
    """For each partition the greatest offset up to which a unit was compared."""
    history_behind: int
    """Records that the live side has counted and the history has not read in time."""
    differences_found: int
    differences: tuple[Difference, ...]
    """The first ones."""


def verify(
    client: Client,
    settled: Settled,
    live: LiveSource,
    now: datetime,
    *,
    wait_s: float = WAIT_S,
    sleep: Callable[[float], None] = time.sleep,
) -> Verification:
    """Compare all counters of all units, exactly.

    Each unit is compared at the offset of its own snapshot. Units that the history has not read
    far enough for, within ``wait_s``, are left out, and the answer is not ``equal``.
    """
    states = dict(live.units())
    read_to = _wait_for(client, states, wait_s, sleep)
    behind = _behind(states, read_to)
    compared = {
        unit: state
        for unit, state in states.items()
        if state.now.offset <= read_to.get(state.now.partition, 0)
    }
    recounts = recount(client, settled, Extent({u: s.now.offset for u, s in compared.items()}))
    cells = 0
    differences: list[Difference] = []
    for unit, state in compared.items():
        counted = state.cells()
        cells += len(counted.keys() | recounts[unit].cells.keys())
        differences += _differences(unit, state, counted, recounts[unit])
    offsets: dict[int, int] = {}
    for state in compared.values():
        partition = state.now.partition
        offsets[partition] = max(offsets.get(partition, 0), state.now.offset)
    return Verification(
        equal=not differences and behind == 0,
        compared_at=now,
        units_compared=len(compared),
        cells_compared=cells,
        offsets=dict(sorted(offsets.items())),
        history_behind=behind,
        differences_found=len(differences),
        differences=tuple(
            _with_dossiers(client, settled, compared[d.unit], d)
            for d in differences[:_MOST_DIFFERENCES]
        ),
    )


def _wait_for(
    client: Client,
    states: Mapping[str, UnitState],
    wait_s: float,
    sleep: Callable[[float], None],
) -> dict[int, int]:
    read_to = positions(client)
    for _ in range(int(wait_s / _LOOK_EVERY_S)):
        if not _behind(states, read_to):
            break
        sleep(_LOOK_EVERY_S)
        read_to = positions(client)
    return read_to


def _behind(states: Mapping[str, UnitState], read_to: Mapping[int, int]) -> int:
    needed: dict[int, int] = {}
    for state in states.values():
        partition = state.now.partition
        needed[partition] = max(needed.get(partition, 0), state.now.offset)
    return sum(max(0, offset - read_to.get(p, 0)) for p, offset in needed.items())


def _differences(
    unit: str, state: UnitState, counted: Counter[Cell], history: Recount
) -> list[Difference]:
    found = [
        Difference(unit=unit, month=None, cell=name, live=ours, history=theirs)
        for name, ours, theirs in (
            ("dossiers", state.now.dossiers, history.dossiers),
            ("open", state.now.open, history.open),
        )
        if ours != theirs
    ]
    for cell in sorted(counted.keys() | history.cells.keys()):
        ours, theirs = counted.get(cell, 0), history.cells.get(cell, 0)
        if ours != theirs:
            (row,) = rows({cell: theirs})
            found.append(
                Difference(unit=unit, month=month_of(cell.day), cell=row, live=ours, history=theirs)
            )
    return found


def _with_dossiers(
    client: Client, settled: Settled, state: UnitState, found: Difference
) -> Difference:
    if isinstance(found.cell, str):
        return found
    measure, day, level, procedure, officer, bits, _ = found.cell
    on = date.fromisoformat(day)
    cell = Cell(measure, day_number(on), level, procedure, officer, bits)
    on_day = counted_in(client, settled, found.unit, state.now.offset, measure, on)
    there = [dossier for dossier, its in on_day.items() if its == cell]
    named = tuple((there or list(on_day))[:_MOST_DOSSIERS])
    return found.model_copy(update={"dossiers": named})
