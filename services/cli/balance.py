"""Shows the balance of units: both sides in words, and what does not add up."""

from typing import Any

from schemas.report import BalanceRow, Report, ReportRow, ScoreRow, StandingRow
from services.cli.say import number
from streams.core.balance import TERMS, Side

_ALWAYS = frozenset({"opening", "received", "resolved", "in_process"})
"""Shown also when there is none."""


def balance_json(report: Report) -> dict[str, Any]:
    """What was asked, each unit's row, and whether all of them add up."""
    return {
        "from": report.first.isoformat(),
        "to": report.last.isoformat(),
        "source": report.source,
        "lineage": report.lineage,
        "officer": report.officer,
        "balanced": not any(row.difference for row in report.balance),
        "units": [row.model_dump(mode="json") for row in report.balance],
    }


def balance_told(report: Report) -> str:
    """One line for each unit; below, by name, the terms of those that do not add up."""
    if not report.balance:
        return "Chưa có hồ sơ / no dossiers"
    lines = []
    for row in report.balance:
        lines.append(f"{'✗' if row.difference else '✓'} {unit_name(row)}: {equation(row)}")
        if row.difference:
            lines += _terms(row)
    return "\n".join(lines)


def equation(row: BalanceRow) -> str:
    """The sides with the terms that have dossiers, and the difference where there is one."""
    sides = f"{_side(row, 'left')} = {_side(row, 'right')}"
    if row.difference:
        sides = (
            f"{_side(row, 'left')} ≠ {_side(row, 'right')}; "
            f"lệch {number(abs(row.difference))} / differs: "
            f"{number(row.left)} ≠ {number(row.right)}"
        )
    beside = [
        f"{term.title} {number(row.terms.get(term.name) or 0)}"
        for term in TERMS
        if term.side == "neither" and row.terms.get(term.name)
    ]
    return f"{sides} (ngoài cân đối: {', '.join(beside)})" if beside else sides


def unit_name(row: BalanceRow | ReportRow | ScoreRow | StandingRow) -> str:
    """The unit as people call it; with its first day where the code was another's before."""
    if row.unit is None:
        return "Tất cả đơn vị"
    since = f", từ {row.unit_since:%d/%m/%Y}" if row.unit_since else ""
    return f"{row.unit_name or ''} ({row.unit}{since})"


def _side(row: BalanceRow, side: Side) -> str:
    shown = [
        f"{term.title} {number(row.terms.get(term.name) or 0)}"
        for term in TERMS
        if term.side == side and (term.name in _ALWAYS or row.terms.get(term.name))
    ]
    return " + ".join(shown)


def _terms(row: BalanceRow) -> list[str]:
    return [
        f"    {term.name} ({term.title}): {number(row.terms[term.name] or 0)}: {term.definition}"
        for term in TERMS
        if row.terms.get(term.name)
    ]
