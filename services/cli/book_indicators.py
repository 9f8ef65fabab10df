"""What cannot be right with an indicator by itself: facts, and what they say of each other."""

from collections.abc import Iterable, Iterator

from schemas.books import Indicator, can_carry_over
from schemas.registry import Registry
from streams.core.indicators import PROCEDURES
from streams.core.receptions import bits_of

_NEVER_TOGETHER = (
    ("resolved", "rejected", "withdrawn", "stopped"),
    ("on_time", "late"),
    ("paid_online", "payment_undone"),
    ("fee_owed", "fee_waived"),
    ("asked_once_at_most", "supplemented_again"),
)
"""A dossier has at most one of each line: see ``streams.core.facts.facts``."""
_IMPLIES = {
    "on_time": ("resolved",),
    "late": ("resolved",),
    "fully_online_service": ("offered_online",),
    "supplemented_again": ("supplemented",),
}
"""Whoever has the first has the others."""
_OF_PROCEDURES = {"scope": tuple(PROCEDURES), "hit": (("paid_online",),)}
"""The only facts by which procedures are counted: see ``streams.core.indicators.count_cells``."""


def indicator_faults(
    indicator: Indicator, population: str, registry: Registry
) -> Iterator[tuple[str, str, str]]:
    """(rule, field, what to say in Vietnamese) of everything that is wrong.

    ``population`` is the book's: it decides which facts may be named.
    """
    known = bits_of(population)
    levels = sorted({unit.level for unit in registry.units})
    if indicator.level not in (None, *levels):
        yield "level_unknown", "level", f"không có cấp này; có: {', '.join(levels)}"
    if not can_carry_over(population, indicator):
        says = 'chỉ dùng được khi bộ chỉ tiêu ghi population = "received" và đếm hồ sơ'
        yield "carried_over_misplaced", "carried_over", says
    unknown = False
    for field, names in (("scope", indicator.scope), ("hit", indicator.hit)):
        for name in names:
            if name not in known:
                unknown = True
                says = f"không có dữ kiện «{name}»; có: {', '.join(known)}"
                yield "fact_unknown", field, says
    if unknown:
        return
    if indicator.counts == "procedures":
        for field, wanted in _OF_PROCEDURES.items():
            if tuple(getattr(indicator, field)) not in wanted:
                listed = " hoặc ".join(f'["{name}"]' for (name,) in wanted)
                says = f'counts = "procedures" chỉ đếm được với {field} = {listed}'
                yield "procedures_uncounted", field, says
        return
    scope = _with_implied(indicator.scope)
    both = scope | _with_implied(indicator.hit)
    for field, facts in (("scope", scope), ("hit", both)):
        if clash := _clash(facts):
            says = f"«{clash[0]}» và «{clash[1]}» không bao giờ cùng đúng: luôn bằng 0; bỏ một"
            yield "contradiction", field, says
            return
    if both == scope:
        says = "mẫu số đã gồm mọi điều kiện của tử số: luôn là 100 %; thêm điều kiện cho hit"
        yield "always_met", "hit", says


def _with_implied(names: Iterable[str]) -> frozenset[str]:
    found = frozenset(names)
    return found.union(*(_IMPLIES.get(name, ()) for name in found))


def _clash(facts: frozenset[str]) -> tuple[str, str] | None:
    for line in _NEVER_TOGETHER:
        there = [name for name in line if name in facts]
        if len(there) > 1:
            return there[0], there[1]
    return None
