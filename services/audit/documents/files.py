"""What every format has in common: rows on their way into a file, and a file that was read."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, BinaryIO, NamedTuple, Protocol

from pydantic import Field, TypeAdapter, ValidationError

from services.audit.documents.content import (
    Canonical,
    Column,
    Content,
    Digest,
    Kind,
    Part,
    Row,
    Table,
    canonical_row,
    digest_of,
    shown_text,
)
from services.audit.documents.provenance import NoProvenance, Provenance

Progress = Callable[[int], None]
"""Told how many rows are written, now and then; it may raise to give up."""

_TELL_EVERY = 1000
_MOST_UNPACKED = 400_000_000
_Columns = Annotated[list[tuple[str, Kind, str]], Field(min_length=1)]
_COLUMNS: TypeAdapter[list[tuple[str, _Columns]]] = TypeAdapter(
    Annotated[list[tuple[str, _Columns]], Field(min_length=1)]
)


class Letterhead(NamedTuple):
    """What an office puts around its documents; see :mod:`services.audit.documents.letterhead`."""

    superior: str
    body: str
    place: str
    symbol: str
    signed_for: str
    signer: str
    recipients: tuple[str, ...]


class Writer(Protocol):
    """Writes one format."""

    def __call__(self, document: "Document", output: BinaryIO) -> Provenance:
        """Write the whole file; the provenance as it stands in there, sealed."""


class Reader(Protocol):
    """Reads one format."""

    def __call__(self, data: bytes) -> "Read":
        """Raises :class:`NoProvenance` for a file that is none of ours."""


@dataclass(frozen=True, slots=True)
class Document:
    """What is to be written."""

    content: Content
    provenance: Provenance
    """Not sealed yet: the data are hashed while they are written."""
    letterhead: Letterhead
    progress: Progress = lambda rows: None


@dataclass(frozen=True, slots=True)
class Read:
    """What stands in a file."""

    provenance: Provenance
    tables: list[Table]

    @property
    def data_sha256(self) -> str:
        """Of the data that the file has, whatever it says."""
        return digest_of(self.tables)


class Rows:
    """Hands out the rows of a document's parts, and hashes them on the way."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._digest = Digest()

    def of(self, part: Part) -> Iterator[tuple[Row, Canonical]]:
        """Each row with its canonical texts; every part once, in order."""
        self._digest.part(part.name, [column.key for column in part.columns])
        for row in part.rows:
            cells = canonical_row(part.columns, row)
            self._digest.row(cells)
            if self._digest.rows % _TELL_EVERY == 0:
                self._document.progress(self._digest.rows)
            yield row, cells

    def sealed(self) -> Provenance:
        """The provenance, when every row has been handed out."""
        return self._document.provenance.with_data(self._digest.rows, self._digest.hexdigest())


def columns_line(parts: Sequence[Part]) -> str:
    """The line ``columns`` of a provenance: what a reader must know of the parts."""
    said = [[part.name, [[c.key, c.kind, c.title] for c in part.columns]] for part in parts]
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def columns_of(provenance: Provenance) -> list[tuple[str, tuple[Column, ...]]]:
    """(name, columns) of each part of the file. Raises :class:`NoProvenance`."""
    try:
        said = _COLUMNS.validate_json(provenance.lines["columns"])
    except ValidationError:
        raise NoProvenance("the line «columns» is not one of ours") from None
    return [
        (name, tuple(Column(key, title, kind) for key, kind, title in columns))
        for name, columns in said
    ]


def table_of(
    name: str, columns: Sequence[Column], head: Sequence[str], rows: list[Canonical]
) -> Table:
    """A part as it was read; a column whose title was changed has that title for a key."""
    titles = [shown_text(title) for title in head]
    keys = [c.key if c.title == title else title for c, title in zip(columns, titles, strict=False)]
    return Table(name, (*keys, *titles[len(columns) :]), rows)


def unpacked_within_limits(data: bytes) -> None:
    """Raises :class:`NoProvenance` for a ZIP that would fill the memory when it is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError) as error:
        raise NoProvenance(f"the file is damaged: {error}") from None
    if size > _MOST_UNPACKED:
        raise NoProvenance(f"the file unpacks to {size} bytes, more than {_MOST_UNPACKED}")


def fitted(cells: Sequence[str], width: int) -> Canonical:
    """So many cells: a row that was cut has empty ones, what was added to it is joined on."""
    padded = [*cells, *[""] * (width - len(cells))]
    return (*padded[: width - 1], " ".join(cell for cell in padded[width - 1 :] if cell))
