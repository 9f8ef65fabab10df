"""What an experiment is given, and the plan that most of them follow."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.checker import check
from tests.faults.emitters import Load
from tests.faults.outcome import Outcome, Say
from tests.faults.stack import Stack, until
from tests.faults.stories import events

PER_SECOND = 150
"""Of the load beside a fault: enough that something is always under way."""


@dataclass
class Case:
    """One run of one row."""

    row: int
    size: int
    seed: int
    quick: bool
    say: Say
    lend: Callable[[], Stack]
    """A running stack; other rows may have used it before."""

    @property
    def stack(self) -> Stack:
        """The stack, started when it is first asked for."""
        return self.lend()

    @property
    def name(self) -> str:
        """Of this run's dossiers: no other run has the same."""
        return f"r{self.row}.{self.seed}"

    def chance(self, of: str = "") -> random.Random:
        """The seed's dice."""
        return random.Random(f"{self.name} {of}")

    def judged(self, done: int, longest_outage_s: float = 0.0, note: str = "") -> Outcome:
        """Drain, compare everything, and say what was found."""
        self.say("draining")
        stack = self.stack
        stack.drain()
        found = check(stack, self.say, folder=not self.quick)
        ledger = stack.ledger
        seen = f"{len(ledger.acknowledged)} events, {ledger.unknown} attempts unknown"
        return found.outcome(done, longest_outage_s, "; ".join(filter(None, (note, seen))))


def under_load(
    case: Case,
    fault: Callable[[int], float],
    more: Callable[[], bool] | None = None,
) -> tuple[int, float]:
    """Do the fault while events come in, ``case.size`` times or while there is ``more`` to do;
    (faults, longest outage).

    ``fault`` gets its number, waits until what it broke is well again, and returns the seconds; or
    it does not wait, and the next one comes on top.
    """
    stack = case.stack
    stack.ledger.begin()
    longest_s = 0.0
    dice = case.chance("moments")
    number = 0
    with Load(stack, events(case.name), PER_SECOND) as load:
        while more() if more else number < case.size:
            before = stack.ledger.requests
            # the load is flowing, and then it happens at any moment of what is being done
            flows = lambda: stack.ledger.requests > before + 3  # noqa: B023, E731 - called at once
            until(flows, 60, "the load flows", 0.01)
            time.sleep(dice.random() * 0.7)
            outage_s = fault(number)
            longest_s = max(longest_s, outage_s)
            load.check()
            number += 1
            case.say(f"{number}/{case.size} ({outage_s:.1f} s), {load.sent} events")
    return number, longest_s
