"""What is kept of a refused event: all of it, but nothing that may be about a person."""

import orjson
import pytest

from schemas.registry import load_registry
from services.gateway.admission import Admission, Emitter, Limits, Refused
from services.gateway.rejected import rejected_record
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
CANARIES = ("0912 345 678", "+84912345678", "an.nguyen@example.vn", "062099001234", "Trần Thị Bình")


def kept(event: object) -> tuple[bytes, dict[str, object]]:
    body = event if isinstance(event, bytes) else orjson.dumps(event)
    admission = Admission(Emitter("dakha", frozenset(UNITS)), REGISTRY, NOW, Limits(), OWED)
    verdict = admission.one(body)
    assert isinstance(verdict, Refused), verdict
    record = rejected_record(verdict, "dakha", NOW)
    return record, orjson.loads(record)


def test_a_refused_event_is_kept_to_the_letter():
    """Repairing starts from what was really sent: spacing, order of keys and all."""
    body = b'{ "id" : "7", "type":"motcua.dossier.born.v1",  "amount": 1e3 }'
    _, record = kept(body)

    assert record["event"] == body.decode()
    assert (record["stage"], record["emitter"]) == ("gateway", "dakha")
    assert record["received_at"] == "2023-02-10T09:00:00.000Z"
    assert record["reasons"][0]["rule"] == "type_unknown"
    assert (record["masked"], record["truncated"]) == ([], False)


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize(
    "place",
    [
        lambda c: received(id=c, type="x"),
        lambda c: received(source=c, type="x"),
        lambda c: received(subject=c, type="x"),
        lambda c: received(unit=c),
        lambda c: received(type=c),
        lambda c: received(time=c),
        lambda c: received(specversion=c),
        lambda c: received(citizen=c, type="x"),
        lambda c: received_with(procedure=c),
        lambda c: received_with(channel=c),
        lambda c: received_with(officer=c, channel="x"),
        lambda c: received_with(applicant_kind=c),
        lambda c: received_with(applicant=c),
        lambda c: received_with(applicant={"deep": [c]}),
        lambda c: received_with(**{c: 1}),
        lambda c: received(data=c),
        lambda c: paid_with(payment_id=c, way="x"),
        lambda c: paid_with(amount_vnd=c),
        lambda c: withdrawn_with(reason=f"do {c} đề nghị", officer=5),
        lambda c: corrected_with(reason=c),
        lambda c: corrected_with(approved_by=c),
        lambda c: corrected_with(corrects={"source": c, "id": "x"}, reason=5),
        lambda c: replaced_with(officer=c),
        lambda c: replaced_with(applicant=c),
        lambda c: ('{"broken": "' + c).encode(),
    ],
)  # fmt: skip
def test_personal_data_never_reaches_the_log_wherever_it_stands(canary, place):
    """Luật 91/2025/QH15: what Kafka never got needs no deleting from it."""
    record, _ = kept(place(canary))
    assert canary not in record.decode()
    assert canary not in orjson.loads(record)["event"]


@pytest.mark.parametrize("name", ["A Phương", "Y Blơm Niê", "Đinh Núp"])
def test_a_name_in_place_of_a_code_is_masked_even_if_no_rule_knows_it(name):
    for event, field in (
        (received_with(officer=name), "data.officer"),
        (replaced_with(officer=name), "data.replacement.data.officer"),
        (corrected_with(approved_by=name), "data.approved_by"),
    ):
        _, record = kept(event)
        assert name not in str(record)
        assert record["masked"] == [field]


def test_numbers_that_nobody_asked_for_are_masked_and_amounts_are_not():
    """An identity number loses its quotes easily; an amount of nine digits is an amount."""
    _, record = kept(received_with(cccd=62099001234))
    assert "62099001234" not in str(record)
    _, record = kept(paid_with(amount_vnd=123456789, way="x"))
    assert "123456789" in str(record["event"])


def test_a_large_event_is_cut_and_says_so():
    _, record = kept(b'{"type":"x","id":"' + b"a" * 900_000 + b'"}')
    assert record["truncated"] is True
    assert len(str(record["event"])) <= 600_000
