"""Pieces of WordprocessingML that python-docx has no words for, or builds too slowly."""

from collections.abc import Collection, Sequence
from typing import Any
from xml.sax.saxutils import escape

from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor

from services.audit.documents.content import Column

FONT = "Times New Roman"
_TWIPS_PER_MM = 56.7
_BEHIND_BORDERS = ("w:shd", "w:tabs", "w:spacing", "w:ind", "w:jc", "w:rPr", "w:sectPr")
_LEFT, _RIGHT, _CENTRE = "left", "right", "center"


def set_font(what: Any, size: float, *, bold: bool = False, italic: bool = False,
             colour: str = "000000") -> None:  # fmt: skip
    """Times New Roman for every script, of a style or a run."""
    font = what.font
    font.name, font.size, font.bold, font.italic = FONT, Pt(size), bold, italic
    font.color.rgb = RGBColor.from_string(colour)
    fonts = what.element.get_or_add_rPr().get_or_add_rFonts()
    for script in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        fonts.set(qn(script), FONT)


def page_number(paragraph: Any) -> None:
    """The number of the page, centred."""
    paragraph.alignment = 1
    run = paragraph.add_run()
    set_font(run, 14)
    for kind, text in (("begin", None), (None, "PAGE"), ("end", None)):
        if kind is None:
            instruction = OxmlElement("w:instrText")
            instruction.text = text
            run._element.append(instruction)
            continue
        mark = OxmlElement("w:fldChar")
        mark.set(qn("w:fldCharType"), kind)
        run._element.append(mark)


def rule(where: Any, indent_mm: float) -> None:
    """A line over the middle, as the decree draws it below names and titles."""
    paragraph = where.add_paragraph()
    line = parse_xml(
        f"<w:pBdr {nsdecls('w')}>"
        '<w:top w:val="single" w:sz="6" w:space="1" w:color="000000"/></w:pBdr>'
    )
    # Word refuses a file whose properties are in another order than its schema's
    paragraph._element.get_or_add_pPr().insert_element_before(line, *_BEHIND_BORDERS)
    format_ = paragraph.paragraph_format
    format_.left_indent = format_.right_indent = Mm(indent_mm)
    format_.space_before, format_.space_after = Pt(2), Pt(0)
    set_font(paragraph.add_run(""), 4)
    format_.line_spacing = Pt(6)


def table_xml(
    name: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    width_mm: float,
    *,
    size: int,
    hidden: Collection[int] = (),
) -> Any:
    """A table with borders and a head that is repeated on every page; ``name`` is its caption."""
    whole = sum(column.width for column in columns)
    widths = [int(width_mm * _TWIPS_PER_MM * column.width / whole) for column in columns]
    parts = [
        f"<w:tbl {nsdecls('w')}><w:tblPr><w:tblW w:w='{sum(widths)}' w:type='dxa'/>",
        "<w:tblBorders>",
        *(
            f"<w:{side} w:val='single' w:sz='4' w:space='0' w:color='000000'/>"
            for side in ("top", "left", "bottom", "right", "insideH", "insideV")
        ),
        "</w:tblBorders><w:tblLayout w:type='fixed'/>",
        "<w:tblCellMar><w:left w:w='60' w:type='dxa'/>",
        "<w:right w:w='60' w:type='dxa'/></w:tblCellMar>",
        f"<w:tblCaption w:val='{escape(name)}'/></w:tblPr><w:tblGrid>",
        *(f"<w:gridCol w:w='{width}'/>" for width in widths),
        "</w:tblGrid>",
        _row([c.title for c in columns], widths, [_CENTRE] * len(columns), size, head=True),
    ]
    sides = [_LEFT if column.kind == "text" else _RIGHT for column in columns]
    parts += (_row(row, widths, sides, size, hidden=n in hidden) for n, row in enumerate(rows))
    return parse_xml("".join([*parts, "</w:tbl>"]))


def _row(
    cells: Sequence[str],
    widths: Sequence[int],
    sides: Sequence[str],
    size: int,
    *,
    head: bool = False,
    hidden: bool = False,
) -> str:
    """A row with nothing but a number and a title is a heading: bold, as the decision has it."""
    heading = head or (len(cells) > 3 and bool(cells[0]) and not any(cells[2:]))
    look = (
        f"<w:rFonts w:ascii='{FONT}' w:hAnsi='{FONT}' w:eastAsia='{FONT}' w:cs='{FONT}'/>"
        f"{'<w:b/>' if heading else ''}{'<w:vanish/>' if hidden else ''}"
        f"<w:sz w:val='{2 * size}'/><w:szCs w:val='{2 * size}'/>"
    )
    begin = "<w:tr><w:trPr><w:cantSplit/>" + ("<w:tblHeader/>" if head else "")
    begin += "<w:hidden/></w:trPr>" if hidden else "</w:trPr>"
    made = (
        f"<w:tc><w:tcPr><w:tcW w:w='{width}' w:type='dxa'/></w:tcPr>"
        f"<w:p><w:pPr><w:spacing w:before='20' w:after='20'/><w:jc w:val='{side}'/></w:pPr>"
        f"<w:r><w:rPr>{look}</w:rPr><w:t xml:space='preserve'>{escape(cell)}</w:t></w:r></w:p>"
        "</w:tc>"
        for cell, width, side in zip(cells, widths, sides, strict=True)
    )
    return f"{begin}{''.join(made)}</w:tr>"


def caption_of(table: Any) -> str:
    """The name that :func:`table_xml` was given."""
    caption = table.find(f"{qn('w:tblPr')}/{qn('w:tblCaption')}")
    return "" if caption is None else str(caption.get(qn("w:val")))


def text_of(element: Any) -> str:
    """All that is written in there; a break is a space."""
    breaks = (qn("w:br"), qn("w:tab"), qn("w:cr"))
    texts = (
        (e.text or "") if e.tag == qn("w:t") else " " for e in element.iter(qn("w:t"), *breaks)
    )
    return "".join(texts)
