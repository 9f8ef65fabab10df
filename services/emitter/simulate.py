"""A district's year as its one-stop software would report it: invented dossiers, seeded.

Pure: no clock, no I/O. Every dossier follows from (seed, day, number of the day) alone, so a longer
period or more dossiers only add to what a shorter one gave. Codes, sizes, habits and people are
invented; the mix is that of Kon Tum province in the third quarter of 2023.
"""

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from itertools import accumulate
from typing import Any

from schemas.registry import Registry
from services.emitter.lives import SOURCE, Life
from services.emitter.office_days import DAY_S, OfficeDays, iso, seconds
from services.emitter.offices import DEMAND, HABITS, OFFICES, Office, procedures_at
from services.emitter.telling import Desk, Happening

EventDict = dict[str, Any]
"""A CloudEvent as JSON would hold it."""

_BUSY = (1.25, 1.05, 1.0, 0.95, 0.9)
"""Monday to Friday: people come after the weekend."""


def simulate_year(
    registry: Registry, first: date, last: date, dossiers: int, seed: int
) -> Iterator[EventDict]:
    """Events of so many dossiers handed in on working days of the period, in time order.

    What happens to them after the last day is not told. Memory holds only what is still to come.
    Raises ``ValueError`` when the registry has nobody to hand anything in to.
    """
    district = _District(registry, first, last, seed)
    to_come: dict[int, list[tuple[int, int, Happening]]] = defaultdict(list)
    number = 0
    for day, count in district.arrivals(dossiers):
        for dossier in district.dossiers(day, count):
            for happening in dossier:
                number += 1
                to_come[happening.at // DAY_S].append((happening.at, number, happening))
        # who comes later adds nothing to these days
        for over in sorted(d for d in to_come if d <= day):
            yield from _told(to_come.pop(over))
    for left in sorted(d for d in to_come if d <= last.toordinal()):
        yield from _told(to_come.pop(left))


def simulate_day(
    registry: Registry, day: date, first: date, dossiers: int, seed: int
) -> Iterator[EventDict]:
    """The last day of that year so far: what came in, and what happened to earlier dossiers."""
    begins = day.isoformat()
    return (e for e in simulate_year(registry, first, day, dossiers, seed) if e["time"] >= begins)


def walk_in(registry: Registry, at: datetime, chance: random.Random) -> list[EventDict]:
    """One dossier that somebody hands in at this local moment, served within a minute.

    Its code takes the second of the day for a sequence, far above those of a simulated day.
    """
    district = _District(registry, at.date(), at.date(), 0)
    dossier = district.served_at_once(chance, seconds(at))
    return [_event(happening) for happening in sorted(dossier, key=lambda h: h.at)]


class _District:
    """The units and the catalogue that hold for the whole period."""

    def __init__(self, registry: Registry, first: date, last: date, seed: int) -> None:
        self.seed = seed
        self.calendar = OfficeDays(first, last)
        self.desks: list[Desk] = []
        catalogue = [p for p in registry.procedures if p.valid_from <= first and p.valid_to >= last]
        for unit in registry.units:
            found = procedures_at(unit, catalogue)
            if found and unit.valid_from <= first and unit.valid_to >= last:
                weights = list(accumulate(DEMAND.get(p.code, 1.0) for p in found))
                habits = HABITS.get(unit.level, HABITS["commune"])
                office = OFFICES.get(unit.code, Office())
                self.desks.append(Desk(unit, office, habits, found, weights))
        if not self.desks:
            raise ValueError(f"no unit with procedures is in the registry from {first} to {last}")
        self._sizes = list(accumulate(desk.office.size for desk in self.desks))

    def arrivals(self, dossiers: int) -> Iterator[tuple[int, int]]:
        """(day, how many come on it) for each working day; together exactly ``dossiers``.

        Nothing when the period has no working day.
        """
        days = [day for day in self.calendar.days if day <= self.calendar.last]
        loads = [
            _BUSY[(day + 6) % 7] * random.Random(self.seed << 32 | day).uniform(0.8, 1.2)
            for day in days
        ]
        so_far, total = 0.0, sum(loads)
        for day, load in zip(days, loads, strict=True):
            begun = round(dossiers * so_far / total)
            so_far += load
            yield day, round(dossiers * so_far / total) - begun

    def dossiers(self, day: int, count: int) -> Iterator[list[Happening]]:
        """What will happen to each of the dossiers that come on this day."""
        chance = random.Random()
        sequence: Counter[str] = Counter()
        date_of_code = f"{date.fromordinal(day):%y%m%d}"
        for number in range(count):
            # of its own seed: what one dossier draws never moves another one
            chance.seed((self.seed << 64) | (day << 32) | number)
            desk = self._desk(chance)
            sequence[desk.unit.code] += 1
            code = f"{desk.unit.code}-{date_of_code}-{sequence[desk.unit.code]:04d}"
            yield Life(chance, self.calendar, desk, code).life(day)

    def served_at_once(self, chance: random.Random, at: int) -> list[Happening]:
        """A dossier of a procedure that is done while one waits."""
        while True:
            desk = self._desk(chance)
            day, second = divmod(at, DAY_S)
            code = f"{desk.unit.code}-{date.fromordinal(day):%y%m%d}-9{second:05d}"
            dossier = Life(chance, self.calendar, desk, code)
            if dossier.procedure.hours or dossier.procedure.days in (0, 1):
                return dossier.served_at_once(at)

    def _desk(self, chance: random.Random) -> Desk:
        return chance.choices(self.desks, cum_weights=self._sizes)[0]


def _told(due: list[tuple[int, int, Happening]]) -> Iterator[EventDict]:
    heapq.heapify(due)
    while due:
        yield _event(heapq.heappop(due)[2])


def _event(happening: Happening) -> EventDict:
    return {
        "specversion": "1.0",
        "id": f"{happening.code}/{happening.number}",
        "source": SOURCE,
        "type": happening.type,
        "subject": happening.code,
        "time": iso(happening.at),
        "unit": happening.unit,
        "datacontenttype": "application/json",
        "data": happening.data,
    }
