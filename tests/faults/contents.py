"""What is sent is the attack: repeated, contradicting, late, unreadable; rows 18 to 21."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from kafka import KafkaProducer

from tests.faults.case import Case
from tests.faults.checker import POISON, Differences, records
from tests.faults.emitters import Load, send_all
from tests.faults.kills import past_answer
from tests.faults.outcome import Outcome
from tests.faults.stack import PREFIX, Stack, until
from tests.faults.stories import correction, some


def duplicates(case: Case) -> Outcome:
    """Each event 1 to 20 times (quick: 1 to 5), spread over three emitters."""
    dice = case.chance("copies")
    most = 5 if case.quick else 20
    told = some(case.name, case.size)
    copies = [event for event in told for _ in range(dice.randint(1, most))]
    # copies come close together and far apart
    arrivals = sorted(copies, key=lambda _: dice.random())
    case.stack.ledger.begin()
    send_all(case.stack, _counted(case, arrivals), sizes=(1, 50, 500))
    note = f"{len(arrivals)} copies"
    return case.judged(case.size, case.stack.ledger.longest_wait_s, note)


def _counted(case: Case, arrivals: list[Any]) -> Any:
    for number, event in enumerate(arrivals):
        if number % 20_000 == 0:
            case.say(f"{number}/{len(arrivals)} sent")
        yield event


def contradictions(case: Case) -> Outcome:
    """Same source and id, another content: the first counts, the other is kept as rejected."""
    dice = case.chance("contents")
    stack = case.stack
    told = some(case.name, case.size)
    stack.ledger.begin()
    send_all(stack, told)
    # the first is the one that was recorded first; a tie would be decided by the content
    time.sleep(0.01)
    send_all(stack, [_contradicted(event, dice.randrange(1, 600)) for event in told])
    found = case.judged(case.size, stack.ledger.longest_wait_s)
    kept = {
        said["subject"] + said["record_id"]
        for said in _rejected(stack)
        if said["rule"] == "conflicting_copy"
    }
    missing = {event["subject"] + event["id"] for event in told} - kept
    differences = Differences()
    differences.add("lost", len(missing), ("not in motcua.rejected", sorted(missing)[:3]))
    return found.and_also(differences.outcome(case.size))


def _contradicted(event: dict[str, Any], minutes: int) -> dict[str, Any]:
    at = datetime.fromisoformat(event["time"])
    moved = at.replace(minute=(at.minute + minutes % 59 + 1) % 60)
    return {**event, "time": moved.isoformat()}


def _rejected(stack: Stack) -> list[dict[str, Any]]:
    """What the worker refused, each with its rule and, of an event, its id."""
    found = []
    for record in records(stack, "rejected"):
        said = json.loads(record.value)
        if said.get("stage") != "worker":
            continue
        kept = said.get("record")
        is_event = said["reasons"][0]["rule"] == "conflicting_copy" and kept
        said["record_id"] = json.loads(kept)["id"] if is_event else ""
        found.append({**said, "rule": said["reasons"][0]["rule"]})
    return found


def late(case: Case) -> Outcome:
    """Events in any order, corrections before their originals; the past's answer stays.

    What is sent is spread over 240 days: in a mixed order most of it is late by more than 30.
    """
    dice = case.chance("order")
    stack = case.stack
    told = some(case.name, case.size * 9 // 10)
    corrected = dice.sample(told, case.size - len(told))
    corrections = [correction(dice, event) for event in corrected]
    # every second correction comes before everything else
    first = corrections[::2]
    rest = told + corrections[1::2]
    dice.shuffle(rest)
    middle = len(rest) // 2
    stack.ledger.begin()
    send_all(stack, first + rest[:middle])
    known_at, before = past_answer(stack)
    send_all(stack, rest[middle:])
    found = case.judged(case.size, stack.ledger.longest_wait_s, f"{len(corrections)} corrections")
    after = stack.report(stack.audit, known_at=known_at)["rows"]
    differences = Differences()
    differences.add("wrong", int(after != before), ("the answer for the past", known_at))
    return found.and_also(differences.outcome(case.size))


# -- row 21

_IN_A_ROW = 100
"""The worker's limit when nobody sets another."""


def poison(case: Case) -> Outcome:
    """Junk straight into ``motcua.events`` among events that are right, then more in a row than
    the worker bears: it stops, and goes on when a person allows more."""
    stack, dice = case.stack, case.chance("poison")
    before = _unreadable(stack)
    stray, home = _stray(case)
    producer = KafkaProducer(
        bootstrap_servers=stack.bootstrap, acks="all", max_request_size=4_000_000
    )
    written = 0
    stack.ledger.begin()
    with Load(stack, some(case.name, max(600, case.size // 20)), case.size) as load:
        for number in range(case.size):
            # never so many in a row that the breaker would act: events come between
            place = number % 8
            # an admitted event, but of another partition
            junk = stray(number) if number % 10 == 3 and place != home else _junk(dice, number)
            producer.send(f"{PREFIX}.events", junk, partition=place)
            written += 1
            if number % 200 == 199:
                producer.flush()
                _let_through(stack, load)
                case.say(f"{number + 1}/{case.size} written")
        load.finish()
    producer.flush()
    stack.drain()
    alive = stack.deaths["worker"]
    # the breaker: one partition, one more than the limit
    for _ in range(_IN_A_ROW + 1):
        producer.send(f"{PREFIX}.events", b"junk", partition=3)
        written += 1
    producer.flush()
    producer.close()
    until(lambda: stack.deaths["worker"] > alive, 60, "the breaker stops the worker")
    worker = stack.processes["worker"]
    worker.environment["MOTCUA_UNREADABLE_IN_A_ROW"] = "1000"
    stack.kill("worker")
    stack.ready("worker")
    found = case.judged(written, stack.ledger.longest_wait_s, "the breaker stopped at its limit")
    kept = _unreadable(stack) - before
    differences = Differences()
    differences.add("lost", written - len(kept), "poison that is not in motcua.rejected")
    return found.and_also(differences.outcome(written))


def _stray(case: Case) -> tuple[Callable[[int], bytes], int]:
    """Makes admitted records that nobody sent, and the one partition where they would be right."""
    stack = case.stack
    (told,) = some(f"{case.name}.stray", 1)
    send_all(stack, [told])
    record = next(r for r in records(stack, "events") if told["id"].encode() in r.value)
    admitted = json.loads(record.value)

    def made(number: int) -> bytes:
        changed = {"source": POISON, "subject": f"{told['subject']}.{number}"}
        return json.dumps({**admitted, **changed}).encode()

    return made, record.partition


def _let_through(stack: Stack, load: Load) -> None:
    """Wait until some more events have been acknowledged."""
    before = stack.ledger.requests
    until(lambda: stack.ledger.requests > before + 8 or load.over, 60, "events between the junk")


def _unreadable(stack: Stack) -> set[tuple[int, int]]:
    return {(s["partition"], s["offset"]) for s in _rejected(stack) if s["rule"] == "unreadable"}


def _junk(dice: Any, number: int) -> bytes:
    if number % 1000 == 7:
        return b'{"a":"' + b"x" * 1_000_000 + b'"}'
    kinds = (
        b"{",
        b"",
        b"\x00" * 2000,
        b"\xff\xfe\x00",
        b"[" * 5000,
        b'{"id":NaN}',
        b'{"id":"zz","unit":"23500","subject":"s","time":NaN}',
        b"null",
        # as an emitter would send it: nothing that admission adds is in it
        json.dumps({**some("unadmitted", 1)[0], "source": POISON}).encode(),
    )
    return bytes(dice.choice(kinds))
