"""The core and ClickHouse on invented histories, by the thousand: rows 1 to 3. No process runs."""

import random
import subprocess
import sys
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from streams.core.cells import Cell, cells
from streams.core.facts import facts
from streams.counters import PartitionCounters
from tests.faults.case import Case
from tests.faults.outcome import Outcome
from tests.support.histories import UNIT, WORK, dossiers, histories, records

_EVERY = 1000


def any_order(case: Case) -> Outcome:
    """Every history against itself, permuted and with repetitions: facts and counters."""
    examples = 0
    wrong: list[str] = []

    @seed(case.seed)
    @_many(case.size)
    @given(history=histories(), noise=st.randoms(use_true_random=False))
    def compare(history: list[bytes], noise: random.Random) -> None:
        nonlocal examples
        examples += 1
        delivered = history + noise.choices(history, k=len(history)) if history else []
        noise.shuffle(delivered)
        if _known(delivered) != _known(history):
            wrong.append(repr(history))
        if examples % _EVERY == 0:
            case.say(f"{examples}/{case.size} histories")

    compare()
    return Outcome(examples, wrong=len(wrong), details=tuple(wrong[:1]))


def _known(history: list[bytes]) -> tuple[Any, Counter[Cell]]:
    found = {code: facts(dossier, WORK) for code, dossier in dossiers(history).items()}
    return found, Counter(cell for known in found.values() for cell in cells(known))


def _many(examples: int, **more: Any) -> Any:
    return settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


def model(case: Case) -> Outcome:
    """The worker's counters of a partition, step by step, against a fold of the whole set.

    Any event of any kind, what was there already, a crash (all memory is lost but what the
    changelog has) and a replay from any earlier position, in any order.
    """
    walks, steps = case.size, 30 if case.quick else 80
    machine = type("Walk", (_Walk,), {"case": case, "taken": [0]})
    found = seed(case.seed)(machine)
    run_state_machine_as_test(found, settings=_many(walks, stateful_step_count=steps))
    return Outcome(walks, note=f"{machine.taken[0]} steps")  # type: ignore[attr-defined]  # above


class _Walk(RuleBasedStateMachine):
    """One partition; raises at the first step after which model and system differ."""

    case: Case
    taken: list[int]

    def __init__(self) -> None:
        super().__init__()
        self.log: list[bytes] = []
        self.changelog: dict[bytes, bytes] = {}
        self.restart()

    def restart(self) -> None:
        """A new process: it has what the changelog has, and nothing else."""
        entries = dict(self.changelog)
        self.system = PartitionCounters(0, entries, lambda _: 0, 100, WORK)
        # what it waits for is only that others may have their turn
        restoring = self.system.restore()
        try:
            while True:
                restoring.send(None)
        except StopIteration:
            pass

    def fold(self, values: list[bytes]) -> None:
        arrived = [_Record(number, value) for number, value in enumerate(values)]
        self.changelog |= self.system.fold(arrived).changed
        self.check()

    def check(self) -> None:
        """The counters are what the set of all events so far says."""
        self.taken[0] += 1
        said: Counter[Cell] = Counter()
        for known in (facts(one, WORK) for one in dossiers(self.log).values()):
            said.update(cells(known))
        counted: Counter[Cell] = Counter()
        for unit in self.system.units.values():
            for month in unit.months.values():
                counted.update(month)
        assert counted == said
        if self.taken[0] % 10_000 == 0:
            self.case.say(f"{self.taken[0]} steps")

    @rule(value=records((UNIT,)))
    def emit(self, value: bytes) -> None:
        self.log.append(value)
        self.fold([value])

    @rule(values=histories((UNIT,), max_size=4))
    def emit_several(self, values: list[bytes]) -> None:
        self.log += values
        self.fold(values)

    @precondition(lambda self: self.log)
    @rule(at=st.integers(0, 1000))
    def replay(self, at: int) -> None:
        self.fold(self.log[at % len(self.log) :])

    @rule()
    def crash(self) -> None:
        self.restart()
        self.check()

    @precondition(lambda self: self.log)
    @rule(at=st.integers(0, 1000))
    def crash_before_the_changelog(self, at: int) -> None:
        """A run was folded and nothing of it was written: it is read again by the next process."""
        run = self.log[at % len(self.log) :]
        self.system.fold([_Record(n, value) for n, value in enumerate(run)])
        self.restart()
        self.fold(run)


class _Record:
    """A record of Kafka."""

    def __init__(self, offset: int, value: bytes) -> None:
        self.offset, self.value = offset, value


def both_engines(case: Case) -> Outcome:
    """The core's facts, counters and balances against ClickHouse's, at random moments."""
    command = [sys.executable, "-m", "tests.support.parity", str(case.size), str(case.seed)]
    comparisons = wrong = 0
    details: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            case.say(line.strip()[:100])
            if line.startswith(("as inserted", "merged")):
                comparisons += 1
                if not line.strip().endswith("equal"):
                    wrong += 1
                    details.append(line.strip()[:1000])
    if process.returncode and not wrong:
        wrong, details = 1, [f"parity ended with {process.returncode}"]
    note = f"{comparisons} comparisons"
    return Outcome(case.size, wrong=wrong, note=note, details=tuple(details))
