"""One-stop software under load: several senders on connections that stay open.

No answer within the time-out, a broken connection and a 503 all mean «unknown»: the same request
is sent again, with the same ids, until it is answered.
"""

import http.client
import json
import threading
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from tests.faults.outcome import Unsettled
from tests.faults.stack import EMITTERS, Stack

_TIMEOUT_S = 8.0
_AGAIN_S = 0.05
_GIVE_UP_S = 240.0
_WHOLE = {1: "application/cloudevents+json"}
_BATCH = "application/cloudevents-batch+json"
SIZES = (1, 20, 200)
"""Events in a request of each emitter: singles, small batches, large ones."""

Events = Iterable[dict[str, Any]]


class Refused(Exception):
    """The gateway said no to an event that is right."""


class Emitter:
    """One connection with one key."""

    def __init__(self, stack: Stack, name: str) -> None:
        self._key, self._ledger = stack.keys[name], stack.ledger
        self._never = threading.Event()
        self._connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=_TIMEOUT_S)

    def send(self, events: Sequence[dict[str, Any]]) -> None:
        """Return when the gateway has answered 202 to all of them, in one request."""
        body = json.dumps(events[0] if len(events) == 1 else list(events)).encode()
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": _WHOLE.get(len(events), _BATCH),
        }
        began = time.monotonic()
        while True:
            status, answer = self._try(body, headers)
            if status == 202:
                self._ledger.accepted(list(events), began)
                return
            if status not in (0, 503):
                raise Refused(f"{status}: {answer[:1000]!r}")
            self._ledger.no_answer(status)
            if time.monotonic() - began > _GIVE_UP_S:
                raise Unsettled(f"no 202 within {_GIVE_UP_S:g} s")
            self._never.wait(_AGAIN_S)

    def _try(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        try:
            self._connection.request("POST", "/v1/events", body, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return 0, b""

    def close(self) -> None:
        self._connection.close()


class Load:
    """Emitters that share the events between them, each in a thread, until told to stop.

    ``per_second`` bounds all of them together; 0: as fast as they can.
    """

    def __init__(
        self,
        stack: Stack,
        events: Events,
        per_second: float = 0,
        sizes: Sequence[int] = SIZES,
    ) -> None:
        self._stack = stack
        self._events = iter(events)
        self._per_second = per_second
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._failed: list[Exception] = []
        self._taken = 0
        self._began = time.monotonic()
        self._threads = [
            threading.Thread(target=self._run, args=(name, size), daemon=True)
            for name, size in zip(EMITTERS, sizes, strict=True)
        ]

    def __enter__(self) -> "Load":
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        if kind is None:
            self.check()

    def finish(self) -> None:
        """Return when every event has been answered."""
        for thread in self._threads:
            thread.join()
        self.check()

    def check(self) -> None:
        """Raise what an emitter raised."""
        if self._failed:
            raise self._failed[0]

    @property
    def sent(self) -> int:
        """Events taken so far."""
        return self._taken

    @property
    def over(self) -> bool:
        """Every event has been answered, or an emitter gave up."""
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, name: str, size: int) -> None:
        emitter = Emitter(self._stack, name)
        try:
            while not self._stopping.is_set() and (chunk := self._take(size)):
                emitter.send(chunk)
        except Exception as error:
            self._failed.append(error)
        finally:
            emitter.close()

    def _take(self, size: int) -> list[dict[str, Any]]:
        with self._lock:
            if self._per_second:
                due = self._began + self._taken / self._per_second
                self._stopping.wait(max(0.0, due - time.monotonic()))
            chunk = list(islice(self._events, size))
            self._taken += len(chunk)
            return chunk


def send_all(stack: Stack, events: Events, sizes: Sequence[int] = SIZES) -> None:
    """Send these events as fast as it goes; return when every one is answered."""
    with Load(stack, events, sizes=sizes) as load:
        load.finish()
