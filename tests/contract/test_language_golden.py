"""One example of each event, as an emitter sends it, kept for ever.

An office's software is upgraded once in ten years: what it sends today must be understood then.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, get_args

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic import ValidationError

from schemas.admitted import ADMISSION_ATTRIBUTES, AdmittedEvent, admit
from schemas.calendar import load_calendar
from schemas.events import EVENT, EVENTS, KIND_OF_TYPE, EventKind, LifecycleEvent
from schemas.upcasting import STEPS, lift
from streams.core.dossier import (
    AnyEntry,
    Corrected,
    Dossier,
    Resolved,
    add,
    decode,
    encode,
    read,
)
from streams.core.facts import facts
from streams.core.working_time import WorkingTime
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

WORK = WorkingTime(load_calendar())


class Version(NamedTuple):
    """One version of an event; all of them are read for ever."""

    name: str
    """``resolved.v1``: the name of its example and of its schema."""
    type: str
    model: type[LifecycleEvent]
    kind: EventKind


VERSIONS = tuple(
    Version(f"{kind.name}.v{n}", full_type, model, kind)
    for kind in EVENTS
    for n, (full_type, model) in enumerate(
        zip(kind.types, (*kind.older, kind.model), strict=True), start=1
    )
)

CONTENT_HASHES = {
    "corrected.v1": "cc36c1b690b03a35",
    "digitized.v1": "befb08a24e8d55ff",
    "due_changed.v1": "104520b004c52bb0",
    "fee_waived.v1": "0b6773c49c97763e",
    "forwarded.v1": "5a64c48da7d3d9db",
    "paid.v1": "19276e201467a381",
    "payment_requested.v1": "043f131558fd3ce6",
    "received.v1": "f4868efdb0c5d482",
    "refunded.v1": "4b6a795f9ced8fd5",
    "rejected.v1": "1b02387807a8d50e",
    "reopened.v1": "75b50772d1132907",
    "resolved.v1": "e5c8bd5ef05b277a",
    "resolved.v2": "ec318e835a1b3b53",
    "returned.v1": "b1871612d0124bdd",
    "stopped.v1": "e0c1e759a8fa1603",
    "submitted.v1": "8dfed035df05a682",
    "supplement_received.v1": "fcda033f04ddaf59",
    "supplement_requested.v1": "a81b1d5937dc267d",
    "withdrawn.v1": "bce114aa4b82c0df",
}
"""What two sendings share when they say the same. Never change a line: see the test."""

every_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)


def golden(version: Version) -> bytes:
    """The example of this version, as it would come over HTTP."""
    return (FOLDER / f"{version.name}.json").read_bytes()


def admitted_golden(version: Version) -> bytes:
    frozen = CATALOGUE if version.kind.name in ("received", "corrected") else None
    return admit(
        EVENT.validate_json(golden(version)),
        recorded_at=RECORDED_AT,
        level="commune",
        emitter="golden",
        frozen=frozen,
    )


def test_every_event_has_an_example_and_every_example_an_event() -> None:
    """An event that nobody can look at is not published."""
    assert {file.name for file in FOLDER.iterdir()} == {
        f"{version.name}.json" for version in VERSIONS
    }


@every_version
def test_an_example_is_understood_and_says_everything(version: Version) -> None:
    """Nothing of it is lost on the way in: no field is ignored, no value is changed."""
    said = orjson.loads(golden(version))
    model = EVENT.validate_json(golden(version))

    assert type(model) is version.model
    again = model.model_dump(mode="json", exclude_none=True)
    assert _moments_as_utc(again) == _moments_as_utc(said)
    assert EVENT.validate_json(model.model_dump_json()) == model
    assert not ADMISSION_ATTRIBUTES & said.keys()


@every_version
def test_another_implementation_of_cloudevents_understands_it_as_we_do(version: Version) -> None:
    """«CloudEvents 1.0» is a promise to software that is not ours."""
    theirs = from_http(
        HTTPMessage({"content-type": "application/cloudevents+json"}, golden(version)),
        JSONFormat(),
        CloudEvent,
    )
    ours = EVENT.validate_json(golden(version))

    assert theirs.get_id() == ours.id
    assert theirs.get_source() == ours.source
    assert theirs.get_type() == ours.type == version.type
    assert theirs.get_subject() == ours.subject
    assert theirs.get_time() == ours.time
    assert theirs.get_extension("unit") == ours.unit
    assert theirs.get_data() == orjson.loads(golden(version))["data"]


@every_version
def test_an_admitted_example_is_a_cloudevent_too(version: Version) -> None:
    """Whoever reads motcua.events with other tools finds the standard envelope."""
    record = admitted_golden(version)
    theirs = JSONFormat().read(CloudEvent, record)

    assert theirs.get_type() == version.type
    assert theirs.get_extension("partitionkey") == theirs.get_extension("unit")
    assert theirs.get_extension("recordedat") == "2023-02-11T01:02:03.004Z"
    assert AdmittedEvent.model_validate_json(record).contenthash == CONTENT_HASHES[version.name]


def test_the_content_of_an_example_never_changes_its_hash() -> None:
    """A retry after an upgrade must say the same as before it.

    A hash that changes makes each such retry a conflict. When this fails, the change that broke it
    is wrong, not this table; a new event gets a new line.
    """
    found = {v.name: orjson.loads(admitted_golden(v))["contenthash"] for v in VERSIONS}

    assert found == CONTENT_HASHES


@every_version
def test_the_zone_in_which_a_moment_is_written_does_not_change_the_content(
    version: Version,
) -> None:
    """A retry in UTC of what was sent in local time is the same event."""
    said = orjson.loads(golden(version))
    moment = datetime.fromisoformat(said["time"]).astimezone(UTC).isoformat()
    retry = EVENT.validate_json(orjson.dumps({**said, "time": moment}))

    record = admit(retry, recorded_at=RECORDED_AT, level="x", emitter="y", frozen=None)
    assert orjson.loads(record)["contenthash"] == CONTENT_HASHES[version.name]


def _damaged(said: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that an emitter could leave out, misspell or misplace."""
    for name in ("specversion", "id", "source", "type", "subject", "time", "unit", "data"):
        yield f"without {name}", {k: v for k, v in said.items() if k != name}
    yield "an old version", {**said, "specversion": "0.3"}
    yield "a later type", {**said, "type": f"{said['type'][:-1]}{int(said['type'][-1]) + 1}"}
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


@every_version
def test_a_damaged_example_is_refused(version: Version) -> None:
    """Strict at the door: what is guessed there is counted wrongly for ever."""
    for what, said in _damaged(orjson.loads(golden(version))):
        with pytest.raises(ValidationError):
            EVENT.validate_json(orjson.dumps(said))
            pytest.fail(f"accepted {what}")


# -- versions


@pytest.mark.parametrize("name", [v.name for v in VERSIONS if v.type != v.kind.type])
def test_an_older_version_is_lifted_to_what_today_would_be_said(name: str) -> None:
    """Records are never rewritten, so whoever reads one lifts it; and lifts it the whole way."""
    (version,) = (v for v in VERSIONS if v.name == name)
    said = orjson.loads(golden(version))
    newest, data = lift(said["type"], said["data"])

    assert newest == version.kind.type
    lifted = EVENT.validate_json(orjson.dumps({**said, "type": newest, "data": data}))
    assert type(lifted) is version.kind.model
    again = lifted.model_dump(mode="json", exclude_none=True)
    assert _moments_as_utc(again["data"]) == _moments_as_utc(data)


def test_every_older_version_has_its_step_and_today_s_have_none() -> None:
    """A version without a step could be accepted and then never be read."""
    assert set(STEPS) == {v.type for v in VERSIONS if v.type != v.kind.type}


def test_v1_of_a_result_was_electronic_or_on_paper() -> None:
    """The one real change of a version: what v1 could not say, v2 must not invent."""
    for electronic, form in ((True, "electronic"), (False, "paper")):
        said = {"outcome": "approved", "electronic_result": electronic, "officer": "cb"}
        _, data = lift("motcua.dossier.resolved.v1", said)
        assert data == {"outcome": "approved", "result_form": form, "officer": "cb"}


def test_an_older_version_within_a_correction_is_read_too() -> None:
    """The software of an office sends the events that it knows, in its corrections as well."""
    correction = orjson.loads(golden(next(v for v in VERSIONS if v.name == "corrected.v1")))
    entries = []
    for name in ("resolved.v1", "resolved.v2"):
        said = orjson.loads(golden(next(v for v in VERSIONS if v.name == name)))
        replacement = {key: said[key] for key in ("type", "data")} | {"time": correction["time"]}
        replacement["data"]["officer"] = "cb"
        event = EVENT.validate_json(
            orjson.dumps({**correction, "data": {**correction["data"], "replacement": replacement}})
        )
        record = admit(event, recorded_at=RECORDED_AT, level="x", emitter="y", frozen=None)
        _, _, kept = read(record)
        assert isinstance(kept, Corrected)
        entries.append(kept.replacement)
    one, other = entries
    assert isinstance(one, Resolved) and isinstance(other, Resolved)
    assert one.electronic and other.electronic
    assert (one.at, one.id, one.officer) == (other.at, other.id, other.officer)


# -- the table of events and the fold


def test_the_table_of_events_is_complete_and_consistent() -> None:
    """A kind's number orders equal moments for ever; its title is what people read."""
    assert len({kind.number for kind in EVENTS}) == len({kind.name for kind in EVENTS})
    assert all(kind.title.strip() for kind in EVENTS)
    assert len({kind.title for kind in EVENTS}) == len(EVENTS)
    assert {v.type: v.kind for v in VERSIONS} == KIND_OF_TYPE
    assert all(kind.type == kind.types[-1] for kind in EVENTS)
    assert [kind.number for kind in EVENTS] == sorted(kind.number for kind in EVENTS)


def test_the_numbers_of_the_table_are_the_tags_of_the_fold() -> None:
    """The state keeps the tag, the history the number: one event must not get two orders."""
    tags = {entry.__name__: entry.__struct_config__.tag for entry in get_args(AnyEntry)}

    assert tags == {entry.__name__: entry.kind for entry in get_args(AnyEntry)}
    assert tags == {kind.model.__name__: kind.number for kind in EVENTS}


def test_the_strategies_of_tests_draw_every_version() -> None:
    """A law that never sees a kind of event says nothing about it."""
    assert DATA.keys() == {kind.name for kind in EVENTS}


@every_version
def test_every_event_has_its_branch_in_the_fold(version: Version) -> None:
    """The core reads it as what it is, keeps it and gives it back."""
    unit, code, kept = read(admitted_golden(version))

    assert kept.kind == version.kind.number
    assert (unit, code) == tuple(
        orjson.loads(golden(version))[name] for name in ("unit", "subject")
    )
    assert decode(encode((kept,))) == (kept,)


CHANGE_NOTHING = {"submitted", "payment_requested"}
"""What the applicant does or is asked for outside the office's clock; no fact depends on it."""


@every_version
def test_every_event_makes_a_difference_or_is_known_not_to(version: Version) -> None:
    """A kind that the fold silently ignores would be collected for nothing."""
    stories: tuple[Dossier, ...] = (
        fold(map(entry, [received()])),
        fold(map(entry, [received(), resolved("2023-02-10T09:00")])),
        fold(map(entry, [received(), paid(payment="PG-20230210-0000917", amount=8000)])),
    )
    _, _, kept = read(_complete(admitted_golden(version)))
    differs = any(facts(add(story, kept)[0], WORK) != facts(story, WORK) for story in stories)

    assert differs == (version.kind.name not in CHANGE_NOTHING)


def _complete(record: bytes) -> bytes:
    """The same with every item digitised: half of a dossier is no fact."""
    return record.replace(b'"items_digitized":2', b'"items_digitized":3')


def _moments_as_utc(found: Any) -> Any:
    """The same JSON with every moment in it in UTC, wherever it stands."""
    if isinstance(found, dict):
        return {name: _moments_as_utc(inner) for name, inner in found.items()}
    if isinstance(found, list):
        return [_moments_as_utc(inner) for inner in found]
    if isinstance(found, str) and found[10:11] == "T":
        return datetime.fromisoformat(found).astimezone(UTC)
    return found
