"""The decision's own table as a page: rendered here, without scripts, everything offline."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple, TypeAlias

from fastapi import APIRouter
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import FileResponse, HTMLResponse, Response

from schemas.audit import ChangeReason, ChangeRow, Changes, Outlook
from schemas.books import Book, Indicator, heading_row
from schemas.certificates import Certificate, Difference
from schemas.problems import Problem
from schemas.registry import Registry
from schemas.report import BalanceRow, CaseRow, OutOfScopeRow, Report, ReportRow, ScoreRow
from services.audit import words
from services.audit.access import (
    ROLE_TITLES,
    Person,
    current_person,
    form_token,
    right_of,
)
from services.audit.asked import ZONE
from services.audit.questions import Question
from services.audit.questions.lists import clocks_told
from services.audit.words import number
from services.certificates import age_s
from services.settings import Settings
from streams.core.balance import TERMS
from streams.core.indicators import rate_tenths

_HERE = Path(__file__).parent
_STATIC = {"audit.css": "text/css"}
_FONTS = {font.name: font for font in (_HERE.parent / "wall/static/fonts").glob("*.woff2")}
"""The installation's type, in one copy."""
Given: TypeAlias = Mapping[str, str]


class TableRow(NamedTuple):
    """A row as it is shown."""

    number: str
    row: ReportRow
    label: str
    rate: str
    bar: float
    """Width of the bar, 0–100."""
    left: str
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


MENU = (
    ("/", "Bảng chỉ tiêu"),
    ("/dossiers", "Hồ sơ"),
    ("/forensics", "Bất thường"),
    ("/trend", "Xu hướng"),
    ("/compare", "So sánh"),
    ("/verify", "Đối chiếu"),
    ("/saved", "Báo cáo đã lưu"),
    ("/check", "Kiểm tra tệp"),
    ("/access", "Nhật ký"),
    ("/docs", "API"),
)


def menu_of(person: Person) -> list[tuple[str, str]]:
    """The pages that this person may open."""
    return [
        (path, title)
        for path, title in MENU
        if person.may(right_of(path).least)
        and (person.units is None or right_of(path).of_unit or right_of(path).own)
    ]


class Pages:
    """Renders; knows no database."""

    def __init__(
        self,
        settings: Settings,
        newest: Callable[[], Certificate | None],
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._newest = newest
        self._clock = clock
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"local": local, "cell": cell_words, **words.FILTERS}
        self._templates.globals.update(
            settings=settings,
            menu=menu_of,
            person=current_person,
            form_token=form_token,
            roles=ROLE_TITLES,
        )

    def table(
        self,
        question: Question,
        report: Report,
        registry: Registry,
        given: Given,
        books: Sequence[str],
        *,
        outlook: Outlook | None = None,
        changes: Changes | None = None,
    ) -> Response:
        """The table of one unit, or of all together with one line for each unit below."""
        unit = registry.latest_unit(question.unit) if question.unit else None
        standings = {row.indicator: row for row in outlook.rows} if outlook else {}
        return self.page(
            "table.html",
            given,
            book=question.book,
            books=books,
            report=report,
            answer=clocks_of(question),
            unit_name=unit.name if unit else question.unit,
            units=units_of(registry, report),
            groups=_groups(question, report),
            by_unit=_by_unit(report, question.book) if question.unit is None else [],
            total=_points(report, question.unit, None),
            indicators=question.book.indicators,
            asked=words.filled(given, question),
            base=words.base(given, question),
            at_clocks=words.at_clocks(given),
            computed_at=report.computed_at.astimezone(ZONE),
            carried_over=sum(
                (row.terms["opening"] or 0) + (row.terms["came_back"] or 0)
                for row in report.balance
                if row.unit == question.unit
            ),
            judged_at=report.judged_at.astimezone(ZONE) if report.judged_at else None,
            standings=standings,
            lights=words.LIGHTS,
            standings_words=words.STANDINGS,
            differences=_differences(changes) if changes else {},
            changes=_main_changes(changes) if changes else None,
            columns=10 + 2 * bool(standings) + bool(changes),
            left_out=_left_out(question, report),
            balance=[BalanceLine.of(row) for row in report.balance if row.unit == question.unit],
            versus_field=words.versus_field(given),
        )

    def verification(self, registry: Registry, given: Given) -> Response:
        """The newest certificate with its differences."""
        found, today = self._newest(), self._clock().astimezone(ZONE).date()
        codes = {difference.unit for difference in (found.differences if found else ())}
        units = {code: registry.unit(code, today) or registry.latest_unit(code) for code in codes}
        names = {code: unit.name if unit else code for code, unit in units.items()}
        return self.page("verify.html", given, names=names)

    def problem(self, problem: Problem, given: Given = MappingProxyType({})) -> Response:
        """What is wrong, and what would be right, as a page."""
        return self.page("problem.html", given, problem.status, problem=problem)

    def static_router(self) -> APIRouter:
        """The style sheet and its fonts."""
        router = APIRouter(include_in_schema=False)

        @router.get("/static/{name}")
        def static(name: str) -> Response:
            if name in _FONTS:
                return FileResponse(_FONTS[name], media_type="font/woff2")
            if name not in _STATIC:
                return Response(status_code=404)
            return FileResponse(_HERE / "static" / name, media_type=_STATIC[name])

        return router

    def page(self, template: str, given: Given, status: int = 200, /, **values: Any) -> Response:
        """The template with what every page shows; ``given`` are the parameters of the address."""
        found = self._newest()
        language = words.language(given)
        values = {
            "given": dict(given),
            **values,
            "certificate": found,
            "verdict": verdict(found, self._clock()),
            **language.values(template, given),
        }
        return HTMLResponse(self._templates.get_template(template).render(values), status)


def local(moment: str) -> str:
    """An RFC 3339 moment on the offices' clock."""
    return f"{datetime.fromisoformat(moment).astimezone(ZONE):%H:%M:%S ngày %d/%m/%Y}"


_MEASURES = {"received": "tiếp nhận", "closed": "kết thúc", "paid": "thanh toán trực tuyến"}
_WHOLE = {"dossiers": "tổng số hồ sơ", "open": "hồ sơ đang giải quyết"}


def cell_words(difference: Difference) -> str:
    """Which figure it is."""
    if isinstance(difference.cell, str):
        return _WHOLE[difference.cell]
    measure, day, _, procedure, officer, _, _ = difference.cell
    year, month, date = day.split("-")
    parts = (_MEASURES[measure], f"{date}/{month}/{year}", procedure, officer)
    return " · ".join(part for part in parts if part)


def verdict(certificate: Certificate | None, now: datetime) -> tuple[str, str]:
    """(style, words) of a certificate: what it says, and whether it is too old to say it."""
    if certificate is None:
        return "none", "chưa đối chiếu"
    if certificate.state == "differs":
        return "missed", f"LỆCH {number(certificate.units_differing)} đơn vị"
    promised = certificate.next_within_s
    if promised is not None and age_s(certificate, now) > promised:
        return "missed", "ngừng đối chiếu"
    equal = f"khớp {number(certificate.units_compared)}/{number(certificate.units)} đơn vị"
    if certificate.state == "equal":
        return "met", equal
    if certificate.history_behind:
        behind = number(certificate.history_behind)
        return "none", f"đang chờ: lịch sử chậm {behind} bản ghi"
    return "none", f"đang đối chiếu, {equal}"


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


def _left(row: ReportRow) -> str:
    counted = "thủ tục" if row.counts == "procedures" else "hồ sơ"
    if row.late_allowed is not None:
        if row.late_allowed >= 0:
            return f"được trễ thêm {number(row.late_allowed)} hồ sơ"
        return f"quá mức trễ {number(-row.late_allowed)} hồ sơ"
    if row.still_needed:
        return f"thiếu {number(row.still_needed)} {counted}"
    return "–"


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
