"""What is admitted, what is refused, and that a refusal tells its reader what to do."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
import structlog

from schemas.admitted import AdmittedEvent
from schemas.calendar import load_calendar
from schemas.registry import Registry, Unit, load_registry
from services.gateway.admission import Accepted, Admission, Emitter, Limits, Refused
from services.gateway.due import CatalogueDue
from services.gateway.rules import RULES
from streams.core.dossier import Corrected, Received, read
from streams.core.working_time import WorkingTime
from tests.support.gateway import (
    NOW,
    OWED,
    UNITS,
    corrected_with,
    paid_with,
    received,
    received_with,
    replaced_with,
    withdrawn_with,
)

REGISTRY = load_registry()


def admission(units: tuple[str, ...] = UNITS, **limits: int) -> Admission:
    return Admission(Emitter("dakha", frozenset(units)), REGISTRY, NOW, Limits(**limits), OWED)


def refused(event: Any, **limits: int) -> Refused:
    body = event if isinstance(event, bytes) else orjson.dumps(event)
    verdict = admission(**limits).one(body)
    assert isinstance(verdict, Refused), verdict
    return verdict


def accepted(event: dict[str, Any]) -> AdmittedEvent:
    verdict = admission().one(orjson.dumps(event))
    assert isinstance(verdict, Accepted), verdict
    return AdmittedEvent.model_validate_json(verdict.value)


def test_an_admitted_event_says_who_when_and_what_was_in_force():
    """The fold reads nothing else: what is not frozen in here is lost to a replay."""
    admitted = accepted(received(time="2023-02-10T08:30:00.123456+07:00"))

    assert admitted.time.isoformat() == "2023-02-10T01:30:00.123000+00:00"
    assert admitted.recordedat == NOW
    assert (admitted.level, admitted.emitter, admitted.partitionkey) == (
        "commune",
        "dakha",
        "23500",
    )
    assert admitted.data["due_at"] == "2023-02-13T10:00:00.000Z"
    assert admitted.frozen is not None
    assert admitted.frozen.model_dump() == {
        "known": True,
        "service": "full",
        "has_fee": False,
        "payment_online": False,
        # received at 8:30 on a Friday, one working day
        "due_at": datetime(2023, 2, 13, 10, tzinfo=UTC),
    }


def test_a_procedure_that_the_catalogue_does_not_know_is_admitted_and_marked():
    """An office must be able to report what it did, catalogue or not; the anomaly is counted."""
    frozen = accepted(received_with(procedure="1.999999")).frozen
    assert frozen is not None
    assert not frozen.known


@pytest.mark.parametrize(
    ("procedure", "at", "owed"),
    [
        ("1.001193", "2023-02-10T15:00:00+07:00", datetime(2023, 2, 13, 10, tzinfo=UTC)),
        ("1.001193.000.00.00.H36", "2023-02-10T15:00:01+07:00",
         datetime(2023, 2, 14, 10, tzinfo=UTC)),
        ("2.000815", "2023-02-10T08:30:00+07:00", datetime(2023, 2, 10, 10, tzinfo=UTC)),
        ("2.000884", "2023-02-10T08:30:00+07:00", datetime(2023, 2, 10, 7, 30, tzinfo=UTC)),
        ("1.001193", "2021-12-31T08:30:00+07:00", None),
    ],
    ids=["at the cut-off", "after it", "the same day", "four hours", "a year before the calendar"],
)  # fmt: skip
def test_the_catalogues_due_moment_is_frozen_with_the_reception(procedure, at, owed):
    """A due moment that the software does not name is still owed, and a replay must not move it."""
    admitted = accepted(received(time=at, data=received_with(procedure=procedure)["data"]))
    assert admitted.frozen is not None
    assert admitted.frozen.known
    assert admitted.frozen.due_at == owed


def test_a_calendar_without_the_year_is_told_once_and_refuses_nothing():
    """The missing year is the operator's to add; no sender can do anything about it."""
    owed = CatalogueDue(WorkingTime(load_calendar()))
    procedure = REGISTRY.procedure("1.001193", NOW.date())
    assert procedure is not None
    with structlog.testing.capture_logs() as logs:
        for day in (1, 2, 3):
            assert owed(procedure, datetime(2031, 5, day, tzinfo=UTC)) is None
    assert [line["event"] for line in logs] == ["calendar_unknown"]
    assert "vn.toml" in logs[0]["why"]


def test_a_replacement_that_is_a_reception_is_frozen_on_its_own_day():
    """Else correcting the day of a reception would leave it with another time's fee and level."""
    said = corrected_with()["data"]["replacement"]
    admitted = accepted(corrected_with(replacement={**said, "time": "2022-12-30T09:00:00+07:00"}))
    today = accepted(corrected_with()).frozen

    assert admitted.frozen is not None
    assert admitted.frozen.due_at == datetime(2023, 1, 3, 10, tzinfo=UTC)
    assert today is not None
    assert today.due_at == datetime(2023, 2, 13, 10, tzinfo=UTC)
    re_registered = {**said["data"], "procedure": "1.004884"}
    for day, has_payment in (("2022-12-31", False), ("2023-01-01", True)):
        replacement = {**said, "time": f"{day}T09:00:00+07:00", "data": re_registered}
        frozen = accepted(corrected_with(replacement=replacement)).frozen
        assert frozen is not None
        assert frozen.payment_online is has_payment


def test_the_core_reads_a_replacement_with_what_was_frozen_for_it():
    """Admission and fold must mean the same by «frozen» of a correction."""
    body = replaced_with(due_at=None)
    verdict = admission().one(orjson.dumps(body))
    assert isinstance(verdict, Accepted)
    _, _, entry = read(verdict.value)

    assert isinstance(entry, Corrected)
    assert isinstance(entry.replacement, Received)
    assert entry.replacement.due == 1676282400000  # 2023-02-13T17:00+07:00


@pytest.mark.parametrize(
    "event",
    [
        corrected_with(replacement=None),
        corrected_with(
            replacement={
                "type": "motcua.dossier.paid.v1",
                "time": "2023-02-10T08:30:00+07:00",
                "data": paid_with()["data"],
            }
        ),
        paid_with(),
    ],
    ids=["void", "a payment instead", "no correction"],
)
def test_nothing_is_frozen_where_nothing_was_received(event):
    """The catalogue is frozen with a reception, and with nothing else."""
    assert accepted(event).frozen is None


def test_an_abolished_unit_ends_what_it_has_and_receives_nothing_new():
    """On 1 July 2025 there were open dossiers; their results belong to whoever received them."""
    gone = Unit(code="23503", name="x", level="commune", valid_to=date(2023, 2, 9))
    later = Admission(
        Emitter("dakha", frozenset(UNITS)), Registry((gone,), ()), NOW, Limits(), OWED
    )

    kinds = {"rejected": withdrawn_with()["data"], "withdrawn": withdrawn_with()["data"],
             "submitted": {"channel": "online"}, "received": received()["data"]}  # fmt: skip
    verdicts = {
        kind: later.one(
            orjson.dumps(received(unit="23503", type=f"motcua.dossier.{kind}.v1", data=data))
        )
        for kind, data in kinds.items()
    }
    taken = {kind for kind, verdict in verdicts.items() if isinstance(verdict, Accepted)}
    assert taken == {"rejected", "withdrawn"}
    assert isinstance(verdicts["received"], Refused)
    assert verdicts["received"].errors[0].rule == "unit_unknown"


VALID = orjson.dumps(received())
FUTURE = (NOW + timedelta(hours=24, milliseconds=1)).isoformat()


def replaced_by(**changes: Any) -> dict[str, Any]:
    replacement = {**corrected_with()["data"]["replacement"], **changes}
    return corrected_with(replacement={n: v for n, v in replacement.items() if v is not None})


def supplement_with(**changes: Any) -> dict[str, Any]:
    data = {"officer": "CB01", "reason": "thiếu bản chính", "items": ["đơn"], "beyond_list": False}
    return received(type="motcua.dossier.supplement_requested.v1", data={**data, **changes})


BAD = [
    ("missing id", received(id=None), "id", "missing"),
    ("missing data", received(data=None), "data", "missing"),
    ("missing type", received(type=None), "type", "missing"),
    ("unknown type", received(type="motcua.dossier.born.v1"), "type", "type_unknown"),
    ("other specversion", received(specversion="0.3"), "specversion", "value_unknown"),
    ("time without zone", received(time="2023-02-10T08:30:00"), "time", "zone_missing"),
    ("time as a number", received(time=1676000000), "time", "moment_expected"),
    ("only a day", received(time="2023-02-10"), "time", "moment_expected"),
    ("31 February", received(time="2023-02-31T00:00:00Z"), "time", "moment_expected"),
    ("year 1", received(time="0001-01-01T00:00:00+07:00"), "time", "moment_out_of_range"),
    ("year 9999", received(time="9999-12-31T23:59:59-07:00"), "time", "moment_out_of_range"),
    ("far future", received(time=FUTURE), "time", "time_in_future"),
    ("foreign unit", received(unit="23524"), "unit", "unit_not_yours"),
    ("no such unit", received(unit="99999"), "unit", "unit_unknown"),
    ("unit with a space", received(unit="Đắk Hà"), "unit", "pattern"),
    ("data is no object", received(data=[1]), "data", "object_expected"),
    ("unknown field", received_with(note="x"), "data.note", "extra_forbidden"),
    ("unknown channel", received_with(channel="fax"), "data.channel", "value_unknown"),
    ("yes in words", received_with(paperless="yes"), "data.paperless", "yes_or_no_expected"),
    ("bad procedure", received_with(procedure="khai sinh"), "data.procedure", "pattern"),
    ("officer by name", received_with(officer="A Phương"), "data.officer", "pattern"),
    ("amount in quotes", paid_with(amount_vnd="8000"), "data.amount_vnd", "whole_number_expected"),
    ("amount with a point", paid_with(amount_vnd=0.5), "data.amount_vnd", "whole_number_expected"),
    ("amount of zero", paid_with(amount_vnd=0), "data.amount_vnd", "too_small"),
    ("amount too great", paid_with(amount_vnd=10**12), "data.amount_vnd", "too_great"),
    ("control character", received(subject="23500\x00"), "subject", "control_characters"),
    ("subject too long", received(subject="x" * 101), "subject", "too_long"),
    ("empty id", received(id=""), "id", "too_short"),
    ("id is a number", received(id=7), "id", "text_expected"),
    ("empty reason", withdrawn_with(reason=" "), "data.reason", "too_short"),
    ("reserved attribute", received(emitter="me"), "emitter", "attribute_reserved"),
    ("reserved, null", b'{"level":null,' + VALID[1:], "level", "attribute_reserved"),
    ("reserved, escaped", b'{"lev\\u0065l":1,' + VALID[1:], "level", "attribute_reserved"),
    ("telephone", withdrawn_with(reason="gọi 0912 345 678"), "data.reason", "personal_data"),
    ("e-mail", withdrawn_with(reason="a@b.vn"), "data.reason", "personal_data"),
    ("identity number", withdrawn_with(reason="CCCD 062099001234"), "data.reason", "personal_data"),
    ("name", withdrawn_with(reason="bà Nguyễn Thị Bình rút"), "data.reason", "personal_data"),
    ("telephone as officer", received_with(officer="0912345678"), "data.officer", "personal_data"),
    ("identity number as dossier", received(subject="062099001234"), "subject", "personal_data"),
    ("e-mail as source", received(source="mailto:a@b.vn"), "source", "personal_data"),
    ("payment by phone", paid_with(payment_id="0912345678"), "data.payment_id", "personal_data"),
    ("correction of itself", corrected_with(corrects={"source": received()["source"], "id": "e-2"}),
     "data.corrects.id", "corrects_itself"),
    ("correction without an original", corrected_with(corrects=None), "data.corrects", "missing"),
    ("replaced by a correction", replaced_by(type="motcua.dossier.corrected.v1"),
     "data.replacement.type", "replacement_unknown"),
    ("replaced by what is no event", replaced_by(type=5),
     "data.replacement.type", "replacement_unknown"),
    ("replaced by what has no type", replaced_by(type=None), "data.replacement.type", "missing"),
    ("replaced in the future", replaced_by(time=FUTURE),
     "data.replacement.time", "time_in_future"),
    ("replaced on a day", replaced_by(time="2023-02-10"),
     "data.replacement.time", "moment_expected"),
    ("replacement with an id", replaced_by(id="e-1"), "data.replacement.id", "extra_forbidden"),
    ("replacement as text", corrected_with(replacement="x"), "data.replacement", "object_expected"),
    ("wrong procedure within", replaced_with(procedure="khai sinh"),
     "data.replacement.data.procedure", "pattern"),
    ("unknown field within", replaced_with(note="x"),
     "data.replacement.data.note", "extra_forbidden"),
    ("officer within by telephone", replaced_with(officer="0912345678"),
     "data.replacement.data.officer", "personal_data"),
    ("name as the reason", corrected_with(reason="theo đơn của bà Nguyễn Thị Bình"),
     "data.reason", "personal_data"),
    ("name within", replaced_by(type="motcua.dossier.withdrawn.v1",
                                data={"reason": "ông Trần Văn Bình rút"}),
     "data.replacement.data.reason", "personal_data"),
    ("name among the papers", supplement_with(items=["đơn", "CCCD 062099001234"]),
     "data.items.1", "personal_data"),
    ("no papers", supplement_with(items=[]), "data.items", "list_too_short"),
    ("too many papers", supplement_with(items=["x"] * 51), "data.items", "list_too_long"),
    ("papers as text", supplement_with(items="đơn"), "data.items", "list_expected"),
    ("resolved as of both versions", received(type="motcua.dossier.resolved.v2", data={
        "outcome": "approved", "result_form": "both", "electronic_result": True}),
     "data.electronic_result", "extra_forbidden"),
    ("no object", b"5", "", "object_expected"),
    ("not JSON", b"{", "", "json_invalid"),
    ("not UTF-8", b'"\xff"', "", "json_invalid"),
    ("NaN", b'{"id":NaN}', "", "json_invalid"),
    ("half a surrogate pair", rb'{"id":"\ud800"}', "", "json_invalid"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "field", "rule"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_event_is_refused_with_field_rule_and_fix(event, field, rule):
    """Whoever runs the one-stop software reads this and nothing else."""
    units = (*UNITS, "99999")
    body = event if isinstance(event, bytes) else orjson.dumps(event)
    verdict = admission(units).one(body)

    assert isinstance(verdict, Refused)
    error = verdict.errors[0]
    assert (error.field, error.rule) == (field, rule)
    assert verdict.status == RULES[rule].status
    for text in (error.message, error.message_vi):
        assert len(text) > 10
        assert "{" not in text
    assert error.message != error.message_vi


def test_every_error_of_an_event_is_told_at_once():
    """Fixing one mistake only to meet the next costs an integrator a day each."""
    event = received_with(channel="fax", paperless="yes", procedure=None)
    assert [error.field for error in refused(event).errors] == [
        "data.procedure",
        "data.channel",
        "data.paperless",
    ]


@pytest.mark.parametrize("batch", [False, True])
def test_nesting_is_bounded_even_where_nobody_looks(batch):
    """An attribute that we ignore is still read; it must not be a way to tire the parser."""

    def nested(levels: int) -> bytes:
        inside = b"[" * levels + b"]" * levels
        return b'{"trace":' + inside + b"," + orjson.dumps(received())[1:]

    def verdict(levels: int) -> object:
        if not batch:
            return admission().one(nested(levels))
        found = admission().batch(b"[" + nested(levels) + b"]")
        assert isinstance(found, list)
        return found[0]

    assert isinstance(verdict(15), Accepted)
    for levels in (16, 40, 300, 5000):
        found = verdict(levels)
        assert isinstance(found, Refused)
        assert found.errors[0].rule == "too_deep"


def test_the_hash_is_of_what_was_said_and_not_of_how():
    """A retry may order its keys or write its zone differently, and is still the same event."""
    keys = list(received())
    random.Random(1).shuffle(keys)
    shuffled = {key: received()[key] for key in keys}
    utc = received(time="2023-02-10T01:30:00Z")

    hashes = {accepted(event).contenthash for event in (received(), shuffled, utc)}
    assert len(hashes) == 1
    assert accepted(received(subject="23500-230210-0002")).contenthash not in hashes


def test_a_batch_is_judged_event_by_event_and_kept_as_it_came():
    """One bad dossier must not hold up a day's upload, and is kept in the sender's own words."""
    bad = b'{ "type" : "x",   "id":"e-9" }'
    body = b"[" + VALID + b" ,\n" + bad + b"," + VALID + b" ]"

    verdicts = admission().batch(body)

    assert isinstance(verdicts, list)
    assert [type(verdict) for verdict in verdicts] == [Accepted, Refused, Accepted]
    assert verdicts[1].text == bad.decode()
    assert verdicts[1].id == "e-9"


def test_a_valid_batch_with_a_foreign_unit_refuses_that_event_alone():
    body = orjson.dumps([received(), received(unit="23524"), received(unit="23503")])
    verdicts = admission().batch(body)
    assert isinstance(verdicts, list)
    assert [type(verdict) for verdict in verdicts] == [Accepted, Refused, Accepted]
    assert orjson.loads(verdicts[1].text)["unit"] == "23524"


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"[]", "batch_empty"),
        (b"{}", "batch_expected"),
        (b"[", "json_invalid"),
        (orjson.dumps([received()] * 4), "batch_too_long"),
        (b"[" + b" " * 5000 + b"1]", "body_too_large"),
    ],
)
def test_a_batch_that_is_none_is_refused_as_a_whole(body, rule):
    verdict = admission(batch_events=3, batch_bytes=4000).batch(body)
    assert isinstance(verdict, Refused)
    assert verdict.errors[0].rule == rule


def test_both_ways_of_reading_give_the_same_verdicts():
    """A whole batch is read at once where it can be; the slow way must not judge otherwise."""
    events = [received(id=f"e-{n}", unit=UNITS[n % 2]) for n in range(20)]
    fast = admission().batch(orjson.dumps(events))
    slow = admission().batch(orjson.dumps([*events, "not an event"]))
    assert isinstance(fast, list)
    assert isinstance(slow, list)
    assert slow[:-1] == fast
