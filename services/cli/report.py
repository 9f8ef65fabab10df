"""Shows a report as the decision's table, as JSON or as CSV."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Any

from rich.table import Table
from rich.text import Text

from schemas.report import Report, ReportRow
from services.cli.balance import equation, unit_name
from services.cli.say import VIETNAM, answer, console, fail, number

_EXAMPLES = 3
"""Of an anomaly, in the table; JSON has what the history gave."""


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class LineageWord(StrEnum):
    """Under which units figures are shown: those that recorded them, or what they became."""

    OLD = "old"
    NEW = "new"


class Source(StrEnum):
    """Where figures come from."""

    LIVE = "live"
    HISTORY = "history"


def day(text: str, option: str) -> date:
    """A day written 2023-01-31 or 31/01/2023; ends the command when it is neither."""
    try:
        if "/" in text:
            of_month, month, year = text.split("/")
            return date(int(year), int(month), int(of_month))
        if len(text) != 10:
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        fail(
            f"{option} {text}: không phải ngày. Viết 2023-01-31 hoặc 31/01/2023\n"
            f"{option} {text}: not a day. Write 2023-01-31 or 31/01/2023"
        )


def period(first: str, last: str) -> tuple[date, date]:
    """Both days, in order; ends the command when they are not."""
    days = day(first, "--from"), day(last, "--to")
    if days[0] > days[1]:
        fail(
            f"Kỳ báo cáo kết thúc ({last}) trước khi bắt đầu ({first}): đổi --from và --to\n"
            f"The period ends ({last}) before it begins ({first}): swap --from and --to"
        )
    return days


def show(found: dict[str, Any], form: Format) -> None:
    """Print what the report's service answered."""
    match form:
        case Format.JSON:
            answer(json.dumps(found, ensure_ascii=False, indent=2))
        case Format.CSV:
            answer(_csv(Report.model_validate(found).rows))
        case Format.TABLE:
            _table(Report.model_validate(found))


def _csv(rows: Sequence[ReportRow]) -> str:
    output = io.StringIO()
    writer = csv.DictWriter(output, list(ReportRow.model_fields))
    writer.writeheader()
    writer.writerows(row.model_dump(mode="json") for row in rows)
    return output.getvalue()


def _table(report: Report) -> None:
    out = console()
    source = "lịch sử" if report.source == "history" else "trực tiếp"
    out.print(
        f"[bold]{report.book}[/bold] · {report.first:%d/%m/%Y} – {report.last:%d/%m/%Y} · "
        f"số liệu {source}, tính lúc {report.computed_at.astimezone(VIETNAM):%H:%M:%S %d/%m/%Y}"
    )
    if report.demo:
        out.print("[yellow]Dữ liệu mô phỏng: mọi hồ sơ đều do máy tạo ra.[/yellow]")
    for unit, rows in _by_unit(report.rows).items():
        out.print(_of_unit(unit, rows))
    out.print(f"Hồ sơ: {number(report.dossiers)} · có kết quả trong kỳ: {number(report.resolved)}")
    if report.balance:
        # all units together, or the rows of the one that was asked for
        for row in [r for r in report.balance if r.unit in (None, report.unit)]:
            out.print(equation(row), markup=False)
    for anomaly in report.anomalies:
        examples = ", ".join(anomaly.examples[:_EXAMPLES])
        shown = f" (ví dụ {examples})" if examples else ""
        out.print(f"Bất thường: {anomaly.title}: {number(anomaly.dossiers)} hồ sơ{shown}")


def _by_unit(rows: Sequence[ReportRow]) -> dict[str, list[ReportRow]]:
    found: dict[str, list[ReportRow]] = {}
    for row in rows:
        name = unit_name(row)
        found.setdefault(name, []).append(row)
    return found


def _of_unit(unit: str, rows: Sequence[ReportRow]) -> Table:
    table = Table(title=unit, title_justify="left", title_style="bold", show_lines=False)
    table.add_column("Hàng", no_wrap=True)
    table.add_column("Chỉ tiêu", ratio=1)
    for name in ("Mục tiêu %", "a", "b", "Tỷ lệ %", "Kết quả", "Còn cần / được trễ"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.row,
            row.title,
            number(row.target, 0 if row.target == int(row.target) else 2),
            number(row.a),
            number(row.b),
            "–" if row.rate is None else number(row.rate, 2),
            _verdict(row.met),
            _left(row),
        )
    return table


def _verdict(met: bool | None) -> Text:
    if met is None:
        return Text("chưa phát sinh", style="dim")
    return Text("đạt", style="green") if met else Text("chưa đạt", style="red")


def _left(row: ReportRow) -> str:
    if row.late_allowed is not None:
        if row.late_allowed < 0:
            return f"trễ quá {number(-row.late_allowed)}"
        return f"được trễ {number(row.late_allowed)}"
    return "" if row.still_needed is None else f"còn cần {number(row.still_needed)}"
