"""Why a dossier is what it is: how its due moment came about, and which event made which fact so.

Nothing is computed here a second time. A dossier is replayed in its own order, and after each event
``facts`` says what is known: an explanation cannot disagree with the figures that it explains.
"""

from enum import StrEnum
from typing import NamedTuple

from streams.core.dossier import (
    AnyEntry,
    Corrected,
    Dossier,
    DueChanged,
    Received,
    Rejected,
    Reopened,
    Resolved,
    Stopped,
    SupplementReceived,
    SupplementRequested,
    Withdrawn,
    corrections,
    effective,
)
from streams.core.facts import BIT, Facts, facts
from streams.core.working_time import UnknownDay, WorkingTime


class What(StrEnum):
    """What an event meant for the clock."""

    RECEIVED = "received"
    RECEIVED_AGAIN = "received_again"
    STOPS = "stops"
    ASKED_AGAIN = "asked_again"
    RUNS = "runs"
    UNASKED = "unasked"
    EXTENDED = "extended"
    APOLOGISED = "apologised"
    AFTER_CLOSING = "after_closing"
    """Papers or due moments that came when it was over: they change nothing."""
    CLOSED = "closed"
    CLOSED_AGAIN = "closed_again"
    REOPENED = "reopened"


class Pause(NamedTuple):
    """A time in which the clock stood still, in milliseconds since the epoch."""

    start: int
    end: int
    worked: int | None
    """Working milliseconds within; None: the calendar does not know the year."""


class Step(NamedTuple):
    """An event that the due moment depends on, or could have."""

    what: What
    entry: AnyEntry
    """As it counts: where it was corrected, its replacement."""
    corrected_by: Corrected | None
    due_before: int | None
    due: int | None
    """In force once this had happened."""
    pause: Pause | None
    """Which this event ended."""
    calendar_unknown: bool


class Explanation(NamedTuple):
    """How a due moment came about."""

    steps: tuple[Step, ...]
    """In the order of what happened, not of how it became known."""
    corrections: tuple[Corrected, ...]
    """All of them, in order; those in force have their target in ``in_force``."""
    in_force: dict[int, Corrected]
    """By the identity of the corrected event."""
    known: Facts

    @property
    def due_at(self) -> int | None:
        """The due moment at the end of the steps; always that of ``known``."""
        return self.steps[-1].due if self.steps else None


def explain_due(dossier: Dossier, work: WorkingTime) -> Explanation:
    """The steps that led to the due moment. The dossier must not be empty."""
    in_force, corrected = effective(dossier), corrections(dossier)
    steps: list[Step] = []
    before: Facts | None = None
    for n, entry in enumerate(in_force):
        after = facts(in_force[: n + 1], work)
        what = _what(entry, before, after)
        if what is not None:
            steps.append(
                Step(
                    what,
                    entry,
                    corrected.get(entry.id),
                    before.due_at if before else None,
                    after.due_at,
                    _pause(entry, before, work),
                    after.has("calendar_unknown"),
                )
            )
        before = after
    return Explanation(
        tuple(steps),
        tuple(entry for entry in dossier if type(entry) is Corrected),
        corrected,
        facts(dossier, work),
    )


def turning_points(dossier: Dossier, work: WorkingTime) -> dict[str, AnyEntry]:
    """By the name of each fact that an event made so, or not so any more: the last such event.

    A fact that is missing has never been otherwise than now.
    """
    found: dict[str, AnyEntry] = {}
    bits = 0
    in_force = effective(dossier)
    for n, entry in enumerate(in_force):
        now = facts(in_force[: n + 1], work).bits
        found |= {name: entry for name, bit in BIT.items() if (bits ^ now) & bit}
        bits = now
    for entry in dossier:
        if type(entry) is Corrected:
            # these are told from the corrections themselves, which are no part of what is in force
            whole = facts(dossier, work).bits
            found |= {name: entry for name, bit in BIT.items() if (bits ^ whole) & bit}
    return found


_CLOSINGS = (Resolved, Rejected, Withdrawn, Stopped)


def _what(entry: AnyEntry, before: Facts | None, after: Facts) -> What | None:
    closed = before is not None and before.closed_at is not None
    waiting = before is not None and before.waiting_since is not None
    match entry:
        case Received():
            again = before is not None and before.received_at is not None
            return What.RECEIVED_AGAIN if again else What.RECEIVED
        case Reopened():
            return What.REOPENED if closed else None
        case SupplementRequested() | SupplementReceived() | DueChanged() if closed:
            return What.AFTER_CLOSING
        case SupplementRequested():
            return What.ASKED_AGAIN if waiting else What.STOPS
        case SupplementReceived():
            return What.RUNS if waiting else What.UNASKED
        case DueChanged():
            return What.EXTENDED if entry.extension else What.APOLOGISED
        case _ if isinstance(entry, _CLOSINGS):
            return What.CLOSED_AGAIN if closed else What.CLOSED
        case _:
            return None


def _pause(entry: AnyEntry, before: Facts | None, work: WorkingTime) -> Pause | None:
    """The pause that this event ends: papers end one, and so does the closing."""
    if before is None or before.waiting_since is None or before.closed_at is not None:
        return None
    if not isinstance(entry, (SupplementReceived, *_CLOSINGS)):
        return None
    start = before.waiting_since
    try:
        worked = work.worked(entry.at) - work.worked(start)
    except UnknownDay:
        worked = None
    return Pause(start, entry.at, worked)
