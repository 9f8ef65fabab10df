"""The pool of connections: nobody is in the old database when another takes over."""

import threading
from typing import Any

from clickhouse_connect.driver.client import Client

from services import clickhouse
from services.clickhouse import Pool
from tests.support.kafka import eventually


class Connection:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def a_pool(size: int) -> tuple[Pool, list[Any]]:
    made: list[Any] = []

    def connect() -> Client:
        made.append(Connection())
        client: Client = made[-1]
        return client

    return Pool(connect, size), made


def test_alone_waits_for_questions_and_gives_everybody_a_new_connection():
    pool, made = a_pool(2)
    asking, answered, alone = threading.Event(), threading.Event(), threading.Event()

    def ask() -> None:
        with pool.lend():
            asking.set()
            answered.wait(10)

    def swap() -> None:
        with pool.alone():
            assert answered.is_set()
            alone.set()

    threads = [threading.Thread(target=ask), threading.Thread(target=swap)]
    threads[0].start()
    assert asking.wait(10)
    threads[1].start()
    # others are not kept waiting by who waits to be alone
    with pool.lend() as other:
        assert other is made[1]
        assert not alone.is_set()
    answered.set()
    for thread in threads:
        thread.join(10)

    assert alone.is_set()
    assert all(connection.closed for connection in made)
    with pool.lend(), pool.lend():
        assert len(made) == 4


def test_without_a_calm_moment_it_insists(monkeypatch):
    """Where somebody always asks the other database would never take over."""
    monkeypatch.setattr(clickhouse, "_CALM_WITHIN_S", 0.0)
    pool, _ = a_pool(1)
    alone, done = threading.Event(), threading.Event()

    def ask() -> None:
        while not done.is_set():
            with pool.lend():
                assert not alone.is_set()

    asking = [threading.Thread(target=ask) for _ in range(3)]
    for thread in asking:
        thread.start()
    with pool.alone():
        alone.set()
        alone.clear()
    done.set()
    eventually(lambda: not any(thread.is_alive() for thread in asking), 10, "the end")
