"""Questions that are asked again each month, and what came of them: files in the data folder.

What is kept is a document of a final answer; it is never written again. A result whose file is not
what it was when it was kept says so.
"""

import hashlib
import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from schemas.books import Period
from schemas.text import UnitCode
from services.audit.asked import ZONE, end_of_day
from services.secret_files import locked, write_private, write_private_bytes

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Month = Annotated[str, StringConstraints(pattern=r"^(19[7-9]\d|20\d\d|21\d\d)-(0[1-9]|1[0-2])$")]
Span = Literal["month", "year"]
FormatName = Literal["docx", "xlsx", "csv", "csv-bom", "json", "html"]


class _Saved(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SavedQuestion(_Saved):
    """A report under a name."""

    name: Name
    book: str = Field(max_length=80)
    unit: UnitCode | None
    """Null: every unit."""
    span: Span
    """The month alone, or from the year's beginning to the month's end."""
    after_days: int = Field(ge=0, le=60)
    """So many days after the month's end what is known then counts: late senders are waited for."""
    format: FormatName
    since: Month
    """First month."""
    created_at: datetime
    created_by: str

    def period(self, month: str) -> Period:
        """What the report of this month is about."""
        last = last_day(month)
        first = last.replace(day=1) if self.span == "month" else date(last.year, 1, 1)
        return Period(first=first, last=last)

    def known_at(self, month: str) -> datetime:
        """As known when: the end of the day so many days after the month."""
        return end_of_day(last_day(month) + timedelta(days=self.after_days))

    def due_months(self, now: datetime) -> Iterator[str]:
        """Months that may be asked about by now, oldest first."""
        year, number = (int(part) for part in self.since.split("-"))
        while self.known_at(month := f"{year:04}-{number:02}") < now:
            yield month
            year, number = (year, number + 1) if number < 12 else (year + 1, 1)


class SavedResult(_Saved):
    """A document that is kept."""

    name: Name
    month: Month
    made_at: datetime
    file: str
    """Beside the others, in the folder of its question."""
    media_type: str
    data_sha256: str
    file_sha256: str


class ShownResult(SavedResult):
    """The same, and whether the file is still what was kept."""

    intact: bool


_QUESTIONS: TypeAdapter[tuple[SavedQuestion, ...]] = TypeAdapter(tuple[SavedQuestion, ...])
_RESULTS: TypeAdapter[tuple[SavedResult, ...]] = TypeAdapter(tuple[SavedResult, ...])
_MONTH = re.compile(r"(19[7-9]\d|20\d\d|21\d\d)-(0[1-9]|1[0-2])")


class SavedExists(ValueError):
    """There is a question with this name already."""


class SavedUnknown(LookupError):
    """There is no question with this name."""


def is_month(text: str) -> bool:
    """Whether it is written as 2023-05."""
    return _MONTH.fullmatch(text) is not None


def last_day(month: str) -> date:
    """The month's last day."""
    year, number = (int(part) for part in month.split("-"))
    return date(year, number, monthrange(year, number)[1])


def month_of(moment: datetime) -> str:
    """The month in Việt Nam."""
    return f"{moment.astimezone(ZONE):%Y-%m}"


class SavedReports:
    """The folder with all of them; several processes may use it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._questions = folder / "questions.json"

    def questions(self) -> tuple[SavedQuestion, ...]:
        """By name. Raises ``ValueError`` naming a file that cannot be read."""
        try:
            return _QUESTIONS.validate_json(self._questions.read_bytes())
        except FileNotFoundError:
            return ()
        except ValidationError as error:
            raise ValueError(f"{self._questions}: not a file of saved questions") from error

    def question(self, name: str) -> SavedQuestion:
        """Raises :class:`SavedUnknown`."""
        found = next((q for q in self.questions() if q.name == name), None)
        if found is None:
            raise SavedUnknown(name)
        return found

    def add(self, question: SavedQuestion) -> None:
        """Raises :class:`SavedExists`."""
        with locked(self._questions):
            there = self.questions()
            if any(q.name == question.name for q in there):
                raise SavedExists(question.name)
            by_name: list[SavedQuestion] = sorted([*there, question], key=lambda q: q.name)
            write_private(self._questions, by_name)

    def remove(self, name: str) -> None:
        """It is asked no more; what is kept stays. Raises :class:`SavedUnknown`."""
        with locked(self._questions):
            there = self.questions()
            left = [q for q in there if q.name != name]
            if len(left) == len(there):
                raise SavedUnknown(name)
            write_private(self._questions, left)

    def results(self, question: SavedQuestion) -> list[ShownResult]:
        """What is kept of it, newest month first."""
        return [
            ShownResult(**kept.model_dump(), intact=self._sha256(kept) == kept.file_sha256)
            for kept in reversed(self._kept(question.name))
        ]

    def months(self, name: str) -> frozenset[str]:
        """The months that are kept, without looking at their files."""
        return frozenset(kept.month for kept in self._kept(name))

    def keep(self, result: SavedResult, document: bytes) -> SavedResult:
        """Keep it; of two for the same month the first one stays, and is returned."""
        index = self._index(result.name)
        with locked(index):
            there = self._kept(result.name)
            kept = next((one for one in there if one.month == result.month), None)
            if kept is not None:
                return kept
            write_private_bytes(index.parent / result.file, document)
            by_month: list[SavedResult] = sorted([*there, result], key=lambda one: one.month)
            write_private(index, by_month)
        return result

    def document(self, result: SavedResult) -> bytes:
        """The file as it is now. Raises ``OSError``."""
        return (self._index(result.name).parent / result.file).read_bytes()

    def _kept(self, name: str) -> tuple[SavedResult, ...]:
        try:
            return _RESULTS.validate_json(self._index(name).read_bytes())
        except FileNotFoundError:
            return ()

    def _sha256(self, kept: SavedResult) -> str:
        try:
            return hashlib.sha256(self.document(kept)).hexdigest()
        except OSError:
            return ""

    def _index(self, name: str) -> Path:
        return self._folder / name / "results.json"
