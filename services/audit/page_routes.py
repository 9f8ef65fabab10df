"""The pages: each asks the same questions as the API and shows the answer; no scripts."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from schemas.books import Indicator
from schemas.problems import Problem
from services.asked import Wrong
from services.audit import parameters as read
from services.audit import words
from services.audit.answering import Answering
from services.audit.asked import read_clocks
from services.audit.charts import charts
from services.audit.docs import documented_routes
from services.audit.pages import Pages, units_of
from services.audit.questions import Question
from services.audit.questions.changes import TITLES
from services.audit.questions.forensics import checks
from services.audit.questions.lists import STATES, selection
from services.audit.timeline import timeline_page

Given = Mapping[str, str]


def page_router(answering: Answering, pages: Pages) -> APIRouter:
    """Everything that a person reads."""
    router = APIRouter(include_in_schema=False)
    _table(router, answering, pages)
    _lists(router, answering, pages)
    _changes(router, answering, pages)
    _forensics(router, answering, pages)

    @router.get("/verify")
    def verify_page(request: Request) -> Response:
        return pages.verification(answering.asking.registry(), request.query_params)

    @router.get("/docs")
    def docs_page(request: Request) -> Response:
        return pages.page(
            "docs.html", request.query_params, routes=documented_routes(request.app.openapi())
        )

    @router.get("/trend")
    def trend_page(request: Request) -> Response:
        given = _timed(request.query_params)
        chosen = given.pop("indicator", "")
        question = answering.question(given)
        if isinstance(question, Problem | Wrong):
            return _wrong(pages, question, given)
        indicator = _indicator(question, chosen)
        drawn = charts(answering, question, given, indicator)
        if isinstance(drawn, Problem | Wrong):
            return _wrong(pages, drawn, given)
        field = words.choice(
            "indicator",
            words.language(given)("Xếp hạng theo"),
            indicator.code,
            [(one.code, f"{one.row} {one.short}") for one in question.book.indicators],
        )
        return pages.page(
            "trend.html",
            given,
            **_form(answering, question, given),
            **drawn,
            chosen=indicator,
            indicator_field=field,
        )

    router.include_router(pages.static_router())
    return router


def _table(router: APIRouter, answering: Answering, pages: Pages) -> None:
    @router.get("/")
    def table_page(request: Request) -> Response:
        given = _timed(request.query_params)
        versus = given.pop("versus", "now")
        report = answering.table(given)
        question = answering.question(given)
        if isinstance(report, Problem | Wrong):
            return _wrong(pages, report, given)
        if isinstance(question, Problem | Wrong):
            return _wrong(pages, question, given)
        outlook = None if question.book.needs_history else answering.outlook(given)
        changes = None
        if versus == "now" and given.get("known_at"):
            changes = answering.changes(given)
        for one in (outlook, changes):
            if isinstance(one, Problem | Wrong):
                return _wrong(pages, one, given)
        return pages.table(
            question,
            report,
            answering.asking.registry(),
            {**given, "versus": versus},
            answering.asking.books.codes(),
            outlook=outlook,  # type: ignore[arg-type]  # problems have been answered
            changes=changes,  # type: ignore[arg-type]  # the same
        )

    @router.get("/compare")
    def compare_page(request: Request) -> Response:
        given = _timed(request.query_params)
        question = answering.question(given, read.COMPARED)
        if isinstance(question, Problem | Wrong):
            return _wrong(pages, question, given)
        asked = any(given.get(name) for name in read.COMPARED)
        found = answering.compared(given) if asked else None
        if isinstance(found, Problem | Wrong):
            return _wrong(pages, found, given)
        t = words.language(given)
        units = _units(answering)
        fields = Markup("").join(
            [
                _input(given, "from_2", t("So với kỳ từ ngày"), "date"),
                _input(given, "to_2", t("đến ngày"), "date"),
                words.choice(
                    "unit_2",
                    t("So với đơn vị"),
                    given.get("unit_2", ""),
                    [("", t("cùng đơn vị")), *units],
                ),
            ]
        )
        names = dict(units)
        return pages.page(
            "compare.html",
            given,
            **_form(answering, question, given),
            found=found,
            first=_side(found.first, names, t) if found else "",
            second=_side(found.second, names, t) if found else "",
            second_fields=fields,
        )


def _lists(router: APIRouter, answering: Answering, pages: Pages) -> None:
    @router.get("/behind")
    def behind_page(request: Request) -> Response:
        given = _timed(request.query_params)
        as_dossiers = given.pop("list", "") == "dossiers"
        question = answering.question(given, read.CASE)
        if isinstance(question, Problem | Wrong):
            return _wrong(pages, question, given)
        case = given.get("case", "a")
        indicator = None
        if case != "overdue":
            found = read.read_indicator(question, given.get("indicator", ""))
            if isinstance(found, Wrong):
                return _wrong(pages, found, given)
            indicator = found
        by_procedure = indicator is not None and indicator.counts == "procedures"
        if by_procedure and not as_dossiers and not given.get("procedure"):
            asked = {k: v for k, v in given.items() if k not in ("case", "after", "page")}
            page: Any = answering.procedures(asked)
        else:
            page = answering.behind(given)
        report = answering.table(words.base(given, question))
        for one in (page, report):
            if isinstance(one, Problem | Wrong):
                return _wrong(pages, one, given)
        t = words.language(given)
        return pages.page(
            "behind.html",
            given,
            heading=f"{indicator.row} {indicator.short}"
            if indicator
            else t("Đang quá hạn, chưa có kết quả"),
            note=_note(question, given),
            page=page,
            indicator=indicator,
            cases=_cases(question, indicator, report) if indicator and not by_procedure else [],
            chosen=case,
            base=words.base(given, question),
            at_clocks=words.at_clocks(given),
        )

    @router.get("/dossiers")
    def search_page(request: Request) -> Response:
        given = dict(request.query_params)
        page = answering.search(given)
        if isinstance(page, Problem | Wrong):
            return _wrong(pages, page, given)
        return pages.page(
            "search.html",
            given,
            page=page,
            units=_units(answering),
            states=STATES,
            facts=read.FACT_NAMES,
            at_clocks=words.at_clocks(given),
        )

    @router.get("/dossier")
    def dossier_page(request: Request) -> Response:
        given = dict(request.query_params)
        wrong = read.known_only(given, {"unit": "", "dossier": "", "as_of": "", "known_at": ""})
        clocks = read_clocks(given, answering.asking.clock())
        if wrong is not None:
            return _wrong(pages, wrong, given)
        if isinstance(clocks, Wrong):
            return _wrong(pages, clocks, given)
        found = timeline_page(
            answering.asking, given.get("unit", ""), given.get("dossier", ""), clocks
        )
        if isinstance(found, Problem):
            return _wrong(pages, found, given)
        return pages.page("dossier.html", given, **found)


def _changes(router: APIRouter, answering: Answering, pages: Pages) -> None:
    @router.get("/changes")
    def changes_page(request: Request) -> Response:
        given = _timed(request.query_params)
        question = answering.question(given, read.CHANGED)
        if isinstance(question, Problem | Wrong):
            return _wrong(pages, question, given)
        found = answering.changes(given) if given.get("known_at") else None
        if isinstance(found, Problem | Wrong):
            return _wrong(pages, found, given)
        t = words.language(given)
        return pages.page(
            "changes.html",
            given,
            **_form(answering, question, given),
            found=found,
            standings=words.STANDINGS,
            until_field=_input(given, "known_until", t("So với lúc biết"), "date"),
        )

    @router.get("/changes/dossiers")
    def changed_page(request: Request) -> Response:
        given = _timed(request.query_params)
        page = answering.changed(given)
        if isinstance(page, Problem | Wrong):
            return _wrong(pages, page, given)
        question = answering.question(words.base_of(given))
        if isinstance(question, Problem | Wrong):
            return _wrong(pages, question, given)
        indicator = read.read_indicator(question, given.get("indicator", ""))
        assert isinstance(indicator, Indicator)
        until = {"known_until": given.get("known_until", "")}
        return pages.page(
            "changed.html",
            given,
            page=page,
            heading=f"{indicator.row} {indicator.short}",
            standings=words.STANDINGS,
            titles=TITLES,
            base=words.base(given, question) | until,
        )


def _forensics(router: APIRouter, answering: Answering, pages: Pages) -> None:
    @router.get("/forensics")
    def checks_page(request: Request) -> Response:
        given = _timed(request.query_params)
        question, found = answering.question(given), answering.checks(given)
        for one in (question, found):
            if isinstance(one, Problem | Wrong):
                return _wrong(pages, one, given)
        return pages.page("forensics.html", given, **_form(answering, question, given), found=found)

    @router.get("/forensics/{check}")
    def findings_page(request: Request, check: str) -> Response:
        given = _timed(request.query_params)
        question = answering.question(given, read.PAGED)
        found = answering.findings(check, given)
        for one in (question, found):
            if isinstance(one, Problem | Wrong):
                return _wrong(pages, one, given)
        return pages.page(
            "findings.html",
            given,
            **_form(answering, question, given),
            found=found,
            by_dossier=checks()[check].of == "dossier",
            at_clocks=words.at_clocks(given),
        )


def _timed(given: Given) -> dict[str, str]:
    """With the hour of the form put behind the day of ``known_at``."""
    found = {name: value.strip() for name, value in given.items()}
    hour = found.pop("known_time", "")
    if hour and len(found.get("known_at", "")) == len("2023-01-31"):
        found["known_at"] = f"{found['known_at']}T{hour}"
    return found


def _wrong(pages: Pages, problem: Problem | Wrong | Any, given: Given) -> Response:
    return pages.problem(problem.problem() if isinstance(problem, Wrong) else problem, given)


def _form(answering: Answering, question: Any, given: Given) -> dict[str, Any]:
    """What the form of a question shows."""
    return {
        "given": words.filled(given, question),
        "base": words.base(given, question),
        "units": _units(answering),
        "books": answering.asking.books.codes(),
    }


def _units(answering: Answering) -> list[tuple[str, str]]:
    return units_of(answering.asking.registry(), None)


def _indicator(question: Question, code: str) -> Indicator:
    found = read.read_indicator(question, code) if code else question.book.indicators[-1]
    return question.book.indicators[-1] if isinstance(found, Wrong) else found


def _note(question: Question, given: Given) -> str:
    period = f"{question.period.first:%d/%m/%Y} – {question.period.last:%d/%m/%Y}"
    said = [question.unit, question.officer, given.get("procedure")]
    return " · ".join([period, *(one for one in said if one)])


def _cases(
    question: Question, indicator: Indicator, report: Any
) -> list[tuple[str, str, int | None]]:
    of = [case for case in report.cases if case.indicator == indicator.code]
    counts = {kind: sum(c.dossiers for c in of if c.kind == kind) for kind in _KINDS}
    found: list[tuple[str, str, int | None]] = [
        ("a", "Mẫu số a", counts["met"] + counts["missed"]),
        ("b", "Tử số b", counts["met"]),
        ("missed", "Trong mẫu số, không đạt", counts["missed"]),
    ]
    found += [(f"missed:{c.rule}", c.title, c.dossiers) for c in of if c.kind == "missed"]
    found.append(("left_out", "Không tính vào mẫu số", counts["left_out"]))
    found += [(f"left_out:{c.rule}", c.title, c.dossiers) for c in of if c.kind == "left_out"]
    return [one for one in found if selection(indicator, question.book.population, one[0])]


_KINDS = ("met", "missed", "left_out")


def _side(told: Mapping[str, Any], names: Mapping[str, str], t: words.Language) -> str:
    unit = names.get(told["unit"] or "", told["unit"]) or t("Tất cả đơn vị")
    return f"{unit}, {told['from']:%d/%m/%Y} – {told['to']:%d/%m/%Y}"


def _input(given: Given, name: str, label: str, kind: str) -> Markup:
    return Markup("<label>{} <input type='{}' name='{}' value='{}'></label>").format(
        label, kind, name, given.get(name, "")[:10]
    )
