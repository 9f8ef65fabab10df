"""Which units are recounted: nothing that changed is skipped, and nothing is trusted for ever."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from schemas.certificates import Difference
from schemas.snapshots import UnitNow
from services.audit.rota import Finding, Rota
from streams.live import UnitState

T0 = datetime(2023, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
WRONG = (Difference(unit="a", month=None, cell="open", live=1, history=2),)


def snapshot(unit: str, offset: int = 5) -> UnitState:
    now = UnitNow(
        unit=unit,
        partition=0,
        offset=offset,
        dossiers=1,
        open=0,
        months=(),
        last_recorded_at=None,
    )
    return UnitState(now, {})


def snapshots(units: Iterable[str]) -> dict[str, UnitState]:
    return {unit: snapshot(unit) for unit in units}


def recounted(
    rota: Rota,
    states: dict[str, UnitState],
    units: Iterable[str],
    at: datetime,
    differences: tuple[Difference, ...] = (),
) -> None:
    for unit in units:
        rota.found(unit, Finding(states[unit], at, 3, differences))


def test_what_was_equal_and_has_not_changed_is_not_recounted() -> None:
    """A quiet night must not cost a core."""
    rota, states = Rota(HOUR), snapshots("abc")
    assert rota.next(states, T0) == ["a", "b", "c"]
    recounted(rota, states, "abc", T0)

    assert rota.next(states, T0 + timedelta(minutes=29)) == []
    assert set(rota.standing(states)) == set("abc")


def test_another_snapshot_is_a_change_even_if_it_says_the_same() -> None:
    """Falsified counters need not have another offset; only the object tells one from another."""
    rota, states = Rota(HOUR), snapshots("ab")
    recounted(rota, states, "ab", T0)
    states["b"] = snapshot("b")

    assert rota.next(states, T0) == ["b"]
    assert set(rota.standing(states)) == {"a"}


def test_what_differed_is_recounted_until_it_is_equal() -> None:
    rota, states = Rota(HOUR), snapshots("ab")
    recounted(rota, states, "a", T0, WRONG)
    recounted(rota, states, "b", T0)

    assert rota.next(states, T0) == ["a"]
    recounted(rota, states, "a", T0)
    assert rota.next(states, T0) == []


def test_who_has_waited_for_longest_is_first() -> None:
    """When there is no time for all, nobody waits for ever."""
    rota, states = Rota(HOUR), snapshots("abcd")
    recounted(rota, states, "c", T0)
    recounted(rota, states, "a", T0 + timedelta(seconds=1))
    recounted(rota, states, "b", T0 + timedelta(seconds=2))
    changed = {**states, **snapshots("abc")}

    assert rota.next(changed, T0) == ["d", "c", "a", "b"]
    assert rota.all(changed) == ["d", "c", "a", "b"]


@given(units=st.sets(st.text(max_size=6), min_size=1, max_size=40))
def test_everything_is_recounted_anew_within_the_time_that_is_told(units: set[str]) -> None:
    """The certificate says so; and never more often than twice in that time."""
    rota, states = Rota(HOUR), snapshots(units)
    recounted(rota, states, units, T0)

    assert rota.next(states, T0 + HOUR / 2 - timedelta(seconds=1)) == []
    assert set(rota.next(states, T0 + HOUR)) == units


def test_many_units_do_not_come_all_at_once() -> None:
    """They were all recounted in the first minutes; that must not be repeated in one cycle."""
    units = [f"235{n:02d}" for n in range(100)]
    rota, states = Rota(HOUR), snapshots(units)
    recounted(rota, states, units, T0)
    due = [len(rota.next(states, T0 + timedelta(minutes=30 + n))) for n in range(31)]

    assert max(after - before for before, after in pairwise(due)) < 15


def test_a_unit_that_is_gone_is_forgotten() -> None:
    rota, states = Rota(HOUR), snapshots("ab")
    recounted(rota, states, "ab", T0)

    assert set(rota.standing({"a": states["a"]})) == {"a"}
    assert rota.next(states, T0) == ["b"]
