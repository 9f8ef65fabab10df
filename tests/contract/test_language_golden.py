"""One example of each event, as an emitter sends it, kept for ever.

An office's software is upgraded once in ten years: what it sends today must be understood then.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic import ValidationError

from schemas.admitted import ADMISSION_ATTRIBUTES, AdmittedEvent, admit
from schemas.events import EVENT, EVENTS, KIND_OF_TYPE, EventKind
from streams.core.dossier import AnyEntry, Dossier, add, decode, encode, read
from streams.core.facts import facts
from tests.support.histories import (
    CATALOGUE,
    DATA,
    entry,
    fold,
    paid,
    received,
    resolved,
)

FOLDER = Path(__file__).parents[2] / "schemas" / "golden"
RECORDED_AT = datetime(2023, 2, 11, 1, 2, 3, 4000, tzinfo=UTC)

CONTENT_HASHES = {
    "digitized": "befb08a24e8d55ff",
    "fee_waived": "0b6773c49c97763e",
    "paid": "19276e201467a381",
    "received": "f4868efdb0c5d482",
    "refunded": "4b6a795f9ced8fd5",
    "rejected": "1b02387807a8d50e",
    "reopened": "75b50772d1132907",
    "resolved": "e5c8bd5ef05b277a",
    "returned": "b1871612d0124bdd",
    "stopped": "e0c1e759a8fa1603",
    "submitted": "8dfed035df05a682",
    "withdrawn": "bce114aa4b82c0df",
}
"""What two sendings share when they say the same. Never change a line: see the test."""

every_kind = pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.name)


def golden(kind: EventKind) -> bytes:
    """The example of this kind, as it would come over HTTP."""
    return (FOLDER / f"{kind.name}.v1.json").read_bytes()


def admitted_golden(kind: EventKind) -> bytes:
    frozen = CATALOGUE if kind.name == "received" else None
    return admit(
        EVENT.validate_json(golden(kind)),
        recorded_at=RECORDED_AT,
        level="commune",
        emitter="golden",
        frozen=frozen,
    )


def test_every_event_has_an_example_and_every_example_an_event() -> None:
    """An event that nobody can look at is not published."""
    assert {file.name for file in FOLDER.iterdir()} == {f"{kind.name}.v1.json" for kind in EVENTS}


@every_kind
def test_an_example_is_understood_and_says_everything(kind: EventKind) -> None:
    """Nothing of it is lost on the way in: no field is ignored, no value is changed."""
    said = orjson.loads(golden(kind))
    model = EVENT.validate_json(golden(kind))

    assert type(model) is kind.model
    again = model.model_dump(mode="json", exclude_none=True)
    assert _moments_as_utc(again) == _moments_as_utc(said)
    assert EVENT.validate_json(model.model_dump_json()) == model
    assert not ADMISSION_ATTRIBUTES & said.keys()


@every_kind
def test_another_implementation_of_cloudevents_understands_it_as_we_do(kind: EventKind) -> None:
    """«CloudEvents 1.0» is a promise to software that is not ours."""
    theirs = from_http(
        HTTPMessage({"content-type": "application/cloudevents+json"}, golden(kind)),
        JSONFormat(),
        CloudEvent,
    )
    ours = EVENT.validate_json(golden(kind))

    assert theirs.get_id() == ours.id
    assert theirs.get_source() == ours.source
    assert theirs.get_type() == ours.type == kind.type
    assert theirs.get_subject() == ours.subject
    assert theirs.get_time() == ours.time
    assert theirs.get_extension("unit") == ours.unit
    assert theirs.get_data() == orjson.loads(golden(kind))["data"]


@every_kind
def test_an_admitted_example_is_a_cloudevent_too(kind: EventKind) -> None:
    """Whoever reads motcua.events with other tools finds the standard envelope."""
    record = admitted_golden(kind)
    theirs = JSONFormat().read(CloudEvent, record)

    assert theirs.get_type() == kind.type
    assert theirs.get_extension("partitionkey") == theirs.get_extension("unit")
    assert theirs.get_extension("recordedat") == "2023-02-11T01:02:03.004Z"
    assert AdmittedEvent.model_validate_json(record).contenthash == CONTENT_HASHES[kind.name]


def test_the_content_of_an_example_never_changes_its_hash() -> None:
    """A retry after an upgrade must say the same as before it.

    A hash that changes makes each such retry a conflict. When this fails, the change that broke it
    is wrong, not this table; a new event gets a new line.
    """
    found = {kind.name: orjson.loads(admitted_golden(kind))["contenthash"] for kind in EVENTS}

    assert found == CONTENT_HASHES


@every_kind
def test_the_zone_in_which_a_moment_is_written_does_not_change_the_content(
    kind: EventKind,
) -> None:
    """A retry in UTC of what was sent in local time is the same event."""
    said = orjson.loads(golden(kind))
    moment = datetime.fromisoformat(said["time"]).astimezone(UTC).isoformat()
    retry = EVENT.validate_json(orjson.dumps({**said, "time": moment}))

    record = admit(retry, recorded_at=RECORDED_AT, level="x", emitter="y", frozen=None)
    assert orjson.loads(record)["contenthash"] == CONTENT_HASHES[kind.name]


def _damaged(said: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that an emitter could leave out, misspell or misplace."""
    for name in ("specversion", "id", "source", "type", "subject", "time", "unit", "data"):
        yield f"without {name}", {k: v for k, v in said.items() if k != name}
    yield "an old version", {**said, "specversion": "0.3"}
    yield "a later type", {**said, "type": said["type"].replace(".v1", ".v2")}
    yield "no zone", {**said, "time": "2023-02-10T08:30:00"}
    yield "before time began", {**said, "time": "1969-12-31T23:59:59Z"}
    yield "not XML", {**said, "datacontenttype": "application/xml"}
    yield "an unknown field", {**said, "data": {**said["data"], "full_name": "x"}}
    yield "data as a list", {**said, "data": [said["data"]]}
    for name, value in said["data"].items():
        # what no field takes: an object in place of a text, number or yes/no
        yield f"{name} is an object", {**said, "data": {**said["data"], name: {}}}
        if isinstance(value, bool | int):
            yield f"{name} as text", {**said, "data": {**said["data"], name: str(value)}}


@every_kind
def test_a_damaged_example_is_refused(kind: EventKind) -> None:
    """Strict at the door: what is guessed there is counted wrongly for ever."""
    for what, said in _damaged(orjson.loads(golden(kind))):
        with pytest.raises(ValidationError):
            EVENT.validate_json(orjson.dumps(said))
            pytest.fail(f"accepted {what}")


# -- the table of events and the fold


def test_the_table_of_events_is_complete_and_consistent() -> None:
    """A kind's number orders equal moments for ever; its title is what people read."""
    assert len({kind.number for kind in EVENTS}) == len({kind.name for kind in EVENTS})
    assert all(kind.title.strip() for kind in EVENTS)
    assert len({kind.title for kind in EVENTS}) == len(EVENTS)
    assert KIND_OF_TYPE.keys() == {kind.type for kind in EVENTS}
    assert [kind.number for kind in EVENTS] == sorted(kind.number for kind in EVENTS)


def test_the_numbers_of_the_table_are_the_tags_of_the_fold() -> None:
    """The state keeps the tag, the history the number: one event must not get two orders."""
    tags = {entry.__struct_config__.tag: entry.kind for entry in get_args(AnyEntry)}

    assert all(tag == kind for tag, kind in tags.items())
    assert set(tags) == {kind.number for kind in EVENTS}


def test_the_strategies_of_tests_draw_every_kind() -> None:
    """A law that never sees a kind of event says nothing about it."""
    assert DATA.keys() == {kind.name for kind in EVENTS}


@every_kind
def test_every_event_has_its_branch_in_the_fold(kind: EventKind) -> None:
    """The core reads it as what it is, keeps it and gives it back."""
    unit, code, kept = read(admitted_golden(kind))

    assert kept.kind == kind.number
    assert (unit, code) == tuple(orjson.loads(golden(kind))[name] for name in ("unit", "subject"))
    assert decode(encode((kept,))) == (kept,)


CHANGE_NOTHING = {"submitted", "returned"}
"""Kinds that open and end a dossier's way outside the office's clock; no fact depends on them."""


@every_kind
def test_every_event_makes_a_difference_or_is_known_not_to(kind: EventKind) -> None:
    """A kind that the fold silently ignores would be collected for nothing."""
    stories: tuple[Dossier, ...] = (
        fold(map(entry, [received()])),
        fold(map(entry, [received(), resolved("2023-02-10T09:00")])),
        fold(map(entry, [received(), paid(payment="PG-20230210-0000917", amount=8000)])),
    )
    _, _, kept = read(_complete(admitted_golden(kind)))
    differs = any(facts(add(story, kept)[0]) != facts(story) for story in stories)

    assert differs == (kind.name not in CHANGE_NOTHING)


def _complete(record: bytes) -> bytes:
    """The same with every item digitised: half of a dossier is no fact."""
    return record.replace(b'"items_digitized":2', b'"items_digitized":3')


def _moments_as_utc(found: dict[str, Any]) -> dict[str, Any]:
    data = dict(found["data"])
    if "due_at" in data:
        data["due_at"] = datetime.fromisoformat(data["due_at"]).astimezone(UTC)
    return {
        **found,
        "time": datetime.fromisoformat(found["time"]).astimezone(UTC),
        "data": data,
    }
