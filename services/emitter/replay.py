"""Sends simulated events through a gateway: all at once, faster than life, or as life goes."""

import heapq
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

from schemas.registry import Registry
from services.emitter.client import GatewayAway, Refusal
from services.emitter.simulate import EventDict, walk_in

BATCH = 500
WATCHED_S, UNWATCHED_S = 60.0, 12.0
"""How long a day takes when somebody watches the wall, and when a script waits."""
LONGEST_PAUSE_S = 600.0
"""Of life: over noon and after work nobody wants to wait for the next event."""
_TICK_S = 0.05
_WALK_IN_EVERY_S = 4.0
_LOOK_EVERY_S = 0.25


class Sender(Protocol):
    """What takes the events: :class:`services.emitter.client.GatewayClient`."""

    def send(self, events: Sequence[EventDict]) -> list[Refusal]:
        """Return when each event is stored or refused; the refused ones."""


@dataclass(slots=True)
class Sent:
    """What became of the events that were sent."""

    events: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """How many, by the first rule that they break."""

    @property
    def accepted(self) -> int:
        """Stored by the gateway; whether new or known already, it does not say."""
        return self.events - self.refused.total()

    def add(self, events: int, refusals: Sequence[Refusal]) -> None:
        """Count one batch."""
        self.events += events
        self.refused.update(refusal.errors[0]["rule"] for refusal in refusals)

    def add_all(self, other: "Sent") -> None:
        """Count what was counted elsewhere."""
        self.events += other.events
        self.refused += other.refused


def send_all(
    events: Iterable[EventDict],
    sender: Sender,
    sent: Sent,
    progress: Callable[[EventDict], None] = lambda _: None,
) -> None:
    """Send everything at full speed; ``progress`` gets the last event of each batch."""
    source = iter(events)
    while batch := list(itertools.islice(source, BATCH)):
        sent.add(len(batch), sender.send(batch))
        progress(batch[-1])


def replay(
    events: Sequence[EventDict],
    speed: float,
    sender: Sender,
    sent: Sent,
    progress: Callable[[EventDict], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send each event when its moment has come, ``speed`` times faster than life.

    Whoever falls behind catches up: what is due by now goes in one batch.
    """
    began = clock()
    ahead = [(at / speed, event) for at, event in timeline(events)]
    while ahead:
        passed = clock() - began
        if passed < ahead[0][0]:
            sleep(max(ahead[0][0] - passed, _TICK_S))
            continue
        due = [event for at, event in ahead[:BATCH] if at <= passed]
        ahead = ahead[len(due) :]
        sent.add(len(due), sender.send(due))
        progress(due[-1])


def timeline(events: Sequence[EventDict]) -> Iterator[tuple[float, EventDict]]:
    """(seconds of life since the first, event), with long pauses cut."""
    at, before = 0.0, None
    for event in events:
        moment = datetime.fromisoformat(event["time"])
        if before is not None:
            at += min((moment - before).total_seconds(), LONGEST_PAUSE_S)
        before = moment
        yield at, event


def speed_for(events: Sequence[EventDict], seconds: float) -> float:
    """The speed at which a replay of these events takes so long; 1 when there is nothing to see."""
    span = max((at for at, _ in timeline(events)), default=0.0)
    return span / seconds if span else 1.0


def walk_ins(
    registry: Registry,
    sender: Sender,
    now: Callable[[], datetime],
    chance: random.Random,
    sleep: Callable[[float], None] = time.sleep,
) -> NoReturn:
    """Somebody walks in every few seconds and is served while the wall is watched; for ever.

    ``now`` gives local time. What a gateway that is away does not take is lost: it was invented.
    """
    to_come: list[tuple[str, str, EventDict]] = []
    next_at = now()
    while True:
        at = now()
        if at >= next_at:
            for event in walk_in(registry, at, chance):
                heapq.heappush(to_come, (event["time"], event["id"], event))
            next_at = at + timedelta(seconds=_WALK_IN_EVERY_S * chance.uniform(0.5, 1.5))
        due = []
        while to_come and to_come[0][0] <= at.isoformat(timespec="seconds"):
            due.append(heapq.heappop(to_come)[2])
        if due:
            with suppress(GatewayAway):
                sender.send(due)
        sleep(_LOOK_EVERY_S)
