"""Fixtures of the tests that need real engines."""

from collections.abc import Iterator

import pytest

from tests.support.clickhouse import Database, Server


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """chDB, opened once: one process can open one folder only."""
    server = Server(tmp_path_factory.mktemp("clickhouse"))
    # kept open for the whole session: opening the engine costs half a second
    with server.connection():
        yield server


@pytest.fixture
def database(clickhouse_server: Server) -> Database:
    """An empty history of this test alone."""
    return clickhouse_server.database()
