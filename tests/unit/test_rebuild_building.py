"""Building a further generation: each unit is looked at exactly where its snapshot stands."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.calendar import load_calendar
from streams.core.deadlines import deadlines
from streams.core.working_time import WorkingTime
from streams.counters import PartitionCounters, TooManyUnreadable
from streams.generations import changelog, generation_in, put_in_force, topics
from streams.live import Snapshots, UnitState
from streams.rebuild import Building
from streams.snapshots import unit_records
from streams.worker import partition_of_unit
from tests.support.districts import district, messy

WORK = WorkingTime(load_calendar())
RECORDS = messy(district(40, units=3, seed=2), seed=2)
UNIT = RECORDS[0].unit
PARTITION = partition_of_unit(UNIT)


def records() -> list[Any]:
    values = [r.value for r in RECORDS if partition_of_unit(r.unit) == PARTITION]
    return [SimpleNamespace(offset=n, value=value) for n, value in enumerate(values)]


def state_at(offset: int) -> UnitState:
    """The unit's snapshots as the worker publishes them there."""
    counters = PartitionCounters(PARTITION, {}, partition_of_unit, 100, WORK)
    counters.fold(records()[:offset])
    unit = counters.units[UNIT]
    due = deadlines(unit.open_dossiers, 0, WORK)
    snapshots = Snapshots()
    for key, value in unit_records(UNIT, unit, unit.months, PARTITION, offset, due):
        snapshots.apply(key.encode(), value)
    return snapshots.units[UNIT]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_unit_is_compared_at_its_own_offset_whatever_the_batches(size: int):
    """One event further, and a difference would be told that there is not."""
    everything, building = records(), Building(100)
    offsets = (30, 31, len(everything))
    stood: list[int] = []

    for start in range(0, len(everything), size):
        batch = everything[start : start + size]
        for unit in building.fold(PARTITION, batch, {offset: [UNIT] for offset in offsets}):
            stood.append(building.positions[PARTITION])
            assert list(building.differences(unit, state_at(stood[-1]))) == []

    assert tuple(stood) == offsets


def test_every_figure_that_differs_is_named():
    building = Building(100)
    list(building.fold(PARTITION, records()[:60], {}))
    state = state_at(60)
    falsified = dataclasses.replace(state, now=state.now.model_copy(update={"open": 99}))
    (told,) = building.differences(UNIT, falsified)
    assert told.startswith(f"{UNIT} open: running 99, rebuilt ")

    a_cell = next(iter(state.cells()))
    later = list(building.differences(UNIT, state_at(100)))
    assert any("dossiers" in line or a_cell.procedure in line for line in later)
    assert len(later) > 1


def test_a_unit_that_has_no_event_is_no_unit():
    (told,) = Building(100).differences(UNIT, state_at(50))
    assert "rebuilt none" in told


def test_a_stream_of_junk_ends_it_as_it_ends_the_worker():
    junk = [SimpleNamespace(offset=n, value=b"junk") for n in range(200)]
    with pytest.raises(TooManyUnreadable):
        list(Building(100).fold(0, junk, {}))


def test_one_generation_is_in_force_at_every_moment(tmp_path):
    assert generation_in(tmp_path) == 1
    put_in_force(tmp_path, 2)
    assert generation_in(tmp_path) == 2
    # a kill while the next is written leaves a part, which nobody reads
    (tmp_path / ".worker-generation.1").write_text("")
    assert generation_in(tmp_path) == 2
    assert generation_in(tmp_path, told=7) == 7


def test_the_first_generation_keeps_the_name_that_it_always_had():
    assert changelog(1).full_name() == "motcua.worker-dossiers-changelog"
    assert changelog(2).full_name() == "motcua.worker-2-dossiers-changelog"
    assert changelog(1) in topics(1)
    assert changelog(1) not in topics(3)
    assert changelog(3) in topics(3)
