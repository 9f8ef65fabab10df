"""What a book counts in each unit: the figures of its indicators, and the anomalies among them."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from schemas.books import Book, Period
from schemas.events import END_OF_TIME
from schemas.registry import Registry
from schemas.report import AnomalyRow, CaseRow
from services.audit.questions.of import Of, counted, last_seen
from services.audit.settled import Clocks, Extent, Settled
from streams.core.cases import Case, cases_of
from streams.core.facts import FACTS, Fact, mask
from streams.core.indicators import Count, catalogue_scope
from streams.core.receptions import bits_of

ANOMALIES: tuple[Fact, ...] = tuple(fact for fact in FACTS if fact.anomaly)
_EXAMPLES = 20


class Figures(NamedTuple):
    """A row of ``figures.sql``; sequences are in the order of the book's indicators."""

    unit: str
    dossiers: int
    resolved: int
    overdue: int
    """In process at the last moment that the question sees, and past their due moment."""
    a: Sequence[int]
    b: Sequence[int]
    due_unknown: Sequence[int]
    of_cases: Sequence[int]
    """In the order of :func:`all_cases`."""
    paid_procedures: Sequence[tuple[str, str]]
    """(level, code) of those with an online payment that stands, for the level that was paid."""
    with_anomaly: Sequence[int]
    """In the order of ``ANOMALIES``."""
    anomalous: Sequence[Sequence[str]]
    """The first dossiers of each; empty when there are none at all."""


def figures(
    client: Client,
    settled: Settled,
    book: Book,
    asked: Extent,
    period: Period,
    clocks: Clocks,
    *,
    officer: str | None = None,
    opening: bool = True,
) -> list[Figures]:
    """What the book counts in each unit that has a dossier then.

    A book of receptions is judged in the state at ``clocks.as_of``. ``opening``: what is carried
    over into the period is counted here, and not in another part of it.
    """
    at = last_seen(period, clocks, END_OF_TIME)
    with settled.dossiers(client, asked, clocks) as dossiers:
        of = Of(client, dossiers, asked, officer)
        return figures_of(of, book, counted(book, period, clocks, at, opening=opening))


def figures_of(of: Of, book: Book, of_period: Mapping[str, Any]) -> list[Figures]:
    """The same of a table of dossiers that is there already.

    ``of_period``: the parameters of the part ``counted``.
    """
    if not of.asked.offsets:
        return []
    cases = all_cases(book)
    parameters = {
        **of_period,
        **bits_of_indicators(book),
        "cases_of": [place for place, _ in cases],
        "cases_have": [case.has for _, case in cases],
        "cases_lack": [case.lacks for _, case in cases],
        "anomalies": [1 << fact.bit for fact in ANOMALIES],
    }
    return [Figures(*row) for row in of.query("figures", **parameters)]


def bits_of_indicators(book: Book) -> dict[str, list[Any]]:
    """The book's indicators as parameters, in their order."""
    names = bits_of(book.population)
    return {
        "scopes": [mask(i.scope, names) for i in book.indicators],
        "hits": [mask((*i.scope, *i.hit), names) for i in book.indicators],
        "levels": [i.level or "" for i in book.indicators],
        "carried_over": [i.carried_over for i in book.indicators],
    }


def all_cases(book: Book) -> list[tuple[int, Case]]:
    """Every case of every indicator that counts dossiers, with the indicator's place from 1."""
    names = bits_of(book.population)
    return [
        (place, case)
        for place, indicator in enumerate(book.indicators, start=1)
        if indicator.counts == "dossiers"
        for case in cases_of(indicator, names)
    ]


def case_rows(book: Book, found: Sequence[Figures]) -> tuple[CaseRow, ...]:
    """How many dossiers are in each case of each indicator; those with none are left out."""
    rows = []
    for n, (place, case) in enumerate(all_cases(book)):
        if dossiers := sum(f.of_cases[n] for f in found):
            rows.append(
                CaseRow(
                    indicator=book.indicators[place - 1].code,
                    kind=case.kind,
                    rule=case.rule,
                    title=case.title,
                    dossiers=dossiers,
                )
            )
    return tuple(rows)


def counts_of_figures(
    book: Book,
    registry: Registry,
    period: Period,
    level: str | None,
    found: Sequence[Figures],
) -> dict[str, Count]:
    """The figures of every indicator together; ``level`` None: procedures of all levels."""
    paid = {procedure for f in found for procedure in f.paid_procedures}
    counts = {}
    for n, indicator in enumerate(book.indicators):
        if indicator.counts == "procedures":
            deployed = catalogue_scope(indicator, registry, period, level)
            counts[indicator.code] = Count(_distinct(deployed), _distinct(deployed & paid))
        else:
            counts[indicator.code] = Count(
                sum(f.a[n] for f in found),
                sum(f.b[n] for f in found),
                sum(f.due_unknown[n] for f in found),
            )
    return counts


def _distinct(procedures: AbstractSet[tuple[str, str]]) -> int:
    # a procedure that two levels handle is one procedure
    return len({code for _, code in procedures})


def anomaly_rows(found: Sequence[Figures]) -> tuple[AnomalyRow, ...]:
    """How many dossiers show each anomaly, with examples; those with none are left out."""
    rows = []
    for n, fact in enumerate(ANOMALIES):
        dossiers = sum(f.with_anomaly[n] for f in found)
        examples = [f"{f.unit}/{code}" for f in found if f.anomalous for code in f.anomalous[n]]
        if dossiers:
            rows.append(
                AnomalyRow(
                    code=fact.name,
                    title=fact.title,
                    dossiers=dossiers,
                    examples=tuple(examples[:_EXAMPLES]),
                )
            )
    return tuple(rows)
