"""Which database of this ClickHouse is the history; a rebuilt one takes over by one row.

The marker, a table of the database that the settings name, says which database is in force; without
a row it is that database itself. A kill before the row is written leaves the old history in force,
a kill after it the new one; what the other left behind is dropped at the next start.
"""

import threading
from contextlib import closing
from typing import Literal

from clickhouse_connect.driver.client import Client

from services.clickhouse import connect

_MARKER = "history_databases"
_REBUILT = "_rebuilt_"
# a rebuild has time; the questions of people have not
_UNHURRIED = {"max_threads": 1, "max_insert_threads": 1}

Role = Literal["in_force", "kept"]


class Databases:
    """The databases of one ClickHouse; one for each process. Opens nothing before it is asked.

    ``base`` is the database that holds the marker; None: the one that the address names.
    """

    def __init__(self, address: str, base: str | None = None) -> None:
        self._address = address
        self._base = base
        self._lock = threading.Lock()
        self._in_force = ""

    def connect(self) -> Client:
        """A new connection to the history in force. Raises :class:`ClickHouseUnavailable`."""
        with self._lock:
            if self._in_force:
                return connect(self._address, self._in_force)
            # the second before the first is closed: with the last one the embedded engine ends
            with closing(self._open()) as client:
                self._in_force = _named(client, "in_force") or _current(client)
                return connect(self._address, self._in_force)

    @property
    def in_force(self) -> str:
        """Name of the database that is the history."""
        self.connect().close()
        return self._in_force

    def unhurried(self, database: str) -> Client:
        """A connection to this database whose statements let others go first."""
        client = connect(self._address, database)
        for name, value in _UNHURRIED.items():
            client.set_client_setting(name, value)
        return client

    def create(self) -> str:
        """A new empty database; whatever earlier rebuilds left is dropped."""
        self.keep("")
        self.drop_left_behind()
        with closing(self._open()) as client:
            name = f"{_current(client)}{_REBUILT}{_rows(client) + 1}"
            client.command("CREATE DATABASE {name:Identifier}", {"name": name})
            return name

    def keep(self, database: str) -> None:
        """Have this one stay until the next rebuild, though it is not in force; empty: none."""
        self._mark(database, "kept")

    def put_in_force(self, database: str) -> None:
        """From now on, and after every start, this one is the history.

        Whoever has a connection still asks the one before: see to it that nobody has.
        """
        self._mark(database, "in_force")
        with self._lock:
            self._in_force = database

    def drop(self, database: str) -> None:
        """Drop a rebuilt database."""
        with closing(self._open()) as client:
            client.command("DROP DATABASE IF EXISTS {name:Identifier} SYNC", {"name": database})

    def drop_left_behind(self) -> None:
        """Drop what is neither in force nor kept; nobody may be rebuilding."""
        in_force = self.in_force
        with closing(self._open()) as client:
            wanted = {in_force, _named(client, "kept")}
            for name in _rebuilt(client):
                if name not in wanted:
                    self.drop(name)
            if in_force != _current(client):
                _drop_tables_of_base(client, in_force)

    def _open(self) -> Client:
        return connect(self._address, self._base)

    def _mark(self, database: str, role: Role) -> None:
        with closing(self._open()) as client:
            client.command(
                f"CREATE TABLE IF NOT EXISTS {_MARKER} (number UInt64, database String,"
                " role Enum8('in_force' = 1, 'kept' = 2),"
                " since DateTime64(3, 'UTC') DEFAULT now64(3))"
                " ENGINE = MergeTree ORDER BY number SETTINGS"
                " non_replicated_deduplication_window = 0,"
                " fsync_after_insert = 1, fsync_part_directory = 1"
            )
            client.insert(
                _MARKER,
                [[_rows(client) + 1, database, role]],
                column_names=["number", "database", "role"],
                settings={"async_insert": 0},
            )


def _named(client: Client, role: Role) -> str:
    if not client.query(f"EXISTS TABLE {_MARKER}").result_rows[0][0]:
        return ""
    asked = f"SELECT argMax(database, number) FROM {_MARKER} WHERE role = {{role:String}}"
    return str(client.query(asked, {"role": role}).result_rows[0][0])


def _rows(client: Client) -> int:
    return int(client.query(f"SELECT count() FROM {_MARKER}").result_rows[0][0])


def _current(client: Client) -> str:
    return str(client.query("SELECT currentDatabase()").result_rows[0][0])


def _rebuilt(client: Client) -> list[str]:
    rows = client.query(
        "SELECT name FROM system.databases"
        " WHERE startsWith(name, concat(currentDatabase(), {rebuilt:String}))",
        {"rebuilt": _REBUILT},
    ).result_rows
    return [name for (name,) in rows]


def _drop_tables_of_base(client: Client, in_force: str) -> None:
    """Those that the history in force has too: what else lies there is not ours."""
    rows = client.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND name IN"
        " (SELECT name FROM system.tables WHERE database = {in_force:String})"
        # the views first: they fill tables
        " ORDER BY engine = 'MaterializedView' DESC, engine = 'View' DESC",
        {"in_force": in_force},
    ).result_rows
    for (name,) in rows:
        client.command("DROP TABLE IF EXISTS {name:Identifier} SYNC", {"name": name})
