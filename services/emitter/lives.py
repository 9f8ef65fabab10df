"""What happens to one invented dossier, drawn step by step from its own seed."""

from schemas.words import ServiceLevel
from services.emitter import handling
from services.emitter.office_days import CLOSE_S, DAY_S, SHIFTS, iso
from services.emitter.offices import NEVER_PAID_ONLINE
from services.emitter.telling import Happening, Teller

SOURCE = "urn:motcua:demo"
"""All events of the simulator say that they are invented."""

_DUE_LEFT_OUT = 0.12
"""Software that leaves the due moment to the catalogue."""


class Life(Teller):
    """One dossier: drawn step by step, told as a list of happenings."""

    # -- whole lives

    def life(self, day: int) -> list[Happening]:
        """Everything from handing in to handing out, as far as it ever comes."""
        online = self._is_online()
        handed_in, received = self._reception(day, online)
        channel = "online" if online else "postal" if self.happens(0.02) else "counter"
        if online or channel == "postal":
            self.tell("submitted", handed_in, channel=channel)
        if online and self.happens(0.015):
            self.tell("rejected", received, reason=self.reason("rejected"), officer=self.officer)
            return self.told
        due = self._due(received)
        self._received(received, due, channel)
        digitised = self._digitised(received)
        self._fee(received, online)
        self._end(received, due, digitised)
        return self.told

    def served_at_once(self, at: int) -> list[Happening]:
        """From handing in to handing out within a minute, for those who watch a wall."""
        self.slips = False
        online = self._is_online()
        self._received(at, self._due(at), "online" if online else "counter")
        digitised = self._digitised(at, within_s=8)
        self._fee(at, online, within_s=8)
        ended = at + self.chance.randint(10, 25)
        self._resolved(ended, electronic=self._electronic(digitised), claim=True)
        self.tell("returned", ended + self.chance.randint(3, 15), way="counter")
        return self.told

    # -- steps

    def _reception(self, day: int, online: bool) -> tuple[int, int]:
        """(when it was handed in, when it was received)."""
        if online and self.happens(0.3):
            # after work, from home
            handed_in = day * DAY_S + self.chance.randint(17 * 3600 + 600, 22 * 3600 + 1800)
            morning = self.calendar.next_working(day) * DAY_S + SHIFTS[0][0]
            return handed_in, morning + self.chance.randint(300, 5400)
        peak = self.chance.triangular
        if self.happens(0.6):
            second = int(peak(SHIFTS[0][0], SHIFTS[0][1] - 600, 8.5 * 3600))
        else:
            second = int(peak(SHIFTS[1][0], SHIFTS[1][1] - 600, 14.25 * 3600))
        handed_in = day * DAY_S + second
        if not online:
            return handed_in, handed_in
        return handed_in, self.calendar.in_office(handed_in + self.chance.randint(240, 5400))

    def _received(self, at: int, due: int, channel: str) -> None:
        business = self.procedure.code in ("1.001612", "2.000720") and self.happens(0.8)
        typed = handling.wrong_due(self, due)
        left_out = typed == due and self.happens(_DUE_LEFT_OUT)
        received = self.tell(
            "received",
            at,
            procedure=self.procedure.code,
            channel=channel,
            paperless=channel == "online" and self.happens(self.desk.habits.paperless),
            due_at=None if left_out else iso(typed),
            officer=self.officer,
            applicant_kind="business" if business else "citizen",
        )
        if typed != due:
            noticed = self.calendar.in_office(at + self.chance.randint(600, DAY_S))
            handling.correct(self, SOURCE, received, noticed, due_at=iso(due))

    def _due(self, received: int) -> int:
        procedure = self.procedure
        if procedure.hours is not None:
            return self.calendar.after(received, procedure.hours * 3600)
        day, second = divmod(received, DAY_S)
        cut_off = procedure.cut_off
        last = CLOSE_S if cut_off is None else cut_off.hour * 3600 + cut_off.minute * 60
        if second > last or not self.calendar.is_working(day):
            day = self.calendar.next_working(day)
        return self.calendar.plus(day, procedure.days or 0) * DAY_S + CLOSE_S

    def _digitised(self, received: int, within_s: int = 1200) -> bool:
        """Whether the whole application was."""
        habits, items = self.desk.habits, self.chance.randint(1, 5)
        complete = self.happens(habits.digitised * self.desk.office.digital**0.25)
        if not complete and not self.happens(0.25):
            return False
        self.tell(
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
        if self.happens(0.03):
            self.tell("fee_waived", at, reason=self.reason("fee_waived"))
            return
        habits = self.desk.habits
        likely = habits.pays_online if online else habits.pays_online_at_counter
        offered = self.procedure.payment_online and code not in NEVER_PAID_ONLINE
        if offered and self.happens(likely * self.desk.office.online):
            way = "national_portal" if self.happens(0.8) else "local_gateway"
        else:
            way = "cash" if self.happens(0.85) else "transfer"
        copies = self.chance.randint(1, 12) if fee < 5_000 else 1
        owed = {"payment_id": f"{self.code}.p1", "amount_vnd": fee * copies}
        money = {**owed, "way": way}
        if online and self.happens(0.5):
            self.tell("payment_requested", received + 1, **owed)
        paid = self.tell("paid", at, **money)
        handling.paid_twice(self, SOURCE, paid)
        if self.happens(0.004):
            self.tell("refunded", at + self.chance.randint(within_s // 8, within_s), **money)

    def _end(self, received: int, due: int, digitised: bool) -> None:
        """How it ends; some are forgotten, and some wait for somebody who never comes back."""
        fate = self.chance.random()
        if fate < 0.008:
            at = self.calendar.in_office(received + self.chance.randint(1, 6) * 5400)
            self.tell("withdrawn", at, reason=self.reason("withdrawn"), officer=self.officer)
            return
        if fate < 0.0115:
            return
        since = received
        waited = handling.supplements(self, received, due)
        if waited is not None:
            since, due = waited.since, waited.due
            if waited.stopped:
                return
        due = handling.extension(self, since, due)
        ended = self._finished(since, due)
        handling.steps(self, since, min(ended, due))
        handling.apology(self, due, ended)
        on_time = ended <= due
        claim = None if self.happens(0.3) else on_time != self.happens(0.003)
        if fate < 0.0122:
            # the clerk entered the reception after the result
            ended = received - self.chance.randint(60, 1800)
        self._resolved(ended, electronic=self._electronic(digitised), claim=claim)
        if fate > 0.9985:
            self._mended(ended)
        elif fate > 0.9975:
            # an import closed it once more
            self._resolved(self.some_days_after(ended, 1), electronic=False, claim=None)
        if not self.happens(0.06):
            self._returned(ended)

    def _finished(self, since: int, due: int) -> int:
        """When the work is done that can begin at that moment."""
        habits, office = self.desk.habits, self.desk.office
        if self.happens(habits.late * office.late):
            beyond = self.chance.choice((60, 900, 7200, 1, 1, 2, 3, 5, 10, 20, 40))
            return due + beyond if beyond > 40 else self.some_days_after(due, beyond)
        day, due_day = since // DAY_S, due // DAY_S
        if day == due_day or not self.procedure.days:
            soonest = self.calendar.in_office(since + self.chance.randint(600, 9000))
            return min(soonest, due)
        # rather towards the end, as everywhere
        days = self.calendar.between(day, due_day)
        on = self.calendar.plus(day, round(days * self.chance.triangular(0, 1, 0.7)))
        shift = self.chance.choice(SHIFTS)
        at = on * DAY_S + self.chance.randint(shift[0] + 600, shift[1] - 300)
        return min(max(at, since + 900), due)

    def _electronic(self, digitised: bool) -> bool:
        likely = self.desk.habits.electronic_result * self.desk.office.digital
        return self.happens(likely if digitised else likely * 0.3)

    def _resolved(self, at: int, *, electronic: bool, claim: bool | None) -> None:
        own_event = electronic and self.happens(0.35)
        resolved = self.tell(
            "resolved",
            at,
            outcome="refused" if self.happens(0.01) else "approved",
            **self._form(electronic and not own_event),
            claims_on_time=claim,
            officer=self.officer if self.happens(0.7) else self.any_officer(),
        )
        if own_event:
            signed = at + self.chance.randint(5, 30)
            self.tell("digitized", signed, part="result", items_total=1, items_digitized=1)
        handling.wrong_officer(self, SOURCE, resolved)

    def _form(self, electronic: bool) -> dict[str, object]:
        """How the version of the unit's software says in which form the result was given."""
        if self.desk.office.old_software:
            return {"electronic_result": electronic}
        also_on_paper = self.happens(0.4)
        if not electronic:
            return {"result_form": "paper"}
        return {"result_form": "both" if also_on_paper else "electronic"}

    def _mended(self, ended: int) -> None:
        """The result had a mistake: opened again and given once more."""
        again = self.some_days_after(ended, 1)
        self.tell("reopened", again, reason=self.reason("reopened"), officer=self.officer)
        self._resolved(again + 1800, electronic=False, claim=None)

    def _returned(self, ended: int) -> None:
        soon = self.happens(0.7)
        at = ended + 1200 if soon else self.some_days_after(ended, self.chance.randint(1, 6))
        way = "online" if self.happens(0.12) else "postal" if self.happens(0.05) else "counter"
        self.tell("returned", at, way=way)

    # -- chances

    def _is_online(self) -> bool:
        habits, factor = self.desk.habits, self.desk.office.online
        match self.procedure.service:
            case ServiceLevel.FULL:
                return self.happens(habits.online_full * factor)
            case ServiceLevel.PARTIAL:
                return self.happens(habits.online_partial * factor)
            case _:
                return False
