"""What is known differently at two moments: which dossiers contribute otherwise, and why.

The dossiers add up exactly to the difference of the two tables; that is checked with every answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from schemas.audit import (
    ChangedDossier,
    ChangedDossiers,
    ChangeReason,
    ChangeRow,
    Changes,
    ProcedureChange,
    RecordedEvent,
)
from schemas.books import Indicator
from schemas.events import EVENTS
from schemas.registry import Unit
from services.audit.questions.figures import (
    Figures,
    bits_of_indicators,
    counts_of_figures,
    figures_of,
)
from services.audit.questions.lists import Cursor, narrowed, unit_name
from services.audit.questions.of import Of, Opened, Question, Source, aware, judged, last_seen
from services.audit.settled import Clocks, Extent, bound_moment, extent, sql
from streams.core.indicators import Count, catalogue_scope
from streams.core.lineage import stretches

_STANDINGS = ("outside", "missed", "met")
TELLING = (
    *("resolved", "rejected", "withdrawn", "stopped", "reopened", "corrected"),
    *("received", "due_changed", "supplement_received", "supplement_requested"),
    *("fee_waived", "refunded", "paid", "digitized"),
    *("returned", "forwarded", "submitted", "payment_requested"),
)
"""Of several events that came in between the first of these is named: what closes a dossier says
more than a correction, and that more than what only adds to it. The list shows all of them."""
TITLES = {kind.name: kind.title for kind in EVENTS}


class DoesNotAddUp(RuntimeError):
    """A bug: the dossiers that changed do not explain the difference of the two tables."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A question at two moments of knowledge, the earlier one first."""

    question: Question
    before: Clocks
    after: Clocks


def reason_told(reason: str) -> str:
    """Vietnamese, for a reason of :class:`ChangeReason`."""
    if not reason:
        return "Thời gian trôi qua"
    kind, _, what = reason.partition(":")
    if kind != "corrected":
        return f"{TITLES.get(kind, kind)} (ghi nhận sau)"
    if what == "void":
        return "Đính chính: hủy sự kiện"
    return f"Đính chính: {TITLES.get(what, what)}"


def changes_between(source: Source, pair: Pair) -> Changes:
    """Every indicator at both moments, with reasons that add up. Raises :class:`DoesNotAddUp`."""
    question, book = pair.question, pair.question.book
    of_side: tuple[dict[Unit, list[Figures]], ...] = ({}, {})
    groups: list[Sequence[Any]] = []
    with _both(source, pair) as sides:
        for n, stretch in enumerate(sides[0].plan):
            if not sides[0].codes(n, question.unit):
                continue
            for figures, side in zip(of_side, sides, strict=True):
                for found in figures_of(
                    narrowed(side, n, question.unit), book, side.counted(book, n)
                ):
                    figures.setdefault(stretch.holders[found.unit], []).append(found)
            groups += _query(pair, sides, n, "changes")
    before, after = (
        counts_of_figures(book, source.registry, question.period, _level(question, side), found)
        for side in of_side
        for found in [[f for of_unit in side.values() for f in of_unit]]
    )
    rows = []
    for place, indicator in enumerate(book.indicators, start=1):
        counts = before[indicator.code], after[indicator.code]
        if indicator.counts == "procedures":
            reasons: tuple[ChangeReason, ...] = ()
            moved = _procedures(source, question, indicator, of_side)
            _check(indicator, counts, 0, sum(1 if one.gained else -1 for one in moved))
        else:
            reasons = tuple(_reason(row) for row in groups if row[0] == place)
            moved = ()
            delta_a = sum(reason.delta_a for reason in reasons)
            _check(indicator, counts, delta_a, sum(reason.delta_b for reason in reasons))
        rows.append(_row(indicator, counts, reasons, moved))
    return Changes(
        book=book.code,
        first=question.period.first,
        last=question.period.last,
        unit=question.unit,
        officer=question.officer,
        known_before=pair.before.known_at,
        known_after=pair.after.known_at,
        final=pair.before.final and pair.after.final,
        rows=tuple(rows),
    )


def changed_dossiers(
    source: Source, pair: Pair, indicator: Indicator, reason: str, *, after: Cursor, page: int
) -> ChangedDossiers:
    """The next ``page`` dossiers whose contribution to the indicator differs, with their events.

    ``reason`` empty: whatever the reason.
    """
    place = pair.question.book.indicators.index(indicator) + 1
    found: list[tuple[int, Sequence[Any]]] = []
    with _both(source, pair) as sides:
        for n in range(after.stretch, len(sides[0].plan)):
            if len(found) > page or not sides[0].codes(n, pair.question.unit):
                continue
            start = after if n == after.stretch else Cursor(n)
            rows = _query(
                pair,
                sides,
                n,
                "changes_listed",
                place=place,
                reason=reason,
                after_unit=start.unit,
                after_dossier=start.dossier,
                page=page + 1 - len(found),
            )
            found += [(n, row) for row in rows]
        events = _events(source, pair, [(row[0], row[1]) for _, row in found[:page]])
    dossiers = [
        ChangedDossier(
            unit=unit,
            unit_name=unit_name(source, unit, None),
            dossier=dossier,
            before=_STANDINGS[before],
            after=_STANDINGS[now],
            reason=why,
            events=events.get((unit, dossier), ()),
        )
        for _, (unit, dossier, before, now, why) in found[:page]
    ]
    last = found[page - 1] if len(found) > page else None
    return ChangedDossiers(
        dossiers=tuple(dossiers),
        after=Cursor(last[0], last[1][0], last[1][1]).text() if last else None,
    )


@contextmanager
def _both(source: Source, pair: Pair) -> Iterator[tuple[Opened, Opened]]:
    question = pair.question
    clocks = [
        judged(question.book, question.period, one, source.asked_at)
        for one in (pair.before, pair.after)
    ]
    of_code = question.unit if question.lineage == "old" else None
    there = extent(source.client, source.settled, of_code).offsets
    plan = stretches(source.registry, there, question.period, question.lineage, question.unit)
    asked = Extent({code: there[code] for code in plan[0].holders}, open_ended=True)
    with source.settled.tables(source.client, asked, clocks, fresh=True) as tables:
        before, after = (
            Opened(
                Of(source.client, table, asked, question.officer),
                plan,
                one,
                last_seen(question.period, one, source.asked_at),
            )
            for table, one in zip(tables, clocks, strict=True)
        )
        yield before, after


def _query(
    pair: Pair,
    sides: tuple[Opened, Opened],
    n: int,
    question: str,
    **parameters: Any,
) -> Sequence[Sequence[Any]]:
    book = pair.question.book
    return narrowed(sides[1], n, pair.question.unit).query(
        question,
        **sides[1].counted(book, n),
        **bits_of_indicators(book),
        **_window(pair),
        before=sides[0].of.dossiers,
        after=sides[1].of.dossiers,
        as_of_before=bound_moment(sides[0].clocks.as_of),
        as_of_after=bound_moment(sides[1].clocks.as_of),
        # judged at two moments, a dossier may stand otherwise by time passing alone
        every=sides[0].clocks.as_of != sides[1].clocks.as_of,
        telling=list(TELLING),
        **parameters,
    )


def _window(pair: Pair) -> dict[str, str]:
    return {
        "known_before": bound_moment(pair.before.known_at),
        "known_after": bound_moment(pair.after.known_at),
    }


def _level(question: Question, of_side: Mapping[Unit, Sequence[Figures]]) -> str | None:
    if question.unit is None:
        return None
    levels = {unit.level or None for unit in of_side}
    return next(iter(levels)) if len(levels) == 1 else None


def _reason(row: Sequence[Any]) -> ChangeReason:
    _, before, after, reason, dossiers, first, last, units, examples = row
    return ChangeReason(
        reason=reason,
        title=reason_told(reason),
        before=_STANDINGS[before],
        after=_STANDINGS[after],
        dossiers=dossiers,
        delta_a=dossiers * ((after > 0) - (before > 0)),
        delta_b=dossiers * ((after > 1) - (before > 1)),
        first_recorded_at=aware(first) if reason else None,
        last_recorded_at=aware(last) if reason else None,
        units=units,
        examples=tuple(f"{unit}/{dossier}" for unit, dossier in examples),
    )


def _procedures(
    source: Source,
    question: Question,
    indicator: Indicator,
    of_side: tuple[Mapping[Unit, Sequence[Figures]], ...],
) -> tuple[ProcedureChange, ...]:
    before, after = (
        {
            code: level
            for of_unit in side.values()
            for found in of_unit
            for level, code in found.paid_procedures
            if (level, code)
            in catalogue_scope(indicator, source.registry, question.period, _level(question, side))
        }
        for side in of_side
    )
    return tuple(
        ProcedureChange(
            level=(after | before)[code],
            procedure=code,
            title=source.registry.title(code),
            gained=code in after,
        )
        for code in sorted(before.keys() ^ after.keys())
    )


def _check(indicator: Indicator, counts: tuple[Count, Count], delta_a: int, delta_b: int) -> None:
    before, after = counts
    if (after.a - before.a, after.b - before.b) != (delta_a, delta_b):
        raise DoesNotAddUp(
            f"{indicator.code}: the tables differ by {after.a - before.a}/{after.b - before.b},"
            f" the dossiers by {delta_a}/{delta_b}"
        )


def _row(
    indicator: Indicator,
    counts: tuple[Count, Count],
    reasons: tuple[ChangeReason, ...],
    procedures: tuple[ProcedureChange, ...],
) -> ChangeRow:
    before, after = counts
    return ChangeRow(
        indicator=indicator.code,
        row=indicator.row,
        short=indicator.short,
        counts=indicator.counts,
        a_before=before.a,
        b_before=before.b,
        a_after=after.a,
        b_after=after.b,
        reasons=reasons,
        procedures=procedures,
    )


def _events(
    source: Source, pair: Pair, dossiers: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[RecordedEvent, ...]]:
    if not dossiers:
        return {}
    bound = {
        **_window(pair),
        "units": sorted({unit for unit, _ in dossiers}),
        "of_units": [unit for unit, _ in dossiers],
        "of_dossiers": [dossier for _, dossier in dossiers],
    }
    found: dict[tuple[str, str], tuple[RecordedEvent, ...]] = {}
    for unit, dossier, kind, replaced_by, occurred_at, recorded_at, *rest in source.client.query(
        sql("events_between"), bound
    ).result_rows:
        emitter, event_source, event_id, partition, offset = rest
        event = RecordedEvent(
            kind=kind,
            title=TITLES[kind],
            replaced_by=replaced_by,
            occurred_at=aware(occurred_at),
            recorded_at=aware(recorded_at),
            emitter=emitter,
            source=event_source,
            id=event_id,
            partition=partition,
            offset=offset,
        )
        found[unit, dossier] = (*found.get((unit, dossier), ()), event)
    return found


def pair_of(question: Question, before: Clocks, after: Clocks) -> Pair:
    """The question at two moments; the table «as it was» is the same in both."""
    as_of = question.clocks.as_of
    return Pair(question, replace(before, as_of=as_of), replace(after, as_of=as_of))
