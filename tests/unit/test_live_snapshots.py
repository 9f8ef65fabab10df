"""What the reader of live counters makes of records: whole units, or what they had before."""

import orjson

from schemas.snapshots import CellRow, UnitMonth, UnitNow
from streams.live import Snapshots

CELL: CellRow = ("closed", "2023-02-10", "commune", "1.001193", "cb01", 3, 5)


def test_a_unit_changes_when_its_now_has_come_and_not_before() -> None:
    """A reader must never see new months beside an old «now»: verify compares at one offset."""
    snapshots = Snapshots()
    assert snapshots.apply(b"23500|2023-02", _month(offset=5)) is None
    assert snapshots.units == {}
    assert snapshots.apply(b"23500|now", _now(offset=5)) == "23500"
    before = snapshots.units["23500"]

    assert snapshots.apply(b"23500|2023-02", _month(offset=9, n=8)) is None
    assert snapshots.units["23500"] is before
    assert sum(before.cells().values()) == 5

    assert snapshots.apply(b"23500|now", _now(offset=9)) == "23500"
    assert sum(snapshots.units["23500"].cells().values()) == 8


def test_a_now_whose_months_are_missing_leaves_the_unit_incomplete() -> None:
    """Compaction may take a month away before the worker has written the next «now»."""
    snapshots = Snapshots()
    snapshots.apply(b"23500|now", _now(offset=5))
    assert snapshots.incomplete == {"23500"}
    assert snapshots.units == {}
    # this month is of a later moment: the unit would be exact at no offset
    snapshots.apply(b"23500|2023-02", _month(offset=9))
    assert snapshots.incomplete == {"23500"}

    snapshots.apply(b"23500|now", _now(offset=9))
    assert snapshots.incomplete == set()
    assert list(snapshots.units) == ["23500"]


def test_a_month_that_is_replaced_at_its_own_offset_counts_at_once() -> None:
    """Whoever starts to read now would show it: a falsified counter must not wait to be seen."""
    snapshots = Snapshots()
    snapshots.apply(b"23500|2023-02", _month(offset=5))
    snapshots.apply(b"23500|now", _now(offset=7))
    before = snapshots.units["23500"]

    assert snapshots.apply(b"23500|2023-02", _month(offset=5, n=9)) == "23500"
    assert snapshots.units["23500"] is not before
    assert sum(snapshots.units["23500"].cells().values()) == 9


def test_a_month_that_comes_again_between_newer_ones_does_not_spoil_the_unit() -> None:
    """The unit is on its way to another offset: it changes when its «now» comes, as ever."""
    snapshots = Snapshots()
    months = ("2023-02", "2023-03")
    for month in months:
        snapshots.apply(f"23500|{month}".encode(), _month(offset=5))
    snapshots.apply(b"23500|now", _now(offset=5, months=months))
    before = snapshots.units["23500"]

    snapshots.apply(b"23500|2023-03", _month(offset=9, n=8))
    assert snapshots.apply(b"23500|2023-02", _month(offset=5)) is None
    assert (snapshots.incomplete, snapshots.units["23500"]) == (set(), before)
    snapshots.apply(b"23500|now", _now(offset=9, months=months))
    assert sum(snapshots.units["23500"].cells().values()) == 13


def test_reading_a_record_again_changes_nothing() -> None:
    """Kafka redelivers."""
    snapshots = Snapshots()
    records = [
        (b"23500|2023-02", _month(offset=5)), (b"23500|now", _now(offset=5)),
        (b"dh-tp|2023-02", _month(offset=7, n=2)), (b"dh-tp|now", _now(offset=7, unit="dh-tp")),
    ]  # fmt: skip
    for key, value in [*records, *records]:
        snapshots.apply(key, value)
    assert {u: sum(s.cells().values()) for u, s in snapshots.units.items()} == {
        "23500": 5, "dh-tp": 2,
    }  # fmt: skip


def test_a_month_that_lost_its_cells_is_forgotten() -> None:
    """A correction may move a unit's only dossier of a month to another one."""
    snapshots = Snapshots()
    snapshots.apply(b"23500|2023-02", _month(offset=5))
    snapshots.apply(b"23500|now", _now(offset=5))
    empty = UnitMonth(unit="23500", partition=1, offset=6, month="2023-02", cells=())
    snapshots.apply(b"23500|2023-02", empty.model_dump_json().encode())
    snapshots.apply(b"23500|now", _now(offset=6, months=()))
    assert snapshots.units["23500"].cells() == {}


def test_what_cannot_be_read_is_named_and_the_old_value_stays() -> None:
    """A reader that swallowed it would show an old number as a current one."""
    snapshots = Snapshots()
    snapshots.apply(b"23500|2023-02", _month(offset=5))
    snapshots.apply(b"23500|now", _now(offset=5))
    for broken in (
        b"no json",
        orjson.dumps({"month": "2023-02", "offset": 6, "cells": [["closed", "yesterday"]]}),
        orjson.dumps(
            {"month": "2023-02", "offset": 6, "cells": [["closed", "yesterday", "", "", "", 1, 1]]}
        ),
    ):
        assert snapshots.apply(b"23500|2023-02", broken) is None
        assert list(snapshots.unreadable) == ["23500|2023-02"]
    assert sum(snapshots.units["23500"].cells().values()) == 5
    snapshots.apply(b"23500|2023-02", _month(offset=7))
    assert snapshots.unreadable == {}


def _month(offset: int, n: int = 5) -> bytes:
    cells = ((*CELL[:6], n),)
    month = UnitMonth(unit="23500", partition=1, offset=offset, month="2023-02", cells=cells)
    return month.model_dump_json().encode()


def _now(offset: int, unit: str = "23500", months: tuple[str, ...] = ("2023-02",)) -> bytes:
    now = UnitNow(
        unit=unit, partition=1, offset=offset, dossiers=5, open=0, months=months,
        last_recorded_at=None,
    )  # fmt: skip
    return now.model_dump_json().encode()
