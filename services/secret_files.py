"""Secrets in files: argon2 hashes of what only its owner knows, and files that only we may read."""

import fcntl
import functools
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel

# secrets are random and long, nobody guesses them: argon2 need not be slow here, and a flood of
# wrong ones must not take the machine
_hasher = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)


def hash_of(secret: str) -> str:
    """argon2id of a secret that we made."""
    return _hasher.hash(secret)


def matches(hashed: str | None, secret: str) -> bool:
    """Whether the secret is that of the hash; None: nobody's, and it takes equally long."""
    try:
        right = _hasher.verify(hashed or _nobody(), secret.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
    return right and hashed is not None


@functools.cache
def _nobody() -> str:
    """A hash that no secret matches, so that an unknown name costs what a wrong secret costs."""
    return _hasher.hash(secrets.token_urlsafe(32))


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """One writer of the file at a time, across processes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with (file.parent / f".{file.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_private(file: Path, lines: Sequence[BaseModel]) -> None:
    """Readers see the old file or the new one, never half of it; nobody else may read it."""
    dumped = [line.model_dump(mode="json") for line in lines]
    write_private_text(file, json.dumps(dumped, ensure_ascii=False, indent=1))


def write_private_text(file: Path, text: str) -> None:
    """The same for any text."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as output:
        output.write(text)
        output.flush()
        os.fsync(output.fileno())
    part.replace(file)


def kept_secret(file: Path) -> bytes:
    """32 random bytes that are made once and kept in the file."""
    with locked(file):
        try:
            return bytes.fromhex(file.read_text("ascii").strip())
        except FileNotFoundError:
            made = secrets.token_bytes(32)
            write_private_text(file, f"{made.hex()}\n")
            return made
