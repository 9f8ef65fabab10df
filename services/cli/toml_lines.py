"""On which line of a TOML file something stands: ``tomllib`` tells only of what it cannot read."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

_HEADER = re.compile(r"^\s*\[\[\s*([\w.-]+)\s*\]\]|^\s*\[\s*([\w.-]+)\s*\]")
_KEY = re.compile(r"^\s*([\w-]+|\"[^\"]*\"|'[^']*')\s*(?:\.|=)")
_SYNTAX = re.compile(r"\(at line (\d+), column \d+\)")

Place = tuple[str | int, ...]
"""Where a value lies, as pydantic says it: ``("procedure", 3, "level")``."""


@dataclass(slots=True)
class Lines:
    """Lines of a file by the places of its tables and keys; the first line is 1."""

    _of: dict[Place, int] = field(default_factory=dict)

    def of(self, place: Sequence[str | int]) -> int:
        """The line of the place, or of the nearest table around it that has one."""
        parts = tuple(place)
        while parts and parts not in self._of:
            parts = parts[:-1]
        return self._of.get(parts, 1)


def lines_of(text: str) -> Lines:
    """A scan of tables and keys. Text over several lines is no key, nor is a value's own line."""
    found: dict[Place, int] = {}
    count: Counter[str] = Counter()
    table: Place = ()
    quoted = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if quoted:
            quoted = "" if line.count(quoted) % 2 else quoted
            continue
        if match := _HEADER.match(line):
            if match[1]:
                table = (match[1], count[match[1]])
                found.setdefault(table[:1], number)
                count[match[1]] += 1
            else:
                table = (match[2],)
            found[table] = number
        elif match := _KEY.match(line):
            found.setdefault((*table, match[1].strip("\"'")), number)
        quoted = next((q for q in ('"""', "'''") if line.count(q) % 2), "")
    return Lines(found)


def syntax_line(message: str) -> int | None:
    """The line that ``tomllib`` names in an error; None when it names none (the file's end)."""
    match = _SYNTAX.search(message)
    return int(match[1]) if match else None


def without_place(message: str) -> str:
    """The error's message without the line, which is told before it."""
    return _SYNTAX.sub("", message).strip()
