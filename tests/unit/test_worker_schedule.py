"""When a changed unit is published: at once after quiet, then seldom, and least while behind."""

import pytest

from streams.snapshots import Schedule

EVERY_S = 0.2
A, B = (0, "A"), (1, "B")


def test_the_first_change_after_quiet_is_due_at_once() -> None:
    """A clerk's click is on the wall before the clerk looks up."""
    schedule = Schedule(EVERY_S)
    schedule.change(A, {"2023-01"}, 10)
    due = schedule.due_at()
    assert due is not None and due <= 5.0
    assert schedule.take(5.0) == (A, {"2023-01"})
    assert schedule.due_at() is None


def test_further_changes_are_gathered() -> None:
    schedule = Schedule(EVERY_S)
    schedule.change(A, {"2023-01"}, 10)
    schedule.take(5.0)
    schedule.change(A, {"2023-02"}, 11)
    schedule.change(A, {"2023-03"}, 12)
    assert schedule.due_at() == pytest.approx(5.2)
    assert schedule.take(5.1) is None
    assert schedule.take(5.2001) == (A, {"2023-02", "2023-03"})


def test_units_do_not_wait_for_each_other() -> None:
    schedule = Schedule(EVERY_S)
    schedule.change(A, (), 1)
    schedule.take(5.0)
    schedule.change(A, (), 2)
    schedule.change(B, (), 2)
    assert schedule.take(5.01) == (B, set())
    assert schedule.take(5.01) is None


@pytest.mark.parametrize(("cost", "pause"), [(0.001, 0.2), (0.02, 0.2), (0.05, 0.5)])
def test_a_unit_that_takes_long_to_publish_is_published_less_often(
    cost: float, pause: float
) -> None:
    """A province's unit with a month of megabytes must leave time for folding."""
    schedule = Schedule(EVERY_S)
    schedule.change(A, (), 1)
    schedule.take(5.0)
    schedule.spent(cost)
    schedule.change(A, (), 2)
    assert schedule.due_at() == pytest.approx(5.0 + pause)
    assert schedule.take(5.0 + pause - 0.001) is None
    assert schedule.take(5.0 + pause + 0.001) == (A, set())


def test_what_is_shown_ends_before_the_oldest_unpublished_change() -> None:
    schedule = Schedule(EVERY_S)
    schedule.change((0, "X"), (), 7)
    schedule.change((0, "Y"), (), 9)
    schedule.change((0, "X"), (), 12)
    schedule.change((1, "Z"), (), 1)
    assert schedule.since(0) == 7
    assert schedule.take(0.0) == ((0, "X"), set())
    assert schedule.since(0) == 9
    schedule.drop(0)
    assert (schedule.since(0), schedule.since(1)) == (None, 1)


def test_catching_up_publishes_for_a_small_share_of_the_time() -> None:
    """Big months published five times a second would cost more than all the folding."""
    schedule, now, cost, published = Schedule(EVERY_S), 0.0, 0.01, 0
    units = [(0, f"U{number}") for number in range(50)]
    while now < 100.0:
        for unit in units:
            schedule.change(unit, (), 0)
        schedule.catching_up(now)
        while schedule.take(now) is not None:
            schedule.spent(cost)
            published += 1
        now += 0.03
    assert published * cost == pytest.approx(100.0 * Schedule.SHARE, rel=0.1)


def test_once_caught_up_nothing_is_held_back() -> None:
    schedule = Schedule(EVERY_S)
    schedule.catching_up(0.0)
    for number in range(50):
        schedule.change((0, f"U{number}"), (), 0)
    assert schedule.take(0.0) is not None
    schedule.spent(10.0)
    assert schedule.take(0.001) is None
    due = schedule.due_at()
    assert due is not None
    assert due == pytest.approx(Schedule.CATCHING_UP_S)
    assert sum(schedule.take(due + 0.001) is not None for _ in range(60)) == 49


def test_a_stopping_worker_publishes_everything() -> None:
    schedule = Schedule(EVERY_S)
    schedule.change(A, (), 1)
    schedule.take(5.0)
    schedule.catching_up(5.0)
    schedule.spent(10.0)
    schedule.change(A, {"2023-01"}, 2)
    schedule.all_due()
    assert schedule.take(5.0) == (A, {"2023-01"})
