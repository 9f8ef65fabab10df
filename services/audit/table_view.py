"""What the page of the decision's table shows: an answer put into rows, groups and words."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from schemas.audit import ChangeReason, ChangeRow, Changes, Outlook
from schemas.books import Book, Indicator, heading_row
from schemas.registry import Registry
from schemas.report import BalanceRow, CaseRow, OutOfScopeRow, Report, ReportRow, ScoreRow
from services.audit import words
from services.audit.asked import ZONE
from services.audit.questions import Question
from services.audit.questions.lists import clocks_told
from streams.core.balance import TERMS
from streams.core.indicators import rate_tenths


def table_values(
    question: Question,
    report: Report,
    registry: Registry,
    given: Mapping[str, str],
    books: Sequence[str],
    *,
    outlook: Outlook | None = None,
    changes: Changes | None = None,
) -> dict[str, Any]:
    """The values of ``table.html``: of one unit, or of all with one line for each unit below."""
    unit = registry.latest_unit(question.unit) if question.unit else None
    standings = {row.indicator: row for row in outlook.rows} if outlook else {}
    return {
        "book": question.book,
        "books": books,
        "report": report,
        "answer": clocks_of(question),
        "unit_name": unit.name if unit else question.unit,
        "units": units_of(registry, report),
        "groups": _groups(question, report),
        "by_unit": _by_unit(report, question.book) if question.unit is None else [],
        "total": _points(report, question.unit, None),
        "indicators": question.book.indicators,
        "asked": words.filled(given, question),
        "base": words.base(given, question),
        "at_clocks": words.at_clocks(given),
        "computed_at": report.computed_at.astimezone(ZONE),
        "carried_over": sum(
            (row.terms["opening"] or 0) + (row.terms["came_back"] or 0)
            for row in report.balance
            if row.unit == question.unit
        ),
        "judged_at": report.judged_at.astimezone(ZONE) if report.judged_at else None,
        "standings": standings,
        "roadmaps": any(row.roadmap is not None for row in standings.values()),
        "lights": words.LIGHTS,
        "standings_words": words.STANDINGS,
        "differences": _differences(changes) if changes else {},
        "changes": _main_changes(changes) if changes else None,
        "columns": 12 + bool(changes),
        "left_out": _left_out(question, report),
        "balance": [BalanceLine.of(row) for row in report.balance if row.unit == question.unit],
        "versus_field": words.versus_field(given),
    }


class TableRow(NamedTuple):
    """A row as it is shown."""

    number: str
    row: ReportRow
    label: str
    rate: str
    bar: float
    """Width of the bar, 0–100."""
    left: tuple[str, int, str] | None
    """What is still missing, or how many more may be late."""


class Group(NamedTuple):
    """A heading with its rows, and with those that are not computed."""

    number: str
    title: str
    points: str
    """Reached of what can be judged, of all; empty: the book gives none."""
    rows: list[TableRow]
    out_of_scope: list[OutOfScopeRow]


class UnitLine(NamedTuple):
    """A unit in the table below."""

    code: str
    name: str
    points: str
    """Reached of what can be judged; empty: the book gives none."""
    rates: dict[str, tuple[str, bool | None]]
    """Rate and verdict by the indicator's code."""


def percent(row: ReportRow, book: Book, year: int) -> str:
    """The rate as every screen shows it, or in words that there is none."""
    if row.a == 0:
        return "chưa phát sinh"
    tenths = rate_tenths(row.a, row.b, book.target(row.indicator, year))
    return f"{tenths // 10},{tenths % 10}%"


def _groups(question: Question, report: Report) -> list[Group]:
    shown = [row for row in report.rows if row.unit == question.unit]
    groups: dict[str, Group] = {}
    # a code that two units had in turn has rows of both
    several = len({row.unit_since for row in shown}) > 1
    titles = {heading.row: heading.title for heading in question.book.headings}
    if shown and report.out_of_scope:
        # what else the document asks for is said, also where nothing is computed
        groups = {h: _group(report, question.unit, h, title) for h, title in titles.items()}
    for row in shown:
        indicator = question.book.indicator(row.indicator)
        number = heading_row(indicator)
        title = titles.get(number, row.title)
        group = groups.setdefault(number, _group(report, question.unit, number, title))
        group.rows.append(
            TableRow(
                number=_below(row.row, number, report),
                row=row,
                label=f"{indicator.short} · {row.unit_name if several else indicator.answers}",
                rate=percent(row, question.book, report.last.year),
                bar=0.0 if row.a == 0 else min(100.0, 100 * row.b / row.a),
                left=_left(row),
            )
        )
    return list(groups.values())


def _below(row: str, heading: str, report: Report) -> str:
    """The row's number under its heading; whole where rows that are not computed lie between."""
    if report.out_of_scope:
        return row
    return "" if row == heading else row.removeprefix(f"{heading}.")


def _group(report: Report, unit: str | None, number: str, title: str) -> Group:
    missing = [row for row in report.out_of_scope if row.heading == number]
    return Group(number, title, _points(report, unit, number), [], missing)


def _points(report: Report, unit: str | None, heading: str | None) -> str:
    """Reached of what can be judged; empty without points, or where a code was two units'."""
    found = [row for row in report.scores if (row.unit, row.heading) == (unit, heading)]
    return f"{_reached(found[0])} (tối đa {found[0].points:g})" if len(found) == 1 else ""


def _reached(row: ScoreRow) -> str:
    return f"{row.score:.2f} / {row.in_scope:g}".replace(".", ",") if row.in_scope else "–"


def clocks_of(question: Question) -> Any:
    """The clocks as answers say them, for a page that shows an answer of another shape."""
    return SimpleNamespace(**clocks_told(question.clocks))


class BalanceLine(NamedTuple):
    """The balance of one unit in words."""

    row: BalanceRow
    left_terms: list[tuple[str, int]]
    right_terms: list[tuple[str, int]]

    @classmethod
    def of(cls, row: BalanceRow) -> "BalanceLine":
        """Terms that are 0 are left out, but for those that everybody knows."""

        def side(name: str) -> list[tuple[str, int]]:
            return [
                (term.title, row.terms.get(term.name) or 0)
                for term in TERMS
                if term.side == name and (term.name in _ALWAYS or row.terms.get(term.name))
            ]

        return cls(row, side("left"), side("right"))


_ALWAYS = frozenset({"opening", "received", "resolved", "in_process"})


def _differences(changes: Changes) -> dict[str, str]:
    found = {}
    for row in changes.rows:
        counted = "thủ tục" if row.counts == "procedures" else "hồ sơ"
        moved = row.b_after - row.b_before or row.a_after - row.a_before
        if row.reasons or row.procedures:
            found[row.indicator] = f"{words.signed(moved)} {counted}"
    return found


def _main_changes(changes: Changes) -> list[tuple[ChangeRow, ChangeReason]]:
    found = [(row, reason) for row in changes.rows for reason in row.reasons]
    return sorted(found, key=lambda pair: -pair[1].dossiers)[:6]


def _left_out(question: Question, report: Report) -> list[tuple[Indicator, list[CaseRow]]]:
    found = []
    for indicator in question.book.indicators:
        rules = [
            case
            for case in report.cases
            if case.indicator == indicator.code and case.kind == "left_out"
        ]
        if rules:
            found.append((indicator, rules))
    return found


def _left(row: ReportRow) -> tuple[str, int, str] | None:
    """(words, how many, of what) are missing, or how many more may be late."""
    counted = "thủ tục" if row.counts == "procedures" else "hồ sơ"
    if row.late_allowed is not None:
        if row.late_allowed >= 0:
            return "được trễ thêm", row.late_allowed, counted
        return "quá mức trễ", -row.late_allowed, counted
    return ("thiếu", row.still_needed, counted) if row.still_needed else None


def _by_unit(report: Report, book: Book) -> list[UnitLine]:
    year = report.last.year
    totals = {
        (row.unit, row.unit_since): _reached(row) for row in report.scores if row.heading is None
    }
    units: dict[object, UnitLine] = {}
    for row in report.rows:
        if row.unit is not None:
            key = row.unit, row.unit_since
            line = units.setdefault(
                key, UnitLine(row.unit, row.unit_name or row.unit, totals.get(key, ""), {})
            )
            line.rates[row.indicator] = ("–" if row.a == 0 else percent(row, book, year), row.met)
    return list(units.values())


def units_of(registry: Registry, report: Report | None) -> list[tuple[str, str]]:
    """(code, name) of every unit that one may ask for, by name."""
    found = {unit.code: unit.name for unit in registry.units}
    if report is not None:
        found |= {row.unit: row.unit_name or row.unit for row in report.rows if row.unit}
        if report.unit:
            found.setdefault(report.unit, report.unit)
    return sorted(found.items(), key=lambda pair: pair[1])
