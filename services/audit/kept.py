"""Tables of dossiers as questions about the past saw them, kept for the next click.

Whoever takes a number apart asks the same moment again and again; to judge a province's dossiers
anew for every page would take seconds. What is kept is dropped when it was not asked for in the
last while, or when too many rows are kept; a table in use is never dropped.
"""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from clickhouse_connect.driver.client import Client

MOST_ROWS = 3_000_000
"""Together, about half a GB: two past moments of a province's year, and a little more."""
MOST_TABLES = 16
IDLE_S = 900.0

Key: TypeAlias = tuple[Any, ...]


@dataclass
class _Table:
    name: str
    rows: int
    users: int = 1
    asked_at: float = field(default_factory=time.monotonic)


class Kept:
    """Which tables there are, by what was asked; the oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: OrderedDict[Key, _Table] = OrderedDict()

    def take(self, key: Key) -> str | None:
        """The table for this question, until it is given back; None: it must be made."""
        with self._lock:
            table = self._tables.get(key)
            if table is None:
                return None
            table.users += 1
            table.asked_at = time.monotonic()
            self._tables.move_to_end(key)
            return table.name

    def put(self, key: Key, name: str, rows: int) -> None:
        """Keep a table that was made; its maker has taken it."""
        with self._lock:
            # two who made the same at once: the other one is dropped when it is given back
            self._tables.setdefault(key, _Table(name, rows))

    def give_back(self, client: Client, key: Key, name: str | None = None) -> None:
        """The question is answered. ``name``: the table that its asker made."""
        with self._lock:
            table = self._tables.get(key)
            if table is None or name not in (None, table.name):
                surplus = [name or ""]
            else:
                table.users -= 1
                surplus = []
            surplus += self._too_many()
        for one in surplus:
            drop(client, one)

    def _too_many(self) -> list[str]:
        found: list[str] = []
        now = time.monotonic()
        for key, table in list(self._tables.items()):
            rows = sum(one.rows for one in self._tables.values())
            idle = now - table.asked_at > IDLE_S
            if not table.users and (idle or rows > MOST_ROWS or len(self._tables) > MOST_TABLES):
                del self._tables[key]
                found.append(table.name)
        return found


def drop(client: Client, name: str) -> None:
    """Drop a table; it may be gone with a history that was rebuilt."""
    client.command("DROP TABLE IF EXISTS {asked:Identifier}", {"asked": name})
