"""The watermark: up to which moment everything admitted is in the counters."""

from datetime import UTC, datetime, timedelta

from streams.live_lag import Watermark

T0 = datetime(2023, 2, 10, tzinfo=UTC)


def test_it_moves_when_the_worker_has_counted_and_the_snapshots_are_read() -> None:
    """Both halves of the way count: the worker's and the reader's."""
    watermark = Watermark()
    watermark.observe(_at(0), {0: 10, 1: 4}, {0: 9, 1: 4}, {0: 50}, {0: 50})
    assert watermark.complete_until is None  # one event is not counted yet
    watermark.observe(_at(1), {0: 12, 1: 4}, {0: 10, 1: 4}, {0: 51}, {0: 50})
    assert watermark.complete_until is None  # counted, but its snapshot is not read yet
    assert watermark.counted_to == {}
    watermark.observe(_at(2), {0: 12, 1: 4}, {0: 11, 1: 4}, {0: 51}, {0: 51})
    assert watermark.complete_until == _at(0)
    assert watermark.counted_to == {0: 10, 1: 4}
    watermark.observe(_at(3), {0: 12, 1: 4}, {0: 12, 1: 4}, {0: 51}, {0: 51})
    assert watermark.complete_until == _at(3)


def test_it_stands_still_while_the_worker_is_away_and_is_right_again_afterwards() -> None:
    """After a night without the worker memory is small, and no moment is claimed too early."""
    watermark = Watermark()
    for second in range(10_000):
        watermark.observe(_at(second), {0: second}, {0: 100}, {0: 5}, {0: 5})
    assert watermark.complete_until is not None
    assert watermark.complete_until <= _at(100)
    assert len(watermark._asked) <= 256

    watermark.observe(_at(10_000), {0: 10_000}, {0: 5_000}, {0: 5}, {0: 5})
    assert _at(4_500) < watermark.complete_until <= _at(5_000)


def _at(second: int) -> datetime:
    return T0 + timedelta(seconds=second)
