"""Looks at an installation as a user would: the table of the wall, and whether history agrees."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Any

import httpx2

from schemas.report import Report

_POLL_S = 0.3
_ARRIVE_WITHIN_S = 60.0
_VERIFY_WITHIN_S = 60.0


class Unanswered(Exception):
    """The installation gave no usable answer; the text says which address and why."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What ``verify`` said; ``equal`` None: it did not answer."""

    equal: bool | None
    why: str = ""


class Installation:
    """The pages and interfaces behind an address, as anybody can ask them."""

    def __init__(
        self,
        url: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # a proxy of the environment is for the internet
        self._http = httpx2.Client(timeout=httpx2.Timeout(60, connect=5), trust_env=False)
        self._clock, self._sleep = clock, sleep
        self.url = url.rstrip("/")

    def __enter__(self) -> "Installation":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def discover(self) -> dict[str, Any]:
        """What it says of itself: addresses, version, whether its data is invented.

        Raises :class:`Unanswered`.
        """
        found = self._json(self._get(f"{self.url}/.well-known/motcua"))
        if found.get("product") != "motcua":
            raise Unanswered(f"{self.url} không phải motcua / is not motcua")
        return found

    def table(self, first: date, last: date, book: str) -> Report:
        """The live table; waits while the counters are still being read. Raises Unanswered."""
        question = {"book": book, "from": first.isoformat(), "to": last.isoformat()}
        deadline = self._clock() + _ARRIVE_WITHIN_S
        while True:
            answer = self._get(f"{self.url}/api/v1/units", question)
            if answer.status_code != 503 or self._clock() > deadline:
                self._json(answer)
                return Report.model_validate_json(answer.content)
            self._sleep(_POLL_S)

    def table_with(self, dossiers: int, first: date, last: date, book: str) -> Report:
        """The live table once so many dossiers are in it and it stands still; or the last one."""
        deadline = self._clock() + _ARRIVE_WITHIN_S
        before = self.table(first, last, book)
        while self._clock() < deadline:
            self._sleep(_POLL_S)
            now = self.table(first, last, book)
            if now.dossiers >= dossiers and now.rows == before.rows:
                return now
            before = now
        return before

    def verify(self, audit: str) -> Verified:
        """Whether live and history are equal; patient while history still reads."""
        deadline = self._clock() + _VERIFY_WITHIN_S
        while True:
            try:
                answer = self._http.post(f"{audit.rstrip('/')}/api/v1/verify")
            except httpx2.TransportError as error:
                return Verified(None, f"{audit}: {error or type(error).__name__}")
            if answer.status_code == 200:
                found = answer.json()
                equal = bool(found.get("equal"))
                if equal or self._clock() > deadline:
                    return Verified(equal, "" if equal else answer.text[:500])
            elif answer.status_code != 503 or self._clock() > deadline:
                return Verified(None, f"{audit}: HTTP {answer.status_code}")
            self._sleep(_POLL_S)

    def _get(self, url: str, question: dict[str, str] | None = None) -> httpx2.Response:
        try:
            return self._http.get(url, params=question)
        except httpx2.TransportError as error:
            raise Unanswered(f"{url}: {error or type(error).__name__}") from error

    def _json(self, answer: httpx2.Response) -> dict[str, Any]:
        try:
            found = answer.raise_for_status().json()
        except (httpx2.HTTPStatusError, ValueError) as error:
            raise Unanswered(f"{answer.url}: HTTP {answer.status_code}") from error
        if not isinstance(found, dict):
            raise Unanswered(f"{answer.url}: không hiểu câu trả lời / no usable answer")
        return found
