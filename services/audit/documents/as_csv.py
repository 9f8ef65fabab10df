"""CSV: UTF-8, commas, one table, then an empty line and the provenance in lines that begin with #.

A cell that a spreadsheet would take for a formula gets an apostrophe in front; so does one that has
an apostrophe there already, so that taking one away from ``'=``, ``'+``, ``'-``, ``'@`` and ``''``
gives the cell back exactly. Numbers are never touched: a negative one cannot be a formula.
"""

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

from services.audit.documents.content import Canonical, Table
from services.audit.documents.files import Document, Read, Rows, columns_of, fitted
from services.audit.documents.provenance import NoProvenance, Provenance, read_provenance

# the full-width signs begin a formula in some editions of Excel
DANGEROUS = tuple("=+-@\t\r\n'＝＋－＠")
BOM = b"\xef\xbb\xbf"
_MARK = "#"


def guarded(text: str) -> str:
    """The text as a cell that is never a formula."""
    return f"'{text}" if text.startswith(DANGEROUS) else text


def unguarded(text: str) -> str:
    """The text that :func:`guarded` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(DANGEROUS) else text


def write_csv(document: Document, output: BinaryIO) -> Provenance:
    """See :class:`~services.audit.documents.files.Writer`; the document has one part."""
    (part,) = document.content.parts
    text = io.TextIOWrapper(output, "utf-8", newline="", write_through=False)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.key for column in part.columns])
    texts = [column.kind == "text" for column in part.columns]
    rows = Rows(document)
    for _, cells in rows.of(part):
        writer.writerow(
            [guarded(c) if is_text else c for c, is_text in zip(cells, texts, strict=True)]
        )
    sealed = rows.sealed()
    text.write("\r\n")
    if sealed.provisional:
        writer.writerow([_MARK, "TẠM TÍNH"])
    for name, title, said in sealed.titled():
        writer.writerow([_MARK, name, guarded(said), title])
    text.detach()
    return sealed


def write_csv_with_bom(document: Document, output: BinaryIO) -> Provenance:
    """The same behind a byte order mark, by which Excel knows UTF-8."""
    output.write(BOM)
    return write_csv(document, output)


def read_csv(data: bytes) -> Read:
    """See :class:`~services.audit.documents.files.Reader`."""
    try:
        text = data.removeprefix(BOM).decode("utf-8")
        lines = list(csv.reader(io.StringIO(text, newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise NoProvenance(f"not CSV in UTF-8: {error}") from None
    marked = [line for line in lines if line[:1] == [_MARK] and len(line) >= 3]
    provenance = read_provenance({line[1]: unguarded(line[2]) for line in marked})
    name, columns = columns_of(provenance)[0]
    head, *rows = list(_table(lines)) or [()]
    return Read(provenance, [Table(name, head, [fitted(row, len(columns)) for row in rows])])


def _table(lines: list[list[str]]) -> Iterator[Canonical]:
    for line in lines:
        if not line or line[0] == _MARK:
            return
        yield tuple(unguarded(cell) for cell in line)
