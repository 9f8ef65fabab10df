"""``motcua saved``: reports under a name that are asked each month, and what is kept of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from services.cli.say import NOT_SO, answer, fail, tell
from services.cli.where import ask, download, find, get

saved = typer.Typer(no_args_is_help=True, help="Báo cáo đã lưu, chạy hằng tháng.")

Url = Annotated[
    str | None,
    typer.Option("--url", help="địa chỉ hệ thống, ví dụ http://127.0.0.1:8400", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="in JSON cho chương trình đọc")]
NameOf = Annotated[str, typer.Argument(help="tên báo cáo, ví dụ hang-thang")]


@saved.command("add")
def add(
    name: NameOf,
    book: Annotated[str, typer.Option("--book", help="bộ chỉ tiêu")] = "dak-ha-2023",
    unit: Annotated[str | None, typer.Option("--unit", help="mã đơn vị")] = None,
    span: Annotated[
        str, typer.Option("--span", help="month: riêng tháng; year: từ đầu năm đến hết tháng")
    ] = "year",
    after_days: Annotated[
        int, typer.Option("--after-days", help="chờ số liệu gửi muộn bao nhiêu ngày")
    ] = 5,
    form: Annotated[
        str, typer.Option("--format", help="docx, xlsx, csv, csv-bom, json, html")
    ] = "docx",
    since: Annotated[
        str | None, typer.Option("--since", help="từ tháng nào, ví dụ 2023-01; mặc định: tháng này")
    ] = None,
    url: Url = None,
) -> None:
    """Lưu một câu hỏi, chạy mỗi tháng. Ví dụ: `motcua saved add hang-thang --unit 23500`"""
    query = {
        "name": name,
        "book": book,
        "unit": unit,
        "span": span,
        "after_days": str(after_days),
        "format": form,
        "since": since,
    }
    made = ask("POST", find(url).audit, "/api/v1/saved", query)
    tell(f"Đã lưu «{made['name']}», từ tháng {made['since']} / saved")


@saved.command("list")
def list_saved(as_json: Json = False, url: Url = None) -> None:
    """Các báo cáo đã lưu và kết quả mới nhất."""
    found = get(find(url).audit, "/api/v1/saved")["questions"]
    if as_json:
        answer(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for question in found:
        newest = question["results"][0]["month"] if question["results"] else "chưa có"
        unit = question["unit"] or "mọi đơn vị"
        answer(
            f"{question['name']}  {question['book']}  {unit}  {question['format']}  "
            f"{len(question['results'])} kết quả, mới nhất {newest}"
        )


@saved.command("show")
def show(
    name: NameOf,
    month: Annotated[str | None, typer.Option("--month", help="tháng, ví dụ 2023-05")] = None,
    file: Annotated[
        Path | None, typer.Option("--save", help="ghi kết quả của tháng ra tệp")
    ] = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Kết quả đã lưu với SHA-256; mã thoát 1 khi một tệp đã bị sửa.

    Ví dụ: `motcua saved show hang-thang --month 2023-05 --save bao-cao.docx`
    """
    audit = find(url).audit
    if file is not None:
        if month is None:
            fail("--save cần --month / needs --month")
        download(audit, f"/api/v1/saved/{_part(name)}/{_part(month)}/file", {}, file)
        tell(f"Đã ghi {file} / written")
        return
    found = get(audit, f"/api/v1/saved/{_part(name)}")
    results = [r for r in found["results"] if month in (None, r["month"])]
    if as_json:
        answer(json.dumps({**found, "results": results}, ensure_ascii=False, indent=2))
    else:
        for result in results:
            answer(_told(result))
    if not all(result["intact"] for result in results):
        raise typer.Exit(NOT_SO)


@saved.command("run")
def run(
    name: NameOf,
    month: Annotated[str, typer.Option("--month", help="tháng, ví dụ 2023-05")],
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Chạy ngay cho một tháng; chỉ lưu khi số liệu đã chốt. `motcua saved run x --month 2023-05`"""
    path = f"/api/v1/saved/{_part(name)}/run"
    made = ask("POST", find(url).audit, path, {"month": month})
    answer(json.dumps(made, ensure_ascii=False, indent=2) if as_json else _told(made))


@saved.command("remove")
def remove(name: NameOf, url: Url = None) -> None:
    """Thôi chạy hằng tháng; kết quả đã lưu được giữ lại."""
    ask("DELETE", find(url).audit, f"/api/v1/saved/{_part(name)}")
    tell(f"Đã thôi chạy «{name}» / removed")


def _part(text: str) -> str:
    return quote(text, safe="")


def _told(result: Mapping[str, Any]) -> str:
    mark = "" if result.get("intact", True) else "  ĐÃ BỊ SỬA / edited"
    return f"{result['month']}  {result['file']}  {result['data_sha256']}{mark}"
