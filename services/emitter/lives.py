"""What happens to one invented dossier, drawn step by step from its own seed."""

import random
from typing import Any, NamedTuple

from schemas.registry import Procedure, Unit
from schemas.words import ServiceLevel
from services.emitter.office_days import CLOSE_S, DAY_S, SHIFTS, OfficeDays, iso
from services.emitter.offices import (
    NEVER_PAID_ONLINE,
    REASONS,
    Habits,
    Office,
)

_CUT_OFF_S = 15 * 3600
"""What is received later counts as received on the next working day."""


class Happening(NamedTuple):
    """Something that happened to a dossier; ``at`` is in local seconds since year 1."""

    at: int
    kind: str
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


class Life:
    """One dossier: drawn step by step, told as a list of happenings."""

    def __init__(self, chance: random.Random, calendar: OfficeDays, desk: Desk, code: str) -> None:
        self.chance, self.calendar, self.desk, self.code = chance, calendar, desk, code
        self.procedure = chance.choices(desk.procedures, cum_weights=desk.weights)[0]
        self.officer = self._officer()
        self.told: list[Happening] = []

    # -- whole lives

    def life(self, day: int) -> list[Happening]:
        """Everything from handing in to handing out, as far as it ever comes."""
        online = self._is_online()
        handed_in, received = self._reception(day, online)
        channel = "online" if online else "postal" if self._happens(0.02) else "counter"
        if online or channel == "postal":
            self._tell("submitted", handed_in, channel=channel)
        if online and self._happens(0.015):
            self._tell("rejected", received, reason=self._reason("rejected"), officer=self.officer)
            return self.told
        due = self._due(received)
        self._received(received, due, channel)
        digitised = self._digitised(received)
        self._fee(received, online)
        self._end(received, due, digitised)
        return self.told

    def served_at_once(self, at: int) -> list[Happening]:
        """From handing in to handing out within a minute, for those who watch a wall."""
        online = self._is_online()
        self._received(at, self._due(at), "online" if online else "counter")
        digitised = self._digitised(at, within_s=8)
        self._fee(at, online, within_s=8)
        ended = at + self.chance.randint(10, 25)
        self._resolved(ended, electronic=self._electronic(digitised), claim=True)
        self._tell("returned", ended + self.chance.randint(3, 15), way="counter")
        return self.told

    # -- steps

    def _reception(self, day: int, online: bool) -> tuple[int, int]:
        """(when it was handed in, when it was received)."""
        if online and self._happens(0.3):
            # after work, from home
            handed_in = day * DAY_S + self.chance.randint(17 * 3600 + 600, 22 * 3600 + 1800)
            morning = self.calendar.next_working(day) * DAY_S + SHIFTS[0][0]
            return handed_in, morning + self.chance.randint(300, 5400)
        peak = self.chance.triangular
        if self._happens(0.6):
            second = int(peak(SHIFTS[0][0], SHIFTS[0][1] - 600, 8.5 * 3600))
        else:
            second = int(peak(SHIFTS[1][0], SHIFTS[1][1] - 600, 14.25 * 3600))
        handed_in = day * DAY_S + second
        if not online:
            return handed_in, handed_in
        return handed_in, self.calendar.in_office(handed_in + self.chance.randint(240, 5400))

    def _received(self, at: int, due: int | None, channel: str) -> None:
        business = self.procedure.code in ("1.001612", "2.000720") and self._happens(0.8)
        self._tell(
            "received",
            at,
            procedure=self.procedure.code,
            channel=channel,
            paperless=channel == "online" and self._happens(self.desk.habits.paperless),
            due_at=None if due is None else iso(due),
            officer=self.officer,
            applicant_kind="business" if business else "citizen",
        )

    def _due(self, received: int) -> int | None:
        if self._happens(0.004):
            return None
        day, second = divmod(received, DAY_S)
        if second > _CUT_OFF_S or not self.calendar.is_working(day):
            day = self.calendar.next_working(day)
        return self.calendar.plus(day, self.procedure.days or 0) * DAY_S + CLOSE_S

    def _digitised(self, received: int, within_s: int = 2400) -> bool:
        """Whether the whole application was."""
        habits, items = self.desk.habits, self.chance.randint(1, 5)
        complete = self._happens(habits.digitised * self.desk.office.digital**0.25)
        if not complete and not self._happens(0.25):
            return False
        self._tell(
            "digitized",
            received + self.chance.randint(2, within_s),
            part="application",
            items_total=items,
            items_digitized=items if complete else items - 1,
        )
        return complete

    def _fee(self, received: int, online: bool, within_s: int = 1800) -> None:
        fee, code = self.procedure.fee_vnd, self.procedure.code
        if not fee:
            return
        at = received + self.chance.randint(1, within_s)
        if self._happens(0.03):
            self._tell("fee_waived", at, reason=self._reason("fee_waived"))
            return
        habits = self.desk.habits
        likely = habits.pays_online if online else habits.pays_online_at_counter
        offered = self.procedure.payment_online and code not in NEVER_PAID_ONLINE
        if offered and self._happens(likely * self.desk.office.online):
            way = "national_portal" if self._happens(0.8) else "local_gateway"
        else:
            way = "cash" if self._happens(0.85) else "transfer"
        copies = self.chance.randint(1, 12) if fee < 5_000 else 1
        money = {"payment_id": f"{self.code}.p1", "amount_vnd": fee * copies, "way": way}
        self._tell("paid", at, **money)
        if self._happens(0.004):
            self._tell("refunded", at + self.chance.randint(within_s // 8, within_s), **money)

    def _end(self, received: int, due: int | None, digitised: bool) -> None:
        """How it ends; many of those still open wait for somebody who never comes back."""
        fate = self.chance.random()
        if fate < 0.008:
            at = self.calendar.in_office(received + self.chance.randint(1, 6) * 5400)
            self._tell("withdrawn", at, reason=self._reason("withdrawn"), officer=self.officer)
            return
        if fate < 0.014:
            at = self._some_days_after(received, self.chance.randint(20, 60))
            self._tell("stopped", at, reason=self._reason("stopped"), officer=self.officer)
            return
        if fate < 0.073:
            return
        ended = self._finished(received, due)
        on_time = due is None or ended <= due
        claim = None if self._happens(0.3) else on_time != self._happens(0.003)
        if fate < 0.0737:
            # the clerk entered the reception after the result
            ended = received - self.chance.randint(60, 1800)
        self._resolved(ended, electronic=self._electronic(digitised), claim=claim)
        if fate > 0.9985:
            self._mended(ended)
        elif fate > 0.9975:
            # an import closed it once more
            self._resolved(self._some_days_after(ended, 1), electronic=False, claim=None)
        if not self._happens(0.06):
            self._returned(ended)

    def _finished(self, received: int, due: int | None) -> int:
        habits, office = self.desk.habits, self.desk.office
        if due is None:
            return self._some_days_after(received, 1)
        if self._happens(habits.late * office.late):
            beyond = self.chance.choice((60, 900, 7200, 1, 1, 2, 3, 5))
            return due + beyond if beyond > 5 else self._some_days_after(due, beyond)
        day, due_day = received // DAY_S, due // DAY_S
        if day == due_day or not self.procedure.days:
            soonest = self.calendar.in_office(received + self.chance.randint(600, 9000))
            return min(soonest, due)
        # rather towards the end, as everywhere
        days = self.calendar.between(day, due_day)
        on = self.calendar.plus(day, round(days * self.chance.triangular(0, 1, 0.7)))
        shift = self.chance.choice(SHIFTS)
        at = on * DAY_S + self.chance.randint(shift[0] + 600, shift[1] - 300)
        return min(max(at, received + 900), due)

    def _electronic(self, digitised: bool) -> bool:
        likely = self.desk.habits.electronic_result * self.desk.office.digital
        return self._happens(likely if digitised else likely * 0.3)

    def _resolved(self, at: int, *, electronic: bool, claim: bool | None) -> None:
        own_event = electronic and self._happens(0.35)
        self._tell(
            "resolved",
            at,
            outcome="refused" if self._happens(0.01) else "approved",
            electronic_result=electronic and not own_event,
            claims_on_time=claim,
            officer=self.officer if self._happens(0.7) else self._officer(),
        )
        if own_event:
            signed = at + self.chance.randint(5, 30)
            self._tell("digitized", signed, part="result", items_total=1, items_digitized=1)

    def _mended(self, ended: int) -> None:
        """The result had a mistake: opened again and given once more."""
        again = self._some_days_after(ended, 1)
        self._tell("reopened", again, reason=self._reason("reopened"), officer=self.officer)
        self._resolved(again + 1800, electronic=False, claim=None)

    def _returned(self, ended: int) -> None:
        soon = self._happens(0.7)
        at = ended + 1200 if soon else self._some_days_after(ended, self.chance.randint(1, 6))
        way = "online" if self._happens(0.12) else "postal" if self._happens(0.05) else "counter"
        self._tell("returned", at, way=way)

    # -- chances

    def _happens(self, likelihood: float) -> bool:
        return self.chance.random() < likelihood

    def _is_online(self) -> bool:
        habits, factor = self.desk.habits, self.desk.office.online
        match self.procedure.service:
            case ServiceLevel.FULL:
                return self._happens(habits.online_full * factor)
            case ServiceLevel.PARTIAL:
                return self._happens(habits.online_partial * factor)
            case _:
                return False

    def _officer(self) -> str:
        return f"{self.desk.unit.code}-cb{self.chance.randint(1, self.desk.office.staff):02d}"

    def _reason(self, kind: str) -> str:
        return self.chance.choice(REASONS[kind])

    def _some_days_after(self, at: int, days: int) -> int:
        day = self.calendar.plus(at // DAY_S, days)
        shift = self.chance.choice(SHIFTS)
        return day * DAY_S + self.chance.randint(shift[0] + 300, shift[1] - 300)

    def _tell(self, kind: str, at: int, **data: Any) -> None:
        said = {name: value for name, value in data.items() if value is not None}
        unit, number = self.desk.unit.code, len(self.told) + 1
        self.told.append(Happening(at, kind, unit, self.code, number, said))
