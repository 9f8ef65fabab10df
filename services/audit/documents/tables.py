"""A report's answer as parts: the decision's own appendix with actuals, and what is behind it."""

from collections.abc import Iterator, Mapping
from typing import Literal

from schemas.books import Book, Indicator, heading_row
from schemas.report import Report, ReportRow
from services.audit.documents.content import Column, Content, Definition, Part, Row
from streams.core.balance import TERMS
from streams.core.facts import FACTS
from streams.core.receptions import AT_MOMENT

Layout = Literal["form", "full", "flat"]
"""``form``: as an office signs it; ``full``: every figure; ``flat``: one table for programs."""

_TITLES = {fact.name: fact.title for fact in (*FACTS, *AT_MOMENT)}
_COUNTED = {"dossiers": "hồ sơ", "procedures": "thủ tục"}

APPENDIX = (
    Column("row", "TT", width=6),
    Column("title", "Tên nhiệm vụ", width=60),
    Column("answers", "Đơn vị chủ trì", width=24),
    Column("partners", "Cơ quan, đơn vị phối hợp", width=24),
    Column("measure", "Đơn vị tính", width=8),
    Column("target", "Giao chỉ tiêu", "decimal", 10),
    Column("a", "Mẫu số a", "count", 10),
    Column("b", "Tử số b", "count", 10),
    Column("rate", "Tỷ lệ b/a", "decimal", 10),
    Column("verdict", "Đánh giá", width=14),
    Column("source", "Căn cứ thực hiện", width=50),
)
ROWS = (
    Column("unit", "Mã đơn vị", width=10),
    Column("unit_name", "Đơn vị", width=28),
    Column("unit_since", "Đơn vị từ ngày", "day", 12),
    Column("row", "TT", width=6),
    Column("indicator", "Mã chỉ tiêu", width=22),
    Column("title", "Chỉ tiêu", width=60),
    Column("counts", "Đối tượng đếm", width=10),
    Column("target", "Mục tiêu (%)", "decimal", 10),
    Column("a", "Mẫu số a", "count", 10),
    Column("b", "Tử số b", "count", 10),
    Column("rate", "Tỷ lệ (%)", "decimal", 10),
    Column("verdict", "Đánh giá", width=14),
    Column("gap_points", "Chênh lệch (điểm %)", "decimal", 12),
    Column("still_needed", "Còn thiếu", "count", 10),
    Column("late_allowed", "Được trễ thêm", "count", 10),
    Column("due_unknown", "Không rõ hạn trả", "count", 10),
    Column("points", "Điểm tối đa", "decimal", 10),
    Column("score", "Điểm đạt", "decimal", 10),
)
_BALANCE = (
    Column("unit", "Mã đơn vị", width=10),
    Column("unit_name", "Đơn vị", width=28),
    *(Column(term.name, term.title[:1].upper() + term.title[1:], "count", 14) for term in TERMS),
    Column("left", "Tổng vế trái", "count"),
    Column("right", "Tổng vế phải", "count"),
    Column("difference", "Chênh lệch", "count"),
)
SUMMARY = (Column("text", "Nội dung", width=100),)
_ANOMALIES = (
    Column("code", "Mã", width=26),
    Column("title", "Bất thường", width=50),
    Column("dossiers", "Số hồ sơ", "count"),
)


def counted(value: int) -> str:
    """12345 as it is written in Việt Nam: 12.345."""
    return f"{value:,}".replace(",", ".")


def verdict(row: ReportRow) -> str:
    """Met or not, in the decision's words; or that nothing happened."""
    if row.met is None:
        return "Chưa phát sinh"
    if row.points is not None:
        return "Đủ điểm" if row.met else "Chưa đủ điểm"
    return "Đạt" if row.met else "Không đạt"


def report_content(report: Report, book: Book, whom: str, layout: Layout) -> Content:
    """The table of the book as a document of this layout."""
    return Content(
        title=book.title,
        subject=f"{whom}, từ ngày {report.first:%d/%m/%Y} đến ngày {report.last:%d/%m/%Y}",
        parts=tuple(_parts(report, book, layout)),
        definitions=tuple(definitions(book)),
        notes=tuple(parameter.reason for parameter in book.parameters),
    )


def _parts(report: Report, book: Book, layout: Layout) -> Iterator[Part]:
    if layout == "form":
        yield Part("summary", "Tóm tắt", SUMMARY, tuple((text,) for text in _summary(report, book)))
    if layout != "flat":
        yield Part("appendix", "Phụ lục", APPENDIX, tuple(_appendix(report, book)))
    if layout == "form":
        if report.unit is None:
            columns = (
                Column("unit_name", "Đơn vị", width=28),
                *(Column(i.code, i.row, width=18) for i in book.indicators),
            )
            yield Part("units", "Kết quả theo đơn vị", columns, tuple(_by_unit(report, book)))
        return
    yield Part("rows", "Số liệu", ROWS, tuple(_rows(report)))
    if layout == "full":
        yield Part("balance", "Cân đối hồ sơ", _BALANCE, tuple(_balance(report)))
        found = tuple((row.code, row.title, row.dossiers) for row in report.anomalies)
        yield Part("anomalies", "Bất thường", _ANOMALIES, found)


def _appendix(report: Report, book: Book) -> Iterator[Row]:
    """Headings and rows as the document has them: of all units, or of the one asked for."""
    shown = [row for row in report.rows if row.unit == report.unit]
    several = len({row.unit_since for row in shown}) > 1
    headings = {heading.row: heading.title for heading in book.headings}
    said: set[str] = set()
    for row in shown:
        indicator = book.indicator(row.indicator)
        above = heading_row(indicator)
        if above not in said and above in headings:
            said.add(above)
            yield above, headings[above], *[None] * (len(APPENDIX) - 2)
        name = f"{row.title} ({row.unit_name})" if several else row.title
        number = "" if row.row == above else row.row
        yield (
            *(number, name, indicator.answers, indicator.partners, "%"),
            *(row.target, row.a, row.b, row.rate, verdict(row), indicator.source),
        )


def _summary(report: Report, book: Book) -> Iterator[str]:
    """The answer in a few sentences."""
    shown = [row for row in report.rows if row.unit == report.unit]
    judged = [row for row in shown if row.met is not None]
    reached = sum(row.met is True for row in judged)
    yield (
        f"Số hồ sơ có kết quả trong kỳ: {counted(report.resolved)}. Trong {len(shown)} chỉ tiêu, "
        f"{len(judged)} chỉ tiêu có phát sinh, {reached} chỉ tiêu đạt."
    )
    if missed := [f"{row.row} {_figure(row)}" for row in judged if not row.met]:
        yield f"Chưa đạt: {'; '.join(missed)}."
    if unknown := sum(row.due_unknown or 0 for row in shown):
        yield (
            f"{counted(unknown)} hồ sơ không rõ hạn trả: được tính vào mẫu số và không được tính "
            "là đúng hạn."
        )
    for row in (row for row in report.balance if row.unit == report.unit):
        yield (
            f"Cân đối: tồn đầu kỳ và tiếp nhận {counted(row.left)} hồ sơ; đã giải quyết và đang "
            f"giải quyết {counted(row.right)} hồ sơ; chênh lệch {counted(row.difference)}."
        )


def _by_unit(report: Report, book: Book) -> Iterator[Row]:
    of_units: dict[tuple[str | None, object], dict[str, ReportRow]] = {}
    for row in report.rows:
        if row.unit is not None:
            of_units.setdefault((row.unit, row.unit_since), {})[row.indicator] = row
    for (code, _), rows in of_units.items():
        name = next(iter(rows.values())).unit_name
        yield (name or code, *(_figure(rows.get(i.code)) for i in book.indicators))


def _figure(row: ReportRow | None) -> str:
    if row is None:
        return ""
    if row.rate is None:
        return "–"
    return f"{row.rate:.2f}% ".replace(".", ",") + f"({counted(row.b)}/{counted(row.a)})"


def _rows(report: Report) -> Iterator[Row]:
    for row in report.rows:
        said = row.model_dump()
        said |= {"verdict": verdict(row), "counts": _COUNTED[row.counts]}
        yield tuple(said[column.key] for column in ROWS)


def _balance(report: Report) -> Iterator[Row]:
    for row in report.balance:
        terms: Mapping[str, int | None] = row.terms
        counted = (terms.get(term.name) for term in TERMS)
        yield row.unit, row.unit_name, *counted, row.left, row.right, row.difference


def definitions(book: Book) -> Iterator[Definition]:
    """What every row counts, and where that is written."""
    for indicator in book.indicators:
        yield Definition(f"{indicator.row}. {indicator.title}", _means(indicator), indicator.source)
    for parameter in book.parameters:
        yield Definition(f"Tham số {parameter.name}", parameter.reason, book.document)


def _means(indicator: Indicator) -> str:
    def told(names: tuple[str, ...]) -> str:
        return "; ".join(_TITLES.get(name, name) for name in names)

    counted = _COUNTED[indicator.counts]
    return f"a: {counted} {told(indicator.scope)}. b: trong đó {told(indicator.hit)}."
