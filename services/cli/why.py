"""Tells why a dossier is in or out of an indicator's two figures, naming fact and event."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from schemas.books import Indicator, Period
from services.cli.case import Case, at, named
from services.cli.words import level_told
from streams.core.days import local_day, to_date
from streams.core.dossier import AnyEntry
from streams.core.explain import turning_points
from streams.core.facts import FACTS, Facts, facts

_FACT_TITLES = {fact.name: fact.title for fact in FACTS}


@dataclass(frozen=True, slots=True)
class Condition:
    """One fact that an indicator asks for, and the event that decided it."""

    part: str
    """``a`` or ``b``."""
    fact: str
    title: str
    holds: bool
    event: AnyEntry | None
    """None: nothing that was said touches it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether a dossier is in the two figures of an indicator."""

    in_a: bool
    in_b: bool
    of_level: bool
    """The indicator is about units of this level."""
    counts_on: date | None
    """The day whose period it belongs to; None: to none yet."""
    conditions: tuple[Condition, ...]


def judge(indicator: Indicator, case: Case) -> Judged:
    """Where the dossier stands, with a reason for each condition."""
    known = facts(case.dossier, case.work)
    decided_by = turning_points(case.dossier, case.work)
    of_level = indicator.level in (None, known.level)
    conditions = tuple(
        Condition(part, name, _FACT_TITLES[name], known.has(name), _decided(name, decided_by))
        for part, names in (("a", indicator.scope), ("b", indicator.hit))
        for name in names
    )
    if indicator.counts == "procedures":
        return _judged_by_procedure(known, case, of_level, conditions)
    in_a = (
        of_level
        and known.closed_at is not None
        and all(c.holds for c in conditions if c.part == "a")
    )
    in_b = in_a and all(c.holds for c in conditions)
    day = None if known.closed_at is None else to_date(local_day(known.closed_at))
    return Judged(in_a, in_b, of_level, day, conditions)


_CONTRARY = {
    "fee_owed": ("fee_waived",),
    "on_time": ("late",),
    "paid_online": ("payment_undone",),
    "resolved": ("rejected", "withdrawn", "stopped"),
}
"""What became so instead."""
_OF_RECEPTION = frozenset(
    {
        "fee_owed",
        "filed_online",
        "fully_online_service",
        "offered_online",
        "paperless",
        "payment_deployed",
    }
)
"""What a reception says, with the catalogue frozen into it: when it says no, that is why."""


def _decided(name: str, by: Mapping[str, AnyEntry]) -> AnyEntry | None:
    for decider in (name, *_CONTRARY.get(name, ()), "received" if name in _OF_RECEPTION else ""):
        if decider in by:
            return by[decider]
    return None


def _judged_by_procedure(
    known: Facts, case: Case, of_level: bool, conditions: tuple[Condition, ...]
) -> Judged:
    """Procedures are counted: is this one in the catalogue's list, and does its payment stand?"""
    day = to_date(max(known.paid_days)) if known.paid_days else None
    on = day or (to_date(local_day(known.received_at)) if known.received_at is not None else None)
    listed = on is not None and (known.level, known.procedure) in case.registry.payment_procedures(
        Period(first=on, last=on), known.level
    )
    in_a = of_level and listed
    return Judged(in_a, in_a and day is not None, of_level, day, conditions)


def indicator_told(indicator: Indicator, case: Case) -> str:
    """Why the dossier is in or out of a and b."""
    judged, known = judge(indicator, case), facts(case.dossier, case.work)
    lines = [
        f"{indicator.row} {indicator.code}: {indicator.title}",
        f"Căn cứ: {indicator.source}",
        f"Hồ sơ {case.code}, đơn vị {case.unit}, {level_told(known.level)}",
        "",
    ]
    for part in ("a", "b"):
        lines.append(_part(indicator, judged, known, part))
        lines += [f"  {line}" for line in _reasons(indicator, judged, case, part)]
    lines += ["", *_period(indicator, judged, known)]
    if "on_time" in indicator.hit:
        due = "chưa biết" if known.due_at is None else at(known.due_at)
        closed = "chưa" if known.closed_at is None else at(known.closed_at)
        lines.append(f"Hạn trả: {due}. Kết thúc: {closed}.")
        lines.append(f"Hạn trả tính thế nào: motcua due explain {case.code} --unit {case.unit}")
    return "\n".join(lines)


_NAMES = {"a": "mẫu số", "b": "tử số"}


def _part(indicator: Indicator, judged: Judged, known: Facts, part: str) -> str:
    is_in = judged.in_a if part == "a" else judged.in_b
    verdict = f"{part} ({_NAMES[part]}): {'CÓ' if is_in else 'KHÔNG'} tính "
    if indicator.counts == "dossiers":
        return f"{verdict}hồ sơ này"
    # of b one dossier says yes for its procedure, but never no
    alone = ", xét riêng hồ sơ này" if part == "b" else ""
    return f"{verdict}TTHC {known.procedure or '?'}{alone}"


def _reasons(indicator: Indicator, judged: Judged, case: Case, part: str) -> Iterator[str]:
    if part == "a" and not judged.of_level:
        yield f"✗ chỉ tiêu này chỉ tính đơn vị {level_told(indicator.level)}"
    if part == "b" and not judged.in_a:
        yield "✗ chỉ xét tiếp những gì đã được tính ở a"
    for condition in judged.conditions:
        if condition.part == part:
            yield f"{'✓' if condition.holds else '✗'} {_condition(case, condition)}"


def _period(indicator: Indicator, judged: Judged, known: Facts) -> Iterator[str]:
    """The period that the dossier belongs to, where it counts."""
    if indicator.counts == "procedures":
        yield from _of_procedures(known)
    elif known.closed_at is None:
        yield "Hồ sơ chưa kết thúc nên chưa thuộc kỳ nào."
    elif not judged.in_a:
        yield "Không được tính ở a nên không thuộc kỳ nào."
    elif (day := judged.counts_on) is not None:
        yield (
            f"Thuộc mọi kỳ có ngày kết thúc {day:%d/%m/%Y}: "
            f"tháng {day.month}, quý {(day.month + 2) // 3}, năm {day.year}."
        )


def indicator_json(indicator: Indicator, case: Case) -> dict[str, Any]:
    """The same for programs."""
    judged = judge(indicator, case)
    return {
        "indicator": indicator.code,
        "unit": case.unit,
        "dossier": case.code,
        "in_a": judged.in_a,
        "in_b": judged.in_b,
        "of_level": judged.of_level,
        "counts_on": judged.counts_on.isoformat() if judged.counts_on else None,
        "conditions": [
            {
                "part": c.part,
                "fact": c.fact,
                "holds": c.holds,
                "event": named(case, c.event) if c.event else None,
            }
            for c in judged.conditions
        ],
    }


def _of_procedures(known: Facts) -> Iterator[str]:
    yield (
        "Chỉ tiêu này đếm TTHC, không đếm hồ sơ: mỗi TTHC một lần, cho dù nhiều đơn vị, nhiều hồ "
        "sơ."
    )
    if known.paid_days:
        days = ", ".join(f"{to_date(day):%d/%m/%Y}" for day in known.paid_days)
        yield f"Thanh toán trực tuyến còn hiệu lực của hồ sơ: ngày {days}."
    else:
        yield (
            "Hồ sơ này không có thanh toán trực tuyến còn hiệu lực; TTHC vẫn được tính ở b nếu "
            "trong kỳ một hồ sơ khác có."
        )


def _condition(case: Case, condition: Condition) -> str:
    text = f"{condition.title} [{condition.fact}]"
    if condition.event is None:
        return f"{text}: chưa có sự kiện nào làm cho điều này đúng"
    data = named(case, condition.event)
    by = "theo" if condition.holds else "không, theo"
    which = "đính chính" if data["corrected"] else "sự kiện"
    return f"{text}: {by} «{data['title']}» lúc {at(condition.event.at)} ({which} {data['id']})"
