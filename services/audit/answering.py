"""From parameters as text to an answer: the one way in, for the API and for the pages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from schemas import audit as answers
from schemas.books import Indicator
from schemas.problems import Problem
from schemas.report import Report
from services.asked import Wrong
from services.audit import parameters as read
from services.audit.asked import read_clocks
from services.audit.asking import Asking
from services.audit.questions import Question, Source, course, forensics, lists
from services.audit.questions.changes import Pair, changed_dossiers, changes_between, pair_of
from services.audit.questions.compare import compared
from services.audit.questions.lists import Selection
from services.audit.settled import Clocks

T = TypeVar("T")
U = TypeVar("U")
Given: TypeAlias = Mapping[str, str]
Answer: TypeAlias = T | Problem | Wrong


@dataclass(frozen=True, slots=True)
class _Behind:
    indicator: Indicator | None
    selection: Selection


class Answering:
    """One method for each question."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking

    def question(self, given: Given, *more: Mapping[str, str]) -> Answer[Question]:
        """The question in these parameters, of which ``more`` are known beside the usual ones."""
        allowed = {name: told for table in (read.QUESTION, *more) for name, told in table.items()}
        return read.known_only(given, allowed) or self.asking.read(given)

    def table(self, given: Given) -> Answer[Report]:
        return self._of(self.question(given), self.asking.table)

    def behind(self, given: Given) -> Answer[answers.DossierPage]:
        question = self.question(given, read.CASE)
        paged = read.read_page(given)
        if isinstance(question, Problem | Wrong):
            return question
        wanted = _behind(question, given)
        if isinstance(paged, Wrong):
            return paged
        if isinstance(wanted, Wrong):
            return wanted
        return self.asking.put(
            lambda source: lists.listed(
                source,
                question,
                wanted.indicator,
                wanted.selection,
                after=paged.after,
                page=paged.page,
                procedure=given.get("procedure", "").strip(),
            )
        )

    def procedures(self, given: Given) -> Answer[answers.ProcedureList]:
        question = self.question(given, {"indicator": ""})
        if isinstance(question, Problem | Wrong):
            return question
        indicator = read.read_indicator(question, given.get("indicator", ""))
        if isinstance(indicator, Wrong):
            return indicator
        if indicator.counts != "procedures":
            return read.COUNTS_DOSSIERS
        return self.asking.put(lambda source: lists.procedures(source, question, indicator))

    def search(self, given: Given) -> Answer[answers.DossierPage]:
        wrong = read.known_only(given, read.SEARCH)
        clocks = read_clocks(given, self.asking.clock())
        paged = read.read_page(given)
        state = read.read_one_of("state", given.get("state", "").strip(), lists.STATES)
        fact = read.read_one_of("fact", given.get("fact", "").strip(), read.FACT_NAMES)
        if wrong is not None:
            return wrong
        for one in (clocks, paged, state, fact):
            if isinstance(one, Wrong):
                return one
        assert isinstance(clocks, Clocks) and isinstance(paged, read.Paged)
        assert isinstance(state, str) and isinstance(fact, str)
        known = self.asking.final(clocks)
        if isinstance(known, Problem):
            return known
        return self.asking.put(
            lambda source: lists.search(
                source,
                known,
                unit=given.get("unit", "").strip() or None,
                code=given.get("code", "").strip(),
                procedure=given.get("procedure", "").strip(),
                officer=given.get("officer", "").strip() or None,
                state=state,
                fact=fact,
                after=paged.after,
                page=paged.page,
            )
        )

    def changes(self, given: Given) -> Answer[answers.Changes]:
        return self._of(self.pair(given, {}), changes_between)

    def changed(self, given: Given) -> Answer[answers.ChangedDossiers]:
        pair = self.pair(given, {"indicator": "", "reason": "", **read.PAGED})
        paged = read.read_page(given)
        if isinstance(pair, Problem | Wrong):
            return pair
        if isinstance(paged, Wrong):
            return paged
        indicator = read.read_indicator(pair.question, given.get("indicator", ""))
        if isinstance(indicator, Wrong):
            return indicator
        if indicator.counts == "procedures":
            return read.COUNTS_PROCEDURES
        return self.asking.put(
            lambda source: changed_dossiers(
                source,
                pair,
                indicator,
                given.get("reason", "").strip(),
                after=paged.after,
                page=paged.page,
            )
        )

    def pair(self, given: Given, more: Mapping[str, str]) -> Answer[Pair]:
        """A question at two moments of knowledge."""
        question = self.question(given, read.CHANGED, more)
        if isinstance(question, Problem | Wrong):
            return question
        if not given.get("known_at", "").strip():
            return read.KNOWN_AT_EXPECTED
        now = self.asking.clock()
        told = given.get("known_until", "").strip()
        until = read_clocks({"known_at": told}, now) if told else Clocks(known_at=now)
        if isinstance(until, Wrong):
            return replace(until, field="known_until")
        if until.known_at < question.clocks.known_at:
            return read.KNOWN_BACKWARDS
        known = self.asking.final(until)
        if isinstance(known, Problem):
            return known
        return pair_of(question, question.clocks, known)

    def compared(self, given: Given) -> Answer[answers.Compared]:
        question = self.question(given, read.COMPARED)
        if isinstance(question, Problem | Wrong):
            return question
        second = {
            name: given.get(f"{name}_2", "").strip() or given.get(name, "")
            for name in ("from", "to", "unit")
        }
        other = self.asking.read({**given, **second})
        if isinstance(other, Problem):
            return other
        return self.asking.put(
            lambda source: compared(
                question,
                self.asking.table(source, question),
                other,
                self.asking.table(source, other),
            )
        )

    def outlook(self, given: Given) -> Answer[answers.Outlook]:
        return self._of_closed(given, course.outlook)

    def roadmap(self, given: Given) -> Answer[answers.Roadmap]:
        return self._of_closed(given, course.roadmap)

    def trend(self, given: Given) -> Answer[answers.Trend]:
        return self._of(self.question(given), course.trend)

    def durations(self, given: Given) -> Answer[answers.Durations]:
        procedure = given.get("procedure", "").strip()
        return self._of(
            self.question(given, {"procedure": ""}),
            lambda source, question: course.durations(source, question, procedure),
        )

    def checks(self, given: Given) -> Answer[answers.Checks]:
        return self._of(self.question(given), forensics.all_checks)

    def findings(self, check: str, given: Given) -> Answer[answers.Findings]:
        question = self.question(given, read.PAGED)
        paged = read.read_page(given)
        line = forensics.checks().get(check)
        if isinstance(question, Problem | Wrong):
            return question
        if isinstance(paged, Wrong):
            return paged
        if line is None:
            return read.unknown_check(forensics.checks())
        return self.asking.put(
            lambda source: forensics.findings(
                source, question, line, after=paged.after, page=paged.page
            )
        )

    def _of(self, asked: Answer[U], answer: Callable[[Source, U], T]) -> Answer[T]:
        if isinstance(asked, Problem | Wrong):
            return asked
        return self.asking.put(lambda source: answer(source, asked))

    def _of_closed(self, given: Given, answer: Callable[[Source, Question], T]) -> Answer[T]:
        question = self.question(given)
        if isinstance(question, Question) and question.book.needs_history:
            return read.NO_OUTLOOK
        return self._of(question, answer)


def _behind(question: Question, given: Given) -> _Behind | Wrong:
    case = given.get("case", "a").strip()
    if case == "overdue":
        return _Behind(None, lists.OVERDUE)
    indicator = read.read_indicator(question, given.get("indicator", ""))
    if isinstance(indicator, Wrong):
        return indicator
    selection = read.read_case(question, indicator, case)
    return selection if isinstance(selection, Wrong) else _Behind(indicator, selection)
