"""What a document says, whatever its format: parts of columns and rows, and their SHA-256.

Every format shows the same cells in its own way. A cell has one canonical text, made from what a
reader sees in the file: the SHA-256 of the data is that of the canonical texts, so that it can be
computed again from any format.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")

Kind = Literal["text", "count", "decimal", "day", "moment"]
Value = str | int | float | date | datetime | None
Row = Sequence[Value]
Canonical = tuple[str, ...]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Column(NamedTuple):
    """A column; its key is stable, its title is what people read."""

    key: str
    title: str
    kind: Kind = "text"
    width: int = 14
    """Characters, as a sheet shows it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One table of a document. ``rows`` may be a stream that can be read once."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Iterable[Row]


class Definition(NamedTuple):
    """How a row or a column is meant."""

    what: str
    means: str
    source: str


@dataclass(frozen=True, slots=True)
class Content:
    """A document before it has a format."""

    title: str
    subject: str
    """Whom and which period it is about, in a line."""
    parts: tuple[Part, ...]
    definitions: tuple[Definition, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A part as it was read from a file, or computed: canonical texts only."""

    name: str
    keys: Canonical
    rows: list[Canonical]


def canonical(value: Value, kind: Kind) -> str:
    """The one text of a cell; empty for nothing, spaces in a text count as one.

    Moments are local and to the millisecond, decimals have two places.
    """
    if value is None:
        return ""
    match kind:
        case "count":
            return str(value)
        case "decimal":
            assert isinstance(value, int | float)
            return f"{value:.2f}"
        case "day":
            assert isinstance(value, date)
            return value.isoformat()
        case "moment":
            assert isinstance(value, datetime)
            return value.astimezone(ZONE).isoformat(timespec="milliseconds")
        case "text":
            return shown_text(str(value))


def shown_text(text: str) -> str:
    """A text as every format can hold it: no control characters, no doubled spaces."""
    return _CONTROL.sub("\ufffd", " ".join(text.split()))


def canonical_row(columns: Sequence[Column], row: Row) -> Canonical:
    """The canonical texts of a row."""
    return tuple(canonical(value, column.kind) for column, value in zip(columns, row, strict=True))


def canonical_part(part: Part) -> Table:
    """The part as it will be read from the file."""
    rows = [canonical_row(part.columns, row) for row in part.rows]
    return Table(part.name, tuple(column.key for column in part.columns), rows)


@dataclass
class Digest:
    """SHA-256 over parts in their order: one JSON line for the part, then one for each row."""

    rows: int = 0
    _sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def part(self, name: str, keys: Sequence[str]) -> None:
        """A part begins."""
        self._line([name, *keys])

    def row(self, cells: Sequence[str]) -> None:
        """The next row of the part."""
        self.rows += 1
        self._line(cells)

    def hexdigest(self) -> str:
        """64 hex digits."""
        return self._sha256.hexdigest()

    def _line(self, cells: Sequence[str]) -> None:
        line = json.dumps(list(cells), ensure_ascii=False, separators=(",", ":"))
        self._sha256.update(line.encode() + b"\n")


def digest_of(tables: Iterable[Table]) -> str:
    """SHA-256 of these tables."""
    digest = Digest()
    for table in tables:
        digest.part(table.name, table.keys)
        for row in table.rows:
            digest.row(row)
    return digest.hexdigest()


def sealed(lines: Mapping[str, str]) -> str:
    """SHA-256 of named lines in their order, without the line ``seal``."""
    said = [[name, value] for name, value in lines.items() if name != "seal"]
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
