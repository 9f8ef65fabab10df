"""Books: versioned sets of indicators with their targets, as data files.

A book never knows how a fact is computed; it names facts. ``streams.core`` evaluates it over the
live counters, the audit over ClickHouse.
"""

import tomllib
from datetime import date
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

FactNames = tuple[str, ...]


def _exact(value: Any) -> Fraction:
    # text or whole numbers only: 0.1 of TOML would already be rounded
    if isinstance(value, bool) or not isinstance(value, str | int | Fraction):
        raise ValueError('write the percentage as text, such as "97.5"')
    return Fraction(value)


Percent = Annotated[Fraction, BeforeValidator(_exact), Field(ge=0, le=100)]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Indicator(_Data):
    """A rate b/a with a target. Adding one is a line in a book, never a new branch."""

    code: str
    """Stable: key in ClickHouse, in the API and in targets."""
    row: str
    """Row of the decision's appendix, e.g. ``I.1``."""
    title: str
    """The decision's own words."""
    short: str
    """A few words for the wall."""
    answers: str
    """Who answers for it, in the decision's words."""
    level: str | None = None
    """None: every level answers for it."""
    scope: FactNames
    """All must hold for a dossier to be counted (a)."""
    hit: FactNames
    """All must hold besides, for it to count as met (b)."""
    counts: Literal["dossiers", "procedures"] = "dossiers"
    """Procedures roll up as a set union, not as a sum."""
    source: str
    """Legal basis; auditors read this first."""


class Heading(_Data):
    """Heading above the rows of a book that begin with the same number."""

    row: str
    """E.g. ``I``, above ``I.1`` and ``I.2``."""
    title: str


class Target(_Data):
    """The rate that an indicator must at least reach."""

    indicator: str
    percent: Percent
    document: str


class Parameter(_Data):
    """A choice that the law or the decision leaves open, with the reason for ours."""

    name: str
    value: str
    reason: str


class Book(_Data):
    """A versioned set of indicators with targets."""

    code: str
    version: int
    title: str
    document: str
    headings: tuple[Heading, ...] = Field((), alias="heading")
    indicators: tuple[Indicator, ...] = Field(alias="indicator")
    targets: tuple[Target, ...] = Field(alias="target")
    parameters: tuple[Parameter, ...] = Field((), alias="parameter")

    @model_validator(mode="after")
    def _consistent(self) -> "Book":
        codes = [indicator.code for indicator in self.indicators]
        if len(set(codes)) != len(codes):
            raise ValueError("two indicators have the same code")
        if unknown := {target.indicator for target in self.targets} - set(codes):
            raise ValueError(f"targets for unknown indicators: {sorted(unknown)}")
        return self

    def indicator(self, code: str) -> Indicator:
        """The indicator with this code; ``KeyError`` when there is none."""
        return next(i for i in self.indicators if i.code == code)

    def target(self, code: str) -> Fraction:
        """Percentage that the indicator must reach, exactly; ``KeyError`` when none is set."""
        for target in self.targets:
            if target.indicator == code:
                return target.percent
        raise KeyError(code)


class UnknownBook(LookupError):
    """There is no book with this name, neither shipped nor as a file."""


def shipped_books() -> tuple[str, ...]:
    """Codes of the books that come with the product."""
    folder = resources.files("schemas") / "books_data"
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def load_book(name_or_file: str) -> Book:
    """The book with this code, or read from this file.

    Raises :class:`UnknownBook`, or ``pydantic.ValidationError`` for a file that is not a book.
    """
    if name_or_file.endswith(".toml"):
        try:
            text = Path(name_or_file).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise UnknownBook(f"no such file: {name_or_file}") from None
    elif name_or_file in shipped_books():
        shipped = resources.files("schemas") / "books_data" / f"{name_or_file}.toml"
        text = shipped.read_text(encoding="utf-8")
    else:
        raise UnknownBook(f"no book {name_or_file!r}; there are: {', '.join(shipped_books())}")
    return Book.model_validate(tomllib.loads(text))


class Period(_Data):
    """Days in Asia/Ho_Chi_Minh, both ends included."""

    first: date
    last: date

    @model_validator(mode="after")
    def _forwards(self) -> "Period":
        if self.last < self.first:
            raise ValueError("the period ends before it begins")
        return self
