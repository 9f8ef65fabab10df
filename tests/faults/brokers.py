"""Brokers killed, stopped and frozen while events come in: one that is alone, and of three."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from kafka.admin import KafkaAdminClient

from schemas.topics import EVENTS
from tests.faults.case import PER_SECOND, Case
from tests.faults.emitters import Load
from tests.faults.outcome import Outcome
from tests.faults.stack import PREFIX, Stack, until
from tests.faults.stories import events

BACK_WITHIN_S = 60.0
"""So long after a broker is back nothing may be left to catch up with."""
_AGAIN_WITHIN_S = 60.0


@contextlib.contextmanager
def frozen(stack: Stack, *numbers: int) -> Iterator[None]:
    """SIGSTOP for these brokers (none named: the first), until the end of the block."""
    brokers = [stack.brokers[number] for number in numbers or (0,)]
    for broker in brokers:
        broker.freeze()
    try:
        yield
    finally:
        for broker in brokers:
            broker.thaw()


def bounced_broker(case: Case) -> Outcome:
    """The broker killed and stopped cleanly, ``size`` times each, and a quarter as often frozen for
    30 to 60 s (quick: 8 s).

    Up to four times in a row: clients have hardly come back when it is gone again. The outage is
    the longest time from the broker's last return until nothing was left to catch up with; nobody
    but the keeper helped.
    """
    stack, dice = case.stack, case.chance("bounces")
    longest_s = 0.0
    done: Counter[str] = Counter()
    while done["killed"] < case.size:
        in_a_row = min(4, case.size - done["killed"])
        for how, times in (("killed", in_a_row), ("stopped", in_a_row), ("frozen", 1)):
            with Load(stack, events(f"{case.name}.{done.total()}"), PER_SECOND) as load:
                until(lambda: load.sent > 100, 60, "the load flows")
                for _ in range(times):
                    _bounce(stack, how, 8 if case.quick else dice.uniform(30, 60))
                    back = time.monotonic()
                    _acknowledged_again(stack)
            stack.drain(BACK_WITHIN_S)
            took_s = time.monotonic() - back
            longest_s = max(longest_s, took_s)
            done[how] += times
            case.say(f"{done[how]} times {how}: caught up after {took_s:.1f} s")
    note = ", ".join(f"{times} × {how}" for how, times in done.items())
    return case.judged(done.total(), longest_s, note)


def _bounce(stack: Stack, how: str, frozen_s: float) -> None:
    if how == "frozen":
        with frozen(stack):
            time.sleep(frozen_s)
    else:
        broker = stack.brokers[0]
        broker.kill() if how == "killed" else broker.stop()
        stack.start_broker()


def three_brokers(case: Case) -> Outcome:
    """Of three brokers the leader of the busiest partition killed, all of them stopped and started
    one after the other, and two frozen, in turn.

    With one away the gateway goes on; with two away it says 503. The outage is the longest wait of
    an emitter for its 202 while one was away.
    """
    stack, dice = case.stack, case.chance("brokers")
    longest_s = 0.0
    done: Counter[str] = Counter()
    kinds: dict[str, Callable[[], None]] = {
        "leaders killed": lambda: _leader_killed(stack),
        "restarted in turn": lambda: _in_turn(stack),
        "two frozen": lambda: _two_frozen(stack, dice.randrange(3)),
    }
    for number in range(case.size):
        for what, fault in kinds.items():
            with Load(stack, events(f"{case.name}.{done.total()}"), PER_SECOND) as load:
                until(lambda: load.sent > 100, 60, "the load flows")
                stack.ledger.longest_wait_s = 0.0
                fault()
                _acknowledged_again(stack)
            stack.drain(BACK_WITHIN_S)
            waited_s = stack.ledger.longest_wait_s
            if what != "two frozen":
                longest_s = max(longest_s, waited_s)
            done[what] += 1
            case.say(f"{number + 1}/{case.size} {what}: {waited_s:.1f} s")
    note = ", ".join(f"{times} × {what}" for what, times in done.items())
    return case.judged(done.total(), longest_s, note)


def _leader_killed(stack: Stack) -> None:
    ends = stack.log.ends()
    busiest = max(_partitions(stack), key=lambda one: ends.get(one["partition_index"], 0))
    number = busiest["leader_id"] - 1
    stack.brokers[number].kill()
    _acknowledged_again(stack)
    stack.start_broker(number)
    _in_sync(stack)


def _in_turn(stack: Stack) -> None:
    for number, broker in enumerate(stack.brokers):
        broker.stop()
        _acknowledged_again(stack)
        stack.start_broker(number)
        _in_sync(stack)


def _two_frozen(stack: Stack, left: int) -> None:
    said = stack.ledger.unavailable
    with frozen(stack, *(number for number in range(3) if number != left)):
        until(lambda: stack.ledger.unavailable > said, 60, "the gateway says 503")
    _acknowledged_again(stack)
    _in_sync(stack)


def _acknowledged_again(stack: Stack) -> None:
    before = stack.ledger.requests
    until(lambda: stack.ledger.requests > before, _AGAIN_WITHIN_S, "a 202 again")


def _in_sync(stack: Stack) -> None:
    """Wait until every partition has its three copies."""
    full = lambda: all(len(one["isr_nodes"]) == 3 for one in _partitions(stack))  # noqa: E731 - called below
    until(full, 120, "three copies in sync", 0.2)


def _partitions(stack: Stack) -> list[dict[str, Any]]:
    admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap)
    try:
        (found,) = admin.describe_topics([EVENTS.full_name(PREFIX)])
        return list(found["partitions"])
    finally:
        admin.close()
