"""The tables of the gateway and of the importer: complete, bilingual, and what pages show."""

import string
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, TypeAdapter, ValidationError

from schemas.events import EVENT, EVENTS
from schemas.metrics import METRICS
from schemas.registry import load_registry
from services.emitter.mapping import mapping_text, parse_mapping, shipped_mappings
from services.gateway.problems import _TITLES
from services.gateway.rules import _RULE_OF_PYDANTIC, HINTS, RULES, broken
from services.metrics import Metrics


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_speaks_both_languages_and_has_a_title(rule):
    holes = [
        {name for _, name, _, _ in string.Formatter().parse(text) if name} for text in rule[2:]
    ]
    shared = [{hole for hole in found if not hole.startswith("hint_")} for found in holes]
    assert shared[0] == shared[1]
    assert rule.en != rule.vi
    assert any(ord(letter) > 127 for letter in rule.vi)
    assert rule.status in _TITLES
    said = broken(rule.code, "data.reason", **dict.fromkeys(shared[0], 1))
    assert "{" not in said.message + said.message_vi


def test_every_translation_leads_to_a_rule():
    assert set(_RULE_OF_PYDANTIC.values()) <= set(RULES)
    assert all(len(hint) == 2 and all(hint) for hint in HINTS.values())


def test_every_field_that_has_a_hint_exists():
    known = set(EVENTS[0].model.model_fields)
    for kind in EVENTS:
        data = kind.model.model_fields["data"].annotation
        assert isinstance(data, type)
        assert issubclass(data, BaseModel)
        known |= {f"data.{name}" for name in data.model_fields}
    assert set(HINTS) <= known


def test_no_error_of_pydantic_on_our_events_is_without_a_translation():
    """A raw English sentence of a library is no help to an office's technician."""
    values: list[object] = [
        None,
        "",
        "x",
        0,
        -1,
        1.5,
        10**30,
        True,
        [],
        {},
        "2023-02-30",
        "x" * 400,
    ]
    seen: set[str] = set()
    for kind in EVENTS:
        fields = kind.model.model_fields
        data: type[BaseModel] = fields["data"].annotation  # type: ignore[assignment]  # a model
        for name in (*fields, *(f"data.{n}" for n in data.model_fields), "data.unknown"):
            for value in values:
                event: dict[str, object] = {"type": kind.type, "data": {}}
                top, _, inner = name.partition(".")
                if inner:
                    event["data"] = {inner: value}
                else:
                    event[top] = value
                try:
                    EVENT.validate_json(TypeAdapter(dict).dump_json(event))
                except ValidationError as error:
                    seen |= {line["type"] for line in error.errors()}
    assert len(seen) > 12
    assert seen <= set(_RULE_OF_PYDANTIC), seen - set(_RULE_OF_PYDANTIC)


@pytest.mark.parametrize("name", shipped_mappings())
def test_every_shipped_mapping_parses_and_its_units_are_admissible(name):
    mapping = parse_mapping(mapping_text(name))
    assert mapping.name == name
    known = {unit.code: unit for unit in load_registry().units}
    for unit in mapping.units:
        assert unit.code not in known, "two files would speak of the same unit"
        assert unit.valid_from <= datetime.now(UTC).date()
    targets = set((mapping.dossier.unit.values or {}).values())
    assert targets <= set(mapping.unit_codes)


def test_every_metric_is_exported_under_its_name():
    app = FastAPI()
    app.include_router(Metrics().router())
    text = TestClient(app).get("/metrics").text
    for metric in METRICS:
        assert f"# TYPE {metric.name}" in text
        assert metric.holds
