"""The JSON Schemas that we publish say what the models say, and describe what we really write."""

from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator, ValidationError

from schemas import export
from schemas.books import Period, load_book
from schemas.problems import FieldError, Problem
from schemas.registry import load_registry
from schemas.report import Report
from schemas.snapshots import UnitMonth, UnitNow
from streams.core.cells import UnitCounters, rows
from streams.core.facts import facts
from streams.core.indicators import anomalies, in_period
from tests.contract.test_language_golden import (
    VERSIONS,
    WORK,
    Version,
    admitted_golden,
    every_version,
    golden,
)
from tests.support.histories import dossiers, histories
from tests.support.tables import rows_of

PUBLISHED = {
    file.name: orjson.loads(file.read_bytes()) for file in export.FOLDER.glob("*.schema.json")
}


def check(name: str, document: Any) -> None:
    """The document is valid by the published schema."""
    Draft202012Validator(PUBLISHED[f"{name}.schema.json"]).validate(document)


def test_the_published_schemas_are_those_of_the_models() -> None:
    """Whoever generated a client from them relies on it. To publish: python -m schemas.export"""
    published = {file.name: file.read_text("utf-8") for file in export.FOLDER.iterdir()}

    assert published == export.documents()


def test_what_is_written_is_what_is_published(tmp_path: Any) -> None:
    """And a schema of something that is gone goes, too."""
    (tmp_path / "gone.v1.schema.json").write_text("{}")
    export.write(tmp_path)

    assert {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()} == (
        export.documents()
    )


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_published_schema_is_a_schema(name: str) -> None:
    """With an identity of its own, in the dialect that it names."""
    Draft202012Validator.check_schema(PUBLISHED[name])
    assert PUBLISHED[name]["$id"] == f"urn:motcua:schema:{name.removesuffix('.schema.json')}"


@every_version
def test_an_example_is_valid_by_its_schema_and_by_the_one_of_all(version: Version) -> None:
    """An emitter may validate what it sends before it sends it."""
    check(version.name, orjson.loads(golden(version)))
    check("event", orjson.loads(golden(version)))


@every_version
def test_an_example_of_another_kind_is_not_valid(version: Version) -> None:
    """A schema that takes everything describes nothing."""
    for other in VERSIONS:
        if other is not version:
            with pytest.raises(ValidationError):
                check(version.name, orjson.loads(golden(other)))


@every_version
def test_a_misspelt_field_is_not_valid(version: Version) -> None:
    """Where the door is strict, the schema is."""
    said = orjson.loads(golden(version))
    with pytest.raises(ValidationError):
        check("event", {**said, "data": {**said["data"], "full_name": "x"}})


@every_version
def test_an_admitted_example_is_valid(version: Version) -> None:
    """Readers of motcua.events get what was published."""
    check("admitted-event", orjson.loads(admitted_golden(version)))


@settings(max_examples=30)
@given(history=histories(min_size=1))
def test_what_the_stream_writes_is_valid(history: list[bytes]) -> None:
    """Records, snapshots and reports of any history are as published."""
    for record in history:
        check("admitted-event", orjson.loads(record))
    by_unit: dict[str, UnitCounters] = {}
    for (unit, code), dossier in dossiers(history).items():
        by_unit.setdefault(unit, UnitCounters()).replace(code, None, facts(dossier, WORK))
    for unit, counters in by_unit.items():
        for month, counted in counters.months.items():
            written = UnitMonth(
                unit=unit, partition=1, offset=2, month=month, cells=tuple(rows(counted))
            )
            check("unit-month", orjson.loads(written.model_dump_json()))
        now = UnitNow(
            unit=unit,
            partition=1,
            offset=2,
            dossiers=counters.dossiers,
            open=counters.open,
            months=tuple(counters.months),
            last_recorded_at=None,
        )
        check("unit-now", orjson.loads(now.model_dump_json()))
    check("report", orjson.loads(_report(by_unit).model_dump_json()))


def test_a_problem_is_valid() -> None:
    """Scripts read the rule; people read the message in their language."""
    error = FieldError(field="data.procedure", rule="missing", message="…", message_vi="…")
    problem = Problem(
        type="urn:motcua:problem:invalid-event",
        title="…",
        title_vi="…",
        status=422,
        detail="…",
        detail_vi="…",
        errors=(error,),
    )
    check("problem", orjson.loads(problem.model_dump_json()))


def _report(by_unit: dict[str, UnitCounters]) -> Report:
    book, registry = load_book("dak-ha-2023"), load_registry()
    period = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))
    counted = {
        unit: [pair for month in counters.months.values() for pair in in_period(month, period)]
        for unit, counters in by_unit.items()
    }
    everything = [pair for pairs in counted.values() for pair in pairs]
    return Report(
        book=book.code,
        book_version=book.version,
        source="live",
        first=period.first,
        last=period.last,
        unit=None,
        computed_at=datetime(2023, 12, 31, tzinfo=UTC),
        demo=True,
        dossiers=sum(counters.dossiers for counters in by_unit.values()),
        resolved=sum(n for cell, n in everything if cell.measure == "closed"),
        rows=rows_of(book, registry, period, counted),
        anomalies=anomalies(everything),
    )
