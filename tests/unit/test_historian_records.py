"""Records become rows: what the live side can read the history can read, and nothing else."""

import random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import EVENTS
from schemas.topics import EVENTS as EVENTS_TOPIC
from services.historian import Record, batch_of
from services.historian.follow import by_key_among
from services.historian.records import EVENT_COLUMNS, UNREADABLE_COLUMNS
from streams.core.dossier import Corrected, UnreadableEvent, read
from streams.worker import partition_of_unit
from tests.support.histories import (
    CATALOGUE,
    KINDS,
    admitted,
    corrected,
    received,
    records,
    resolved,
    resolved_v1,
)

GARBAGE = [b"", b"null", b"[]", b"{", b"\xff", b'{"id": 1}', b"[" * 100_000]


def readable(value: bytes) -> bool:
    return bool(batch_of([Record(0, 0, value)]).events[0])


def readable_by_the_live_side(value: bytes) -> bool:
    try:
        read(value)
    except UnreadableEvent:
        return False
    return True


def column(value: bytes, name: str):
    return batch_of([Record(0, 0, value)]).events[EVENT_COLUMNS.index(name)][0]


@given(records())
def test_identity_and_order_are_those_of_the_live_side(record: bytes):
    """Equal moments are ordered by the key: another key would be another first closing."""
    unit, dossier, entry = read(record)

    assert column(record, "unit") == unit
    assert column(record, "dossier") == dossier
    assert column(record, "event_key") == entry.id
    assert column(record, "content_hash") == entry.content
    assert column(record, "kind") == entry.kind
    assert column(record, "occurred_at") == entry.at
    assert column(record, "recorded_at") == entry.recorded


@given(records(), st.randoms(use_true_random=False))
def test_both_sides_call_the_same_records_unreadable(record: bytes, chance: random.Random):
    """One side counting what the other leaves out would be a difference that nobody can mend."""
    said = orjson.loads(record)
    for _ in range(chance.randrange(1, 3)):
        of = said if chance.random() < 0.5 else said["data"]
        if not isinstance(of, dict) or not of:
            continue
        name = chance.choice(sorted(of))
        match chance.randrange(4):
            case 0:
                del of[name]
            case 1:
                of[name] = chance.choice([None, 1, -1, True, "", "x" * 300, [], {}, 1 << 62])
            case 2:
                of[name] = chance.choice(["2023-02-10T08:30:00", "1969-12-31T23:59:59.999Z", "abc"])
            case 3:
                of["further"] = {"of": ["another", "version"]}
        if said.get("data") is None or not isinstance(said.get("data"), dict):
            break
    value = orjson.dumps(said)

    assert readable(value) == readable_by_the_live_side(value)


@pytest.mark.parametrize("value", GARBAGE)
def test_garbage_is_unreadable_and_nothing_worse(value: bytes):
    """Whatever stands in the topic, the records behind it must still get in."""
    batch = batch_of([Record(2, 9, value)])

    assert batch.unreadable[:2] == [[2], [9]]
    assert batch.unreadable[3] == [value]
    assert batch.positions == {2: 10}


def test_every_kind_of_event_is_known():
    """A kind added to the language and not here would end among the unreadable."""
    assert set(KINDS) >= {kind.name for kind in EVENTS}
    for kind in EVENTS:
        said = orjson.loads(admitted(received()))
        said["type"] = kind.type
        # what these two cannot do without
        said["data"] |= {"new_due_at": said["time"], "corrects": {"source": "s", "id": "1"}}
        assert column(orjson.dumps(said), "kind") == kind.number


@given(records())
def test_what_a_correction_puts_in_the_place_of_an_event_is_read_alike(record: bytes):
    """Another key would correct another event; another content would count another thing."""
    _, _, entry = read(record)
    if not isinstance(entry, Corrected):
        assert column(record, "new_kind") is None
        return

    assert column(record, "corrects_key") == entry.target
    new = entry.replacement
    assert column(record, "new_kind") == (None if new is None else new.kind)
    assert column(record, "new_at") == (None if new is None else new.at)
    assert column(record, "officer") == getattr(new, "officer", column(record, "officer"))
    assert column(record, "step") == getattr(new, "step", "")


def test_a_correction_has_the_content_that_it_puts_in_the_place_of_the_original():
    """The views count its columns like those of any other event."""
    right = received(due=None, procedure="2.000635", officer="cb07")
    record = admitted(corrected(received(), right), frozen=CATALOGUE)

    assert column(record, "kind") == 18
    assert column(record, "procedure") == "2.000635"
    assert column(record, "officer") == "cb07"
    assert column(record, "has_fee")


def test_a_void_leaves_nothing():
    """A column that still held something would be counted."""
    record = admitted(corrected(received()))

    assert column(record, "new_kind") is None
    assert column(record, "procedure") == ""


@pytest.mark.parametrize("electronic", [True, False])
def test_an_older_version_is_read_as_todays(electronic: bool):
    """Records are kept for ever and never rewritten: also inside a correction."""
    old = resolved_v1(electronic=electronic)

    for record in (admitted(old), admitted(corrected(received(), old))):
        assert column(record, "result_form") == ("electronic" if electronic else "paper")
        assert column(record, "electronic_result") is electronic


@pytest.mark.parametrize("form", ["electronic", "paper", "both"])
def test_the_old_column_of_electronic_results_keeps_being_filled(form: str):
    """What was stored before the form of a result was known is counted by it."""
    record = admitted(resolved(form=form))

    assert column(record, "electronic_result") is (form != "paper")


def test_every_column_has_a_value_for_every_record():
    """Columns of unequal length would shift values from one event to another."""
    batch = batch_of(
        [Record(0, 0, admitted(received())), Record(1, 0, b"x"), Record(0, 1, admitted(received()))]
    )

    assert [len(values) for values in batch.events] == [2] * len(EVENT_COLUMNS)
    assert [len(values) for values in batch.unreadable] == [1] * len(UNREADABLE_COLUMNS)
    assert batch.positions == {0: 2, 1: 1}


def test_an_event_in_another_units_partition_is_kept_apart():
    """Only a stray writer puts it there. The live side refuses it, for two partitions must never
    publish one unit; a history that counted it would differ from the live side for ever."""
    value = admitted(received())
    unit, _, _ = read(value)
    home = by_key_among(EVENTS_TOPIC.partitions)(unit)
    places = [Record(number, 0, value) for number in range(EVENTS_TOPIC.partitions)]

    batch = batch_of(places, by_key_among(EVENTS_TOPIC.partitions))

    assert batch.events[EVENT_COLUMNS.index("partition")] == [home]
    kept = dict(zip(UNREADABLE_COLUMNS, batch.unreadable, strict=True))
    assert kept["partition"] == [number for number in range(8) if number != home]
    assert set(kept["reason"]) == {f"unit '{unit}' belongs in partition {home}"}


@given(st.text("0123456789UABC", min_size=1, max_size=12))
def test_both_sides_look_for_a_unit_in_the_same_partition(unit: str):
    """Else one of them would refuse what the other counts."""
    assert by_key_among(EVENTS_TOPIC.partitions)(unit) == partition_of_unit(unit)
