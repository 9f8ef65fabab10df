"""Rebuilds the history from Kafka beside the one in force, and swaps it in when both are equal.

States: reading → settling → comparing → (swapping) → finished; from each of them → failed.

- *reading*: every record of the topic up to the position of the running history goes into a second
  database, by the historian's own way. The running history and all questions go on.
- *settling*: the dossiers of both are judged, the second one's all at once.
- *comparing*: the historian is held; the second history reads to exactly its position, and both are
  compared whole.
- *swapping*: no question is under way and the historian is held; what came meanwhile is read; then
  one row of the marker puts the second database in force (``databases.py``). A kill before it
  leaves the old history in force, after it the new one, each of them complete.

A failure of Kafka or ClickHouse ends the rebuild, not the history: it is started anew.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Literal

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError
from kafka.errors import KafkaError
from pydantic import AwareDatetime, BaseModel, ConfigDict

from schemas.calendar import load_calendar
from services.audit.settled import Settled
from services.clickhouse import ClickHouseUnavailable, MigrationError, Pool, first_line, migrate
from services.historian import (
    ClickHouseHistory,
    ForeignTopic,
    Historian,
    HistoryUnavailable,
    Storing,
    by_key_among,
    records_of,
    store_calendar,
)
from services.history.compare import Compared, compare
from services.history.databases import Databases
from streams.reading import first_offsets, read_between

log = structlog.get_logger()

_NEAR = 10_000
"""So few records are read while the historian is held."""
_STOP_S = 5.0

Step = Literal["idle", "reading", "settling", "comparing", "swapping", "finished", "failed"]
Outcome = Literal["swapped", "replaced", "equal", "different"]


class RebuildState(BaseModel):
    """How far a rebuild is, or how the last one ended."""

    model_config = ConfigDict(frozen=True)

    step: Step = "idle"
    keep: bool = False
    """Compare only."""
    replace: bool = False
    """Take the rebuilt history even when it differs: Kafka is the record."""
    started_at: AwareDatetime | None = None
    records: int = 0
    """Read so far."""
    total: int = 0
    records_per_s: float = 0
    compared: tuple[Compared, ...] = ()
    outcome: Outcome | None = None
    """Once finished: equal and taken, different and taken, equal, different."""
    kept_database: str | None = None
    """Where a rebuilt history that differs can be looked at until the next rebuild."""
    why: str | None = None
    """Why it failed."""

    @property
    def under_way(self) -> bool:
        return self.step not in ("idle", "finished", "failed")


class Rebuilding:
    """One rebuild at a time, in a thread; ``pool`` is whom the questions ask."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        databases: Databases,
        pool: Pool,
        settled: Settled,
        historian: Historian,
    ) -> None:
        self._bootstrap, self._topic = bootstrap, topic
        self._databases, self._pool = databases, pool
        self._settled, self._historian = settled, historian
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.state = RebuildState()

    def start(self, *, keep: bool, replace: bool) -> bool:
        """Begin in the background; False when another rebuild is under way."""
        with self._lock:
            if self.state.under_way:
                return False
            self.state = RebuildState(
                step="reading", keep=keep, replace=replace, started_at=datetime.now(UTC)
            )
            self._thread = threading.Thread(target=self._run, name="rebuild", daemon=True)
            self._thread.start()
            return True

    def stop(self) -> None:
        """Give up what is under way, at the next record or statement."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def _tell(self, **changes: object) -> None:
        self.state = self.state.model_copy(update=changes)

    def _run(self) -> None:
        log.info("rebuild_started", keep=self.state.keep, replace=self.state.replace)
        try:
            self._rebuild()
        except _Stopped:
            self._tell(step="failed", why="the process was stopped")
        except (ForeignTopic, KafkaError, MigrationError, OSError) as error:
            self._tell(step="failed", why=f"{type(error).__name__}: {error}")
        except (ClickHouseError, ClickHouseUnavailable, HistoryUnavailable) as error:
            self._tell(step="failed", why=f"ClickHouse: {first_line(error)}")
        except Exception as error:
            # a bug: the history in force must go on, and whoever asked must be told
            self._tell(step="failed", why=f"{type(error).__name__}: {error}")
            log.exception("rebuild_failed")
        log.info("rebuild_ended", outcome=self.state.outcome, why=self.state.why)

    def _rebuild(self) -> None:
        name = self._databases.create()
        with ExitStack() as held:
            client = held.enter_context(closing(self._databases.unhurried(name)))
            migrate(client)
            store_calendar(client, load_calendar())
            history = ClickHouseHistory(lambda: self._databases.unhurried(name), self._topic)
            copy = held.enter_context(
                closing(_Copy(self._bootstrap, self._topic, history, self._tell, self._check))
            )
            running = self._running_positions()
            while copy.missing(running) > _NEAR:
                copy.read_to(running)
                running = self._running_positions()
            self._tell(step="settling")
            settled = Settled()
            settled.settle(client)
            self._check()
            with self._pool.lend() as questions:
                self._settled.settle(questions)
            copy.read_to(self._running_positions())
            settled.settle(client)
            self._tell(step="comparing")
            with self._historian.held(), self._pool.lend() as questions:
                copy.read_to(self._running_positions())
                settled.settle(client)
                self._settled.settle(questions)
                compared = compare(client, self._databases.in_force, name)
            self._tell(compared=compared)
            equal = all(table.equal for table in compared)
            if self.state.keep or not (equal or self.state.replace):
                self._leave(name, equal)
                return
            self._tell(step="swapping")
            copy.read_to(self._running_positions())
            settled.settle(client)
            # first the questions: one that waits for the historian must be able to end
            with self._pool.alone(), self._historian.held():
                copy.read_to(self._running_positions())
                self._databases.put_in_force(name)
        self._databases.drop_left_behind()
        self._tell(step="finished", outcome="swapped" if equal else "replaced")

    def _leave(self, name: str, equal: bool) -> None:
        if equal:
            self._databases.drop(name)
            self._tell(step="finished", outcome="equal")
        else:
            self._databases.keep(name)
            self._tell(step="finished", outcome="different", kept_database=name)

    def _running_positions(self) -> Mapping[int, int]:
        self._check()
        with closing(ClickHouseHistory(self._databases.connect, self._topic)) as running:
            return running.positions()

    def _check(self) -> None:
        if self._stopping.is_set():
            raise _Stopped


class _Copy:
    """The history that is being built, and the reader that fills it."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        history: ClickHouseHistory,
        tell: Callable[..., None],
        check: Callable[[], None],
    ) -> None:
        self._bootstrap, self._topic = bootstrap, topic
        self._tell, self._check = tell, check
        self._history = history
        self._reading_s = 0.0
        firsts = first_offsets(bootstrap, topic)
        self._storing = Storing(history, by_key_among(len(firsts)))
        if gone := {p: offset for p, offset in firsts.items() if offset}:
            raise ForeignTopic(
                f"Kafka no longer has the first records of {topic} (partition: first offset"
                f" {gone}): the history may hold more than could be rebuilt"
            )

    def missing(self, ends: Mapping[int, int]) -> int:
        """Records up to there that are not in here."""
        return sum(end - self._storing.positions.get(p, 0) for p, end in ends.items())

    def read_to(self, ends: Mapping[int, int]) -> None:
        """Have everything below these offsets, and nothing beyond; stored on return."""
        stored, since = dict(self._storing.positions), time.monotonic()
        for batch in read_between(self._bootstrap, self._topic, stored, ends):
            self._check()
            self._storing.append(records_of(batch))
            self._report(ends, time.monotonic() - since)
        self._storing.finish()
        self._reading_s += time.monotonic() - since
        self._report(ends, 0)

    def _report(self, ends: Mapping[int, int], more_s: float) -> None:
        records = sum(self._storing.positions.values())
        took_s = max(self._reading_s + more_s, 0.001)
        self._tell(
            records=records,
            total=max(sum(ends.values()), records),
            records_per_s=round(records / took_s, 1),
        )

    def close(self) -> None:
        """Give back what it holds."""
        self._storing.close()
        self._history.close()


class _Stopped(Exception):
    """The process is about to end."""
