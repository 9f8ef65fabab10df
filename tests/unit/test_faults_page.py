"""The page of faults shows what was measured, and calls open what was not."""

from tests.faults.page import page
from tests.faults.stories import dossiers, events
from tests.faults.table import ROWS

MEASURED = {
    "row": 4,
    "size": "full",
    "done": 50,
    "counts": "kills",
    "lost": 0,
    "duplicated": 2,
    "wrong": 0,
    "longest_outage_s": 6.51,
    "seed": 7,
    "failed": "",
    "note": "1810 events",
    "on": "2026-01-01",
    "commit": "abc1234",
}


def test_every_fault_has_a_row_and_only_measured_ones_have_figures() -> None:
    """Whoever reads the page must not take what nobody has tried for something that holds."""
    lines = page({4: MEASURED}).splitlines()
    rows = {line.split(" | ")[0]: line for line in lines if line.startswith("| ")}

    assert [row.number for row in ROWS] == list(range(1, 36))
    assert "| full | 50 kills | 0 | 2 | 0 | 6.5 s | 7 |" in rows["| 4"]
    assert "`abc1234`" in rows["| 4"]
    others = [line for number, line in rows.items() if number[2:].isdigit() and number != "| 4"]
    assert len(others) == 34
    assert all("chưa làm / open" in line for line in others)


def test_the_same_seed_tells_the_same_story() -> None:
    """A failure can be run again."""
    one, again, other = (events(seed) for seed in ("a", "a", "b"))
    first = [next(one) for _ in range(300)]

    assert first == [next(again) for _ in range(300)]
    assert first != [next(other) for _ in range(300)]
    told = next(dossiers("a"))
    assert len({event["id"] for event in told}) == len(told)
