"""What tells of one invented dossier: its own chance, its desk, and the events so far."""

import random
from typing import Any, NamedTuple

from schemas.events import EVENTS
from schemas.registry import Procedure, Unit
from services.emitter.office_days import DAY_S, SHIFTS, OfficeDays
from services.emitter.offices import REASONS, Habits, Office

NEWEST = {kind.name: kind.types[-1] for kind in EVENTS}
OLDEST = {kind.name: kind.types[0] for kind in EVENTS}


class Happening(NamedTuple):
    """Something that happened to a dossier; ``at`` is in local seconds since year 1."""

    at: int
    kind: str
    type: str
    unit: str
    code: str
    number: int
    data: dict[str, Any]


class Desk(NamedTuple):
    """A unit, what people bring to it and how it works."""

    unit: Unit
    office: Office
    habits: Habits
    procedures: tuple[Procedure, ...]
    weights: list[float]


class Teller:
    """Draws from the dossier's own seed and keeps what happened, in the order of telling."""

    def __init__(self, chance: random.Random, calendar: OfficeDays, desk: Desk, code: str) -> None:
        self.chance, self.calendar, self.desk, self.code = chance, calendar, desk, code
        self.procedure = chance.choices(desk.procedures, cum_weights=desk.weights)[0]
        self.officer = self.any_officer()
        self.told: list[Happening] = []
        self.slips = True
        """Whether somebody may mistype something, to be corrected on a later day."""

    def tell(self, kind: str, at: int, **data: Any) -> Happening:
        """Add an event; fields of None are left out."""
        said = {name: value for name, value in data.items() if value is not None}
        unit, number = self.desk.unit.code, len(self.told) + 1
        happening = Happening(at, kind, self.type_of(kind), unit, self.code, number, said)
        self.told.append(happening)
        return happening

    def type_of(self, kind: str) -> str:
        """The CloudEvents type with which this desk's software says it."""
        return OLDEST[kind] if self.desk.office.old_software else NEWEST[kind]

    def happens(self, likelihood: float) -> bool:
        return self.chance.random() < likelihood

    def any_officer(self) -> str:
        """The staff code of somebody at this desk."""
        return f"{self.desk.unit.code}-cb{self.chance.randint(1, self.desk.office.staff):02d}"

    def reason(self, kind: str) -> str:
        return self.chance.choice(REASONS[kind])

    def some_days_after(self, at: int, days: int) -> int:
        """Some moment of office hours, so many working days later."""
        day = self.calendar.plus(at // DAY_S, days)
        shift = self.chance.choice(SHIFTS)
        return day * DAY_S + self.chance.randint(shift[0] + 300, shift[1] - 300)
