"""The published language as JSON Schemas, for those who do not read Python.

``python -m schemas.export`` writes them to ``schemas/json``; a test fails when they are not what
the models say. Inputs are described as they are accepted, our own documents as they are written.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

from schemas.admitted import AdmittedEvent
from schemas.certificates import Certificate
from schemas.events import EVENT, EVENTS
from schemas.problems import Problem
from schemas.report import Report, Standings
from schemas.snapshots import UnitMonth, UnitNow

FOLDER = Path(__file__).parent / "json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_OURS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("admitted-event", AdmittedEvent),
    ("unit-month", UnitMonth),
    ("unit-now", UnitNow),
    ("certificate", Certificate),
    ("report", Report),
    ("standings", Standings),
    ("problem", Problem),
)
"""Documents that only we write."""


def documents() -> dict[str, str]:
    """The text of every file of the folder, by its name; the same on every machine."""
    return {f"{name}.schema.json": _text(name, schema) for name, schema in _schemas()}


def write(folder: Path = FOLDER) -> None:
    """Make the folder hold these files and no other schema."""
    wanted = documents()
    folder.mkdir(exist_ok=True)
    for stale in folder.glob("*.schema.json"):
        if stale.name not in wanted:
            stale.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def _schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "event", _schema_of(EVENT, "validation")
    for kind in EVENTS:
        # every version that is read: an office's software outlives ours
        for n, (full_type, model) in enumerate(
            zip(kind.types, (*kind.older, kind.model), strict=True)
        ):
            schema = _schema_of(TypeAdapter(model), "validation")
            yield f"{kind.name}.v{n + 1}", {**schema, "title": f"{full_type}: {kind.title}"}
    for name, document in _OURS:
        yield name, _schema_of(TypeAdapter(document), "serialization")


def _schema_of(
    adapter: TypeAdapter[Any], mode: Literal["validation", "serialization"]
) -> dict[str, Any]:
    return adapter.json_schema(by_alias=True, mode=mode)


def _text(name: str, schema: dict[str, Any]) -> str:
    document = {"$schema": DIALECT, "$id": f"urn:motcua:schema:{name}", **schema}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    write()
