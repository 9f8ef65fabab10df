"""Books of receptions: dossiers received in a period, judged in the state of one moment.

A dossier that is in process is late or not by time passing alone, so nothing in here can be read
from counters. The same is computed in ClickHouse (services/audit/sql/figures.sql), on its own.
"""

from collections.abc import Iterable, Mapping

from schemas.books import Book, Indicator, Period
from schemas.registry import Registry
from streams.core.days import DAY_MS, UTC_OFFSET_MS, day_number, local_day
from streams.core.facts import BIT, Fact, Facts, mask
from streams.core.indicators import Count, catalogue_scope

AT_MOMENT: tuple[Fact, ...] = (
    Fact(56, "in_time", "kết thúc, hoặc chờ bổ sung, hoặc còn giải quyết mà chưa quá hạn trả"),
    Fact(57, "asked_once_at_most", "không bị yêu cầu bổ sung hơn một lần"),
)
"""Facts that only such a book may name, for they are true or not at a moment.

Their bits are apart from those of ``streams.core.facts`` and never in a cell.
"""
MOMENT_BIT: dict[str, int] = {fact.name: 1 << fact.bit for fact in AT_MOMENT}
_IN_TIME, _ASKED_ONCE = MOMENT_BIT["in_time"], MOMENT_BIT["asked_once_at_most"]
_ASKED_AGAIN, _PAID_ONLINE = BIT["supplemented_again"], BIT["paid_online"]


def bits_of(population: str) -> Mapping[str, int]:
    """The facts that a book of this population may name, with their bits."""
    return {**BIT, **MOMENT_BIT} if population == "received" else BIT


def judged_at(period: Period, *asked: int) -> int:
    """The moment whose state counts: the period's last, or the earliest that is asked for."""
    end = (day_number(period.last) + 1) * DAY_MS - UTC_OFFSET_MS - 1
    return min((end, *asked))


def bits_at(known: Facts, at: int) -> int:
    """The facts that hold at the moment, together with those of :data:`AT_MOMENT`.

    What ends the counting of time is the closing; else that papers were asked for and have not
    come; else the moment itself.
    """
    ends = known.closed_at if known.closed_at is not None else known.waiting_since
    bits = known.bits
    if known.due_at is not None and (at if ends is None else ends) <= known.due_at:
        bits |= _IN_TIME
    return bits if bits & _ASKED_AGAIN else bits | _ASKED_ONCE


def belongs(indicator: Indicator, known: Facts, period: Period) -> bool:
    """Whether the dossier is of those that the indicator is about in the period."""
    if known.received_at is None:
        return False
    first, day = day_number(period.first), local_day(known.received_at)
    if day >= first:
        return day <= day_number(period.last)
    there = known.closed_at is None or local_day(known.closed_at) >= first
    return indicator.carried_over and there


def received_counts(
    book: Book,
    registry: Registry,
    period: Period,
    level: str | None,
    known: Iterable[Facts],
    at: int,
) -> dict[str, Count]:
    """The figures of every indicator over dossiers as they were at the moment.

    ``level`` None: procedures of all levels.
    """
    found = [(one, bits_at(one, at)) for one in known]
    counts = {}
    for indicator in book.indicators:
        of_period = [pair for pair in found if belongs(indicator, pair[0], period)]
        if indicator.counts == "procedures":
            listed = catalogue_scope(indicator, registry, period, level)
            paid = {(k.level, k.procedure) for k, bits in of_period if bits & _PAID_ONLINE}
            a, b = ({code for _, code in some} for some in (listed, listed & paid))
            counts[indicator.code] = Count(len(a), len(b))
        else:
            counts[indicator.code] = _count(indicator, of_period)
    return counts


def _count(indicator: Indicator, of_period: Iterable[tuple[Facts, int]]) -> Count:
    names = bits_of("received")
    scope = mask(indicator.scope, names)
    hit = scope | mask(indicator.hit, names)
    a = b = due_unknown = 0
    for known, bits in of_period:
        if indicator.level in (None, known.level) and bits & scope == scope:
            a += 1
            b += bits & hit == hit
            due_unknown += known.due_at is None
    return Count(a, b, due_unknown)
