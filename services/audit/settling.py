"""Settles dossiers in the background, so that a question finds little left to judge."""

import threading
import time

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from services.audit.settled import Settled
from services.clickhouse import ClickHouseUnavailable, Pool, first_line

log = structlog.get_logger()

_LOOK_EVERY_S = 2.0
_REST = 10
"""So many times as long as it took it does not begin again: a tenth of a core at most."""
_LONGEST_REST_S = 60.0
_STOP_S = 5.0


class Settling:
    """A thread that settles what has come in; an outage of ClickHouse is waited out."""

    def __init__(self, pool: Pool, settled: Settled) -> None:
        self._pool = pool
        self._settled = settled
        self._thread = threading.Thread(target=self._run, name="settling", daemon=True)
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is being settled; returns within a few seconds."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        wait_s = _LOOK_EVERY_S
        while not self._stopping.wait(wait_s):
            started = time.monotonic()
            try:
                with self._pool.lend() as client:
                    self._settled.settle(client)
            except (ClickHouseError, ClickHouseUnavailable, OSError) as error:
                log.warning("not_settled", why=first_line(error))
            took_s = time.monotonic() - started
            wait_s = min(max(_LOOK_EVERY_S, _REST * took_s), _LONGEST_REST_S)
