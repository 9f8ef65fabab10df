"""Simple dossiers as an emitter would send them: few kinds of events, nothing left to chance but
what the seed gives."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Any

from tests.faults.stack import UNITS

Event = dict[str, Any]

SOURCE = "urn:faults:one-stop"
_HANOI = timezone(timedelta(hours=7))
_BEGINS = datetime(2023, 1, 10, 8, 0, tzinfo=_HANOI)
_DAYS = 240
_PROCEDURES = ("1.001193", "1.000656", "1.004873", "2.000815")
_OFFICERS = ("cb01", "cb02", "cb03")


def dossier(rnd: random.Random, code: str, unit: str) -> list[Event]:
    """The two to four events of one dossier, in the order in which they happened."""
    at = _BEGINS + timedelta(minutes=rnd.randrange(_DAYS * 1440))
    due = at + timedelta(minutes=rnd.randrange(1, 8 * 1440))
    told = [
        event(
            "received.v1",
            code,
            unit,
            at,
            procedure=rnd.choice(_PROCEDURES),
            channel=rnd.choice(("online", "counter")),
            paperless=False,
            due_at=due.isoformat(),
            officer=rnd.choice(_OFFICERS),
        )
    ]
    if rnd.random() < 0.4:
        at += timedelta(minutes=rnd.randrange(1, 600))
        told.append(
            event(
                "paid.v1",
                code,
                unit,
                at,
                payment_id=f"P-{code}",
                amount_vnd=1000 * rnd.randrange(1, 50),
                way=rnd.choice(("national_portal", "cash")),
            )
        )
    at += timedelta(minutes=rnd.randrange(1, 9 * 1440))
    officer = rnd.choice(_OFFICERS)
    if rnd.random() < 0.06:
        told.append(event("withdrawn.v1", code, unit, at, reason="theo đơn", officer=officer))
    else:
        told.append(
            event(
                "resolved.v2",
                code,
                unit,
                at,
                outcome="approved",
                result_form="paper",
                officer=officer,
            )
        )
    if rnd.random() < 0.5:
        told.append(event("returned.v1", code, unit, at + timedelta(minutes=5), way="counter"))
    return told


def event(kind: str, code: str, unit: str, at: datetime, **data: Any) -> Event:
    """One event; a dossier has at most one of each kind."""
    return {
        "specversion": "1.0",
        "id": f"{code}/{kind.partition('.')[0]}",
        "source": SOURCE,
        "type": f"motcua.dossier.{kind}",
        "subject": code,
        "time": at.isoformat(),
        "unit": unit,
        "data": data,
    }


def correction(rnd: random.Random, original: Event) -> Event:
    """What the original should have said: another moment, or that it should not have been sent."""
    code, unit = original["subject"], original["unit"]
    replacement = None
    if rnd.random() < 0.7:
        at = datetime.fromisoformat(original["time"]) + timedelta(minutes=rnd.randrange(-500, 500))
        said = {"type": original["type"], "time": at.isoformat(), "data": original["data"]}
        replacement = {"replacement": said}
    made = event(
        "corrected.v1",
        code,
        unit,
        datetime.fromisoformat(original["time"]),
        corrects={"source": original["source"], "id": original["id"]},
        reason="nhập nhầm",
        approved_by="LD01",
        **(replacement or {}),
    )
    return {**made, "id": f"{made['id']}/{original['id']}"}


def dossiers(seed: str) -> Iterator[list[Event]]:
    """Dossiers without end; the same seed tells the same ones."""
    rnd = random.Random(seed)
    for number in count():
        unit = rnd.choice(UNITS)
        yield dossier(rnd, f"{unit}-{seed}-{number:06d}", unit)


def events(seed: str) -> Iterator[Event]:
    """Their events, of a few dozen dossiers at a time in a mixed order."""
    rnd = random.Random(f"order of {seed}")
    waiting: list[Event] = []
    for told in dossiers(seed):
        waiting += told
        if len(waiting) >= 100:
            rnd.shuffle(waiting)
            yield from waiting
            waiting = []


def some(seed: str, number: int) -> list[Event]:
    """So many events, the last ones perhaps of dossiers without an end."""
    source = events(seed)
    return [next(source) for _ in range(number)]
