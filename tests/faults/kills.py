"""Processes killed, frozen and joined by others while events come in: rows 4 to 7, 10, 22."""

import os
import random
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta

from tests.faults.brokers import frozen
from tests.faults.case import Case, under_load
from tests.faults.checker import Differences, check_folder, in_kafka
from tests.faults.emitters import Load, send_all
from tests.faults.outcome import Outcome, Unsettled
from tests.faults.stack import Stack, until
from tests.faults.stories import events, some

STARTING_S = 4.0
"""A process that was killed is still starting, or has just started."""
_RENAMES = "rename,renameat,renameat2"


def gateway(case: Case) -> Outcome:
    """``kill -9`` of the gateway: the outage is the longest wait of an emitter for its 202."""
    stack = case.stack

    def kill(_: int) -> float:
        stack.kill("front")
        return stack.ready("front")

    done, _ = under_load(case, kill)
    return case.judged(done, stack.ledger.longest_wait_s)


def worker(case: Case) -> Outcome:
    """``kill -9`` of the first of two workers, of the second, of both at once, in turn; every
    second time while what was killed last is still starting.

    The outage is the longest time until all of them were ready again.
    """
    stack, dice = case.stack, case.chance("starts")
    stack.add_second_worker()
    victims = (("worker",), ("second",), ("worker", "second"))
    kills = 0

    def kill(number: int) -> float:
        nonlocal kills
        names = victims[number % 3]
        kills += len(names)
        began = stack.kill(*names)
        if number % 2 == 0 and kills < case.size:
            time.sleep(dice.random() * STARTING_S)
            return 0.0
        for name in ("worker", "second"):
            stack.ready(name)
        return time.monotonic() - began

    _, longest_s = under_load(case, kill, lambda: kills < case.size)
    stack.down("second")
    return case.judged(kills, longest_s)


def history(case: Case) -> Outcome:
    """``kill -9`` of the history while it inserts: at the rename of a part, and then at any moment
    while it starts or has started again.

    A rename is hit by strace, which ends the process as it enters ``rename``, before or after the
    rename of one of the next parts. Without strace all kills are at any moment, and the note says
    so.
    """
    stack, dice = case.stack, case.chance("renames")
    # a past about which there is something to say
    send_all(stack, some(f"{case.name}.past", 400))
    known_at, before = past_answer(stack)
    renames = 0

    def kill(number: int) -> float:
        nonlocal renames
        if number % 2 == 0 and _killed_at_rename(stack, dice):
            renames += 1
            if number + 1 < case.size:
                time.sleep(dice.random() * STARTING_S)
                return 0.0
        else:
            stack.kill("history")
        return stack.ready("history")

    done, longest_s = under_load(case, kill)
    note = f"{renames} of them exactly at a rename"
    found = case.judged(done, longest_s, note if renames else f"{note}: no strace here")
    stack.stop("history")
    differences = Differences()
    check_folder(stack, in_kafka(stack), differences)
    stack.wake("history")
    stack.ready("history")
    after = stack.report(stack.audit, known_at=known_at)["rows"]
    differences.add("wrong", int(after != before), ("the answer for the past", known_at))
    return found.and_also(differences.outcome(done))


def past_answer(stack: Stack) -> tuple[str, object]:
    """(a moment, what the history says of what was known then), everything drained."""
    stack.drain()
    now = datetime.now(UTC) + timedelta(milliseconds=5)
    until(lambda: datetime.now(UTC) > now, 5, "the moment has passed", 0.01)
    known_at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return known_at, stack.report(stack.audit, known_at=known_at)["rows"]


def _killed_at_rename(stack: Stack, dice: random.Random) -> bool:
    """Have the history killed at one of its next renames; False where strace cannot do it."""
    process = stack.processes["history"].process
    if process is None or shutil.which("strace") is None:
        return False
    inject = f"inject={_RENAMES}:signal=SIGKILL:when={dice.randrange(1, 7)}"
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={_RENAMES}", "-e", inject]
    tracer = subprocess.Popen(
        [*command, "-p", str(process.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        # events flow, so the next insert is less than a second away
        until(lambda: process.poll() is not None, 15, "a part is renamed", 0.01)
    except Unsettled:
        return False
    finally:
        tracer.kill()
        tracer.wait()
    return process.returncode == -signal.SIGKILL


def stalled_broker(case: Case) -> Outcome:
    """The broker frozen for 0.6 to 1.5 s, with everything that is on its way to it, and the worker
    killed meanwhile."""
    stack, dice = case.stack, case.chance("stalls")

    def stall(_: int) -> float:
        with frozen(stack):
            time.sleep(0.5 + dice.random())
            stack.kill("worker")
            time.sleep(0.1)
        return stack.ready("worker")

    return case.judged(*under_load(case, stall))


def rebalance(case: Case) -> Outcome:
    """A second worker joins, and leaves by SIGTERM or by ``kill -9``.

    The outage is the longest time from joining or leaving until the counters move again.
    """
    stack = case.stack

    def join_and_leave(number: int) -> float:
        began = time.monotonic()
        stack.add_second_worker()
        joined_s = time.monotonic() - began
        stack.stop("second") if number % 2 else stack.down("second")
        return max(joined_s, _counted_again(stack))

    return case.judged(*under_load(case, join_and_leave))


def _counted_again(stack: Stack) -> float:
    """Wait until the worker has published all that Kafka has now."""
    log = stack.log
    ends = log.ends()

    def published() -> bool:
        committed = log.committed()
        return all(committed.get(p, 0) >= end for p, end in ends.items())

    return until(published, 120, f"published up to {ends}", 0.2)


def history_away(case: Case) -> Outcome:
    """ClickHouse frozen for a while (full: two minutes) and then killed; the live side goes on.

    The outage is the longest time without a history, from its freezing until it had caught up.
    """
    stack = case.stack
    away_s = 6.0 if case.quick else 120.0
    longest_s = slowest_live_s = 0.0
    rates: list[float] = []
    for number in range(case.size):
        process = stack.processes["history"].process
        assert process
        began = time.monotonic()
        os.kill(process.pid, signal.SIGSTOP)
        with Load(stack, events(f"{case.name}.{number}"), 600) as load:
            while time.monotonic() - began < away_s:
                slowest_live_s = max(slowest_live_s, _counted_again(stack))
                case.say(f"{number + 1}/{case.size} away, {load.sent} events")
        stack.drain_live()
        stack.down("history")
        stack.wake("history")
        # it answers before it has caught up, and says how far it is
        behind = until(lambda: _behind(stack), 60, "the history says how far it is", 0.01)
        stack.ready("history")
        stack.drain()
        took_s = time.monotonic() - began
        longest_s = max(longest_s, took_s)
        rates.append(load.sent / (took_s - away_s))
        case.say(f"{number + 1}/{case.size}: caught up, lag was seen after {behind:.1f} s")
    note = (
        f"live side at most {slowest_live_s:.1f} s behind; caught up at {min(rates):.0f} events/s"
    )
    return case.judged(case.size, longest_s, note)


def _behind(stack: Stack) -> bool:
    status, said = stack.processes["history"].readiness()
    return status == 200 or "to go" in str(said)
