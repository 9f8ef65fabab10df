"""XLSX: a sheet for each part with typed cells, then definitions and provenance.

Written row by row, so that memory does not grow with the rows. What emitters wrote is stored as
text and can never be a formula; where it looks like one the cell says so (``quotePrefix``), so that
it stays text when somebody edits it.
"""

import io
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, BinaryIO

import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

from services.audit.documents.as_csv import DANGEROUS
from services.audit.documents.content import (
    ZONE,
    Canonical,
    Column,
    Kind,
    Part,
    canonical,
    shown_text,
)
from services.audit.documents.files import (
    Document,
    Read,
    Rows,
    columns_of,
    fitted,
    table_of,
    unpacked_within_limits,
)
from services.audit.documents.provenance import NoProvenance, Provenance, read_provenance

DEFINITIONS, PROVENANCE = "Định nghĩa", "Nguồn gốc"
_ABOVE = 2
"""Rows above the first one of data: the subject, then the titles of the columns."""
_NUMBER_FORMATS: dict[Kind, str] = {
    "count": "#,##0",
    "decimal": "0.00",
    "day": "dd/mm/yyyy",
    "moment": "dd/mm/yyyy hh:mm:ss",
}


def write_xlsx(document: Document, output: BinaryIO) -> Provenance:
    """See :class:`~services.audit.documents.files.Writer`."""
    book = xlsxwriter.Workbook(
        output,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        },
    )
    sheets, rows = _Sheets(book, document), Rows(document)
    for part in document.content.parts:
        sheets.part(part, rows)
    sealed = rows.sealed()
    sheets.table(
        DEFINITIONS,
        [("Mục", 50), ("Cách tính", 90), ("Căn cứ", 60)],
        [
            *(tuple(definition) for definition in document.content.definitions),
            *(("", note, "") for note in document.content.notes),
        ],
    )
    sheets.table(
        PROVENANCE,
        [("Tên", 18), ("Nội dung", 44), ("Giá trị", 90)],
        [(name, title, said) for name, title, said in sealed.titled()],
    )
    book.close()
    return sealed


class _Sheets:
    """Writes sheets of one workbook, from the first row to the last."""

    def __init__(self, book: Any, document: Document) -> None:
        self._book, self._document = book, document
        font = {"font_name": "Times New Roman", "font_size": 11, "valign": "top"}
        self._bold = book.add_format({**font, "bold": True})
        self._head = book.add_format(
            {**font, "bold": True, "text_wrap": True, "border": 1, "bg_color": "#E9F3FC"}
        )
        self._text = book.add_format({**font, "text_wrap": True})
        self._quoted = book.add_format({**font, "text_wrap": True, "quote_prefix": True})
        self._formats = {
            kind: book.add_format({**font, "num_format": number})
            for kind, number in _NUMBER_FORMATS.items()
        }

    def part(self, part: Part, rows: Rows) -> None:
        content, mark = self._document.content, self._document.provenance.provisional
        subject = f"{content.title}: {content.subject}" + (" · TẠM TÍNH" if mark else "")
        sheet = self._sheet(part.title, [(c.title, c.width) for c in part.columns], subject)
        writers: list[Callable[..., Any]] = [self._writer(sheet, c.kind) for c in part.columns]
        n = _ABOVE - 1
        for n, (row, cells) in enumerate(rows.of(part), _ABOVE):
            for column, (write, value, cell) in enumerate(zip(writers, row, cells, strict=True)):
                if value is not None:
                    write(n, column, value, cell)
        if n >= _ABOVE:
            sheet.autofilter(_ABOVE - 1, 0, n, len(part.columns) - 1)

    def table(
        self, name: str, columns: Sequence[tuple[str, int]], lines: Sequence[tuple[str, ...]]
    ) -> None:
        sheet = self._sheet(name, columns, self._document.content.title)
        for n, line in enumerate(lines, _ABOVE):
            for column, text in enumerate(line):
                self._put_text(sheet, n, column, shown_text(text))

    def _sheet(self, name: str, columns: Sequence[tuple[str, int]], subject: str) -> Any:
        sheet = self._book.add_worksheet(name)
        for n, (_, width) in enumerate(columns):
            sheet.set_column(n, n, width)
        sheet.freeze_panes(_ABOVE, 0)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(_ABOVE - 1)
        sheet.set_footer("&L&A&R&P/&N")
        sheet.write_string(0, 0, shown_text(subject), self._bold)
        for n, (title, _) in enumerate(columns):
            sheet.write_string(1, n, title, self._head)
        return sheet

    def _writer(self, sheet: Any, kind: Kind) -> Callable[[int, int, Any, str], Any]:
        form = self._formats.get(kind)
        match kind:
            case "text":
                return lambda n, column, _, cell: self._put_text(sheet, n, column, cell)
            case "count" | "decimal":
                return lambda n, column, value, _: sheet.write_number(n, column, value, form)
            case "day":
                return lambda n, column, value, _: sheet.write_datetime(n, column, value, form)
            case "moment":
                return lambda n, column, value, _: sheet.write_datetime(
                    n, column, value.astimezone(ZONE).replace(tzinfo=None), form
                )

    def _put_text(self, sheet: Any, n: int, column: int, text: str) -> None:
        quoted = text.startswith(DANGEROUS)
        sheet.write_string(n, column, text, self._quoted if quoted else self._text)


def read_xlsx(data: bytes) -> Read:
    """See :class:`~services.audit.documents.files.Reader`."""
    unpacked_within_limits(data)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = book.sheet_names
        if PROVENANCE not in names:
            raise NoProvenance(f"there is no sheet «{PROVENANCE}»")
        lines = book.get_sheet_by_name(PROVENANCE).to_python(skip_empty_area=False)
        provenance = read_provenance({str(row[0]): str(row[2]) for row in lines if len(row) > 2})
        tables = []
        for n, (name, columns) in enumerate(columns_of(provenance)):
            sheet = book.get_sheet_by_index(n).to_python(skip_empty_area=False)
            rows = [_row(columns, row) for row in sheet[_ABOVE:]]
            head = sheet[_ABOVE - 1] if len(sheet) >= _ABOVE else []
            tables.append(table_of(name, columns, [str(title) for title in head], rows))
    except (CalamineError, IndexError) as error:
        raise NoProvenance(f"not a workbook of ours: {error}") from None
    return Read(provenance, tables)


def _row(columns: Sequence[Column], row: Sequence[Any]) -> Canonical:
    kinds: list[Kind] = [*(column.kind for column in columns), *["text"] * len(row)]  # type: ignore[list-item]  # mypy widens the repeated literal
    return fitted([_cell(v, kind) for v, kind in zip(row, kinds, strict=False)], len(columns))


def _cell(value: Any, kind: Kind) -> str:
    match value:
        case None | "":
            return ""
        case bool():
            return str(value)
        case int() | float() if kind == "count" and value == int(value):
            return str(int(value))
        case int() | float() if kind == "decimal":
            return f"{value:.2f}"
        case datetime() if kind == "moment":
            return canonical(value.replace(tzinfo=ZONE), "moment")
        case date() if kind == "day":
            return canonical(value.date() if isinstance(value, datetime) else value, "day")
        case _:
            return shown_text(str(value))
