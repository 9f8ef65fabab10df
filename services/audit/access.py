"""Who asks the audit, and what they may see: three roles, units, and officers' codes.

On one machine without accounts everybody who sits there is an auditor. What a role may open is a
table of paths; a path that is not in it is for auditors who may see every unit.
"""

import hashlib
import hmac
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from schemas.words import Role
from services.secret_files import kept_secret

Way = Literal["open", "session", "key"]

ROLES: tuple[Role, ...] = ("viewer", "auditor", "administrator")
"""Each may what those before it may."""
ROLE_TITLES: dict[Role, str] = {
    "viewer": "người xem",
    "auditor": "người kiểm tra",
    "administrator": "quản trị",
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks."""

    name: str
    role: Role
    units: frozenset[str] | None
    """Codes of the units that they may see; None: every unit."""
    way: Way
    nonce: str = ""
    """Of a session: its form token is made of it."""

    def may(self, least: Role) -> bool:
        """Whether the role is enough."""
        # whoever sits at the machine administers it
        there = "administrator" if self.way == "open" else self.role
        return ROLES.index(there) >= ROLES.index(least)

    def sees(self, unit: str | None) -> bool:
        """Whether figures of this unit may be seen; None: of all units together."""
        return self.units is None or (unit is not None and unit in self.units)


OPEN = Person("máy này", "auditor", None, "open")
"""Whoever asks an audit without accounts, on the machine itself."""

_current: ContextVar[tuple[Person, str]] = ContextVar("person", default=(OPEN, ""))


def current_person() -> Person:
    """Who asks the question that is being answered."""
    return _current.get()[0]


def form_token() -> str:
    """What forms of this person's pages carry."""
    return _current.get()[1]


def answer_for(person: Person, token: str = "") -> None:
    """From here on, in this context, it is this person who asks."""
    _current.set((person, token))


class Right(NamedTuple):
    """A line of the table of rights."""

    path: str
    """Itself, and with a ``/`` at its end everything below it."""
    least: Role = "viewer"
    of_unit: bool = True
    """The question names its unit: those who see some units may ask about each of these."""
    own: bool = False
    """What one person made for themselves: whoever may make it may look at it."""
    least_to_change: Role | None = None
    """Where ``POST`` asks for more."""


RIGHTS: tuple[Right, ...] = (
    Right("/"),
    Right("/print"),
    Right("/api/v1/report"),
    Right("/api/v1/document"),
    Right("/api/v1/anomalies"),
    Right("/api/v1/events"),
    Right("/api/v1/exports"),
    Right("/api/v1/exports/", own=True),
    # the form names its unit: the handler looks
    Right("/exports", own=True),
    Right("/exports/", own=True),
    # the file names its unit: the handler looks
    Right("/check", own=True),
    Right("/api/v1/check", own=True),
    Right("/logout", own=True),
    Right("/api/v1/person", own=True),
    # words about questions, no answers
    Right("/docs", own=True),
    Right("/openapi.json", own=True),
    # figures alone, without anybody's code
    Right("/trend"),
    *(Right(f"/api/v1/{name}") for name in ("outlook", "roadmap", "trend", "durations")),
    # dossiers and officers; a comparison may name a second unit, so it is for those who see all
    *(
        Right(path, "auditor")
        for name in ("changes", "changes/dossiers", "dossiers", "forensics", "forensics/")
        for path in (f"/{name}", f"/api/v1/{name}")
    ),
    Right("/behind", "auditor"),
    Right("/dossier", "auditor"),
    Right("/api/v1/report/dossiers", "auditor"),
    Right("/api/v1/report/procedures", "auditor"),
    Right("/saved", "auditor", of_unit=False),
    Right("/saved/", "auditor", of_unit=False),
    Right("/api/v1/saved", "auditor", of_unit=False),
    Right("/api/v1/saved/", "auditor", of_unit=False),
    Right("/access", "auditor", of_unit=False),
    Right("/api/v1/access", "auditor", of_unit=False),
    Right("/api/v1/access/", "auditor", of_unit=False),
    Right("/api/v1/rebuild", "auditor", of_unit=False, least_to_change="administrator"),
)
_OTHERS = Right("", "auditor", of_unit=False)
PUBLIC = ("/healthz", "/readyz", "/.well-known/motcua", "/login", "/static/")
"""Nobody need say who they are."""


def right_of(path: str) -> Right:
    """The line for a path; one that nobody thought of is for auditors of every unit."""
    exact = next((right for right in RIGHTS if right.path == path), None)
    if exact is not None:
        return exact
    below = (
        r for r in RIGHTS if r.path != "/" and r.path.endswith("/") and path.startswith(r.path)
    )
    return next(below, _OTHERS)


def is_public(path: str) -> bool:
    """Whether anybody may ask."""
    return any(path == p or (p.endswith("/") and path.startswith(p)) for p in PUBLIC)


@cache
def audit_secret(data: Path) -> bytes:
    """What sessions are signed with and officers' masks are made of: made once, kept."""
    return kept_secret(data / "secrets" / "audit.key")


@dataclass(frozen=True, slots=True)
class OfficersSeen:
    """What may be seen of officers: their codes, or a mask that is the same every time."""

    masked: bool
    secret: Callable[[], bytes]

    def __call__(self, officer: str) -> str:
        """The code, or its mask: who does not know the installation's secret cannot undo it."""
        if not self.masked or not officer:
            return officer
        made = hmac.new(self.secret(), officer.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"CB-{made.hexdigest()[:8]}"
