"""Who asked the audit what: a file that only grows, each line chained to the one before.

A line is a JSON object with its number, what happened, the SHA-256 of the line before, and its own
over all of that (sorted keys, no spaces, UTF-8). Who changes, removes, inserts or reorders a line
breaks the chain there; who cuts the end off is found out by whoever noted a later number and
SHA-256. Nothing in the product edits it.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson
import structlog

log = structlog.get_logger()

FIRST = "0" * 64
"""What the first line names as the one before."""
_TAIL_BYTES = 64_000


class Head(NamedTuple):
    """The last line: whoever notes it can later tell whether the end was cut off."""

    number: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.number}:{self.sha256}"


class Broken(NamedTuple):
    """Where the chain breaks first."""

    line: int
    """Of the file, from 1."""
    why: str


class Examined(NamedTuple):
    """What came of going along the chain."""

    head: Head
    broken: Broken | None


def log_file(data: Path) -> Path:
    """Where an installation keeps its access log."""
    return data / "access" / "log.jsonl"


class AccessLog:
    """Appends and reads; several processes may use one file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def append(self, said: Mapping[str, Any]) -> Head:
        """Durable on return. Raises ``OSError`` when it cannot be written."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before, whole = _last(file)
            line = {"n": before.number + 1, **said, "before": before.sha256}
            line["sha256"] = digest_of(line)
            # what a crash left of a line is ended, so that it harms nobody but itself
            file.write((b"" if whole else b"\n") + orjson.dumps(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return Head(int(line["n"]), str(line["sha256"]))

    def newest(self, count: int, before: int | None = None) -> list[dict[str, Any]]:
        """The last lines, newest first; ``before``: of those with a smaller number."""
        found: list[dict[str, Any]] = []
        for line in _backwards(self._file):
            said = _read(line)
            if said is None or (before is not None and int(said["n"]) >= before):
                continue
            found.append(said)
            if len(found) == count:
                break
        return found

    def lines(self) -> Iterator[bytes]:
        """Every line, oldest first."""
        try:
            with self._file.open("rb") as file:
                yield from file
        except FileNotFoundError:
            return

    def examine(self, noted: Head | None = None) -> Examined:
        """Go along the whole chain; ``noted``: it must be in there, too."""
        head = Head(0, FIRST)
        noted_found = noted is None or noted.number == 0
        for number, line in enumerate(self.lines(), 1):
            said = _read(line)
            if said is None:
                # half a line that a crash left: were it a whole one, the next would not follow
                continue
            if why := _wrong(said, head):
                return Examined(head, Broken(number, why))
            head = Head(int(said["n"]), str(said["sha256"]))
            if noted is not None and noted.number == head.number:
                if noted != head:
                    return Examined(head, Broken(number, "not the line that was noted"))
                noted_found = True
        if not noted_found:
            why = f"the chain ends with {head.number}, and {noted} was noted"
            return Examined(head, Broken(head.number, why))
        return Examined(head, None)


def digest_of(line: Mapping[str, Any]) -> str:
    """``sha256`` as it must be for this line, whatever stands there."""
    content = {name: value for name, value in line.items() if name != "sha256"}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _wrong(said: Mapping[str, Any], before: Head) -> str:
    if said["n"] != before.number + 1:
        return f"number {said['n']} follows {before.number}"
    if said["before"] != before.sha256:
        return "it does not name the line before"
    return "" if digest_of(said) == said["sha256"] else "it was changed"


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    right = isinstance(said, dict) and isinstance(said.get("n"), int)
    return said if right and {"before", "sha256"} <= set(said) else None


def _last(file: BinaryIO) -> tuple[Head, bool]:
    """The head of the chain, and whether the file ends with a whole line."""
    size = file.seek(0, os.SEEK_END)
    if not size:
        return Head(0, FIRST), True
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    for line in reversed(tail.splitlines()):
        if (said := _read(line)) is not None:
            return Head(int(said["n"]), str(said["sha256"])), tail.endswith(b"\n")
    raise OSError("the end of the access log cannot be read; see motcua access check")


def _backwards(file: Path) -> Iterator[bytes]:
    """Lines from the last one back, without reading the whole file for a few of them."""
    try:
        with file.open("rb") as source:
            at = source.seek(0, os.SEEK_END)
            rest = b""
            while at > 0:
                begin = max(0, at - _TAIL_BYTES)
                source.seek(begin)
                block = source.read(at - begin) + rest
                lines = block.split(b"\n")
                rest = lines[0]
                yield from reversed(lines[1:])
                at = begin
            yield rest
    except FileNotFoundError:
        return
