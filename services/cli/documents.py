"""Documents of the audit into files: a report at once, a list of dossiers with a progress bar."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from services.cli.report import LineageWord, period
from services.cli.say import fail, number, tell
from services.cli.where import ask, download, find, get

listed = typer.Typer(no_args_is_help=True, help="Danh sách hồ sơ.")

_FORMATS = {".xlsx": "xlsx", ".docx": "docx", ".csv": "csv", ".json": "json", ".html": "html"}
_LOOK_EVERY_S = 0.2


def suffixes() -> str:
    """What a file may be called."""
    return ", ".join(_FORMATS)


def save(audit: str, query: Mapping[str, str | None], file: Path, bom: bool = False) -> None:
    """Write the report as the document that the file's name asks for."""
    download(audit, "/api/v1/document", {**query, "format": _format(file, bom)}, file)
    tell(f"Đã ghi {file} / written")


def _format(file: Path, bom: bool = False) -> str:
    found = _FORMATS.get(file.suffix.lower())
    if found is None:
        fail(f"{file}: đuôi tệp phải là một trong / the name must end with one of: {suffixes()}")
    return "csv-bom" if bom and found == "csv" else found


@listed.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="tệp sẽ ghi: .xlsx, .csv, .json, .html")],
    first: Annotated[str, typer.Option("--from", help="ngày đầu, 2023-01-01 hoặc 01/01/2023")],
    last: Annotated[str, typer.Option("--to", help="ngày cuối, tính cả ngày này")],
    book: Annotated[str, typer.Option("--book", help="bộ chỉ tiêu")] = "dak-ha-2023",
    unit: Annotated[str | None, typer.Option("--unit", help="mã đơn vị")] = None,
    officer: Annotated[str | None, typer.Option("--officer", help="mã công chức")] = None,
    select: Annotated[
        str | None,
        typer.Option("--select", help="CHỈ_TIÊU/scope, /hit hoặc /missed, ví dụ IV.2/missed"),
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="tình trạng tại thời điểm này")] = None,
    known_at: Annotated[str | None, typer.Option(help="theo những gì đã ghi nhận tới đó")] = None,
    bom: Annotated[bool, typer.Option("--bom", help="CSV có BOM, cho Excel")] = False,
    url: Annotated[str | None, typer.Option("--url", help="địa chỉ hệ thống")] = None,
) -> None:
    """Ghi danh sách hồ sơ ra tệp. Ví dụ: `motcua dossiers export tre.xlsx --from … --to …`"""
    days = period(first, last)
    query = {
        "book": book,
        "from": days[0].isoformat(),
        "to": days[1].isoformat(),
        "unit": unit,
        "officer": officer,
        "lineage": LineageWord.OLD.value,
        "select": select,
        "as_of": as_of,
        "known_at": known_at,
        "format": _format(file, bom),
    }
    audit = find(url).audit
    state = ask("POST", audit, "/api/v1/exports", query)
    with _bar() as bar:
        task = bar.add_task(file.name, total=None)
        while state["state"] in ("waiting", "writing"):
            time.sleep(_LOOK_EVERY_S)
            state = get(audit, f"/api/v1/exports/{state['id']}")
            bar.update(task, completed=state["rows"], total=state["total"])
    if state["state"] == "failed":
        fail(_why(state))
    download(audit, f"/api/v1/exports/{state['id']}/file", {}, file)
    mark = " · TẠM TÍNH" if state["provisional"] else ""
    tell(f"Đã ghi {file}: {number(state['rows'])} hồ sơ{mark}; SHA-256 {state['data_sha256']}")


def _bar() -> Progress:
    # progress on a terminal and none in a pipe
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def _why(state: Mapping[str, Any]) -> str:
    problem = state.get("problem") or {}
    return str(problem.get("detail_vi") or "Không ghi được tệp / the export failed")
