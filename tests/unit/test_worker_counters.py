"""A partition's dossiers and counters: what is folded, what is refused, what is restored."""

import base64
from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from schemas.snapshots import UnitMonth, UnitNow
from streams import counters as module
from streams.core.cells import UnitCounters
from streams.core.deadlines import Deadlines, deadlines
from streams.core.dossier import encode
from streams.counters import PartitionCounters, TooManyUnreadable, merge_entries
from streams.snapshots import unit_records
from streams.worker import partition_of_unit
from tests.support import histories
from tests.support.districts import district, unit_codes
from tests.support.recount import CHECKED, recount, shown

LIMIT = 3
UNIT = "U001"


class Record:
    def __init__(self, offset: int, value: bytes | None) -> None:
        self.offset, self.value = offset, value


def numbered(values: Iterable[bytes | None]) -> list[Record]:
    return [Record(offset, value) for offset, value in enumerate(values)]


def counters(entries: dict[bytes, bytes] | None = None) -> PartitionCounters:
    state = {} if entries is None else entries
    return PartitionCounters(3, state, lambda unit: 3, LIMIT, histories.WORK)


def due_now(counted: UnitCounters) -> Deadlines:
    return deadlines(counted.open_dossiers, histories.ms("2023-02-20T09:00"), histories.WORK)


def snapshots(found: PartitionCounters) -> dict[str, Any]:
    return {
        key: orjson.loads(value)
        for unit, counted in found.units.items()
        for key, value in unit_records(unit, counted, counted.months, 3, 10, due_now(counted))
    }


def events() -> list[bytes]:
    return [record.value for record in district(40, units=3, seed=5)]


async def test_restored_counters_equal_those_kept_by_difference() -> None:
    """What a restart publishes is what stood there before."""
    entries: dict[bytes, bytes] = {}
    before = counters(entries)
    for value in events():
        before.fold(numbered([value]))
    after = counters(dict(entries))
    await after.restore()
    assert snapshots(after) == snapshots(before)
    assert any("|2023-01" in key for key in snapshots(after))


def test_the_counters_are_a_plain_recount_of_the_events() -> None:
    """Two programs that share no code agree on dossiers with everything that happens to them."""
    values = [record.value for record in district(400, units=3, seed=11)]
    found = counters()
    found.fold(numbered(values))
    wanted = recount(values)
    published = snapshots(found)
    assert wanted.keys() == found.units.keys()
    for unit in wanted:
        months = [published[f"{unit}|{month}"] for month in published[f"{unit}|now"]["months"]]
        assert shown(months) == wanted[unit]
    seen = 0
    for *_, bits in (cell for cells in wanted.values() for cell in cells):
        seen |= bits
    assert seen == CHECKED, "each fact that is compared is there"


def test_one_big_run_and_many_small_ones_change_the_same() -> None:
    one, many = counters(), counters()
    changed = one.fold(numbered(events())).changed
    for value in events():
        many.fold(numbered([value]))
    assert snapshots(one) == snapshots(many)
    assert changed == one._entries == many._entries


def test_repeated_events_change_nothing() -> None:
    found = counters()
    found.fold(numbered(events()))
    again = found.fold(numbered(events()))
    assert (again.changed, again.rejected, again.touched) == ({}, [], {})


def test_what_is_no_event_is_kept_as_it_came_with_its_reason() -> None:
    found = counters()
    folded = found.fold([Record(7, b"{not json"), Record(8, b"\xff\xfe")])
    (text_key, text), (_, binary) = folded.rejected
    assert text_key == b"3|7"
    document = orjson.loads(text)
    assert (document["stage"], document["partition"], document["offset"]) == ("worker", 3, 7)
    assert document["reasons"][0]["rule"] == "unreadable"
    assert document["record"] == "{not json"
    assert base64.b64decode(orjson.loads(binary)["record"]) == b"\xff\xfe"


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"null",
        b"[" * 100_000,
        b'{"id":"zz"}',
        b"\x00" * 1_000_000,
        orjson.dumps({**orjson.loads(events()[0]), "time": "0001-01-01T00:00:00+14:00"}),
        orjson.dumps({**orjson.loads(events()[0]), "time": "9999-12-31T23:59:59Z"}),
        orjson.dumps({**orjson.loads(events()[0]), "type": "motcua.dossier.received.v2"}),
        orjson.dumps({**orjson.loads(events()[0]), "unit": "a\x1fb"}),
        orjson.dumps({**orjson.loads(events()[0]), "unit": "a|b"}),
        orjson.dumps({**orjson.loads(events()[0]), "level": "x" * 1000}),
        events()[0].replace(b'"data":{', b'"data":{"amount_vnd":99999999999999999999,'),
        events()[0].replace(b'"data":{', b'"data":{"due_at":NaN,'),
    ],
    ids=range(14),
)
def test_poison_is_refused_and_changes_nothing(value: bytes | None) -> None:
    """Whatever got past admission must neither stop the worker nor reach its state."""
    found = counters()
    folded = found.fold([Record(0, value)])
    assert len(folded.rejected) == 1
    assert len(folded.rejected[0][1]) < 4_000_000
    assert (folded.changed, found.units) == ({}, {})


def test_events_in_the_wrong_partition_are_refused() -> None:
    """Two partitions would publish the same unit, each with a part of it."""
    found = PartitionCounters(0, {}, partition_of_unit, 10_000, histories.WORK)
    folded = found.fold(numbered(events()))
    right = {unit for unit in unit_codes(3) if partition_of_unit(unit) == 0}
    assert set(found.units) == right
    assert all(b"belong in partition" in value for _, value in folded.rejected)
    assert folded.rejected


def test_too_many_unreadable_records_in_a_row_stop_the_worker() -> None:
    """A broken stream must not drain into the rejected ones."""
    found = counters()
    good = events()[0]
    junk = [b"junk"] * LIMIT
    found.fold(numbered([*junk, good, *junk, good, *junk]))
    with pytest.raises(TooManyUnreadable, match="4 unreadable records in a row"):
        found.fold(numbered([b"junk"]))


def test_the_loser_of_two_contents_is_kept_in_rejected_once() -> None:
    """Same identity, other content: the first recorded counts, the other one is not lost."""
    first = histories.admitted(histories.paid(id="e1", amount=8000, unit=UNIT))
    second = histories.admitted(
        histories.paid(id="e1", amount=9000, unit=UNIT), "2023-02-10T10:00:00"
    )
    forwards, backwards = counters(), counters()
    late_loser = forwards.fold(numbered([first, second])).rejected
    early_loser = backwards.fold(numbered([second, first])).rejected
    month = f"{UNIT}|2023-02"
    assert snapshots(forwards)[month] == snapshots(backwards)[month]
    ((key, value),) = late_loser
    assert orjson.loads(orjson.loads(value)["record"])["data"]["amount_vnd"] == 9000
    assert orjson.loads(value)["reasons"][0]["rule"] == "conflicting_copy"
    # the same key whichever came first: a reader sees one conflict
    assert [k for k, _ in early_loser] == [key]
    # what was counted until then is no longer at hand as a record
    assert orjson.loads(early_loser[0][1])["record"] is None
    assert orjson.loads(early_loser[0][1])["contenthash"] == orjson.loads(value)["contenthash"]


async def test_a_month_that_lost_its_last_cell_is_published_empty_even_after_a_restart() -> None:
    """Its old snapshot would otherwise stand in ``motcua.units`` for ever."""
    entries: dict[bytes, bytes] = {}
    found = counters(entries)
    late = histories.received("2023-02-10T08:00", id="r2", unit=UNIT)
    early = histories.received("2023-01-10T08:00", id="r1", unit=UNIT)
    found.fold(numbered([histories.admitted(late)]))
    folded = found.fold(numbered([histories.admitted(early)]))
    assert folded.touched == {UNIT: {"2023-01", "2023-02"}}
    after = counters(entries)
    await after.restore()
    for state in (found, after):
        shown = snapshots(state)
        assert shown[f"{UNIT}|2023-02"]["cells"] == []
        assert len(shown[f"{UNIT}|2023-01"]["cells"]) == 1
        assert shown[f"{UNIT}|now"]["months"] == ["2023-01"]


def test_a_dossier_that_would_not_fit_into_the_changelog_takes_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_DOSSIER_BYTES", 100)
    found = counters()
    many = [
        histories.admitted(histories.submitted(id=f"e{number}", unit=UNIT)) for number in range(9)
    ]
    refused = [found.fold(numbered([value])).rejected for value in many]
    assert refused[0] == []
    assert b"full" in refused[-1][0][1]


def test_two_versions_of_a_dossier_have_a_union() -> None:
    one = histories.entry(histories.submitted(id="e1"))
    two = histories.entry(histories.returned(id="e2"))
    older, newer = encode((one,)), encode((two,))
    both = merge_entries(b"k", older, newer)
    assert both == encode((one, two))
    assert merge_entries(b"k", older, both) is both
    assert merge_entries(b"k", newer, both) == both


def test_two_versions_of_a_units_months_have_a_union() -> None:
    key = b"\x00months\x1fU1"
    assert merge_entries(key, b'["2023-01"]', b'["2023-02"]') == b'["2023-01","2023-02"]'
    newer = b'["2023-01","2023-02"]'
    assert merge_entries(key, b'["2023-01"]', newer) is newer


def test_snapshots_are_what_the_language_says() -> None:
    found = counters()
    found.fold(numbered(events()))
    for unit, counted in found.units.items():
        *months, now = unit_records(unit, counted, counted.months, 3, 42, due_now(counted))
        assert now[0] == f"{unit}|now"
        read = UnitNow.model_validate_json(now[1])
        assert (read.offset, read.partition) == (42, 3)
        assert [key for key, _ in months] == [f"{unit}|{month}" for month in read.months]
        for _, value in months:
            UnitMonth.model_validate_json(value)
