"""An installation to be broken: the product's own processes on real Kafka, chDB and HTTP.

A keeper starts again at once whatever has died, as the supervisor of ``deploy/local`` does after
half a second and more; apart from that nothing helps a process to recover.
"""

import contextlib
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2

from deploy.local import processes
from services.gateway.credentials import add_emitter, credentials_file
from services.topics import ensure_topics
from tests.faults.ledger import Ledger
from tests.faults.outcome import Unsettled
from tests.support import kafka
from tests.support.kafka import RunningBroker, free_ports
from tests.support.workers import Log, ServiceProcess

PREFIX = "motcua"
UNITS = ("23500", "23503", "23506", "23509", "23512", "23518")
"""Communes of the registry; every emitter of an experiment may write for all of them."""
EMITTERS = ("alpha", "beta", "gamma")
READY_WITHIN_S = 120
DRAINED_WITHIN_S = 300
_PORTS = 10
_LOOK_EVERY_S = 0.05
_MODULES = {"front": ("services.front", 0), "history": ("services.history", 1)}
_WORKER = ("streams", 4)


def until(holds: Callable[[], Any], within_s: float, what: str, every_s: float = 0.05) -> float:
    """Poll; return after how many seconds it held. Raises :class:`Unsettled`."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within_s:
            raise Unsettled(f"not within {within_s:g} s: {what}")
        time.sleep(every_s)
    return time.monotonic() - began


class Stack:
    """Kafka, ``worker``, ``front`` and ``history`` on one folder; ``start`` it, ``close`` it.

    ``brokers``: 1, or 3 that hold a copy of everything each.
    """

    def __init__(self, folder: Path, brokers: int = 1) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_ports(_PORTS)
        self.ledger = Ledger()
        self.processes: dict[str, ServiceProcess] = {}
        self.deaths: Counter[str] = Counter()
        """Ends of processes that nobody here asked for."""
        self.verified: dict[str, Any] = {}
        self._wanted: set[str] = set()
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._layout = processes.Stack(folder, self.port, brokers=brokers)
        self.brokers: list[RunningBroker] = []

    # -- life

    def start(self) -> None:
        """Everything from nothing to ready."""
        self.data.mkdir(parents=True)
        file = credentials_file(self.data)
        self.keys = {name: add_emitter(file, name, UNITS) for name in EMITTERS}
        self.brokers = kafka.start_all(*self._layout.kafkas)
        ensure_topics(self.bootstrap, PREFIX, len(self.brokers))
        for name in ("worker", *_MODULES):
            self.add(name)
        self._keeper.start()
        for name in self.processes:
            self.ready(name)

    def close(self) -> None:
        """End everything without a word."""
        self._closing.set()
        if self._keeper.ident is not None:
            self._keeper.join()
        for process in self.processes.values():
            with process:
                pass
        for broker in self.brokers:
            broker.thaw()
            broker.kill()

    def remove(self) -> None:
        """Take the folder away: nothing in it is of interest any more."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- processes

    def add(self, name: str, port: int | None = None, **environment: str) -> None:
        """Start a process for the first time: a further worker has a port of its own."""
        module, offset = _MODULES.get(name, _WORKER)
        own = {
            "MOTCUA_KAFKA": self.bootstrap,
            "MOTCUA_TOPIC_PREFIX": PREFIX,
            "MOTCUA_DATA": str(self.data if name != "second" else self.folder / "second"),
            "MOTCUA_WORKER_INSTANCE": name,
            **environment,
        }
        log = self.folder / "logs" / f"{name}.log"
        self.processes[name] = ServiceProcess(module, port or self.port, offset, log, own)
        self.wake(name)

    def add_second_worker(self) -> None:
        """One that shares the partitions with the first."""
        if "second" not in self.processes:
            (self.folder / "second").mkdir()
            self.add("second", self.port + 5)
        else:
            self.wake("second")
        self.ready("second")

    def wake(self, name: str) -> None:
        """Have a process run, and kept running."""
        with self._lock:
            self._wanted.add(name)
            self.processes[name].start()

    def kill(self, *names: str) -> float:
        """``kill -9``, all at once; the keeper starts them again. Returns the moment."""
        with self._lock:
            for name in names:
                process = self.processes[name].process
                assert process
                process.kill()
            for name in names:
                self.processes[name].kill()
                self.processes[name].start()
        return time.monotonic()

    def down(self, name: str) -> None:
        """``kill -9``, and nobody starts it again."""
        with self._lock:
            self._wanted.discard(name)
            self.processes[name].kill()

    def stop(self, name: str) -> None:
        """SIGTERM and its own clean end; nobody starts it again."""
        with self._lock:
            self._wanted.discard(name)
            process = self.processes[name].process
            assert process
            process.terminate()
            process.wait(30)

    def ready(self, name: str, within_s: float = READY_WITHIN_S) -> float:
        """Wait until it says that it is ready; the seconds."""
        process = self.processes[name]
        return until(
            lambda: process.readiness()[0] == 200, within_s, f"{name} ready, see {process.log}"
        )

    def _keep(self) -> None:
        while not self._closing.wait(_LOOK_EVERY_S):
            with self._lock:
                for name in self._wanted:
                    process = self.processes[name]
                    if process.process and process.process.poll() is not None:
                        self.deaths[name] += 1
                        process.start()

    # -- Kafka

    @property
    def bootstrap(self) -> str:
        """Addresses of all brokers."""
        return self._layout.bootstrap

    @property
    def log(self) -> Log:
        """Its topics."""
        return Log(self.bootstrap, PREFIX)

    def start_broker(self, number: int = 0) -> None:
        """Start a broker again where it was."""
        (self.brokers[number],) = kafka.start_all(self.brokers[number].broker)

    # -- HTTP

    @property
    def url(self) -> str:
        """Of gateway and wall."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def audit(self) -> str:
        """Of the audit."""
        return f"http://127.0.0.1:{self.port + 1}"

    def report(self, url: str, **asked: str) -> dict[str, Any]:
        """The table of indicators of 2023 by the live side or by the history."""
        period = {"book": "dak-ha-2023", "from": "2023-01-01", "to": "2023-12-31", **asked}
        path = "/api/v1/report" if url == self.audit else "/api/v1/units"
        answer = httpx2.get(url + path, params=period, trust_env=False, timeout=120)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def verify(self) -> dict[str, Any]:
        """What the product's own comparison says; {} when it cannot answer now."""
        with contextlib.suppress(httpx2.TransportError):
            answer = httpx2.post(f"{self.audit}/api/v1/verify", trust_env=False, timeout=300)
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
        return {}

    # -- all of it

    def drain(self, within_s: float = DRAINED_WITHIN_S) -> float:
        """Wait until the worker has published and the history has read everything; the seconds.

        ``verified`` is then what the product's own comparison said of it.
        """
        took = self.drain_live(within_s)
        self.ready("history")
        return took + until(self._history_read_all, within_s, "the history has read all", 0.2)

    def drain_live(self, within_s: float = DRAINED_WITHIN_S) -> float:
        """Wait until the worker has published everything; the seconds."""
        log = self.log
        ends = log.ends()
        what = f"published up to {ends}"
        took = until(lambda: log.committed() == ends, within_s, what, 0.2)
        until(self._front_ready, within_s, "the front is ready", 0.2)
        return took

    def _history_read_all(self) -> bool:
        self.verified = self.verify()
        return self.verified.get("history_behind") == 0

    def _front_ready(self) -> bool:
        return self.processes["front"].readiness()[0] == 200


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Stack]:
    """A stack that does not survive the block; its folder does."""
    stack = Stack(folder)
    try:
        stack.start()
        yield stack
    finally:
        stack.close()
