"""How a period went: week by week, month by month against the roadmap, and where it is heading.

A book of receptions has no forecast and no roadmap: what it counts depends on a moment.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Literal

from schemas.audit import (
    DurationRow,
    Durations,
    Outlook,
    Roadmap,
    RoadmapStep,
    Trend,
    TrendPoint,
)
from schemas.books import Answerable, Indicator, Period, days_of
from schemas.registry import SINCE_EVER, Unit
from services.audit.questions.figures import (
    Figures,
    bits_of_indicators,
    counts_of_figures,
    figures_of,
)
from services.audit.questions.lists import clocks_told, narrowed
from services.audit.questions.of import Opened, Question, Source, opened
from streams.core.days import local_day, milliseconds, to_date
from streams.core.indicators import Count, answers, catalogue_scope
from streams.core.targets import recent_days, recent_of, standing_of, standing_row

_MONTHS = range(1, 13)
MOST_DAYS = 60
"""The last row of durations: so many working days, or more (``durations.sql``)."""


ALL_TOGETHER = Unit.model_construct(
    code="", name="", level="", valid_from=SINCE_EVER, aliases=(), became=()
)
"""Stands for every unit at once: it has no code."""


def outlook(source: Source, question: Question) -> Outlook:
    """Where the whole, or the unit, stands on the way to the target of its period."""
    book, period = question.book, question.period
    with opened(source, question) as here:
        day = _day(here)
        until = Period(first=period.first, last=max(min(day, period.last), period.first))
        so_far = _figures(here, question, until)
        weeks = _figures(here, question, recent_days(day))
        unit = _unit(here, question)
    level = unit.level or None
    counts = counts_of_figures(book, source.registry, period, level, so_far)
    recent = counts_of_figures(book, source.registry, period, level, weeks)
    paid = {pair for found in so_far for pair in found.paid_procedures}
    rows = []
    for indicator in book.indicators:
        if unit.code and not answers(indicator, unit):
            continue
        listed = catalogue_scope(indicator, source.registry, period, level)
        a, b, _ = recent[indicator.code] if indicator.counts == "dossiers" else Count(0, 0)
        standing = standing_of(
            book,
            period,
            unit,
            indicator,
            counts[indicator.code],
            recent_of(a, b, period, day),
            day,
            officer=question.officer,
            unpaid=tuple(sorted({code for _, code in listed - paid})),
        )
        rows.append(standing_row(standing))
    return Outlook(book=book.code, on=day, rows=tuple(rows), **clocks_told(question.clocks))


def roadmap(source: Source, question: Question) -> Roadmap:
    """The year in which the period ends, month by month, cumulated, against the roadmap."""
    book, year = question.book, question.period.last.year
    asked = replace(question, period=days_of(year, _MONTHS))
    with opened(source, asked) as here:
        day, unit = _day(here), _unit(here, asked)
        counted = _by_time(here, asked, "month")
    who = Answerable(unit.code or None, unit.level or None, question.officer)
    steps = []
    for indicator in book.indicators:
        if unit.code and not answers(indicator, unit):
            continue
        targets = {s.last: s.percent for s in book.roadmap(indicator.code, asked.period, day, who)}
        for month in _MONTHS:
            last = days_of(year, range(month, month + 1)).last
            if days_of(year, range(month, month + 1)).first > day:
                break
            count = _cumulated(source, asked, indicator, unit, counted, last)
            wanted = targets.get(last)
            steps.append(
                RoadmapStep(
                    indicator=indicator.code,
                    month=f"{year}-{month:02}",
                    last=last,
                    a=count.a,
                    b=count.b,
                    rate=_rate(count),
                    roadmap=None if wanted is None else float(wanted),
                    reached=None
                    if wanted is None or not count.a
                    else 100 * count.b >= wanted * count.a,
                    ends_quarter=month % 3 == 0,
                )
            )
    return Roadmap(book=book.code, year=year, steps=tuple(steps), **clocks_told(question.clocks))


def trend(source: Source, question: Question) -> Trend:
    """The period week by week; weeks begin on Mondays, also where the period does not."""
    book = question.book
    with opened(source, question) as here:
        unit = _unit(here, question)
        counted = _by_time(here, question, "week")
    weeks = sorted({begins for begins, _, _ in counted})
    points = []
    for place, indicator in enumerate(book.indicators):
        if unit.code and not answers(indicator, unit):
            continue
        for begins in weeks:
            sunday = begins + timedelta(days=6)
            if indicator.counts == "procedures":
                count = _cumulated(source, question, indicator, unit, counted, sunday)
                of_week = _of_procedures(
                    source, question, indicator, unit, [one for one in counted if one[0] == begins]
                )
            else:
                of_week = _sum(counted, place, begins, sunday)
                count = _sum(counted, place, date.min, sunday)
            points.append(
                TrendPoint(
                    indicator=indicator.code,
                    begins=begins,
                    a=of_week.a,
                    b=of_week.b,
                    rate=_rate(of_week),
                    cumulated=_rate(count),
                )
            )
    return Trend(
        book=book.code,
        first=question.period.first,
        last=question.period.last,
        points=tuple(points),
        **clocks_told(question.clocks),
    )


def durations(source: Source, question: Question, procedure: str = "") -> Durations:
    """How many working days resolved dossiers took; of all procedures, or of one."""
    taken: dict[int, list[int]] = {}
    allowed: list[tuple[int, int]] = []
    with opened(source, question) as here:
        for n in range(len(here.plan)):
            of = narrowed(here, n, question.unit)
            if not of.asked.offsets:
                continue
            rows = of.query("durations", **here.counted(question.book, n), procedure=procedure)
            for working_days, until_due, *counts in rows:
                total = taken.setdefault(int(working_days), [0, 0, 0])
                for place, dossiers in enumerate(counts):
                    total[place] += int(dossiers)
                if until_due >= 0:
                    allowed.append((int(until_due), sum(map(int, counts))))
    return Durations(
        first=question.period.first,
        last=question.period.last,
        procedure=procedure or None,
        most=MOST_DAYS,
        rows=tuple(
            DurationRow(working_days=n, on_time=on_time, late=late, due_unknown=unknown)
            for n, (on_time, late, unknown) in sorted(taken.items())
        ),
        allowed=_middle(allowed),
        **clocks_told(question.clocks),
    )


_Counted = Sequence[tuple[date, tuple[Sequence[int], Sequence[int]], frozenset[tuple[str, str]]]]


def _by_time(here: Opened, question: Question, step: Literal["week", "month"]) -> _Counted:
    found: list[Any] = []
    for n in range(len(here.plan)):
        of = narrowed(here, n, question.unit)
        if not of.asked.offsets:
            continue
        parameters = {**here.counted(question.book, n), "step": step}
        for begins, a, b in of.query("by_time", **parameters, **_without_carried_over(question)):
            found.append((begins, (a, b), frozenset()))
        for begins, paid in of.query("paid_by_time", **parameters):
            nothing = [0] * len(question.book.indicators)
            found.append((begins, (nothing, nothing), frozenset(map(tuple, paid))))
    return found


def _without_carried_over(question: Question) -> dict[str, Any]:
    bits = bits_of_indicators(question.book)
    del bits["carried_over"]
    return bits


def _sum(counted: _Counted, place: int, first: date, last: date) -> Count:
    of = [figures for begins, figures, _ in counted if first <= begins <= last]
    return Count(sum(int(a[place]) for a, _ in of), sum(int(b[place]) for _, b in of))


def _cumulated(
    source: Source,
    question: Question,
    indicator: Indicator,
    unit: Unit,
    counted: _Counted,
    last: date,
) -> Count:
    until = [one for one in counted if one[0] <= last]
    if indicator.counts == "procedures":
        return _of_procedures(source, question, indicator, unit, until)
    return _sum(until, question.book.indicators.index(indicator), date.min, last)


def _of_procedures(
    source: Source, question: Question, indicator: Indicator, unit: Unit, counted: _Counted
) -> Count:
    listed = catalogue_scope(indicator, source.registry, question.period, unit.level or None)
    paid = {pair for _, _, procedures in counted for pair in procedures}
    return Count(len({code for _, code in listed}), len({code for _, code in listed & paid}))


def _figures(here: Opened, question: Question, period: Period) -> list[Figures]:
    """Of other days than the question's; what lies before its first stretch belongs to that."""
    found: list[Figures] = []
    for n, stretch in enumerate(here.plan):
        first = max(period.first, stretch.period.first) if n else period.first
        last = period.last if n + 1 == len(here.plan) else min(period.last, stretch.period.last)
        of = narrowed(here, n, question.unit)
        if first <= last and of.asked.offsets:
            of_days = {"first": first.isoformat(), "last": last.isoformat()}
            found += figures_of(of, question.book, here.counted(question.book, n) | of_days)
    return found


def _unit(here: Opened, question: Question) -> Unit:
    """The unit asked for; all together have no code."""
    if question.unit is None:
        return ALL_TOGETHER
    holders = here.plan[-1].holders.values()
    found = next((holder for holder in holders if holder.code == question.unit), None)
    return found or Unit(code=question.unit, name=question.unit, level="")


def _day(here: Opened) -> date:
    return to_date(local_day(milliseconds(here.at)))


def _rate(count: Count) -> float | None:
    return round(float(Fraction(100 * count.b, count.a)), 2) if count.a else None


def _middle(weighted: Sequence[tuple[int, int]]) -> int | None:
    half = sum(weight for _, weight in weighted) / 2
    for value, weight in sorted(weighted):
        half -= weight
        if half <= 0:
            return value
    return None
