"""``motcua audit …``: a number taken apart, through the audit's own HTTP interface."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from services.cli import report as reports
from services.cli.report import LineageWord
from services.cli.say import VIETNAM, answer, console, number, tell
from services.cli.where import find, get

app = typer.Typer(
    no_args_is_help=True, help="Từ một con số đến hồ sơ, sự kiện; so sánh; bất thường."
)

First = Annotated[str, typer.Option("--from", help="ngày đầu, 2023-01-01 hoặc 01/01/2023")]
Last = Annotated[str, typer.Option("--to", help="ngày cuối, tính cả ngày này")]
Book = Annotated[str | None, typer.Option("--book", help="bộ chỉ tiêu")]
Unit = Annotated[str | None, typer.Option("--unit", help="mã đơn vị")]
Officer = Annotated[str | None, typer.Option("--officer", help="mã công chức, viên chức")]
Lineage = Annotated[LineageWord, typer.Option("--lineage", help="đơn vị đã ghi nhận, hay kế thừa")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="tình trạng tại thời điểm này")]
KnownAt = Annotated[
    str | None, typer.Option("--known-at", help="theo những gì đã ghi nhận tới thời điểm này")
]
After = Annotated[str | None, typer.Option("--after", help="trang sau: «after» của trang trước")]
Page = Annotated[int, typer.Option("--page", help="số dòng một trang, 1 … 1000")]
Json = Annotated[bool, typer.Option("--json", help="in JSON cho chương trình đọc")]
Url = Annotated[str | None, typer.Option("--url", help="địa chỉ hệ thống", show_default=False)]


@app.command()
def behind(
    first: First,
    last: Last,
    indicator: Annotated[str, typer.Argument(help="hàng hoặc mã chỉ tiêu, IV.2")],
    case: Annotated[str, typer.Option(help="a, b, missed, left_out, overdue, missed:late …")] = "a",
    book: Book = None,
    unit: Unit = None,
    officer: Officer = None,
    lineage: Lineage = LineageWord.OLD,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    after: After = None,
    page: Page = 100,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Hồ sơ đằng sau một con số. Ví dụ: `motcua audit behind IV.2 --case missed --from … --to …`"""
    query = _question(first, last, book, unit, officer, lineage, as_of, known_at)
    query |= {"indicator": indicator, "case": case, "after": after, "page": str(page)}
    found = get(find(url).audit, "/api/v1/report/dossiers", query)
    _show(found, as_json, _DOSSIER, found["dossiers"])


@app.command()
def dossiers(
    code: Annotated[str | None, typer.Argument(help="một phần của mã hồ sơ")] = None,
    unit: Unit = None,
    procedure: Annotated[str | None, typer.Option(help="mã thủ tục, 1.001193")] = None,
    officer: Officer = None,
    state: Annotated[str | None, typer.Option(help="open, overdue, waiting, closed, …")] = None,
    fact: Annotated[str | None, typer.Option(help="tên một đặc điểm, ví dụ late")] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    after: After = None,
    page: Page = 100,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Tìm hồ sơ. Ví dụ: `motcua audit dossiers --state overdue --unit 23500`"""
    query = {
        "code": code,
        "unit": unit,
        "procedure": procedure,
        "officer": officer,
        "state": state,
        "fact": fact,
        "as_of": as_of,
        "known_at": known_at,
        "after": after,
        "page": str(page),
    }
    found = get(find(url).audit, "/api/v1/dossiers", query)
    _show(found, as_json, _DOSSIER, found["dossiers"])


@app.command()
def changes(
    first: First,
    last: Last,
    known_at: Annotated[str, typer.Option("--known-at", help="mốc thông tin trước")],
    known_until: Annotated[str | None, typer.Option(help="mốc sau; mặc định: hiện tại")] = None,
    book: Book = None,
    unit: Unit = None,
    officer: Officer = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Số liệu khác gì giữa hai lần biết, và vì sao. Ví dụ: `… changes --known-at 2023-04-05 …`"""
    query = _question(first, last, book, unit, officer, LineageWord.OLD, None, known_at)
    found = get(find(url).audit, "/api/v1/changes", {**query, "known_until": known_until})
    lines = []
    for row in found["rows"]:
        moved = {"before": f"{row['b_before']}/{row['a_before']}"}
        moved |= {"after": f"{row['b_after']}/{row['a_after']}"}
        lines.append({"row": row["row"], "title": row["short"], **moved})
        lines += [{**reason, "row": ""} for reason in row["reasons"]]
    _show(found, as_json, _CHANGE, lines)


@app.command()
def compare(
    first: First,
    last: Last,
    first_2: Annotated[str | None, typer.Option("--from-2", help="ngày đầu kỳ kia")] = None,
    last_2: Annotated[str | None, typer.Option("--to-2", help="ngày cuối kỳ kia")] = None,
    unit_2: Annotated[str | None, typer.Option("--unit-2", help="đơn vị kia")] = None,
    book: Book = None,
    unit: Unit = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """So sánh hai kỳ hoặc hai đơn vị. Ví dụ: `… compare --unit 23500 --unit-2 23503 …`"""
    query = _question(first, last, book, unit, None, LineageWord.OLD, as_of, known_at)
    query |= {"from_2": first_2, "to_2": last_2, "unit_2": unit_2}
    found = get(find(url).audit, "/api/v1/compare", query)
    lines = [
        {
            "row": row["row"],
            "title": row["short"],
            "before": f"{row['b'][0]}/{row['a'][0]}",
            "after": f"{row['b'][1]}/{row['a'][1]}",
            "difference_points": row["difference_points"],
        }
        for row in found["rows"]
    ]
    _show(found, as_json, _COMPARED, lines)


@app.command()
def forensics(
    first: First,
    last: Last,
    check: Annotated[str | None, typer.Argument(help="mã mục; bỏ trống: mọi mục")] = None,
    unit: Unit = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    after: After = None,
    page: Page = 100,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Điều bất thường và căn cứ. Ví dụ: `… forensics mass_closing --from … --to …`"""
    query = _question(first, last, None, unit, None, LineageWord.OLD, as_of, known_at)
    there = find(url).audit
    if check is None:
        found = get(there, "/api/v1/forensics", query)
        lines = [{**one, "found": found["found"][one["code"]]} for one in found["checks"]]
        _show(found, as_json, _CHECK, lines)
        return
    query |= {"after": after, "page": str(page)}
    found = get(there, f"/api/v1/forensics/{check}", query)
    columns = {"unit": "Đơn vị", "dossier": "Hồ sơ"}
    columns |= {str(n): title for n, title in enumerate(found["check"]["columns"])}
    lines = [
        {**one, **{str(n): value for n, value in enumerate(one["values"])}}
        for one in found["findings"]
    ]
    _show(found, as_json, columns, lines)


_DOSSIER = {
    "dossier": "Hồ sơ",
    "unit_name": "Đơn vị",
    "procedure": "Thủ tục",
    "officer": "Cán bộ",
    "received_at": "Tiếp nhận",
    "due_at": "Hạn trả",
    "closed_at": "Kết thúc",
}
_CHANGE = {
    "row": "Hàng",
    "title": "Chỉ tiêu, lý do",
    "before": "Trước",
    "after": "Sau",
    "dossiers": "Hồ sơ",
    "delta_a": "Δa",
    "delta_b": "Δb",
}
_COMPARED = {
    "row": "Hàng",
    "title": "Chỉ tiêu",
    "before": "b/a",
    "after": "b/a kia",
    "difference_points": "Chênh (điểm %)",
}
_CHECK = {"code": "Mã", "title": "Nội dung", "found": "Số mục", "definition": "Định nghĩa"}


def _question(
    first: str,
    last: str,
    book: str | None,
    unit: str | None,
    officer: str | None,
    lineage: LineageWord,
    as_of: str | None,
    known_at: str | None,
) -> dict[str, str | None]:
    days = reports.period(first, last)
    return {
        "from": days[0].isoformat(),
        "to": days[1].isoformat(),
        "book": book,
        "unit": unit,
        "officer": officer,
        "lineage": lineage.value,
        "as_of": as_of,
        "known_at": known_at,
    }


def _show(
    found: Mapping[str, Any],
    as_json: bool,
    columns: Mapping[str, str],
    lines: Sequence[Mapping[str, Any]],
) -> None:
    if as_json:
        answer(json.dumps(found, ensure_ascii=False, indent=2))
        return
    table = Table()
    for title in columns.values():
        table.add_column(title)
    for line in lines:
        # as text: what an emitter wrote is no markup
        table.add_row(*(Text(_cell(line.get(name))) for name in columns))
    console().print(table)
    if "final" in found:
        tell("Đã chốt / final" if found["final"] else "Tạm tính / provisional")
    if found.get("after"):
        tell(f"Trang sau / next page: --after '{found['after']}'")


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case int() | float():
            return number(value, 0 if value == int(value) else 2)
        case str() if value.endswith("Z") and "T" in value:
            return f"{datetime.fromisoformat(value).astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
        case _:
            return str(value)
