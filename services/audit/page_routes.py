"""The pages: each asks the same questions as the API and shows the answer; no scripts."""

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from schemas.problems import Problem
from services.asked import Wrong
from services.audit import parameters as read
from services.audit import words
from services.audit.answering import Answering
from services.audit.charts import charts
from services.audit.docs import documented_routes
from services.audit.page_forms import (
    form_values,
    input_field,
    ranked_by,
    side,
    timed,
    units,
    wrong_page,
)
from services.audit.page_lists import list_routes
from services.audit.pages import Pages
from services.audit.questions.forensics import checks
from services.audit.table_view import table_values


def page_router(answering: Answering, pages: Pages) -> APIRouter:
    """Everything that a person reads."""
    router = APIRouter(include_in_schema=False)
    _table(router, answering, pages)
    list_routes(router, answering, pages)
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
        given = timed(request.query_params)
        chosen = given.pop("indicator", "")
        question = answering.question(given)
        if isinstance(question, Problem | Wrong):
            return wrong_page(pages, question, given)
        indicator = ranked_by(question, chosen)
        drawn = charts(answering, question, given, indicator)
        if isinstance(drawn, Problem | Wrong):
            return wrong_page(pages, drawn, given)
        field = words.choice(
            "indicator",
            words.language(given)("Xếp hạng theo"),
            indicator.code,
            [(one.code, f"{one.row} {one.short}") for one in question.book.indicators],
        )
        return pages.page(
            "trend.html",
            given,
            **form_values(answering, question, given),
            **drawn,
            chosen=indicator,
            indicator_field=field,
        )

    router.include_router(pages.static_router())
    return router


def _table(router: APIRouter, answering: Answering, pages: Pages) -> None:
    @router.get("/")
    def table_page(request: Request) -> Response:
        given = timed(request.query_params)
        versus = given.pop("versus", "now")
        report = answering.table(given)
        question = answering.question(given)
        if isinstance(report, Problem | Wrong):
            return wrong_page(pages, report, given)
        if isinstance(question, Problem | Wrong):
            return wrong_page(pages, question, given)
        outlook = None if question.book.needs_history else answering.outlook(given)
        changes = None
        if versus == "now" and given.get("known_at"):
            changes = answering.changes(given)
        for one in (outlook, changes):
            if isinstance(one, Problem | Wrong):
                return wrong_page(pages, one, given)
        values = table_values(
            question,
            report,
            answering.asking.registry(),
            {**given, "versus": versus},
            answering.asking.books.codes(),
            outlook=outlook,  # type: ignore[arg-type]  # problems have been answered
            changes=changes,  # type: ignore[arg-type]  # the same
        )
        return pages.page("table.html", given, **values)

    @router.get("/compare")
    def compare_page(request: Request) -> Response:
        given = timed(request.query_params)
        question = answering.question(given, read.COMPARED)
        if isinstance(question, Problem | Wrong):
            return wrong_page(pages, question, given)
        asked = any(given.get(name) for name in read.COMPARED)
        found = answering.compared(given) if asked else None
        if isinstance(found, Problem | Wrong):
            return wrong_page(pages, found, given)
        t = words.language(given)
        choices = units(answering)
        fields = Markup("").join(
            [
                input_field(given, "from_2", t("So với kỳ từ ngày"), "date"),
                input_field(given, "to_2", t("đến ngày"), "date"),
                words.choice(
                    "unit_2",
                    t("So với đơn vị"),
                    given.get("unit_2", ""),
                    [("", t("cùng đơn vị")), *choices],
                ),
            ]
        )
        names = dict(choices)
        return pages.page(
            "compare.html",
            given,
            **form_values(answering, question, given),
            found=found,
            first=side(found.first, names, t) if found else "",
            second=side(found.second, names, t) if found else "",
            second_fields=fields,
        )


def _forensics(router: APIRouter, answering: Answering, pages: Pages) -> None:
    @router.get("/forensics")
    def checks_page(request: Request) -> Response:
        given = timed(request.query_params)
        question, found = answering.question(given), answering.checks(given)
        for one in (question, found):
            if isinstance(one, Problem | Wrong):
                return wrong_page(pages, one, given)
        return pages.page(
            "forensics.html", given, **form_values(answering, question, given), found=found
        )

    @router.get("/forensics/{check}")
    def findings_page(request: Request, check: str) -> Response:
        given = timed(request.query_params)
        question = answering.question(given, read.PAGED)
        found = answering.findings(check, given)
        for one in (question, found):
            if isinstance(one, Problem | Wrong):
                return wrong_page(pages, one, given)
        return pages.page(
            "findings.html",
            given,
            **form_values(answering, question, given),
            found=found,
            by_dossier=checks()[check].of == "dossier",
            at_clocks=words.at_clocks(given),
        )
