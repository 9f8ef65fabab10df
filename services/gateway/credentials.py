"""Who may send events: the file of emitters, with a hash of each one's key.

A key is ``mc_<id>_<secret>``; the file holds its argon2 hash, never the key. Whoever asks with a
wrong secret, an unknown id or nonsense waits equally long for the same answer.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.text import UnitCode
from services.gateway.admission import Emitter
from services.reread import Reread, stamp_of
from services.secret_files import hash_of, locked, matches, write_private

_KEY = re.compile(r"mc_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_REMEMBERED = 1024


class Credential(BaseModel):
    """A line of the file of emitters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
    id: str = Field(pattern=r"^[0-9a-f]{12}$")
    """First part of the key; says which hash to compare with."""
    hash: str
    """argon2id of the key's secret part."""
    units: tuple[UnitCode, ...]
    created_at: datetime


_FILE: TypeAdapter[tuple[Credential, ...]] = TypeAdapter(tuple[Credential, ...])


class EmitterExists(ValueError):
    """There is an emitter with this name already."""


class EmitterUnknown(LookupError):
    """There is no emitter with this name."""


def credentials_file(data: Path) -> Path:
    """Where an installation keeps its emitters."""
    return data / "emitters.json"


def read_credentials(file: Path) -> tuple[Credential, ...]:
    """The emitters of the file; none when there is no file yet.

    Raises ``ValueError`` naming a file that is not one of emitters.
    """
    try:
        return _FILE.validate_json(file.read_bytes())
    except FileNotFoundError:
        return ()
    except ValidationError as error:
        # its own text would show what stands in the file
        raise ValueError(f"{file}: not a file of emitters") from error


def add_emitter(file: Path, name: str, units: Iterable[str], now: datetime | None = None) -> str:
    """Store a new emitter and return its key, which nobody can ask for again.

    Raises :class:`EmitterExists`, or ``ValidationError`` for a bad name or unit code.
    """
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    new = Credential(
        name=name,
        id=key_id,
        hash=hash_of(secret),
        units=tuple(dict.fromkeys(units)),
        created_at=now or datetime.now(UTC),
    )
    with locked(file):
        known = read_credentials(file)
        if any(credential.name == name for credential in known):
            raise EmitterExists(name)
        write_private(file, (*known, new))
    return f"mc_{key_id}_{secret}"


def remove_emitter(file: Path, name: str) -> None:
    """Forget an emitter; its key is worth nothing within about a second.

    Raises :class:`EmitterUnknown`.
    """
    with locked(file):
        known = read_credentials(file)
        left = tuple(credential for credential in known if credential.name != name)
        if len(left) == len(known):
            raise EmitterUnknown(name)
        write_private(file, left)


class Keys:
    """Finds the emitter of a key; what was verified is remembered by the key's SHA-256."""

    def __init__(self, file: Path) -> None:
        self._credentials: Reread[tuple[Credential, ...]] = Reread(
            lambda: read_credentials(file), lambda: stamp_of(file)
        )
        self._answers: OrderedDict[bytes, Emitter | None] = OrderedDict()
        self._answers_for: tuple[Credential, ...] = ()
        # one at a time: a flood of wrong keys keeps one thread busy, and nobody else waits for it
        self._verifying = asyncio.Semaphore(1)

    async def emitter_of(self, key: str) -> Emitter | None:
        """The emitter with this key, or None; equally slow for every wrong key, the first time."""
        credentials = self._credentials()
        if credentials is not self._answers_for:
            self._answers_for = credentials
            self._answers.clear()
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        if digest in self._answers:
            return self._answers[digest]
        async with self._verifying:
            emitter = await asyncio.to_thread(verify, credentials, key)
        if credentials is self._answers_for:
            self._answers[digest] = emitter
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
        return emitter


def verify(credentials: Iterable[Credential], key: str) -> Emitter | None:
    """The emitter with this key, or None; takes about 10 ms, equally long for every wrong key."""
    match = _KEY.fullmatch(key)
    key_id, secret = match.groups() if match else ("", key[:200])
    found = next((c for c in credentials if hmac.compare_digest(c.id, key_id)), None)
    right = matches(found.hash if found else None, secret)
    return Emitter(found.name, frozenset(found.units)) if found and right else None
