"""What the snapshots let say of one officer's open dossiers, and no more.

A snapshot counts a unit's open dossiers without their officers, and lists the most urgent ones with
theirs. Where the lists hold all that there are, an officer's number is exact; else it is the least.
"""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.snapshots import DueDossier, UnitNow


class Held(NamedTuple):
    """Open dossiers that an officer has."""

    n: int
    exact: bool
    """False: there may be more."""


def held_by(nows: Sequence[UnitNow], officer: str | None) -> dict[str, Held | None]:
    """``open``, ``overdue`` and ``due_soon`` of these units, or of an officer of the one.

    None: unknown, for the working calendar does not say.
    """
    if officer is None:
        soon = [one.due_soon for one in nows]
        known = [n for n in soon if n is not None]
        return {
            "open": Held(sum(one.open for one in nows), True),
            "overdue": Held(sum(one.overdue for one in nows), True),
            "due_soon": Held(sum(known), True) if len(known) == len(soon) else None,
        }
    if not nows:
        return dict.fromkeys(("open", "overdue", "due_soon"), Held(0, True))
    (now,) = nows
    return {
        "open": _open_of(now, officer),
        "overdue": overdue_of(now, officer),
        "due_soon": _due_soon_of(now, officer),
    }


def overdue_of(now: UnitNow, officer: str) -> Held:
    """Overdue dossiers of one officer of the unit."""
    return Held(_listed(now.worst, officer), now.overdue == len(now.worst))


def _open_of(now: UnitNow, officer: str) -> Held:
    listed = (*now.worst, *now.next)
    return Held(_listed(listed, officer), now.open == len(listed))


def _due_soon_of(now: UnitNow, officer: str) -> Held | None:
    """Those due soon are the first ones of what is due next."""
    if now.due_soon is None:
        return None
    return Held(_listed(now.next[: now.due_soon], officer), now.due_soon <= len(now.next))


def _listed(dossiers: Sequence[DueDossier], officer: str) -> int:
    return sum(one.officer == officer for one in dossiers)
