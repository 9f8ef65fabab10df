"""What the page of pictures shows: the answers, and each of them drawn."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from markupsafe import Markup

from schemas.audit import Durations, Roadmap, Trend
from schemas.books import Indicator
from schemas.problems import Problem
from schemas.report import Report
from services.asked import Wrong
from services.audit import pictures, words
from services.audit.answering import Answering
from services.audit.questions import Question
from services.audit.questions.course import MOST_DAYS
from services.audit.table_view import percent

_WEEK_DAYS = 6


def charts(
    answering: Answering, question: Question, given: Mapping[str, str], chosen: Indicator
) -> dict[str, Any] | Problem | Wrong:
    """The values of ``trend.html``, or why there are none."""
    asked = words.base(given, question)
    weeks, took, report = (
        answering.trend(asked),
        answering.durations(asked),
        answering.table(asked),
    )
    months = None if question.book.needs_history else answering.roadmap(asked)
    for one in (weeks, took, report, months):
        if isinstance(one, Problem | Wrong):
            return one
    assert isinstance(weeks, Trend) and isinstance(took, Durations) and isinstance(report, Report)
    assert months is None or isinstance(months, Roadmap)
    t = words.language(given)
    return {
        "weeks": weeks,
        "curves": _curves(question, weeks, months, t),
        "took": took,
        "durations_picture": _durations(took, t),
        "months": _months(question, months) if months else [],
        "month_names": _month_names(months) if months else [],
        **_of_units(question, report, chosen, t),
    }


def _curves(
    question: Question, weeks: Trend, months: Roadmap | None, t: words.Language
) -> list[dict[str, Any]]:
    found = []
    for indicator in question.book.indicators:
        points = [p for p in weeks.points if p.indicator == indicator.code]
        if not points:
            continue
        steps = [s for s in (months.steps if months else ()) if s.indicator == indicator.code]
        drawn = []
        for point in points:
            sunday = point.begins + timedelta(days=_WEEK_DAYS)
            wanted = [s.roadmap for s in steps if s.roadmap is not None and s.last >= point.begins]
            drawn.append(
                pictures.Point(
                    f"{sunday:%d/%m}",
                    # of procedures a single week pays few: only what has come together counts
                    None if indicator.counts == "procedures" else point.rate,
                    point.cumulated,
                    wanted[0] if wanted else None,
                )
            )
        target = float(question.book.target(indicator.code, question.period.last.year))
        title = f"{indicator.row} {indicator.short} · {t('giao')} {words.decimal(target)}%"
        found.append(
            {
                "title": title,
                "picture": Markup(pictures.trend(title, drawn, target)),
                "points": points,
            }
        )
    return found


def _durations(took: Durations, t: words.Language) -> Markup:
    last = max([row.working_days for row in took.rows], default=0)
    by_day = {row.working_days: row for row in took.rows}
    columns = []
    for day in range(min(last, MOST_DAYS) + 1):
        row = by_day.get(day)
        parts = (row.on_time, row.late, row.due_unknown) if row else (0, 0, 0)
        columns.append(pictures.Column(f"{day}{'+' if day == MOST_DAYS else ''}", parts))
    title = t("Số ngày làm việc giải quyết hồ sơ, kể cả thời gian chờ bổ sung")
    due = None if took.allowed is None else min(took.allowed, len(columns) - 1)
    told = t("hạn trả (trung vị)")
    return Markup(pictures.durations(title, columns, pictures.DURATION_FILLS, due, told))


def _months(question: Question, months: Roadmap) -> list[tuple[str, list[Any]]]:
    found = []
    for indicator in question.book.indicators:
        steps = [s for s in months.steps if s.indicator == indicator.code]
        if steps:
            found.append((f"{indicator.row} {indicator.short}", steps))
    return found


def _month_names(months: Roadmap) -> list[tuple[str, bool]]:
    names = {s.month: s.ends_quarter for s in months.steps}
    return [(f"{month[5:]}/{month[:4]}", ends) for month, ends in sorted(names.items())]


def _of_units(
    question: Question, report: Report, chosen: Indicator, t: words.Language
) -> dict[str, Any]:
    if question.unit is not None:
        return {"ranked_picture": None}
    year = question.period.last.year
    cells: dict[tuple[str, object], dict[str, pictures.Bar]] = {}
    names: dict[tuple[str, object], str] = {}
    for row in report.rows:
        if row.unit is None:
            continue
        key = row.unit, row.unit_since
        names[key] = row.unit_name or row.unit
        told = "–" if row.a == 0 else percent(row, question.book, year)
        cells.setdefault(key, {})[row.indicator] = pictures.Bar(names[key], row.rate, row.met, told)
    bars = [of[chosen.code] for of in cells.values() if chosen.code in of]
    bars.sort(key=lambda bar: (bar.rate is None, bar.rate or 0.0, bar.label))
    target = float(question.book.target(chosen.code, year))
    columns = [indicator.row for indicator in question.book.indicators]
    nothing = pictures.Bar("", None, None, "")
    rows = [
        (names[key], [of.get(i.code, nothing) for i in question.book.indicators])
        for key, of in sorted(cells.items(), key=lambda pair: names[pair[0]])
    ]
    title = f"{t('Xếp hạng đơn vị')}: {chosen.row} {chosen.short}"
    return {
        "ranked_picture": Markup(
            pictures.ranked(
                title,
                [_told(bar, t) for bar in bars],
                target,
            )
        ),
        "heat_picture": Markup(pictures.heat(t("Đơn vị và chỉ tiêu"), columns, rows)),
        "heat_columns": columns,
        "heat_rows": rows,
    }


def _told(bar: pictures.Bar, t: words.Language) -> pictures.Bar:
    if bar.met is None:
        return replace(bar, rate=None, told=t("chưa phát sinh"))
    return replace(bar, told=f"{'✔' if bar.met else '✕'} {bar.told}")
