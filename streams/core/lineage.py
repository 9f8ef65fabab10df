"""Under which unit figures are shown: who held the code on the day that counts, or its heir.

A code alone says nothing across a reform, for abolished units' codes are given to others. Hence a
period is cut where codes change hands, each stretch is counted on its own, and what belongs to the
same unit is put together again.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple, TypeAlias

from schemas.books import Period
from schemas.registry import FOR_EVER, Registry, Unit
from streams.core.balance import Balance

Lineage: TypeAlias = Literal["old", "new"]
"""``old``: the unit that recorded it; ``new``: the one that has become of it by now."""


class UnitSplit(ValueError):
    """A unit became several: nobody can say which of its figures belong to which."""

    def __init__(self, unit: Unit, heirs: Sequence[Unit]) -> None:
        super().__init__(f"{unit.name} ({unit.code}) became several units")
        self.unit = unit
        self.heirs = tuple(heirs)

    def told(self) -> str:
        """What to do about it."""
        return (
            f"{self.unit.name} ({self.unit.code}) became {self._names()}: its figures cannot be "
            "shown under one of them. Ask with lineage=old, or for a unit that is none of these."
        )

    def told_vi(self) -> str:
        """The same in Vietnamese."""
        return (
            f"{self.unit.name} ({self.unit.code}) được chia thành {self._names()}: không thể tính "
            "số liệu cũ cho riêng đơn vị nào. Dùng lineage=old, hoặc hỏi một đơn vị khác."
        )

    def _names(self) -> str:
        return ", ".join(f"{heir.name} ({heir.code})" for heir in self.heirs)


class Stretch(NamedTuple):
    """Days of a period on which no code changes hands."""

    period: Period
    holders: Mapping[str, Unit]
    """By code: the unit under which figures of these days are shown."""


def stretches(
    registry: Registry, codes: Iterable[str], period: Period, lineage: Lineage, unit: str | None
) -> tuple[Stretch, ...]:
    """The period cut where one of the codes changes hands; together they are the period.

    With ``unit`` only the codes remain of which some stretch is shown under that unit's code.
    Raises :class:`UnitSplit` for a unit that has several heirs, unless ``unit`` is none of them. A
    unit without any heir stays itself, and a code that the registry does not know is a unit.
    """
    wanted = sorted(codes)
    mornings = _changes(registry, frozenset(wanted), period)
    ends = [*(morning - timedelta(days=1) for morning in mornings), period.last]
    cut = [
        Period(first=first, last=last)
        for first, last in zip([period.first, *mornings], ends, strict=True)
    ]
    found: list[dict[str, Unit]] = [{} for _ in cut]
    for code in wanted:
        try:
            own = [_holder(registry, code, stretch.first, lineage) for stretch in cut]
        except UnitSplit as split:
            if unit is None or unit in (code, *(heir.code for heir in split.heirs)):
                raise
            continue
        if unit is None or any(holder.code == unit for holder in own):
            for holders, holder in zip(found, own, strict=True):
                holders[code] = holder
    return tuple(map(Stretch, cut, found))


def _changes(registry: Registry, codes: frozenset[str], period: Period) -> list[date]:
    found = set()
    for version in registry.units:
        if version.code in codes:
            found.add(version.valid_from)
            if version.valid_to < FOR_EVER:
                found.add(version.valid_to + timedelta(days=1))
    return sorted(morning for morning in found if period.first < morning <= period.last)


def _holder(registry: Registry, code: str, on: date, lineage: Lineage) -> Unit:
    unit = registry.unit(code, on) or registry.last_unit_before(code, on)
    unit = unit or registry.latest_unit(code) or Unit(code=code, name=code, level="")
    if lineage == "old":
        return unit
    heirs = registry.heirs(unit, FOR_EVER)
    if len(heirs) > 1:
        raise UnitSplit(unit, heirs)
    return heirs[0] if heirs else unit


def join_balances(
    plan: Sequence[Stretch], counted: Sequence[Mapping[str, Balance]]
) -> dict[Unit, dict[str, int]]:
    """The balance of each unit over the whole period, from those of its codes in each stretch.

    What lies there when a code goes to another unit is handed over by one and taken over by the
    other; within a unit the end of a stretch is the beginning of the next.
    """
    found: dict[Unit, dict[str, int]] = {}
    for code in plan[0].holders if plan else ():
        own = [stretch.holders[code] for stretch in plan]
        for n, (unit, of_stretch) in enumerate(zip(own, counted, strict=True)):
            terms = dict(of_stretch.get(code, {}))
            total = found.setdefault(unit, {})
            if n > 0:
                there = terms.pop("opening", 0) + terms.pop("came_back", 0)
                if own[n - 1] != unit:
                    _add(total, "taken_over", there)
            if n + 1 < len(own):
                left = terms.pop("in_process", 0)
                if own[n + 1] != unit:
                    _add(total, "handed_over", left)
            for name, dossiers in terms.items():
                _add(total, name, dossiers)
    return found


def _add(total: dict[str, int], name: str, dossiers: int) -> None:
    total[name] = total.get(name, 0) + dossiers
