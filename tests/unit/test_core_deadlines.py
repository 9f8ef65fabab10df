"""Becoming overdue by time alone: what is counted, what is listed, and when it changes."""

import pytest
from hypothesis import strategies as st

from streams.core.cells import UnitCounters
from streams.core.deadlines import LISTED, SOON_DAYS, Deadlines, deadlines, stands_still
from streams.core.facts import Facts
from tests.support.histories import (
    WORK,
    for_all,
    ms,
    received,
    resolved,
    supplement_received,
    supplement_requested,
)
from tests.support.stories import given

NOW = ms("2023-02-10T10:00")
SOON_MS = SOON_DAYS * WORK.day_ms


def still_open(due_at: int | None, waiting_since: int | None) -> Facts:
    """A dossier in process of which only this matters."""
    received_at = ms("2023-02-01T08:00")
    return Facts("", "", "", received_at, None, due_at, waiting_since, (), "", 1)


def one(due: str | None, waiting: str | None = None) -> Facts:
    return still_open(None if due is None else ms(due), None if waiting is None else ms(waiting))


def of(found: Facts, now: int = NOW) -> tuple[int, int | None, int]:
    state = deadlines({"x": found}, now, WORK)
    return state.overdue, state.due_soon, state.waiting


@pytest.mark.parametrize(
    ("due", "waiting", "counts", "why"),
    [
        ("2023-02-10T09:59:59.999", None, (1, 0, 0), "passed"),
        ("2023-02-10T10:00", None, (0, 1, 0), "due now is not yet overdue"),
        ("2023-02-14T10:00", None, (0, 1, 0), "two working days left"),
        ("2023-02-14T10:00:00.001", None, (0, 0, 0), "a millisecond more"),
        ("2023-02-13T17:00", None, (0, 1, 0), "a day and a half: the weekend does not count"),
        (None, None, (0, 0, 0), "nobody knows when it is due"),
        (None, "2023-02-09T10:00", (0, 0, 1), "but it may wait"),
        ("2023-02-09T17:00", "2023-02-09T16:00", (0, 0, 1), "asked in time: stands still"),
        ("2023-02-09T17:00", "2023-02-09T17:00", (0, 0, 1), "asked at the last moment"),
        ("2023-02-09T17:00", "2023-02-09T17:30", (1, 0, 1), "asked when it was late"),
        ("2023-02-13T17:00", "2023-02-09T16:00", (0, 0, 1), "not due soon while it stands still"),
    ],
)
def test_what_counts_as_overdue_due_soon_and_waiting(
    due: str | None, waiting: str | None, counts: tuple[int, int, int], why: str
) -> None:
    """Late work that is not resolved is in no rate: here is where it is seen."""
    assert of(one(due, waiting)) == counts, why


def test_the_worst_come_first_and_so_do_the_next() -> None:
    """Ten of each: what a screen can show."""
    found = {f"late-{n:02}": one(f"2023-01-{n:02}T17:00") for n in range(10, 25)}
    found |= {f"next-{n:02}": one(f"2023-03-{n:02}T17:00") for n in range(10, 25)}
    state = deadlines(found, NOW, WORK)

    assert (state.overdue, state.due_soon) == (15, 0)
    assert [code for code, _ in state.worst] == [f"late-{n:02}" for n in range(10, 20)]
    assert [code for code, _ in state.next] == [f"next-{n:02}" for n in range(10, 20)]
    assert len(state.worst) == len(state.next) == LISTED


def test_when_the_calendar_ends_overdue_is_still_known() -> None:
    """What needs no working days is told; what needs them is said to be unknown."""
    found = {"late": one("2027-01-05T09:00"), "next": one("2027-01-06T17:00")}
    state = deadlines(found, ms("2027-01-05T10:00"), WORK)
    assert (state.overdue, state.due_soon) == (1, None)
    # two working days from here nobody knows any more
    assert deadlines(found, ms("2026-12-31T09:00"), WORK).due_soon is None
    # a due moment in an unlisted year is no reason to fail
    assert deadlines(found, ms("2026-12-01T09:00"), WORK).due_soon == 0


_moments = st.integers(ms("2023-01-16T00:00"), ms("2023-02-20T00:00"))
_open = st.builds(still_open, st.none() | _moments, st.none() | st.none() | _moments)
_units = st.lists(_open, max_size=8).map(lambda found: {f"d{n}": o for n, o in enumerate(found)})


def _plainly(found: dict[str, Facts], now: int) -> tuple[int, int, int]:
    running = [
        o.due_at
        for o in found.values()
        if o.due_at is not None and (o.waiting_since is None or o.waiting_since > o.due_at)
    ]
    left = [WORK.worked(due) - WORK.worked(now) for due in running if due >= now]
    return (
        sum(due < now for due in running),
        sum(ms_left <= SOON_MS for ms_left in left),
        sum(o.waiting_since is not None for o in found.values()),
    )


@for_all(150, found=_units, now=_moments)
def test_the_counts_are_what_looking_at_every_dossier_would_give(
    found: dict[str, Facts], now: int
) -> None:
    """Two comparisons a dossier instead of a walk through the calendar."""
    state = deadlines(found, now, WORK)

    assert (state.overdue, state.due_soon, state.waiting) == _plainly(found, now)
    assert [code for code, _ in state.worst] == [
        code
        for _, code in sorted(
            (o.due_at, code)
            for code, o in found.items()
            if o.due_at is not None and o.due_at < now and not stands_still(o)
        )
    ]


@for_all(150, found=_units, now=_moments, share=st.floats(0, 1))
def test_nothing_changes_before_it_is_said_to_and_something_does_then(
    found: dict[str, Facts], now: int, share: float
) -> None:
    """The worker looks again at this moment and at no other: one missed stays wrong on the wall."""
    state = deadlines(found, now, WORK)
    last = ms("2023-03-31T00:00")
    changes_at = last if state.changes_at is None else state.changes_at

    assert changes_at > now
    between = now + int(share * (changes_at - 1 - now))
    for unchanged in (between, changes_at - 1):
        assert _shown(deadlines(found, unchanged, WORK)) == _shown(state)
    if state.changes_at is not None:
        assert _shown(deadlines(found, changes_at, WORK)) != _shown(state)


def _shown(state: Deadlines) -> Deadlines:
    return state._replace(changes_at=None)


def test_a_dossier_leaves_the_open_ones_when_it_is_closed() -> None:
    """By difference: with the closing it is gone, with a reopening back."""
    counters = UnitCounters()
    waiting = given(received(officer="cb01"), supplement_requested("2023-02-10T10:00"))
    closed = waiting.and_(resolved("2023-02-10T16:00"))
    counters.replace("d1", None, waiting.facts)
    assert counters.open_dossiers == {"d1": waiting.facts}
    assert counters.open_dossiers["d1"].waiting_since == ms("2023-02-10T10:00")
    counters.replace("d1", waiting.facts, closed.facts)
    assert counters.open_dossiers == {}
    counters.replace("d1", closed.facts, waiting.facts)
    assert counters.open == 1


def test_papers_that_come_start_the_clock_with_what_was_left() -> None:
    """Overdue only once the moved due moment has passed."""
    story = given(received(due="2023-02-10T17:00"), supplement_requested("2023-02-10T16:00"))
    waiting = story.facts
    assert of(waiting, ms("2023-02-20T09:00")) == (0, 0, 1)
    again = story.and_(supplement_received("2023-02-20T09:00")).facts
    assert of(again, ms("2023-02-20T10:00")) == (0, 1, 0)
    assert of(again, ms("2023-02-20T10:00:00.001")) == (1, 0, 0)
