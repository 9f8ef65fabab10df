"""The table of a book, from the events themselves."""

from collections.abc import Mapping
from datetime import datetime

from clickhouse_connect.driver.client import Client

from schemas.books import Book, Period
from schemas.registry import Registry, Unit
from schemas.report import Report
from services.audit.questions.balances import balances_of
from services.audit.questions.figures import (
    Figures,
    anomaly_rows,
    case_rows,
    counts_of_figures,
    figures_of,
)
from services.audit.questions.of import Question, Source, opened
from services.audit.settled import NOW, Clocks, Settled
from streams.core.balance import balance_rows
from streams.core.indicators import Count, table_of
from streams.core.lineage import Lineage, join_balances
from streams.core.scores import out_of_scope_rows, score_rows


def report(
    client: Client,
    settled: Settled,
    book: Book,
    registry: Registry,
    period: Period,
    unit: str | None,
    *,
    officer: str | None = None,
    lineage: Lineage = "old",
    clocks: Clocks = NOW,
    demo: bool,
    computed_at: datetime,
) -> Report:
    """The table of the book, from the events themselves; rows as in the live report.

    A book of receptions is answered as things stood at the period's last moment, or at the earliest
    moment that the clocks or the asking allow: nobody can say earlier how a dossier in process
    will stand.
    """
    question = Question(book, period, unit, clocks, officer, lineage)
    by_unit: dict[Unit, list[Figures]] = {}
    balances: list[dict[str, dict[str, int]]] = []
    overdue: dict[str, int] = {}
    with opened(Source(client, settled, registry, computed_at), question) as here:
        plan = here.plan
        for n, stretch in enumerate(plan):
            for found in figures_of(here.of, book, here.counted(book, n)):
                by_unit.setdefault(stretch.holders[found.unit], []).append(found)
                overdue[found.unit] = found.overdue
            balances.append(balances_of(here.of, stretch.period))
        clocks = here.clocks
    kept = {holder: found for holder, found in by_unit.items() if unit in (None, holder.code)}
    everything = [found for of_unit in kept.values() for found in of_unit]
    counts: dict[Unit | None, Mapping[str, Count]] = {
        holder: counts_of_figures(book, registry, period, holder.level or None, found)
        for holder, found in kept.items()
    }
    if unit is None:
        counts[None] = counts_of_figures(book, registry, period, None, everything)
    # a stretch counts all dossiers of a code, whatever their days
    there_are = {f.unit: f.dossiers for of_unit in by_unit.values() for f in of_unit}
    return Report(
        book=book.code,
        book_version=book.version,
        source="history",
        first=period.first,
        last=period.last,
        unit=unit,
        officer=officer,
        lineage=lineage,
        computed_at=computed_at,
        judged_at=clocks.as_of if book.needs_history else None,
        final=clocks.final,
        demo=demo,
        dossiers=sum(
            n for code, n in there_are.items() if unit in (None, plan[-1].holders[code].code)
        ),
        resolved=sum(f.resolved for f in everything),
        overdue=sum(overdue.get(code, 0) for code in here.codes(len(plan) - 1, unit)),
        cases=case_rows(book, everything),
        rows=table_of(book, period, counts),
        scores=score_rows(book, period, counts),
        out_of_scope=out_of_scope_rows(book),
        anomalies=anomaly_rows(everything),
        balance=balance_rows(
            {
                holder: found
                for holder, found in join_balances(plan, balances).items()
                if holder in kept
            },
            with_total=unit is None,
        ),
    )
