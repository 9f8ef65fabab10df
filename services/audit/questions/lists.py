"""The dossiers behind a number: in scope and hit, missed, left out; page by page, and by search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from schemas.audit import DossierPage, DossierRow, ProcedureList, ProcedureRow
from schemas.books import Indicator
from schemas.events import END_OF_TIME
from services.audit.questions.of import Of, Opened, Question, Source, aware, opened
from services.audit.settled import Clocks, Extent, bound_moment, extent
from streams.core.cases import cases_of
from streams.core.facts import FACTS, mask
from streams.core.indicators import catalogue_scope
from streams.core.receptions import AT_MOMENT, bits_of

STATES: Mapping[str, tuple[str, str]] = {
    "open": ("đang giải quyết", ""),
    "overdue": ("đang quá hạn", ""),
    "waiting": ("đang chờ bổ sung", ""),
    "closed": ("đã kết thúc", ""),
    "resolved": ("đã có kết quả", "resolved"),
    "rejected": ("không giải quyết tiếp", "rejected"),
    "withdrawn": ("người nộp rút hồ sơ", "withdrawn"),
    "stopped": ("dừng giải quyết", "stopped"),
}
"""What one may search by: (Vietnamese, the fact that says it; empty: a matter of moments)."""

_ALL_FACTS = (*FACTS, *AT_MOMENT)


class Cursor(NamedTuple):
    """The last dossier of a page."""

    stretch: int = 0
    unit: str = ""
    dossier: str = ""

    def text(self) -> str:
        """As the next page is asked for."""
        return f"{self.stretch}/{self.unit}/{self.dossier}"


def read_cursor(text: str) -> Cursor | None:
    """The cursor that was given out as this text; None: it never was."""
    if not text:
        return Cursor()
    parts = text.split("/", 2)
    if len(parts) != 3 or not (parts[0].isascii() and parts[0].isdecimal() and len(parts[0]) < 4):
        return None
    return Cursor(int(parts[0]), parts[1], parts[2])


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dossiers of an indicator: bits that hold, bits that do not, and how they count."""

    has: int = 0
    lacks: int = 0
    not_all: int = 0
    """Unless 0: at least one of these does not hold."""
    paid: bool = False
    overdue: bool = False


def selection(indicator: Indicator, population: str, case: str) -> Selection | None:
    """The dossiers of ``a``, ``b``, ``missed``, ``left_out`` or of a rule of the last two.

    None: the indicator has no such case. Of procedures: ``b`` are the dossiers that paid.
    """
    names = bits_of(population)
    scope = mask(indicator.scope, names)
    hit = scope | mask(indicator.hit, names)
    if indicator.counts == "procedures":
        return {"a": Selection(), "b": Selection(paid=True)}.get(case)
    whole = {
        "a": Selection(has=scope),
        "b": Selection(has=hit),
        "missed": Selection(has=scope, not_all=hit),
        "left_out": Selection(not_all=scope),
    }
    if case in whole:
        return whole[case]
    for one in cases_of(indicator, names):
        if one.rule and case == f"{one.kind}:{one.rule}":
            return Selection(has=one.has, lacks=one.lacks)
    return None


OVERDUE = Selection(overdue=True)


def listed(
    source: Source,
    question: Question,
    indicator: Indicator | None,
    wanted: Selection,
    *,
    after: Cursor,
    page: int,
    procedure: str = "",
) -> DossierPage:
    """The next ``page`` dossiers of an indicator's case, or (without one) those overdue."""
    found: list[tuple[int, Sequence[Any]]] = []
    parameters = {
        "has": wanted.has,
        "lacks": wanted.lacks,
        "not_all": wanted.not_all,
        "paid": wanted.paid,
        "overdue": wanted.overdue,
        "level": (indicator.level if indicator else None) or "",
        "also_carried_over": indicator.carried_over if indicator else False,
        "procedure": procedure,
    }
    with opened(source, question) as here:
        # a dossier that lies there overdue belongs to no day: to whoever has it at the end
        first = len(here.plan) - 1 if wanted.overdue else 0
        for n in range(max(first, after.stretch), len(here.plan)):
            of = narrowed(here, n, question.unit)
            if len(found) > page or not of.asked.offsets:
                continue
            start = after if n == after.stretch else Cursor(n)
            rows = of.query(
                "listed",
                **here.counted(question.book, n),
                **parameters,
                after_unit=start.unit,
                after_dossier=start.dossier,
                # one more tells whether there is a next page
                page=page + 1 - len(found),
            )
            found += [(n, row) for row in rows]
    return _page(source, question.clocks, found, page)


def search(
    source: Source,
    clocks: Clocks,
    *,
    unit: str | None,
    code: str = "",
    procedure: str = "",
    officer: str | None = None,
    state: str = "",
    fact: str = "",
    after: Cursor,
    page: int,
) -> DossierPage:
    """The next ``page`` dossiers, whatever their period, as they stand at the clocks.

    ``code``: any part of it. ``state`` is one of ``STATES``, ``fact`` one of ``FACTS``.
    """
    asked = extent(source.client, source.settled, unit)
    if not asked.offsets:
        return _page(source, clocks, [], page)
    holds = [name for name in (fact, STATES[state][1] if state else "") if name]
    by_moment = state if state and not STATES[state][1] else ""
    with source.settled.dossiers(source.client, asked, clocks, fresh=True) as dossiers:
        rows = Of(source.client, dossiers, asked, officer).query(
            "search",
            code=code,
            procedure=procedure,
            has=mask(holds),
            state=by_moment,
            at=bound_moment(min(clocks.as_of, clocks.known_at, source.asked_at)),
            after_unit=after.unit,
            after_dossier=after.dossier,
            page=page + 1,
        )
    return _page(source, clocks, [(0, row) for row in rows], page)


def procedures(source: Source, question: Question, indicator: Indicator) -> ProcedureList:
    """The procedures of the catalogue that the indicator is about, the unmet ones first."""
    counted: dict[tuple[str, str], list[int]] = {}
    levels: set[str | None] = set()
    with opened(source, question) as here:
        for n in range(len(here.plan)):
            of = narrowed(here, n, question.unit)
            if not of.asked.offsets:
                continue
            levels |= {here.plan[n].holders[code].level or None for code in of.asked.offsets}
            for level, code, dossiers, paid in of.query(
                "procedures", **here.counted(question.book, n)
            ):
                total = counted.setdefault((level, code), [0, 0])
                total[0] += int(dossiers)
                total[1] += int(paid)
    level = next(iter(levels)) if question.unit is not None and len(levels) == 1 else None
    wanted = catalogue_scope(indicator, source.registry, question.period, level)
    # a procedure that two levels handle is one procedure
    met = {code for of_level, code in wanted if counted.get((of_level, code), [0, 0])[1]}
    rows = [
        ProcedureRow(
            level=of_level,
            procedure=code,
            title=source.registry.title(code),
            met=code in met,
            dossiers=counted.get((of_level, code), [0, 0])[0],
            paid=counted.get((of_level, code), [0, 0])[1],
        )
        for of_level, code in sorted(wanted, key=lambda pair: (pair[1] in met, pair[1], pair[0]))
    ]
    return ProcedureList(
        indicator=indicator.code, procedures=tuple(rows), **clocks_told(question.clocks)
    )


def clocks_told(clocks: Clocks) -> dict[str, Any]:
    """The clocks as every answer says them."""
    return {
        "as_of": clocks.as_of if clocks.as_of < END_OF_TIME else None,
        "known_at": clocks.known_at if clocks.known_at < END_OF_TIME else None,
        "final": clocks.final,
    }


def unit_name(source: Source, code: str, on: datetime | None) -> str:
    """Name of the unit that had the code on the day; the code itself where nobody knows it."""
    unit = source.registry.unit(code, on.date()) if on else None
    unit = unit or source.registry.latest_unit(code)
    return unit.name if unit else code


def narrowed(here: Opened, n: int, unit: str | None) -> Of:
    """Of a stretch the dossiers that are shown under the unit, or under any."""
    offsets = here.of.asked.offsets
    return here.of._replace(asked=Extent({code: offsets[code] for code in here.codes(n, unit)}))


def _page(
    source: Source, clocks: Clocks, found: Sequence[tuple[int, Sequence[Any]]], page: int
) -> DossierPage:
    rows = [_row(source, row) for _, row in found[:page]]
    last = Cursor(found[page - 1][0], rows[-1].unit, rows[-1].dossier) if rows[page - 1 :] else None
    more = last is not None and len(found) > page
    return DossierPage(
        dossiers=tuple(rows),
        after=last.text() if last is not None and more else None,
        **clocks_told(clocks),
    )


def _row(source: Source, row: Sequence[Any]) -> DossierRow:
    unit, dossier, level, procedure, officer, step, *moments, bits = row
    received_at, closed_at, due_at, waiting_since = map(aware, moments)
    return DossierRow(
        unit=unit,
        unit_name=unit_name(source, unit, closed_at or received_at),
        dossier=dossier,
        level=level,
        procedure=procedure,
        procedure_title=source.registry.title(procedure) if procedure else "",
        officer=officer,
        step=step,
        received_at=received_at,
        closed_at=closed_at,
        due_at=due_at,
        waiting_since=waiting_since,
        facts=tuple(fact.name for fact in _ALL_FACTS if int(bits) >> fact.bit & 1),
    )
