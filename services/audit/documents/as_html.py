"""The print view: one page of HTML that needs nothing else, laid out for A4."""

import io
from pathlib import Path
from typing import Any, BinaryIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from lxml import etree, html

from services.audit.documents.content import ZONE, Canonical, Column, Table, shown_text
from services.audit.documents.files import Document, Read, Rows, columns_of, fitted, table_of
from services.audit.documents.provenance import NoProvenance, Provenance, read_provenance
from services.audit.documents.shown import read_back, shown

_PROVENANCE = "provenance"
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_html(document: Document, output: BinaryIO) -> Provenance:
    """See :class:`~services.audit.documents.files.Writer`; for as many rows as one prints."""
    rows = Rows(document)
    parts = []
    for part in document.content.parts:
        lines = [
            [shown(v, column.kind) for v, column in zip(row, part.columns, strict=True)]
            for row, _ in rows.of(part)
        ]
        parts.append((part, lines))
    sealed = rows.sealed()
    page = _TEMPLATES.get_template("print.html").render(
        content=document.content,
        parts=parts,
        head=document.letterhead,
        provenance=sealed,
        on=sealed.computed_at.astimezone(ZONE),
    )
    output.write(page.encode())
    return sealed


def read_html(data: bytes) -> Read:
    """See :class:`~services.audit.documents.files.Reader`."""
    try:
        parser = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
        page = html.parse(io.BytesIO(data), parser).getroot()
    except (etree.LxmlError, ValueError) as error:
        raise NoProvenance(f"not HTML: {error}") from None
    if page is None:
        raise NoProvenance("the file is empty")
    found = {e.get("data-part"): e for e in page.iter("table", "div") if e.get("data-part")}
    lines = _rows(found.get(_PROVENANCE))
    provenance = read_provenance({row[0]: row[2] for row in lines if len(row) > 2})
    tables: list[Table] = []
    for name, columns in columns_of(provenance):
        head, *rest = _rows(found.get(name)) or [[]]
        rows = [_canonical(columns, row) for row in rest]
        tables.append(table_of(name, columns, head, rows))
    return Read(provenance, tables)


def _rows(table: Any) -> list[list[str]]:
    if table is None:
        return []
    return [
        [shown_text(cell.text_content()) for cell in row.iterchildren("td", "th", "span")]
        for row in table.iter("tr", "p")
    ]


def _canonical(columns: tuple[Column, ...], row: list[str]) -> Canonical:
    cells = fitted(row, len(columns))
    return tuple(read_back(c, column) for c, column in zip(cells, columns, strict=True))
