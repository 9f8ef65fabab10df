"""Books: versioned sets of indicators with their targets, as data files.

A book never knows how a fact is computed; it names facts. ``streams.core`` evaluates it over the
live counters, the audit over ClickHouse.
"""

import re
import tomllib
from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import date
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

FactNames = tuple[str, ...]

_PERCENT = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?|\d{1,9}/[1-9]\d{0,8}")


def _exact(value: Any) -> Fraction:
    # text or whole numbers only: 0.1 of TOML would already be rounded
    text = str(value)
    exact = isinstance(value, str | int | Fraction) and not isinstance(value, bool)
    if not exact or not _PERCENT.fullmatch(text):
        raise ValueError('write the percentage as text, such as "97.5"')
    return Fraction(text)


Percent = Annotated[Fraction, BeforeValidator(_exact), Field(ge=0, le=100)]
Points = Percent
"""Of the hundred that a book may give; exact like a percentage."""

EVERY_YEAR = "*"
_PERIOD = r"^(?:[12]\d{3}|\*)(?:-Q[1-4]|-(?:0[1-9]|1[0-2]))?$"
PeriodName = Annotated[str, Field(pattern=_PERIOD)]
"""``2023``, ``2023-Q3``, ``2023-09``; ``*`` in the year's place stands for every year."""


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
    partners: str = ""
    """Who works with them, in the decision's words; empty: it names nobody."""
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
    heading: str | None = None
    """Row of the heading that it stands under; None: the first part of its own row."""
    points: Points | None = None
    """Most that it gives: at its target or above it; below, in proportion to the rate."""
    carried_over: bool = False
    """In a book of receptions: dossiers in process when the period began count, too."""


class OutOfScope(_Data):
    """A row of the document that is not computed here, and why: what is missing is said."""

    row: str
    title: str
    """The document's own words."""
    reason: str
    """Vietnamese: what one would have to know."""
    source: str
    heading: str | None = None
    """As for an indicator."""
    points: Points | None = None
    """Most that it gives, to whoever can compute it."""


class Heading(_Data):
    """Heading above the rows of a book that begin with the same number, or that name it."""

    row: str
    """E.g. ``I``, above ``I.1`` and ``I.2``."""
    title: str
    points: Points | None = None
    """Most that the rows under it give together; None: the book gives no points."""


class Target(_Data):
    """The rate that an indicator must at least reach: in a year, or by a step of a roadmap.

    A target of a month or a quarter is a step: the rate from the year's beginning to the end of
    that month or quarter. An officer's target is the rate of the officer's own dossiers.
    """

    indicator: str
    percent: Percent
    document: str
    period: PeriodName = EVERY_YEAR
    unit: str | None = None
    """Code; None: of every unit, or of those of ``level``."""
    level: str | None = None
    officer: str | None = None
    """Staff code; only together with ``unit``."""
    valid_from: date = date.min
    """From this day on it replaces what an earlier document said of the same thing."""

    @model_validator(mode="after")
    def _of_one(self) -> "Target":
        if self.unit is not None and self.level is not None:
            raise ValueError("a target of a unit or of a level, not both")
        if self.officer is not None and self.unit is None:
            raise ValueError("an officer's target names the unit")
        return self

    @property
    def who(self) -> tuple[str | None, str | None, str | None]:
        """Whose target it is: (level, unit, officer)."""
        return self.level, self.unit, self.officer

    @property
    def key(self) -> tuple[str, str, tuple[str | None, str | None, str | None]]:
        """What it speaks of; of two with the same key the one valid later counts."""
        return self.indicator, self.period, self.who

    @property
    def year(self) -> str:
        """``2023``, or ``*``: every year."""
        return self.period.partition("-")[0]

    @property
    def months(self) -> range:
        """The months of the year that the period spans."""
        part = self.period.partition("-")[2]
        if part.startswith("Q"):
            last = 3 * int(part[1:])
            return range(last - 2, last + 1)
        return range(int(part), int(part) + 1) if part else range(1, 13)

    @property
    def specific(self) -> tuple[int, int, bool, date]:
        """Of two that fit a question the greater one is the answer: see :meth:`Book.target_of`."""
        whose = sum(part is not None for part in self.who) + (self.unit is not None)
        return -len(self.months), whose, self.year != EVERY_YEAR, self.valid_from


class Step(NamedTuple):
    """A step of a roadmap: what must be reached by the end of a day."""

    last: date
    percent: Fraction


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
    population: Literal["closed", "received"] = "closed"
    """Which dossiers belong to a period: those closed on its days, or those received on them.

    Of received ones some are still in process, so their state depends on a moment: see
    ``streams.core.receptions``.
    """
    headings: tuple[Heading, ...] = Field((), alias="heading")
    indicators: tuple[Indicator, ...] = Field(alias="indicator")
    out_of_scope: tuple[OutOfScope, ...] = ()
    targets: tuple[Target, ...] = Field(alias="target")
    parameters: tuple[Parameter, ...] = Field((), alias="parameter")

    @model_validator(mode="after")
    def _consistent(self) -> "Book":
        codes = [indicator.code for indicator in self.indicators]
        if len(set(codes)) != len(codes):
            raise ValueError("two indicators have the same code")
        if unknown := {target.indicator for target in self.targets} - set(codes):
            raise ValueError(f"targets for unknown indicators: {sorted(unknown)}")
        if open_ended := set(codes) - {t.indicator for t in self.targets if _of_everyone(t)}:
            raise ValueError(f"indicators without a year's target for all: {sorted(open_ended)}")
        said = [(target.key, target.valid_from) for target in self.targets]
        if twice := {key for key, _ in said if said.count((key, _)) > 1}:
            raise ValueError(f"two targets for the same thing: {sorted(map(str, twice))}")
        if adrift := [i.code for i in self.indicators if not can_carry_over(self.population, i)]:
            raise ValueError(f"only dossiers of a book of receptions are carried over: {adrift}")
        if wrong := unbalanced(self.headings, (*self.indicators, *self.out_of_scope)):
            raise ValueError(f"points that do not add up under: {sorted(wrong)}")
        return self

    @property
    def needs_history(self) -> bool:
        """Only the history can answer: it alone knows the state of a dossier at a moment."""
        return self.population == "received"

    def indicator(self, code: str) -> Indicator:
        """The indicator with this code; ``KeyError`` when there is none."""
        return next(i for i in self.indicators if i.code == code)

    def target(self, code: str, year: int) -> Fraction:
        """Percentage that all together must reach in the year, exactly; ``KeyError`` when unknown.

        The year's own before that of every year, then the one valid last; of a year that the book
        says nothing of, the one of its last year.
        """
        found = [t for t in self.targets if t.indicator == code and _of_everyone(t)]
        if not found:
            raise KeyError(code)
        asked = str(year)
        best = max(
            found, key=lambda t: (t.year == asked, t.year == EVERY_YEAR, t.year, t.valid_from)
        )
        return best.percent

    def target_of(self, code: str, period: "Period", on: date, who: "Answerable") -> Target | None:
        """The most specific target for these days, of those in force on a day; None: there is none.

        The shortest of month, quarter and year that holds the whole period comes first, then the
        officer's before the unit's, the level's and everyone's, then the year's own before that of
        every year, then the one valid last. So a year's target is what is left where a roadmap
        says nothing.
        """
        found = [t for t in self._asked(code, on, who) if _holds(t, period)]
        return max(found, key=lambda t: t.specific, default=None)

    def roadmap(self, code: str, period: "Period", on: date, who: "Answerable") -> tuple[Step, ...]:
        """The steps that end in the period and are shorter than it, in the order of time.

        Where several end on a day the most specific counts, as in :meth:`target_of`.
        """
        steps: dict[date, Target] = {}
        for target in self._asked(code, on, who):
            for year in range(period.first.year, period.last.year + 1):
                if target.year not in (EVERY_YEAR, str(year)):
                    continue
                days = days_of(year, target.months)
                inside = period.first <= days.first and days.last <= period.last
                if inside and days != period and len(target.months) < 12:
                    best = max(target, steps.get(days.last, target), key=lambda t: t.specific)
                    steps[days.last] = best
        return tuple(Step(last, steps[last].percent) for last in sorted(steps))

    def with_targets(self, targets: Iterable[Target]) -> "Book":
        """The book with these targets besides its own; ``ValueError`` when they do not fit it."""
        raw = {name: getattr(self, name) for name in type(self).model_fields}
        raw["targets"] = *self.targets, *targets
        return type(self).model_validate(raw, by_alias=False, by_name=True)

    def _asked(self, code: str, on: date, who: "Answerable") -> Iterator[Target]:
        for target in self.targets:
            if target.indicator == code and target.valid_from <= on and who.owes(target):
                yield target


def heading_row(entry: Indicator | OutOfScope) -> str:
    """Row of the heading that a row stands under."""
    return entry.heading or entry.row.partition(".")[0]


def can_carry_over(population: str, indicator: Indicator) -> bool:
    """Whether ``carried_over`` can be as it is: what is closed, or a procedure, is not carried."""
    return not indicator.carried_over or (
        population == "received" and indicator.counts == "dossiers"
    )


def unbalanced(
    headings: Iterable[Heading], entries: Iterable[Indicator | OutOfScope]
) -> dict[str, Fraction]:
    """By the row of each heading whose points are not those of its rows: what its rows give."""
    told = {heading.row: heading.points or Fraction(0) for heading in headings}
    found = dict.fromkeys(told, Fraction(0))
    for entry in entries:
        row = heading_row(entry)
        found[row] = found.get(row, Fraction(0)) + (entry.points or 0)
    return {row: points for row, points in found.items() if points != told.get(row, 0)}


class Answerable(NamedTuple):
    """Who is asked for a target: an officer of a unit, a unit, or (all None) all together."""

    unit: str | None = None
    level: str | None = None
    officer: str | None = None

    def owes(self, target: Target) -> bool:
        """Whether the target is one of theirs, or of a whole that they belong to."""
        return (
            target.unit in (None, self.unit)
            and target.level in (None, self.level)
            and target.officer in (None, self.officer)
        )


def _of_everyone(target: Target) -> bool:
    return target.who == (None, None, None) and len(target.months) == 12


def _holds(target: Target, period: "Period") -> bool:
    if target.year not in (EVERY_YEAR, str(period.last.year)):
        return False
    if len(target.months) == 12:
        return True  # a year's target is the fallback, also of days that begin before the year
    days = days_of(period.last.year, target.months)
    return days.first <= period.first and period.last <= days.last


def days_of(year: int, months: range) -> "Period":
    """The days of these months, one after the other, of a year."""
    last = months[-1]
    return Period(first=date(year, months[0], 1), last=date(year, last, monthrange(year, last)[1]))


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
