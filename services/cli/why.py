"""Tells why a dossier is in or out of an indicator's two figures, naming fact and event."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from schemas.books import Indicator, Period
from services.cli.case import Case, at, named
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
    counted = "hồ sơ này" if indicator.counts == "dossiers" else f"TTHC {known.procedure or '?'}"
    lines = [
        f"{indicator.row} {indicator.code}: {indicator.title}",
        f"Căn cứ: {indicator.source}",
        f"Hồ sơ {case.code}, đơn vị {case.unit}, cấp {known.level}",
        "",
    ]
    if not judged.of_level:
        lines.append(f"✗ chỉ tiêu này chỉ tính đơn vị cấp {indicator.level}")
    for part, is_in, name in (("a", judged.in_a, "mẫu số"), ("b", judged.in_b, "tử số")):
        lines.append(f"{part} ({name}): {'CÓ' if is_in else 'KHÔNG'} tính {counted}")
        for condition in judged.conditions:
            if condition.part == part:
                lines.append(f"  {'✓' if condition.holds else '✗'} {_condition(case, condition)}")
    if indicator.counts == "procedures":
        lines += ["", *_of_procedures(known, case)]
    elif known.closed_at is None:
        lines += ["", "Hồ sơ chưa kết thúc nên chưa thuộc kỳ nào."]
    elif judged.counts_on is not None:
        lines += ["", f"Thuộc kỳ có ngày {judged.counts_on:%d/%m/%Y} (ngày kết thúc)."]
    if "on_time" in indicator.hit:
        due = "chưa biết" if known.due_at is None else at(known.due_at)
        closed = "chưa" if known.closed_at is None else at(known.closed_at)
        lines.append(f"Hạn trả: {due}. Kết thúc: {closed}.")
        lines.append(f"Hạn trả tính thế nào: motcua due explain {case.code} --unit {case.unit}")
    return "\n".join(lines)


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


def _of_procedures(known: Facts, case: Case) -> Iterator[str]:
    yield "Chỉ tiêu này đếm TTHC, mỗi TTHC một lần cho mọi đơn vị, không đếm hồ sơ."
    if known.paid_days:
        days = ", ".join(f"{to_date(day):%d/%m/%Y}" for day in known.paid_days)
        yield f"Thanh toán trực tuyến còn hiệu lực của hồ sơ: ngày {days}."
    else:
        yield "Hồ sơ không có thanh toán trực tuyến nào còn hiệu lực."


def _condition(case: Case, condition: Condition) -> str:
    text = f"{condition.title} [{condition.fact}]"
    if condition.event is None:
        return f"{text}: chưa có sự kiện nào làm cho điều này đúng"
    data = named(case, condition.event)
    said = "do" if condition.holds else "không, theo"
    return f"{text}: {said} «{data['title']}» lúc {at(condition.event.at)}, id {data['id']}"
