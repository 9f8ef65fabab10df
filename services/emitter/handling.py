"""What may happen to a dossier between its reception and its end, besides the work itself.

Each function tells the events and gives back what they mean for the rest of the story.
"""

from typing import Any, NamedTuple

from services.emitter.office_days import CLOSE_S, DAY_S, iso
from services.emitter.offices import PAPERS, PAPERS_BEYOND_THE_LIST, STEPS
from services.emitter.telling import Happening, Teller

SUPPLEMENTED = 0.03
"""Share of dossiers for which papers are asked."""
_ANSWERED, _STOPPED = 0.64, 0.12
"""Of those: the papers come; they do not, and the dossier is stopped. The rest still waits."""
_ASKED_TWICE, _BEYOND_LIST, _NEW_DUE_TOLD = 0.12, 0.07, 0.35
_CORRECTED_DUE, _CORRECTED_OFFICER, _PAID_TWICE = 0.0045, 0.003, 0.006
"""The last is a share of payments; together about one dossier in a hundred is corrected."""


class Waited(NamedTuple):
    """How a request for papers ended."""

    since: int
    """When the work could go on."""
    due: int
    stopped: bool
    """Nothing more happens: it waits, or was stopped for waiting too long."""


def supplements(teller: Teller, received: int, due: int) -> Waited | None:
    """Papers are asked for, once or twice, and mostly come. None: nobody asked."""
    if not teller.happens(SUPPLEMENTED):
        return None
    chance, calendar = teller.chance, teller.calendar
    since = received
    for _ in range(2):
        asked = calendar.in_office(since + chance.randint(1200, 14_400))
        if asked >= due:
            # the morning after would excuse nothing
            asked = max(since + 300, due - 600)
        _ask(teller, asked)
        fate = chance.random()
        if fate > _ANSWERED:
            if fate < _ANSWERED + _STOPPED:
                at = teller.some_days_after(asked, chance.randint(20, 45))
                teller.tell("stopped", at, reason=teller.reason("stopped"), officer=teller.officer)
            return Waited(asked, due, True)
        since = teller.some_days_after(asked, chance.randint(1, 8))
        moved = calendar.after(due, calendar.worked(since) - calendar.worked(asked))
        new_due = None
        if teller.happens(_NEW_DUE_TOLD):
            moved = (moved // DAY_S) * DAY_S + CLOSE_S
            new_due = iso(moved)
        due = max(moved, since)
        teller.tell("supplement_received", since, new_due_at=new_due)
        if not teller.happens(_ASKED_TWICE):
            break
    return Waited(since, due, False)


def _ask(teller: Teller, at: int) -> None:
    beyond = teller.happens(_BEYOND_LIST)
    items = teller.chance.sample(PAPERS, teller.chance.randint(1, 2))
    if beyond:
        items.append(teller.chance.choice(PAPERS_BEYOND_THE_LIST))
    teller.tell(
        "supplement_requested",
        at,
        officer=teller.officer,
        reason=teller.reason("supplement_requested"),
        items=items,
        beyond_list=beyond,
    )


def steps(teller: Teller, since: int, until: int) -> None:
    """The dossier goes from one officer to the next while it is worked on."""
    days = teller.procedure.days or 0
    if not teller.happens(0.06 if days == 0 else 0.45 if days <= 3 else 0.95):
        return
    calendar, left = teller.calendar, hours_left(teller, since, until)
    count = teller.chance.randint(1, 2) if days <= 3 else 3
    for n, (step, room) in enumerate(STEPS[:count]):
        at = calendar.after(since, left * (n + 1) // (count + 2))
        teller.tell(
            "forwarded",
            at,
            officer=teller.any_officer(),
            room=room,
            step=step,
            step_due_at=iso(calendar.after(since, left * (n + 2) // (count + 2))),
        )


def hours_left(teller: Teller, since: int, until: int) -> int:
    """Seconds of office hours between two moments; 0 when the first is the later one."""
    return max(0, teller.calendar.worked(until) - teller.calendar.worked(since))


def extension(teller: Teller, since: int, due: int) -> int:
    """The law's own extension of a longer procedure, now and then; the due moment after it."""
    if (teller.procedure.days or 0) < 3 or not teller.happens(0.03):
        return due
    at = teller.calendar.after(since, hours_left(teller, since, due) // 2)
    day = teller.calendar.plus(due // DAY_S, teller.chance.randint(3, 8))
    new_due = day * DAY_S + CLOSE_S
    _due_changed(teller, at, new_due, "legal_extension", "TB")
    return new_due


def apology(teller: Teller, due: int, ended: int) -> None:
    """A letter says when the late result will be there; it makes nothing less late."""
    if ended > due and teller.happens(0.5):
        promised = (ended // DAY_S) * DAY_S + CLOSE_S
        _due_changed(teller, max(due - 1800, due // DAY_S * DAY_S), promised, "apology", "PXL")


def _due_changed(teller: Teller, at: int, new_due: int, basis: str, letters: str) -> None:
    number = teller.chance.randint(1, 400)
    teller.tell(
        "due_changed",
        at,
        new_due_at=iso(new_due),
        basis=basis,
        document=f"{number}/{letters}-{teller.desk.unit.code}",
    )


# -- mistakes of those who type, and their corrections


def wrong_due(teller: Teller, due: int) -> int:
    """The due moment as it was typed: mostly right."""
    if not teller.slips or not teller.happens(_CORRECTED_DUE):
        return due
    # the day before, or the month after
    return due + teller.chance.choice((-DAY_S, 30 * DAY_S))


def correct(teller: Teller, source: str, wrong: Happening, at: int, **right: Any) -> None:
    """Put other fields in the place of those of an event, or void it when none are given."""
    replacement = None
    if right:
        data = {name: v for name, v in {**wrong.data, **right}.items() if v is not None}
        replacement = {"type": teller.type_of(wrong.kind), "time": iso(wrong.at), "data": data}
    teller.tell(
        "corrected",
        at,
        corrects={"source": source, "id": f"{wrong.code}/{wrong.number}"},
        replacement=replacement,
        reason=teller.reason("corrected"),
        approved_by=f"{teller.desk.unit.code}-ld01",
    )


def paid_twice(teller: Teller, source: str, paid: Happening) -> None:
    """A payment was entered once more by mistake, and is voided."""
    if teller.slips and teller.happens(_PAID_TWICE):
        again = teller.tell(
            "paid", paid.at + 120, **{**paid.data, "payment_id": f"{teller.code}.p2"}
        )
        correct(teller, source, again, teller.some_days_after(paid.at, 1))


def wrong_officer(teller: Teller, source: str, resolved: Happening) -> None:
    """The result was entered under another officer's code."""
    if teller.slips and teller.happens(_CORRECTED_OFFICER):
        at = teller.some_days_after(resolved.at, teller.chance.randint(1, 3))
        correct(teller, source, resolved, at, officer=teller.any_officer())
