"""Values that live in files which somebody may change while a process runs.

A file is looked at once a second at most, and read again only when it changed. A file that has
become unreadable never takes away what was read before: the reason is told once, and the old value
stays until the file is mended.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from schemas.registry import Registry, load_registry

_LOOK_EVERY_S = 1.0

T = TypeVar("T")
Stamp = tuple[tuple[str, int, int, int], ...]

log = structlog.get_logger()


class Reread(Generic[T]):
    """What ``read()`` returned last; ``stamp()`` tells when it is worth reading again.

    The first reading happens in the constructor and may raise; later ones never do.
    """

    def __init__(
        self,
        read: Callable[[], T],
        stamp: Callable[[], Stamp],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._stamp, self._clock = read, stamp, clock
        self._seen = stamp()
        self._value = read()
        self._look_at = clock() + _LOOK_EVERY_S

    def __call__(self) -> T:
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY_S
            self._look()
        return self._value

    def _look(self) -> None:
        try:
            # before reading: a change during the reading is seen the next time
            found = self._stamp()
            if found != self._seen:
                self._seen = found
                self._value = self._read()
        except (OSError, ValueError) as error:
            log.error("file_unreadable", why=str(error), kept="what was read before")


def stamp_of(*files: Path) -> Stamp:
    """Changes whenever one of the files is written, replaced, added or removed."""
    found = []
    for file in files:
        try:
            status = file.stat()
        except FileNotFoundError:
            continue
        found.append((str(file), status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)


def registry_of(data: Path) -> Reread[Registry]:
    """The shipped registry with what an installation added in its data folder.

    Raises ``ValueError`` naming the file that is not a registry.
    """
    folder = data / "registry"
    return Reread(
        lambda: load_registry(folder), lambda: stamp_of(folder, *sorted(folder.glob("*.toml")))
    )
