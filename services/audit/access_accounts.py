"""The people who may ask the audit: a file of accounts with a hash of each password and key.

A key is ``ma_<id>_<secret>``, a password is made by us; the file holds argon2 hashes, never either.
"""

import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.text import UnitCode
from schemas.words import Role
from services.audit.access import Person, Way
from services.secret_files import hash_of, locked, matches, write_private

_KEY = re.compile(r"ma_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
# no letters that look like digits
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_GROUPS, _OF = 5, 4
_LONGEST = 200


class Account(BaseModel):
    """A line of the file of accounts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
    role: Role
    units: tuple[UnitCode, ...] | None
    """Null: every unit."""
    id: str = Field(pattern=r"^[0-9a-f]{12}$")
    """First part of the key; an account that is made anew has another one."""
    key_hash: str
    password_hash: str
    created_at: datetime

    def person(self, way: Way, nonce: str = "") -> Person:
        """Who this is, come in this way."""
        return Person(
            self.name,
            self.role,
            None if self.units is None else frozenset(self.units),
            way,
            nonce,
        )


class Secrets(NamedTuple):
    """What a new account is told once."""

    password: str
    key: str


_FILE: TypeAdapter[tuple[Account, ...]] = TypeAdapter(tuple[Account, ...])


class AccountExists(ValueError):
    """There is an account with this name already."""


class AccountUnknown(LookupError):
    """There is no account with this name."""


def accounts_file(data: Path) -> Path:
    """Where an installation keeps its accounts."""
    return data / "accounts.json"


def read_accounts(file: Path) -> tuple[Account, ...]:
    """The accounts; none when there is no file yet.

    Raises ``ValueError`` naming a file that is not one of accounts.
    """
    try:
        return _FILE.validate_json(file.read_bytes())
    except FileNotFoundError:
        return ()
    except ValidationError as error:
        # its own text would show what stands in the file
        raise ValueError(f"{file}: not a file of accounts") from error


def add_account(
    file: Path,
    name: str,
    role: Role,
    units: Iterable[str] | None = None,
    now: datetime | None = None,
) -> Secrets:
    """Store a new account; its password and key, which nobody can ask for again.

    Raises :class:`AccountExists`, or ``ValidationError`` for a bad name or unit code.
    """
    key_id, secret, password = secrets.token_hex(6), secrets.token_urlsafe(32), _password()
    new = Account(
        name=name,
        role=role,
        units=None if units is None else tuple(dict.fromkeys(units)),
        id=key_id,
        key_hash=hash_of(secret),
        password_hash=hash_of(password),
        created_at=now or datetime.now(UTC),
    )
    with locked(file):
        known = read_accounts(file)
        if any(account.name == name for account in known):
            raise AccountExists(name)
        write_private(file, (*known, new))
    return Secrets(password, f"ma_{key_id}_{secret}")


def remove_account(file: Path, name: str) -> None:
    """Forget an account; its key and sessions are worth nothing within about a second.

    Raises :class:`AccountUnknown`. The last account may go: the audit is then open to this machine
    alone, as before the first.
    """
    with locked(file):
        known = read_accounts(file)
        left = tuple(account for account in known if account.name != name)
        if len(left) == len(known):
            raise AccountUnknown(name)
        write_private(file, left)


def by_password(accounts: Iterable[Account], name: str, password: str) -> Account | None:
    """The account, or None; takes equally long for every wrong answer."""
    found = next((account for account in accounts if account.name == name), None)
    right = matches(found.password_hash if found else None, password[:_LONGEST])
    return found if right else None


def by_key(accounts: Iterable[Account], key: str) -> Account | None:
    """The account with this key, or None; takes equally long for every wrong key."""
    match = _KEY.fullmatch(key)
    key_id, secret = match.groups() if match else ("", key[:_LONGEST])
    found = next((a for a in accounts if hmac.compare_digest(a.id, key_id)), None)
    return found if matches(found.key_hash if found else None, secret) else None


def _password() -> str:
    """Nearly a hundred random bits in groups that one can type."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_OF)) for _ in range(_GROUPS))
    return "-".join(groups)
