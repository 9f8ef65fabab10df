"""What time alone changes: which open dossiers are overdue, due soon or waiting at a moment.

Rates of resolved dossiers never depend on anything in here.
"""

from collections.abc import Mapping
from heapq import nsmallest
from typing import NamedTuple

from streams.core.facts import Facts
from streams.core.working_time import UnknownDay, WorkingTime

SOON_DAYS = 2
"""«Sắp đến hạn»: so many working days of working time are left, or less."""
LISTED = 10
"""Dossiers listed of each sort: what fits on a screen that is read from afar."""


class Deadlines(NamedTuple):
    """A unit's open dossiers at a moment."""

    overdue: int
    """Due before now, and the clock runs (or has stood still only since)."""
    due_soon: int | None
    """Not overdue, and at most :data:`SOON_DAYS` left; None: the calendar does not say."""
    waiting: int
    """Papers were asked for and have not come."""
    worst: tuple[tuple[str, Facts], ...]
    """(dossier code, facts) of those overdue for longest, the worst first."""
    next: tuple[tuple[str, Facts], ...]
    """Of those that will be due first and are not yet."""
    changes_at: int | None
    """The first moment at which any of this changes with no event; None: never."""


def stands_still(known: Facts) -> bool:
    """The due moment cannot pass: papers were asked for before it, and have not come."""
    waiting, due = known.waiting_since, known.due_at
    return waiting is not None and due is not None and waiting <= due


def deadlines(still_open: Mapping[str, Facts], now: int, work: WorkingTime) -> Deadlines:
    """How these open dossiers, by their codes, stand at ``now`` (milliseconds)."""
    soon_before = _soon_before(now, work)
    waiting = soon = 0
    overdue: list[tuple[int, str, Facts]] = []
    running: list[tuple[int, str, Facts]] = []
    later: int | None = None
    for code, one in still_open.items():
        waiting += one.waiting_since is not None
        due = one.due_at
        if due is None or stands_still(one):
            continue
        if due < now:
            overdue.append((due, code, one))
            continue
        running.append((due, code, one))
        if soon_before is None:
            continue
        if due < soon_before:
            soon += 1
        elif later is None or due < later:
            later = due
    following = nsmallest(LISTED, running)
    changes = [due + 1 for due, _, _ in following[:1]]
    changes += _becomes_soon(later, work)
    return Deadlines(
        overdue=len(overdue),
        due_soon=None if soon_before is None else soon,
        waiting=waiting,
        worst=tuple((code, one) for _, code, one in nsmallest(LISTED, overdue)),
        next=tuple((code, one) for _, code, one in following),
        changes_at=min(changes, default=None),
    )


def _soon_before(now: int, work: WorkingTime) -> int | None:
    """What is due before this moment is due soon; None where the calendar ends before it."""
    try:
        return work.moment_when(work.worked(now) + SOON_DAYS * work.day_ms + 1)
    except UnknownDay:
        return None


def _becomes_soon(due: int | None, work: WorkingTime) -> list[int]:
    if due is None:
        return []
    try:
        return [work.moment_when(work.worked(due) - SOON_DAYS * work.day_ms)]
    except UnknownDay:
        return []
