"""What a book counts in each unit: the figures of its indicators, and the anomalies among them."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from schemas.books import Book, Period
from schemas.registry import Registry
from schemas.report import AnomalyRow
from services.audit.questions.of import Of, days
from services.audit.settled import Clocks, Extent, Settled, bound_moment
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
    a: Sequence[int]
    b: Sequence[int]
    due_unknown: Sequence[int]
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
    with settled.dossiers(client, asked, clocks) as dossiers:
        of = Of(client, dossiers, asked, officer)
        return figures_of(of, book, period, clocks, opening=opening)


def figures_of(
    of: Of, book: Book, period: Period, clocks: Clocks, *, opening: bool
) -> list[Figures]:
    """The same of a table of dossiers that is there already."""
    if not of.asked.offsets:
        return []
    names = bits_of(book.population)
    parameters = {
        **days(period),
        "as_of": bound_moment(clocks.as_of),
        "population": book.population,
        "opening": opening,
        "scopes": [mask(i.scope, names) for i in book.indicators],
        "hits": [mask((*i.scope, *i.hit), names) for i in book.indicators],
        "levels": [i.level or "" for i in book.indicators],
        "carried_over": [i.carried_over for i in book.indicators],
        "anomalies": [1 << fact.bit for fact in ANOMALIES],
    }
    return [Figures(*row) for row in of.query("figures", **parameters)]


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
