"""Sends events to a gateway until it has answered for each: the emitter's side of ``/v1/events``.

Whatever is uncertain (no answer, 503, 429) is sent again, with the same ids, so it counts once.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx2
import orjson

BATCH_TYPE = "application/cloudevents-batch+json"
_TIMEOUT = httpx2.Timeout(30, connect=5)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the gateway refused one event of a batch."""

    index: int
    errors: tuple[dict[str, str], ...]
    """``field``, ``rule``, ``message``, ``message_vi`` of each."""


class GatewayRefuses(Exception):
    """The gateway will not have anything of this sender; sending again does not help."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(
            f"{status}: {problem.get('detail_vi', '')} / {problem.get('detail', '')}".strip(" /")
        )
        self.status = status


class GatewayAway(Exception):
    """No usable answer for as long as the sender was told to try."""


class GatewayClient:
    """Keeps one connection. Use as a context manager."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        patience_s: float = 300,
        waiting: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """``waiting`` is told why, whenever the client is about to try again."""
        # a proxy of the environment is for the internet, a gateway is in the office
        self._http = httpx2.Client(
            base_url=url,
            headers={"authorization": f"Bearer {key}"},
            timeout=_TIMEOUT,
            trust_env=False,
            transport=transport,
        )
        self._patience_s, self._waiting, self._sleep = patience_s, waiting, sleep

    def __enter__(self) -> "GatewayClient":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def units(self) -> dict[str, str | None]:
        """Code and name of each unit that the key may write for (no name: not in the registry).

        Raises :class:`GatewayRefuses` for a key that the gateway does not know.
        """
        answer = self._until_answered(lambda: self._http.get("/v1/emitter"))
        if answer.status_code != 200:
            raise GatewayRefuses(answer.status_code, _problem(answer))
        return {unit["code"]: unit["name"] for unit in answer.json()["units"]}

    def send(self, events: Sequence[dict[str, Any]]) -> list[Refusal]:
        """Return when the gateway has stored or refused each event; the refused ones.

        Raises :class:`GatewayRefuses` (a wrong key, say) or :class:`GatewayAway`.
        """
        body = orjson.dumps(list(events))
        answer = self._until_answered(
            lambda: self._http.post(
                "/v1/events", content=body, headers={"content-type": BATCH_TYPE}
            )
        )
        if answer.status_code == 202:
            return []
        if answer.status_code == 413 and len(events) > 1:
            half = len(events) // 2
            first, second = self.send(events[:half]), self.send(events[half:])
            return first + [Refusal(r.index + half, r.errors) for r in second]
        problem = _problem(answer)
        if "items" not in problem:
            raise GatewayRefuses(answer.status_code, problem)
        return [
            Refusal(index, tuple(item["problem"]["errors"]))
            for index, item in enumerate(problem["items"])
            if item["status"] == "refused"
        ]

    def _until_answered(self, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        began, pause_s = time.monotonic(), _FIRST_PAUSE_S
        while True:
            try:
                answer = ask()
                if answer.status_code not in (408, 429, 500, 502, 503, 504):
                    return answer
                problem = _problem(answer)
                why = str(problem.get("detail_vi") or f"HTTP {answer.status_code}")
                after = answer.headers.get("retry-after", "")
                pause_s = float(after) if after.isdigit() else pause_s
            except httpx2.TransportError as error:
                why = f"{self._http.base_url}: {error or type(error).__name__}"
            if time.monotonic() - began + pause_s > self._patience_s:
                raise GatewayAway(why)
            self._waiting(why)
            self._sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _problem(answer: httpx2.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
