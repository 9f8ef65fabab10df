"""Verifies all the time, in a thread of its own, and writes a certificate of every cycle."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.admitted import rfc3339_ms
from schemas.certificates import Certificate, seal
from services.audit.rota import Rota
from services.audit.settled import Settled
from services.audit.verify import MOST_DIFFERENCES, WAIT_S, Compared, Patience, compare
from services.clickhouse import ClickHouseUnavailable, first_line
from streams.live import LiveSource

log = structlog.get_logger()

BUDGET_S = 8.0
_CYCLE_WAIT_S = 3.0
"""So long such a cycle waits for the history; the next one comes soon enough."""
_RETRY_S = 1.0
_STOP_WITHIN_S = 5.0
_MISSED_CYCLES = 3
"""After so many nobody would believe in a coincidence."""


class NotComparable(Exception):
    """Nothing could be compared: the live counters are not here, or ClickHouse does not answer."""


class LiveNotReady(NotComparable):
    """The live counters are not all here yet; the message says why."""


class Stopping(NotComparable):
    """The process is about to end."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often."""

    every_s: float
    """Pause between two cycles; 0: only on demand."""
    all_within_s: float
    """Every unit is recounted so often, at least."""
    budget_s: float = BUDGET_S
    """Of a cycle that nobody asked for; its last query may begin shortly before."""

    @property
    def next_within_s(self) -> int | None:
        """See :class:`Certificate`."""
        if not self.every_s:
            return None
        return int(_MISSED_CYCLES * (self.every_s + self.budget_s + _CYCLE_WAIT_S))


class Verifier:
    """Compares live with history, again and again, and at once when somebody asks.

    It has a seat of its own beside those who ask questions. What it could not compare it does not
    certify; the age of the newest certificate tells.
    """

    def __init__(
        self,
        live: LiveSource,
        settled: Settled,
        lend: Callable[[], AbstractContextManager[Client]],
        publish: Callable[[Certificate], None],
        newest: Callable[[], Certificate | None],
        rhythm: Rhythm,
        code_version: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._live = live
        self._settled = settled
        self._lend = lend
        self._publish = publish
        self._newest = newest
        self._rhythm = rhythm
        self._code_version = code_version
        self._clock = clock
        self._rota = Rota(timedelta(seconds=rhythm.all_within_s))
        self._equal_at: str | None = None
        self._trouble: str | None = None
        self._asked: queue.SimpleQueue[Future[Certificate] | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="verifier", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End after the query that runs; returns within a few seconds."""
        self._stopping.set()
        self._asked.put(None)
        if self._thread.ident is not None:
            self._thread.join(_STOP_WITHIN_S)

    def now(self, within_s: float = 600) -> Certificate:
        """The certificate of a fresh cycle that recounts every unit and waits for the history.

        Raises :class:`NotComparable`, and ``TimeoutError``.
        """
        asked: Future[Certificate] = Future()
        self._asked.put(asked)
        return asked.result(within_s)

    def _run(self) -> None:
        pause_s = 0.0 if self._rhythm.every_s else None
        while not self._stopping.is_set():
            asked = self._wait(pause_s)
            pause_s = self._rhythm.every_s or None
            try:
                certificate, left_over = self._cycle(anew=bool(asked))
            except Exception as error:
                # whatever it was: who asked must hear of it, and the next cycle must come
                self._tell(error)
                pause_s = pause_s and min(pause_s, _RETRY_S)
                for one in asked:
                    one.set_exception(error)
            else:
                self._trouble = None
                if left_over:
                    # much to do: soon again, but never more than half of the time
                    pause_s = pause_s and min(pause_s, certificate.duration_ms / 1000)
                for one in asked:
                    one.set_result(certificate)
        for one in self._wait(0.0):
            one.set_exception(Stopping())

    def _wait(self, pause_s: float | None) -> list[Future[Certificate]]:
        """Who has asked, as soon as somebody has, or nobody after the pause."""
        asked: list[Future[Certificate] | None] = []
        try:
            asked.append(self._asked.get(timeout=pause_s))
            while True:
                asked.append(self._asked.get_nowait())
        except queue.Empty:
            return [one for one in asked if one is not None]

    def _cycle(self, *, anew: bool) -> tuple[Certificate, int]:
        """The certificate, and how many units must wait for the next cycle."""
        if self._stopping.is_set():
            raise Stopping
        if (why := self._live.not_ready()) is not None:
            raise LiveNotReady(why)
        going_on = self._going_on
        patience = (
            Patience(WAIT_S, going_on=going_on)
            if anew
            else Patience(_CYCLE_WAIT_S, self._rhythm.budget_s, going_on)
        )
        began = time.monotonic()
        try:
            with self._lend() as client:
                compared = compare(
                    client,
                    self._settled,
                    self._live,
                    self._rota,
                    self._clock,
                    anew=anew,
                    patience=patience,
                )
        except (ClickHouseError, ClickHouseUnavailable) as error:
            raise NotComparable(first_line(error)) from error
        if self._stopping.is_set():
            # what was left out now would look like a history that is late
            raise Stopping
        certificate = self._certify(compared, time.monotonic() - began)
        self._publish(certificate)
        return certificate, compared.left_over

    def _going_on(self) -> bool:
        return not self._stopping.is_set()

    def _certify(self, compared: Compared, took_s: float) -> Certificate:
        findings = compared.findings.values()
        at, state = rfc3339_ms(compared.at), compared.state
        if state == "equal":
            self._equal_at = at
        elif self._equal_at is None and (before := self._newest()) is not None:
            self._equal_at = before.equal_at
        offsets: dict[int, int] = {}
        for finding in findings:
            now = finding.state.now
            offsets[now.partition] = max(offsets.get(now.partition, 0), now.offset)
        oldest = min((finding.at for finding in findings), default=None)
        return seal(
            Certificate(
                state=state,
                compared_at=at,
                duration_ms=round(took_s * 1000),
                code_version=self._code_version,
                units=len(compared.states),
                units_compared=len(findings),
                units_differing=compared.differing,
                cells_compared=sum(finding.cells for finding in findings),
                offsets=dict(sorted(offsets.items())),
                history_behind=compared.behind,
                recounted=compared.recounted,
                oldest_recount_at=rfc3339_ms(oldest) if oldest else None,
                all_recounted_within_s=int(self._rhythm.all_within_s),
                next_within_s=self._rhythm.next_within_s,
                equal_at=self._equal_at,
                differences_found=sum(len(finding.differences) for finding in findings),
                differences=tuple(
                    islice((d for f in findings for d in f.differences), MOST_DIFFERENCES)
                ),
            )
        )

    def _tell(self, error: Exception) -> None:
        why = f"{type(error).__name__}: {error}"
        if why != self._trouble:
            known = isinstance(error, NotComparable)
            log.warning("verifier_waits", why=why, exc_info=None if known else error)
        self._trouble = why
