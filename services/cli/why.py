"""Tells why a dossier is in or out of an indicator's two figures, naming fact and event."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from schemas.books import Indicator, Period
from services.cli.case import Case, iso, named
from services.cli.case import at as moment_told
from services.cli.words import level_told
from streams.core.cases import CONTRARY
from streams.core.days import local_day, to_date
from streams.core.dossier import AnyEntry, effective
from streams.core.explain import turning_points
from streams.core.facts import FACTS, Facts, facts, facts_as_of
from streams.core.indicators import catalogue_scope
from streams.core.receptions import AT_MOMENT, MOMENT_BIT, bits_at, bits_of

_FACT_TITLES = {fact.name: fact.title for fact in (*FACTS, *AT_MOMENT)}


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


def judge(
    indicator: Indicator, case: Case, population: str = "closed", at: int | None = None
) -> Judged:
    """Where the dossier stands, with a reason for each condition.

    ``population`` is the book's; ``at`` (milliseconds; None: for ever) is the moment whose state
    counts, and a book of receptions needs it.
    """
    known, decided_by = _known(case, at)
    bits = known.bits if at is None else bits_at(known, at)
    names = bits_of(population)
    of_level = indicator.level in (None, known.level)
    conditions = tuple(
        Condition(
            part, name, _FACT_TITLES[name], bool(bits & names[name]), _decided(name, decided_by)
        )
        for part, asked in (("a", indicator.scope), ("b", indicator.hit))
        for name in asked
    )
    counts_at = known.received_at if population == "received" else known.closed_at
    day = None if counts_at is None else to_date(local_day(counts_at))
    if indicator.counts == "procedures":
        paid_on = to_date(max(known.paid_days)) if known.paid_days else None
        if population == "received":
            paid_on = day if known.has("paid_online") else None
        return _judged_by_procedure(indicator, known, case, paid_on, conditions)
    in_a = of_level and day is not None and all(c.holds for c in conditions if c.part == "a")
    in_b = in_a and all(c.holds for c in conditions)
    return Judged(in_a, in_b, of_level, day, conditions)


def _known(case: Case, at: int | None) -> tuple[Facts, Mapping[str, AnyEntry]]:
    """What is known of the dossier, and which event made each fact so."""
    if at is None:
        return facts(case.dossier, case.work), turning_points(case.dossier, case.work)
    known = facts_as_of(case.dossier, at, case.work)
    if known is None:
        raise NothingYet(f"{case.code}: {moment_told(at)}")
    until = tuple(entry for entry in effective(case.dossier) if entry.at <= at)
    return known, turning_points(until, case.work)


class NothingYet(LookupError):
    """The dossier had no event yet at the moment that is asked about."""


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
    for decider in (name, *CONTRARY.get(name, ()), "received" if name in _OF_RECEPTION else ""):
        if decider in by:
            return by[decider]
    return None


def _judged_by_procedure(
    indicator: Indicator,
    known: Facts,
    case: Case,
    paid_on: date | None,
    conditions: tuple[Condition, ...],
) -> Judged:
    """Procedures are counted: is this one in the catalogue's list, and does its payment stand?"""
    of_level = indicator.level in (None, known.level)
    received = None if known.received_at is None else to_date(local_day(known.received_at))
    on = paid_on or received
    listed = on is not None and (known.level, known.procedure) in catalogue_scope(
        indicator, case.registry, Period(first=on, last=on), known.level
    )
    in_a = of_level and listed
    return Judged(in_a, in_a and paid_on is not None, of_level, paid_on, conditions)


def indicator_told(
    indicator: Indicator, case: Case, population: str = "closed", at: int | None = None
) -> str:
    """Why the dossier is in or out of a and b."""
    judged, (known, _) = judge(indicator, case, population, at), _known(case, at)
    lines = [
        f"{indicator.row} {indicator.code}: {indicator.title}",
        f"Căn cứ: {indicator.source}",
        f"Hồ sơ {case.code}, đơn vị {case.unit}, {level_told(known.level)}",
        *([] if at is None else [f"Xét tình trạng tại: {moment_told(at)}."]),
        "",
    ]
    for part in ("a", "b"):
        lines.append(_part(indicator, judged, known, part))
        lines += [f"  {line}" for line in _reasons(indicator, judged, case, part)]
    lines += ["", *_period(indicator, judged, known, population)]
    if not {"on_time", "in_time"}.isdisjoint(indicator.hit):
        due = "chưa biết" if known.due_at is None else moment_told(known.due_at)
        closed = "chưa" if known.closed_at is None else moment_told(known.closed_at)
        waiting = known.waiting_since
        since = "" if waiting is None else f" Chờ bổ sung từ {moment_told(waiting)}."
        lines.append(f"Hạn trả: {due}. Kết thúc: {closed}.{since}")
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


def _period(indicator: Indicator, judged: Judged, known: Facts, population: str) -> Iterator[str]:
    """The period that the dossier belongs to, where it counts."""
    received = population == "received"
    if indicator.counts == "procedures":
        yield from _of_procedures(known)
    elif judged.counts_on is None and (received or known.closed_at is None):
        yield f"Hồ sơ chưa {'được tiếp nhận' if received else 'kết thúc'} nên chưa thuộc kỳ nào."
    elif not judged.in_a:
        yield "Không được tính ở a nên không thuộc kỳ nào."
    elif (day := judged.counts_on) is not None:
        yield (
            f"Thuộc mọi kỳ có ngày {'tiếp nhận' if received else 'kết thúc'} {day:%d/%m/%Y}: "
            f"tháng {day.month}, quý {(day.month + 2) // 3}, năm {day.year}."
        )


def indicator_json(
    indicator: Indicator, case: Case, population: str = "closed", at: int | None = None
) -> dict[str, Any]:
    """The same for programs."""
    judged = judge(indicator, case, population, at)
    return {
        "indicator": indicator.code,
        "unit": case.unit,
        "dossier": case.code,
        "as_of": iso(at),
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
    if condition.fact in MOMENT_BIT and (condition.holds or condition.event is None):
        return text if condition.holds else f"{text}: không, xem hạn trả bên dưới"
    if condition.event is None:
        return f"{text}: chưa có sự kiện nào làm cho điều này đúng"
    data = named(case, condition.event)
    by = "theo" if condition.holds else "không, theo"
    which = "đính chính" if data["corrected"] else "sự kiện"
    return (
        f"{text}: {by} «{data['title']}» lúc {moment_told(condition.event.at)}"
        f" ({which} {data['id']})"
    )
