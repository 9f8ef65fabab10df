"""A certificate's seal, which anyone can compute, and what is told of it."""

import hashlib
import json
import math
from datetime import timedelta

import orjson
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from schemas.certificates import Difference, read_certificate, seal
from services.certificates import count_certificates
from services.metrics import Metrics
from tests.support.wall import NOW, FakeCertificates, certificate

DIFFERENCE = Difference(
    unit="23500",
    month="2023-02",
    cell=("closed", "2023-02-10", "commune", "1.001193", "cb-01", 1 << 46, 4),
    live=5,
    history=4,
    dossiers=("23500-«Đắk Hà»\n/1", "2"),
)


def as_documented(record: bytes) -> str:
    """What anyone can do with a copy, in other words than ours."""
    document = json.loads(record)
    del document["sha256"]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_seal_can_be_computed_by_anyone() -> None:
    found = certificate(state="differs", differences=(DIFFERENCE,), differences_found=1)
    record = found.model_dump_json().encode()

    assert found.sha256 == as_documented(record)
    assert read_certificate(record) == found


@pytest.mark.parametrize(
    ("name", "value"),
    [("state", "equal"), ("differences", []), ("offsets", {"0": 1}), ("compared_at", "2024")],
)
def test_a_certificate_that_was_changed_is_not_believed(name: str, value: object) -> None:
    found = certificate(state="differs", differences=(DIFFERENCE,), differences_found=1)
    changed = {**orjson.loads(found.model_dump_json()), name: value}

    with pytest.raises(ValueError, match="sha256"):
        read_certificate(orjson.dumps(changed))


@pytest.mark.parametrize("record", [b"", b"{}", b"[]", b"nonsense", b'{"state": "equal"}'])
def test_what_is_no_certificate_is_refused(record: bytes) -> None:
    with pytest.raises(ValueError):
        read_certificate(record)


def test_a_field_of_a_later_version_does_not_break_the_seal() -> None:
    """An old wall must not call a new certificate false."""
    later = {**orjson.loads(certificate().model_dump_json()), "since": "1.2"}
    text = orjson.dumps(later)
    resealed = {**later, "sha256": as_documented(text)}

    assert read_certificate(orjson.dumps(resealed)).state == "equal"


def test_only_a_complete_comparison_is_equal() -> None:
    assert certificate().equal
    assert not certificate(state="waiting").equal
    assert not certificate(state="differs").equal
    with pytest.raises(ValidationError):
        certificate(state="fine")


def test_a_sealed_certificate_is_sealed_again_the_same() -> None:
    assert seal(certificate()) == certificate()


def test_the_metrics_tell_of_the_newest_certificate() -> None:
    """An alarm needs the age as well: when nobody compares any more, no figure changes."""
    metrics, certificates = Metrics(), FakeCertificates()
    count_certificates(metrics, certificates, lambda: NOW + timedelta(seconds=90))
    app = FastAPI()
    app.include_router(metrics.router())
    http = TestClient(app)

    def shown() -> dict[str, float]:
        families = text_string_to_metric_families(http.get("/metrics").text)
        samples = [s for family in families for s in family.samples]
        return {s.name: s.value for s in samples if s.name.startswith("motcua_verif")}

    assert len(shown()) == 5
    assert all(math.isnan(value) for value in shown().values())
    certificates.set(
        certificate(
            state="differs",
            units_compared=22,
            differences_found=3,
            duration_ms=1500,
            equal_at="2023-11-10T07:00:00.000Z",
        )
    )
    assert shown() == {
        "motcua_verified_equal_timestamp_seconds": 1699599600.0,
        "motcua_verify_age_seconds": 90.0,
        "motcua_verify_duration_seconds": 1.5,
        "motcua_verify_differences": 3.0,
        "motcua_verify_units_waiting": 2.0,
    }
