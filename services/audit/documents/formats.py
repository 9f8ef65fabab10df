"""The formats as a table: adding one is a line here."""

from typing import NamedTuple

from services.audit.documents.as_csv import BOM, read_csv, write_csv, write_csv_with_bom
from services.audit.documents.as_docx import read_docx, write_docx
from services.audit.documents.as_html import read_html, write_html
from services.audit.documents.as_json import read_json, write_json
from services.audit.documents.as_xlsx import read_xlsx, write_xlsx
from services.audit.documents.files import Read, Reader, Writer
from services.audit.documents.provenance import NoProvenance
from services.audit.documents.tables import Layout

_OFFICE = "application/vnd.openxmlformats-officedocument"
_PRINTABLE_ROWS = 5_000


class Format(NamedTuple):
    """A line of the table."""

    name: str
    title: str
    suffix: str
    media_type: str
    layout: Layout
    """Of a report."""
    write: Writer
    most_dossiers: int | None
    """A list longer than that is refused; None: of any length; 0: this format has no lists."""


FORMATS: tuple[Format, ...] = (
    Format("xlsx", "Excel", "xlsx", f"{_OFFICE}.spreadsheetml.sheet", "full", write_xlsx, None),
    Format(
        *("docx", "Word", "docx", f"{_OFFICE}.wordprocessingml.document", "form", write_docx),
        most_dossiers=0,
    ),
    Format("csv", "CSV", "csv", "text/csv; charset=utf-8", "flat", write_csv, None),
    Format(
        *("csv-bom", "CSV (BOM)", "csv", "text/csv; charset=utf-8", "flat", write_csv_with_bom),
        most_dossiers=None,
    ),
    Format("json", "JSON", "json", "application/json", "full", write_json, None),
    Format(
        *("html", "Bản in", "html", "text/html; charset=utf-8", "form", write_html),
        most_dossiers=_PRINTABLE_ROWS,
    ),
)


def format_named(name: str) -> Format | None:
    """The format with this name."""
    return next((form for form in FORMATS if form.name == name), None)


def read_file(data: bytes) -> Read:
    """What stands in a file of any of the formats, told by its beginning.

    Raises :class:`~services.audit.documents.provenance.NoProvenance`, saying why not.
    """
    if not data.strip():
        raise NoProvenance("the file is empty")
    return _reader(data)(data)


def _reader(data: bytes) -> Reader:
    begin = data[:4096].removeprefix(BOM).lstrip()
    if data.startswith(b"PK"):
        return read_docx if b"word/" in data else read_xlsx
    if begin.startswith(b"{"):
        return read_json
    if begin.startswith(b"<"):
        return read_html
    return read_csv
