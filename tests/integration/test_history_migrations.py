"""Migrations and connections of the history."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from services.clickhouse import (
    ClickHouseUnavailable,
    MigrationError,
    connect,
    migrate,
    shipped_migrations,
)
from tests.support.clickhouse import Database, Server

SQL_FOLDERS = (Path("schemas/clickhouse"), Path("services/audit/sql"))


@pytest.fixture
def client(clickhouse_server: Server) -> Iterator[Client]:
    client = clickhouse_server.empty_database().connect()
    yield client
    client.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_one.sql").write_text(
        "-- a comment; with a semicolon\n"
        "CREATE TABLE IF NOT EXISTS one (a Int8) ENGINE = Memory;\n"
        "INSERT INTO one SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM one);\n"
    )
    (tmp_path / "0002_two.sql").write_text(
        "CREATE TABLE IF NOT EXISTS two (a Int8) ENGINE = Memory;\n"
    )
    return tmp_path


def test_migrations_are_applied_once_and_in_order(client: Client, folder: Path):
    """Every start runs them; only the first one changes anything."""
    assert migrate(client, folder) == ["0001_one.sql", "0002_two.sql"]
    assert migrate(client, folder) == []

    (folder / "0003_three.sql").write_text("CREATE TABLE three (a Int8) ENGINE = Memory;\n")

    assert migrate(client, folder) == ["0003_three.sql"]


def test_a_landed_migration_that_was_changed_is_refused(client: Client, folder: Path):
    """Two installations with the same number and other tables cannot be told apart later."""
    migrate(client, folder)
    (folder / "0001_one.sql").write_text("SELECT 1;\n")

    with pytest.raises(MigrationError, match=r"0001_one\.sql was changed"):
        migrate(client, folder)


def test_a_newer_database_is_refused(client: Client, folder: Path):
    """An older version would read the newer tables wrongly."""
    migrate(client, folder)
    (folder / "0002_two.sql").unlink()

    with pytest.raises(MigrationError, match="newer"):
        migrate(client, folder)


def test_a_migration_that_was_cut_off_is_run_again(client: Client, folder: Path):
    """The power may go between two statements of one file."""
    good = (folder / "0001_one.sql").read_text()
    (folder / "0001_one.sql").write_text(good + "SELECT nonsense FROM nowhere;\n")
    with pytest.raises(DatabaseError):
        migrate(client, folder)
    (folder / "0001_one.sql").write_text(good)

    assert migrate(client, folder) == ["0001_one.sql", "0002_two.sql"]
    assert client.query("SELECT count(*) FROM one").first_row == (1,)


def test_numbers_without_gaps(folder: Path):
    """A missing file is a lost one."""
    (folder / "0004_four.sql").write_text("SELECT 1;\n")

    with pytest.raises(MigrationError, match="without gaps"):
        shipped_migrations(folder)


def test_the_shipped_migrations_may_all_be_run_twice(clickhouse_server: Server):
    """What is safe after a crash is safe to repeat."""
    client = clickhouse_server.database().connect()
    for migration in shipped_migrations():
        for statement in migration.statements:
            client.command(statement)
    client.close()


@pytest.mark.parametrize(
    "address", ["", "localhost:8123", "ftp://host/db", "chdb", "http://", "file:/tmp/x"]
)
def test_an_address_that_is_none_is_said_with_the_right_form(address: str):
    """The one setting is written by hand."""
    with pytest.raises(ClickHouseUnavailable, match="chdb:<folder>"):
        connect(address)


def test_a_server_that_does_not_answer_is_said_without_the_password():
    """The message ends in logs and on screens."""
    with pytest.raises(ClickHouseUnavailable, match=r"127\.0\.0\.1:1 does not answer") as caught:
        connect("http://user:geheim@127.0.0.1:1/db")

    assert "geheim" not in str(caught.value)


def test_a_second_folder_in_one_process_is_said(clickhouse_server: Server, tmp_path: Path):
    """chDB opens one folder for a process; its own message does not say so."""
    with pytest.raises(ClickHouseUnavailable, match="another chDB folder"):
        connect(f"chdb:{tmp_path}")


def test_questions_run_side_by_side_and_wait_for_a_free_place(database: Database):
    """A heavy question must neither block another one nor let a hundred take all memory."""
    pool = database.pool(size=2)
    inside, most, lock = 0, 0, threading.Lock()
    both = threading.Barrier(2, timeout=20)

    def ask() -> None:
        nonlocal inside, most
        with pool.lend() as client:
            with lock:
                inside += 1
                most = max(most, inside)
            both.wait()
            assert client.query("SELECT 1").first_row == (1,)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert most == 2
    pool.close()


def test_a_connection_that_failed_is_not_lent_again(database: Database):
    """Its state is unknown; the next question must not inherit it."""
    pool = database.pool(size=1)
    with pytest.raises(DatabaseError), pool.lend() as broken:
        broken.query("SELECT nonsense")

    with pool.lend() as client:
        assert client is not broken
        assert client.query("SELECT 1").first_row == (1,)
    pool.close()


def test_events_are_never_counted_without_care():
    """A copy that is counted twice is a wrong figure: only in_force.sql counts each event once."""
    careless = re.compile(r"\b(?:count|sum|avg)\w*\(", re.IGNORECASE)
    found = []
    for file in sorted(file for folder in SQL_FOLDERS for file in folder.rglob("*.sql")):
        code = re.sub(r"--.*", "", file.read_text(encoding="utf-8"))
        for select in _selects(code):
            own = re.sub(r"\([^()]*\bSELECT\b.*", "", select, flags=re.DOTALL)
            if re.search(r"\bFROM\s+events\b", select) and careless.search(own):
                found.append((file.name, " ".join(select.split())))

    # the one place that looks for events that stand there more than once, and what it was before
    assert [name for name, _ in found] == ["0002_facts.sql", "0003_whole_domain.sql"], found
    assert all("HAVING count() > 1" in code for _, code in found)


def _selects(code: str) -> list[str]:
    """Each SELECT with what follows it, up to the next one."""
    parts = re.split(r"(?=\bSELECT\b)", code)
    return [part for part in parts if part.startswith("SELECT")]
