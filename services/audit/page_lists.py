"""The pages that lead from a number to dossiers and their events."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from schemas.books import Indicator
from schemas.problems import Problem
from services.asked import Wrong
from services.audit import parameters as read
from services.audit import words
from services.audit.answering import Answering
from services.audit.asked import read_clocks
from services.audit.page_forms import (
    cases,
    form_values,
    input_field,
    note,
    timed,
    units,
    wrong_page,
)
from services.audit.pages import Pages
from services.audit.questions.changes import TITLES
from services.audit.questions.lists import STATES
from services.audit.timeline import timeline_page


def list_routes(router: APIRouter, answering: Answering, pages: Pages) -> None:
    """The dossiers behind a number, search, one dossier, and what changed."""
    _changes(router, answering, pages)

    @router.get("/behind")
    def behind_page(request: Request) -> Response:
        given = timed(request.query_params)
        as_dossiers = given.pop("list", "") == "dossiers"
        question = answering.question(given, read.CASE)
        if isinstance(question, Problem | Wrong):
            return wrong_page(pages, question, given)
        case = given.get("case", "a")
        indicator = None
        if case != "overdue":
            found = read.read_indicator(question, given.get("indicator", ""))
            if isinstance(found, Wrong):
                return wrong_page(pages, found, given)
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
                return wrong_page(pages, one, given)
        t = words.language(given)
        return pages.page(
            "behind.html",
            given,
            heading=f"{indicator.row} {indicator.short}"
            if indicator
            else t("Đang quá hạn, chưa có kết quả"),
            note=note(question, given),
            page=page,
            indicator=indicator,
            cases=cases(question, indicator, report) if indicator and not by_procedure else [],
            chosen=case,
            base=words.base(given, question),
            at_clocks=words.at_clocks(given),
        )

    @router.get("/dossiers")
    def search_page(request: Request) -> Response:
        given = dict(request.query_params)
        page = answering.search(given)
        if isinstance(page, Problem | Wrong):
            return wrong_page(pages, page, given)
        return pages.page(
            "search.html",
            given,
            page=page,
            units=units(answering),
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
            return wrong_page(pages, wrong, given)
        if isinstance(clocks, Wrong):
            return wrong_page(pages, clocks, given)
        found = timeline_page(
            answering.asking, given.get("unit", ""), given.get("dossier", ""), clocks
        )
        if isinstance(found, Problem):
            return wrong_page(pages, found, given)
        return pages.page("dossier.html", given, **found)


def _changes(router: APIRouter, answering: Answering, pages: Pages) -> None:
    @router.get("/changes")
    def changes_page(request: Request) -> Response:
        given = timed(request.query_params)
        question = answering.question(given, read.CHANGED)
        if isinstance(question, Problem | Wrong):
            return wrong_page(pages, question, given)
        found = answering.changes(given) if given.get("known_at") else None
        if isinstance(found, Problem | Wrong):
            return wrong_page(pages, found, given)
        t = words.language(given)
        return pages.page(
            "changes.html",
            given,
            **form_values(answering, question, given),
            found=found,
            standings=words.STANDINGS,
            until_field=input_field(given, "known_until", t("So với lúc biết"), "date"),
        )

    @router.get("/changes/dossiers")
    def changed_page(request: Request) -> Response:
        given = timed(request.query_params)
        page = answering.changed(given)
        if isinstance(page, Problem | Wrong):
            return wrong_page(pages, page, given)
        question = answering.question(words.base_of(given))
        if isinstance(question, Problem | Wrong):
            return wrong_page(pages, question, given)
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
