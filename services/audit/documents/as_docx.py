"""DOCX in the form of Vietnamese administrative documents (Nghị định 30/2020/NĐ-CP, Phụ lục I).

A4, Times New Roman, margins 20/20/30/15 mm; national title and motto, issuing body, number and
symbol, place and date, name and subject, recipients and signature; page numbers centred at the top
from the second page on. The appendix of the decision lies on landscape pages, with the actuals
beside its targets, and the provenance behind it. A provisional answer has no place to sign.
"""

import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

import docx
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from lxml import etree

from services.audit.documents.content import ZONE, Canonical, Column, Part, Table, shown_text
from services.audit.documents.docx_tables import (
    caption_of,
    page_number,
    rule,
    set_font,
    table_xml,
    text_of,
)
from services.audit.documents.files import (
    Document,
    Letterhead,
    Read,
    Rows,
    columns_of,
    fitted,
    table_of,
    unpacked_within_limits,
)
from services.audit.documents.provenance import NoProvenance, Provenance, read_provenance
from services.audit.documents.shown import read_back, shown

PROVENANCE = "provenance"
_SAID = "Số liệu"
"""Style of the paragraphs that are data."""
_WIDE_MM = 297 - 30 - 15
_CENTRE, _BOTH = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.JUSTIFY
_ROMAN = ("I", "II", "III", "IV", "V")


def write_docx(document: Document, output: BinaryIO) -> Provenance:
    """See :class:`~services.audit.documents.files.Writer`."""
    paper = _Paper(document)
    rows = Rows(document)
    said, *tables = document.content.parts
    paper.first_page([cells[0] for _, cells in rows.of(said)])
    paper.landscape()
    for n, part in enumerate(tables):
        paper.appendix(_ROMAN[n], part, rows)
    sealed = rows.sealed()
    paper.provenance(sealed)
    paper.file.save(output)
    return sealed


class _Paper:
    """The document from its first line to its last."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.file: Any = docx.Document()
        self._on = document.provenance.computed_at.astimezone(ZONE)
        self._set_up()

    def _set_up(self) -> None:
        normal = self.file.styles["Normal"]
        set_font(normal, 14)
        normal.paragraph_format.space_after = Pt(6)
        normal.paragraph_format.space_before = Pt(0)
        said = self.file.styles.add_style(_SAID, 1)
        said.base_style = normal
        section = self.file.sections[0]
        section.page_width, section.page_height = Mm(210), Mm(297)
        self._margins(section)
        section.different_first_page_header_footer = True
        page_number(section.header.paragraphs[0])
        self._marks(section.header)
        self._marks(section.first_page_header)
        content = self._document.content
        properties = self.file.core_properties
        properties.title, properties.subject = content.title, content.subject
        properties.author = self._document.letterhead.body
        properties.created = properties.modified = self._on.replace(tzinfo=None)
        properties.comments = ""

    def _margins(self, section: Any) -> None:
        section.top_margin = section.bottom_margin = Mm(20)
        section.left_margin, section.right_margin = Mm(30), Mm(15)

    def _marks(self, header: Any) -> None:
        """On every page: what the figures may not be taken for."""
        marks = []
        if self._document.provenance.provisional:
            marks.append("TẠM TÍNH: không dùng để ký, lưu")
        if self._document.provenance.lines["data"]:
            marks.append("DỮ LIỆU MÔ PHỎNG")
        if marks:
            self._line(header, " · ".join(marks), 13, bold=True, colour="B04A00")

    def first_page(self, summary: list[str]) -> None:
        """Letterhead, the summary, signature."""
        document, head = self._document, self._document.letterhead
        self._letterhead(head)
        content = document.content
        self._line(self.file, "BÁO CÁO", 14, bold=True, space_before=18)
        self._line(self.file, f"Kết quả thực hiện {_lowered(content.title)}", 14, bold=True)
        self._line(self.file, content.subject[:1].upper() + content.subject[1:], 14, bold=True)
        rule(self.file, 60)
        for text in summary:
            self._body(text).style = self.file.styles[_SAID]
        self._body(
            "Số liệu từng chỉ tiêu tại các phụ lục kèm theo; cách tính và nguồn gốc số liệu ở cuối "
            "báo cáo./."
        )
        self._closing(head)

    def _letterhead(self, head: Letterhead) -> None:
        table = self.file.add_table(rows=2, cols=2)
        table.autofit = False
        widths = (Mm(68), Mm(97))
        for column, width in zip(table.columns, widths, strict=True):
            column.width = width
        for row in table.rows:
            for cell, width in zip(row.cells, widths, strict=True):
                cell.width = width
        left, right = table.rows[0].cells
        if head.superior:
            self._line(left, head.superior.upper(), 13)
        self._line(left, head.body.upper(), 13, bold=True)
        rule(left, 23)
        self._line(right, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 13, bold=True)
        self._line(right, "Độc lập - Tự do - Hạnh phúc", 14, bold=True)
        rule(right, 19)
        left, right = table.rows[1].cells
        self._line(left, f"Số:         /{head.symbol}", 13)
        self._line(right, f"{head.place}, {_dated(self._on)}", 14, italic=True)
        for row in table.rows:
            for cell in row.cells:
                _drop_first(cell)

    def _closing(self, head: Letterhead) -> None:
        if self._document.provenance.provisional:
            return
        table = self.file.add_table(rows=1, cols=2)
        left, right = table.rows[0].cells
        self._line(left, "Nơi nhận:", 12, bold=True, italic=True, centred=False)
        for recipient in head.recipients:
            self._line(left, f"- {recipient};", 11, centred=False)
        self._line(right, head.signed_for, 14, bold=True)
        self._line(right, head.signer, 14, bold=True)
        for _ in range(4):
            self._line(right, "", 14)
        for cell in (left, right):
            _drop_first(cell)

    def landscape(self) -> None:
        """The pages of the appendices."""
        section = self.file.add_section(WD_SECTION.NEW_PAGE)
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = Mm(297), Mm(210)
        self._margins(section)
        section.different_first_page_header_footer = False

    def appendix(self, number: str, part: Part, rows: Rows) -> None:
        """One part as a table."""
        heading = self._line(self.file, f"PHỤ LỤC {number}", 14, bold=True)
        heading.paragraph_format.page_break_before = number != "I"
        title = part.title if number != "I" else f"Kết quả thực hiện {self._document.content.title}"
        self._line(self.file, title.upper(), 13, bold=True)
        self._line(self.file, f"({self._document.content.subject})", 13, italic=True)
        lines = [_shown_row(part.columns, row) for row, _ in rows.of(part)]
        self._append(table_xml(part.name, part.columns, lines, _WIDE_MM, size=11))

    def provenance(self, sealed: Provenance) -> None:
        """How figures are meant and where they come from."""
        content = self._document.content
        heading = self._line(self.file, "CÁCH TÍNH VÀ NGUỒN GỐC SỐ LIỆU", 13, bold=True)
        heading.paragraph_format.page_break_before = True
        columns = (
            Column("what", "Mục", width=40),
            Column("means", "Cách tính", width=70),
            Column("source", "Căn cứ", width=40),
        )
        lines = [[shown_text(text) for text in definition] for definition in content.definitions]
        self._append(table_xml("definitions", columns, lines, _WIDE_MM, size=10))
        self._line(self.file, "", 10)
        columns = (
            Column("name", "Tên", width=14),
            Column("title", "Nội dung", width=36),
            Column("said", "Giá trị", width=100),
        )
        titled = sealed.titled()
        lines = [[name, title, text] for name, title, text in titled]
        # which columns there are is for programs
        hidden = {n for n, (name, _, _) in enumerate(titled) if name == "columns"}
        self._append(table_xml(PROVENANCE, columns, lines, _WIDE_MM, size=9, hidden=hidden))

    def _append(self, table: Any) -> None:
        self.file.element.body.insert(len(self.file.element.body) - 1, table)

    def _body(self, text: str) -> Any:
        paragraph = self.file.add_paragraph()
        set_font(paragraph.add_run(text), 14)
        paragraph.alignment = _BOTH
        paragraph.paragraph_format.first_line_indent = Mm(10)
        return paragraph

    def _line(
        self,
        where: Any,
        text: str,
        size: int,
        *,
        bold: bool = False,
        italic: bool = False,
        centred: bool = True,
        colour: str = "000000",
        space_before: int = 0,
    ) -> Any:
        paragraph = where.add_paragraph()
        run = paragraph.add_run(text)
        set_font(run, size, bold=bold, italic=italic, colour=colour)
        paragraph.paragraph_format.space_after = Pt(0)
        paragraph.paragraph_format.space_before = Pt(space_before)
        if centred:
            paragraph.alignment = _CENTRE
        return paragraph


def _shown_row(columns: tuple[Column, ...], row: Any) -> list[str]:
    """A heading of the appendix has no figures, and no dashes for them either."""
    figures = [value for column, value in zip(columns, row, strict=True) if column.kind != "text"]
    bare = bool(figures) and all(value is None for value in figures)
    return [
        "" if bare and value is None else shown(value, column.kind)
        for column, value in zip(columns, row, strict=True)
    ]


def _drop_first(cell: Any) -> None:
    """A new cell has an empty paragraph; lines were added below it."""
    first = cell.paragraphs[0]
    if not first.text and len(cell.paragraphs) > 1:
        first._element.getparent().remove(first._element)


def _lowered(title: str) -> str:
    return title[:1].lower() + title[1:]


def _dated(on: datetime) -> str:
    return f"ngày {on.day:02d} tháng {on.month:02d} năm {on.year}"


# -- reading


def read_docx(data: bytes) -> Read:
    """See :class:`~services.audit.documents.files.Reader`."""
    unpacked_within_limits(data)
    try:
        body = docx.Document(io.BytesIO(data)).element.body
    except (PackageNotFoundError, KeyError, ValueError, etree.XMLSyntaxError) as error:
        raise NoProvenance(f"not a document of ours: {error}") from None
    tables = {caption_of(table): list(_rows_of(table)) for table in body.iter(qn("w:tbl"))}
    lines = {row[0]: row[2] for row in tables.get(PROVENANCE, []) if len(row) > 2}
    provenance = read_provenance(lines)
    found: list[Table] = []
    for n, (name, columns) in enumerate(columns_of(provenance)):
        if n == 0:
            rows = [(text,) for text in _paragraphs(body)]
            found.append(Table(name, tuple(c.key for c in columns), list(rows)))
            continue
        head, *rest = tables.get(name) or [[]]
        found.append(table_of(name, columns, head, [_canonical(columns, row) for row in rest]))
    return Read(provenance, found)


def _canonical(columns: tuple[Column, ...], row: list[str]) -> Canonical:
    cells = fitted(row, len(columns))
    return tuple(read_back(c, column) for c, column in zip(cells, columns, strict=True))


def _rows_of(table: Any) -> Iterator[list[str]]:
    for row in table.iter(qn("w:tr")):
        yield [shown_text(text_of(cell)) for cell in row.iter(qn("w:tc"))]


def _paragraphs(body: Any) -> Iterator[str]:
    """The data that stands in sentences, by its style."""
    wanted = _SAID.replace(" ", "")
    for paragraph in body.iterchildren(qn("w:p")):
        style = paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
        if style is not None and style.get(qn("w:val")) == wanted:
            yield shown_text(text_of(paragraph))
