"""The demonstration's own credential: made once, kept where only the owner may read."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from services.emitter.client import GatewayClient, GatewayRefuses

NAME = "demo"
_KEY = re.compile(r"mc_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")
_KNOWN_WITHIN_S = 15.0
_POLL_S = 0.2


class NoKey(Exception):
    """The demonstration may not send; the text says what the command line said."""


def key_file(data: Path) -> Path:
    """Where the key of this data folder lies."""
    return data / "secrets" / f"{NAME}.key"


def usable_key(
    data: Path,
    units: Sequence[str],
    connect: Callable[[str], GatewayClient],
    make: Callable[[Path, Sequence[str]], str] | None = None,
) -> str:
    """A key with which the gateway lets the demonstration write for all of these units.

    The one that is kept, or a new one when there is none or the gateway does not know it. ``make``
    is :func:`make_key` unless somebody else knows better. Raises :class:`NoKey`.
    """
    kept = key_file(data)
    if kept.exists():
        key = kept.read_text("ascii").strip()
        if _writes_for(key, units, connect, within_s=0):
            return key
    key = (make or make_key)(data, units)
    _write_private(kept, key)
    if not _writes_for(key, units, connect, within_s=_KNOWN_WITHIN_S):
        raise NoKey(f"cổng tiếp nhận không biết khóa / the gateway does not know the key: {kept}")
    return key


def make_key(data: Path, units: Sequence[str]) -> str:
    """Have the command line make the emitter anew; services do not know each other's inside."""
    _motcua("emitter", "remove", NAME, "--data", str(data), must=False)
    bound = [part for unit in units for part in ("--unit", unit)]
    said = _motcua("emitter", "add", NAME, *bound, "--data", str(data))
    found = _KEY.search(said)
    if found is None:
        raise NoKey(f"motcua emitter add: không thấy khóa / no key in its answer:\n{said}")
    return found.group()


def _motcua(*arguments: str, must: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode and must:
        raise NoKey(f"motcua {' '.join(arguments[:3])}: {done.stderr.strip() or done.stdout}")
    return done.stdout


def _writes_for(
    key: str, units: Sequence[str], connect: Callable[[str], GatewayClient], within_s: float
) -> bool:
    deadline = time.monotonic() + within_s
    while True:
        try:
            with connect(key) as client:
                return set(units) <= set(client.units())
        except GatewayRefuses:
            # it reads its file of emitters once a second
            if time.monotonic() > deadline:
                return False
        time.sleep(_POLL_S)


def _write_private(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as output:
        output.write(f"{text}\n")
    part.replace(file)
