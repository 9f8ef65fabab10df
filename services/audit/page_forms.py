"""What pages share: how an address is read, what a form shows, how a problem is told."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from schemas.books import Indicator
from schemas.problems import Problem
from services.asked import Wrong
from services.audit import parameters as read
from services.audit import words
from services.audit.answering import Answering
from services.audit.pages import Pages
from services.audit.questions import Question
from services.audit.questions.lists import selection
from services.audit.table_view import units_of

Given = Mapping[str, str]


def timed(given: Given) -> dict[str, str]:
    """With the hour of the form put behind the day of ``known_at``."""
    found = {name: value.strip() for name, value in given.items()}
    hour = found.pop("known_time", "")
    if hour and len(found.get("known_at", "")) == len("2023-01-31"):
        found["known_at"] = f"{found['known_at']}T{hour}"
    return found


def wrong_page(pages: Pages, problem: Problem | Wrong | Any, given: Given) -> Response:
    """What is wrong, as a page."""
    return pages.problem(problem.problem() if isinstance(problem, Wrong) else problem, given)


def form_values(answering: Answering, question: Any, given: Given) -> dict[str, Any]:
    """What the form of a question shows."""
    return {
        "given": words.filled(given, question),
        "base": words.base(given, question),
        "units": units(answering),
        "books": answering.asking.books.codes(),
    }


def units(answering: Answering) -> list[tuple[str, str]]:
    """(code, name) of the units that a form offers."""
    return units_of(answering.asking.registry(), None)


def ranked_by(question: Question, code: str) -> Indicator:
    """The indicator to rank units by: the one asked for, else the last of the book."""
    found = read.read_indicator(question, code) if code else question.book.indicators[-1]
    return question.book.indicators[-1] if isinstance(found, Wrong) else found


def note(question: Question, given: Given) -> str:
    """The line under a heading: period, unit, officer, procedure."""
    period = f"{question.period.first:%d/%m/%Y} – {question.period.last:%d/%m/%Y}"
    said = [question.unit, question.officer, given.get("procedure")]
    return " · ".join([period, *(one for one in said if one)])


def cases(
    question: Question, indicator: Indicator, report: Any
) -> list[tuple[str, str, int | None]]:
    """(case, title, dossiers) of every case that the indicator has."""
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


def side(told: Mapping[str, Any], names: Mapping[str, str], t: words.Language) -> str:
    """What one of two compared tables is of."""
    unit = names.get(told["unit"] or "", told["unit"]) or t("Tất cả đơn vị")
    return f"{unit}, {told['from']:%d/%m/%Y} – {told['to']:%d/%m/%Y}"


def input_field(given: Given, name: str, label: str, kind: str) -> Markup:
    """A field of a form."""
    return Markup("<label>{} <input type='{}' name='{}' value='{}'></label>").format(
        label, kind, name, given.get(name, "")[:10]
    )
