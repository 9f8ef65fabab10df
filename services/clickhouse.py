"""The way to ClickHouse, embedded or a server: connections, a pool of them, migrations."""

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver import options
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

# the driver would import pandas with the first insert, a second and 60 MB, to see that what is
# inserted is no data frame
options.pd = None

_EMBEDDED = "chdb:"
# what it finds in the query that judges dossiers is nothing, and looking for it takes half the time
# of planning it
_SETTINGS = {"optimize_and_compare_chain": 0}
_CONNECT_TIMEOUT_S = 5
_CALM_WITHIN_S = 30.0
_LOOK_S = 0.02


class ClickHouseUnavailable(Exception):
    """ClickHouse cannot be opened or reached; the message says what to do."""


class MigrationError(Exception):
    """The database and the migrations of this version do not belong together."""


def connect(address: str, database: str | None = None) -> Client:
    """A new connection; one thread at a time may use it, several may be open.

    ``address`` is ``chdb:<folder>`` (embedded, the folder belongs to this process alone) or
    ``http(s)://user:password@host:port/database``. Raises :class:`ClickHouseUnavailable`.
    """
    if address.startswith(_EMBEDDED):
        return _open_embedded(address.removeprefix(_EMBEDDED), database)
    url = urlsplit(address)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ClickHouseUnavailable(
            "MOTCUA_CLICKHOUSE must be chdb:<folder> or http(s)://user:password@host:port/database"
        )
    try:
        return clickhouse_connect.get_client(
            interface=url.scheme,
            host=url.hostname,
            port=url.port or 0,
            username=url.username,
            password=url.password or "",
            database=database or url.path.strip("/") or "default",
            connect_timeout=_CONNECT_TIMEOUT_S,
            settings=_SETTINGS,
        )
    except (ClickHouseError, OSError) as error:
        raise ClickHouseUnavailable(
            f"ClickHouse at {url.hostname}:{url.port} does not answer: {first_line(error)}"
        ) from error


def _open_embedded(folder: str, database: str | None) -> Client:
    try:
        return clickhouse_connect.get_client(
            interface="chdb",
            path=folder,
            database=database or "default",
            settings=_SETTINGS,
        )
    except ClickHouseError as error:
        message = str(error)
        if "already initialized with path" in message:
            reason = "this process has another chDB folder open already"
        elif "Code: 36" in message:
            # all that chDB says when the folder's lock is held, or the folder cannot be written
            reason = (
                "another process has it open (is motcua running on this data folder already?), "
                "or it cannot be written"
            )
        else:
            reason = first_line(error)
        raise ClickHouseUnavailable(f"cannot open the chDB folder {folder}: {reason}") from error


def first_line(error: Exception) -> str:
    """What went wrong, without the whole expanded SQL that ClickHouse repeats after it."""
    text = str(error).strip()
    return text.splitlines()[0][:500] if text else type(error).__name__


class Pool:
    """Lends connections to threads and keeps them for the next one.

    At most ``size`` questions run at once; further ones wait: that bounds the memory they take.
    """

    def __init__(self, connect: Callable[[], Client], size: int) -> None:
        self._connect = connect
        self._size = size
        self._free: list[Client] = []
        self._lock = threading.Lock()
        self._seats = threading.BoundedSemaphore(size)
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[Client]:
        """A connection that nobody else uses meanwhile. Raises :class:`ClickHouseUnavailable`."""
        with self._seats:
            with self._lock:
                client = self._free.pop() if self._free else None
            client = client or self._connect()
            try:
                yield client
            except BaseException:
                # its state is unknown: whoever comes next gets a new one
                client.close()
                raise
            with self._lock:
                if not self._closed:
                    self._free.append(client)
                    return
            client.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody has a connection meanwhile, and whoever comes afterwards gets a new one.

        It waits for a moment when nobody asks; when none comes, it keeps further questions waiting
        until those under way are answered.
        """
        calm_until = time.monotonic() + _CALM_WITHIN_S
        while (taken := self._take_free_seats()) < self._size and time.monotonic() < calm_until:
            self._give_back(taken)
            time.sleep(_LOOK_S)
        for _ in range(self._size - taken):
            self._seats.acquire()
        try:
            with self._lock:
                free, self._free = self._free, []
            for client in free:
                client.close()
            yield
        finally:
            self._give_back(self._size)

    def _take_free_seats(self) -> int:
        return sum(self._seats.acquire(blocking=False) for _ in range(self._size))

    def _give_back(self, seats: int) -> None:
        for _ in range(seats):
            self._seats.release()

    def close(self) -> None:
        """Close what is free now, and the others as they come back."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        for client in free:
            client.close()


# -- migrations


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file. Its statements may each be run again after a crash."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Of the file as it is; a landed file never changes."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        """The SQL between semicolons at the ends of lines, without lines that are comments."""
        code = re.sub(r"^\s*--.*$", "", self.sql, flags=re.MULTILINE)
        return [part.strip() for part in re.split(r";\s*\n", code + "\n") if part.strip()]


def shipped_migrations(folder: Traversable | None = None) -> list[Migration]:
    """The files ``NNNN_name.sql`` in their order; numbers are 1, 2, 3 …"""
    folder = folder or resources.files("schemas") / "clickhouse"
    files = sorted(f.name for f in folder.iterdir() if f.name.endswith(".sql"))
    found = [
        Migration(int(name[:4]), name, (folder / name).read_text(encoding="utf-8"))
        for name in files
    ]
    if [m.number for m in found] != list(range(1, len(found) + 1)):
        raise MigrationError(f"migrations must be numbered 1, 2, 3 … without gaps: {files}")
    return found


def migrate(client: Client, folder: Traversable | None = None) -> list[str]:
    """Bring the database to this version; the names of what was applied now.

    Run by one process. A crash in the middle is safe: the file is run again from its start.
    Raises :class:`MigrationError` when a landed file was changed, or when the database is newer.
    """
    client.command(
        "CREATE TABLE IF NOT EXISTS migrations (number UInt32, name String, sha256 String,"
        " applied_at DateTime64(3, 'UTC') DEFAULT now64(3))"
        " ENGINE = ReplacingMergeTree ORDER BY number"
        " SETTINGS non_replicated_deduplication_window = 0"
    )
    rows = client.query("SELECT number, name, sha256 FROM migrations FINAL").result_rows
    landed = {number: (name, sha256) for number, name, sha256 in rows}
    shipped = shipped_migrations(folder)
    if newer := sorted(set(landed) - {m.number for m in shipped}):
        raise MigrationError(
            f"the database has {landed[newer[-1]][0]}, which this version does not know:"
            " install the version that wrote it, or a newer one"
        )
    applied = []
    for migration in shipped:
        if migration.number in landed:
            if landed[migration.number][1] != migration.sha256:
                raise MigrationError(
                    f"{migration.name} was changed after it landed in this database:"
                    " restore it and write a further migration"
                )
            continue
        for statement in migration.statements:
            client.command(statement)
        row = [migration.number, migration.name, migration.sha256]
        client.insert("migrations", [row], column_names=["number", "name", "sha256"])
        applied.append(migration.name)
    return applied
