"""Shows where units stand on the way to their targets."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from schemas.report import StandingRow, Standings
from services.cli.balance import unit_name
from services.cli.say import console, number

_LIGHTS = {
    "met": ("● đạt", "green"),
    "on_roadmap": ("◐ đúng lộ trình", "yellow"),
    "behind": ("○ chậm", "red"),
    None: ("chưa phát sinh", "dim"),
}
_OUTLOOKS = {"certain": "chắc chắn đạt", "impossible": "không thể đạt nữa"}
_PROCEDURES = 10
"""Without a first payment, in the table; JSON has all of them."""


def show_outlook(found: Standings) -> None:
    """Print a table for each unit, and for III.1 the procedures that lack a first payment."""
    out = console()
    out.print(f"[bold]{found.book}[/bold] · năm {found.first.year} · đến hết {found.on:%d/%m/%Y}")
    if found.demo:
        out.print("[yellow]Dữ liệu mô phỏng: mọi hồ sơ đều do máy tạo ra.[/yellow]")
    if not found.rows:
        out.print("Chưa có hồ sơ / no dossiers")
    by_unit: dict[str, list[StandingRow]] = {}
    for row in found.rows:
        by_unit.setdefault(row.unit, []).append(row)
    for rows in by_unit.values():
        out.print(_of_unit(rows))
        for row in rows:
            if row.unpaid_procedures:
                shown = ", ".join(row.unpaid_procedures[:_PROCEDURES])
                more = "…" if len(row.unpaid_procedures) > _PROCEDURES else ""
                out.print(f"Chưa có giao dịch thanh toán trực tuyến: {shown}{more}", markup=False)


def _of_unit(rows: Sequence[StandingRow]) -> Table:
    officer = rows[0].officer
    who = unit_name(rows[0]) + (f", cán bộ {officer}" if officer else "")
    # as text: a name is no markup
    table = Table(title=Text(who), title_justify="left", title_style="bold")
    table.add_column("Chỉ tiêu", ratio=1)
    for name in ("b/a", "Điểm %", "Mục tiêu", "Lộ trình", "Dự báo", "Cần từ nay", "Đèn"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        light, style = _LIGHTS[row.light]
        table.add_row(
            f"{row.row} {row.short}",
            f"{number(row.b)}/{number(row.a)}",
            _percent(row.gap_points, signed=True),
            _percent(row.target),
            _percent(row.roadmap),
            _percent(row.forecast),
            _OUTLOOKS.get(row.outlook or "") or _percent(row.needed_from_now),
            Text(light, style=style),
        )
    return table


def _percent(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "–"
    sign = "+" if signed and value > 0 else ""
    return f"{sign}{number(value, 0 if value == int(value) else 2)}"
