"""Roadmaps: targets of a book in files of their own, written without touching the book."""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.books import Book, Target


class Roadmap(BaseModel):
    """Targets in a file of their own: a unit writes how it will reach those of a book."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    book: str
    """Code of the book whose indicators these are."""
    document: str = ""
    unit: str | None = None
    """Whose roadmap it is: the unit of every target of the file that names none."""
    valid_from: date = date.min
    illustrative: bool = False
    """True when the figures are invented («minh họa»)."""
    targets: tuple[Target, ...] = Field(alias="target")

    @model_validator(mode="before")
    @classmethod
    def _head_speaks_for_all(cls, raw: Any) -> Any:
        return filled(raw) if isinstance(raw, Mapping) else raw


def filled(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A roadmap's file with what its head says put into each target that does not say it."""
    head = {name: raw[name] for name in ("document", "unit", "valid_from") if name in raw}
    targets = raw.get("target", ())
    if isinstance(targets, list):
        targets = [
            {**(_without_unit(head) if "level" in t else head), **t} if isinstance(t, dict) else t
            for t in targets
        ]
    return {**raw, "target": targets}


def _without_unit(head: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in head.items() if name != "unit"}


def load_roadmaps(book: Book, *folders: Path) -> Book:
    """The book with the targets of every ``*.toml`` of the folders that is a roadmap of it.

    Raises ``ValueError`` naming the file that is none.
    """
    targets: list[Target] = []
    for folder in folders:
        for file in sorted(folder.glob("*.toml")):
            try:
                found = Roadmap.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
            except ValueError as error:
                raise ValueError(f"{file}: {error}") from error
            targets += found.targets if found.book == book.code else ()
    return book.with_targets(targets)
