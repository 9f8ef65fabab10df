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

from schemas.report import Report, ReportRow, ScoreRow
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
    if report.judged_at:
        at = report.judged_at.astimezone(VIETNAM)
        out.print(f"Hồ sơ tiếp nhận trong kỳ, tình trạng xét tại {at:%H:%M:%S %d/%m/%Y}")
    if report.source == "history":
        told = "đã chốt, sẽ không đổi" if report.final else "tạm tính, còn có thể đổi"
        out.print(f"Câu trả lời này {told}.")
    if report.demo:
        out.print("[yellow]Dữ liệu mô phỏng: mọi hồ sơ đều do máy tạo ra.[/yellow]")
    for unit, rows in _by_unit(report.rows).items():
        out.print(_of_unit(unit, rows))
    if report.scores:
        out.print(_points(report.scores))
    if report.out_of_scope:
        out.print("[bold]Ngoài phạm vi[/bold] (không tính được từ sự kiện của hồ sơ):")
    for missing in report.out_of_scope:
        points = "" if missing.points is None else f" ({_whole(missing.points)} điểm)"
        out.print(f"  {missing.row}{points} {missing.title}: {missing.reason}", markup=False)
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
    with_points = any(row.points is not None for row in rows)
    wanted = "Đủ điểm từ %" if with_points else "Mục tiêu %"
    columns = [wanted, "a", "b", "Tỷ lệ %", "Kết quả", "Còn cần / được trễ"]
    for name in [*columns, *(["Điểm"] if with_points else [])]:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.row,
            row.title,
            number(row.target, 0 if row.target == int(row.target) else 2),
            number(row.a),
            number(row.b),
            "–" if row.rate is None else number(row.rate, 2),
            _verdict(row),
            _left(row),
            *([_score(row)] if with_points else []),
        )
    return table


def _points(scores: Sequence[ScoreRow]) -> Table:
    """One line for each unit, one column for each heading: reached of what can be judged."""
    table = Table(title="Điểm", title_justify="left", title_style="bold")
    table.add_column("Đơn vị", ratio=1)
    by_unit: dict[str, list[ScoreRow]] = {}
    for row in scores:
        by_unit.setdefault(unit_name(row), []).append(row)
    for row in next(iter(by_unit.values())):
        table.add_column(f"{row.title} ({_whole(row.points)})", justify="right")
    for unit, rows in by_unit.items():
        table.add_row(unit, *(_reached(row) for row in rows))
    return table


def _reached(row: ScoreRow) -> str:
    """Points of what can be judged; or that nothing can be."""
    return f"{number(row.score, 2)} / {_whole(row.in_scope)}" if row.in_scope else "–"


def _whole(points: float) -> str:
    """As a book writes them: whole ones without decimals."""
    return number(points, 0 if points == int(points) else 2)


def _score(row: ReportRow) -> str:
    if row.points is None:
        return ""
    shown = "–" if row.score is None else number(row.score, 2)
    return f"{shown} / {_whole(row.points)}"


def _verdict(row: ReportRow) -> Text:
    if row.met is None:
        return Text("chưa phát sinh", style="dim")
    wanted = "đạt" if row.points is None else "đủ điểm"
    if row.met:
        return Text(wanted, style="green")
    return Text(f"chưa {wanted.removesuffix(' điểm')}", style="red")


def _left(row: ReportRow) -> str:
    if row.late_allowed is not None:
        if row.late_allowed < 0:
            return f"trễ quá {number(-row.late_allowed)}"
        return f"được trễ {number(row.late_allowed)}"
    return "" if row.still_needed is None else f"còn cần {number(row.still_needed)}"
