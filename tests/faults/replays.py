"""State thrown away or read again, and processes that err: rows 8, 11 to 13, 17 and 24."""

import json
import shutil
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from schemas.topics import DOSSIERS_CHANGELOG
from services.topics import ensure_topics
from tests.faults.case import Case
from tests.faults.checker import Differences, clickhouse_hash, live, records
from tests.faults.emitters import Load, send_all
from tests.faults.outcome import Outcome, Unsettled
from tests.faults.stack import EMITTERS, PREFIX, Stack, until
from tests.faults.stories import event, some
from tests.support.stack import motcua


def transient_errors(case: Case) -> Outcome:
    """Folding raises for 1 % (full: 5 %) of the events, for each of them once.

    The worker folds the run again in place; it must not end.
    """
    stack = case.stack
    worker = stack.processes["worker"]
    share = 0.01 if case.quick else 0.05
    seen = stack.folder / "raised"
    stack.stop("worker")
    worker.run = ("-m", "tests.faults.flaky_worker", str(seen), str(share))
    stack.wake("worker")
    stack.ready("worker")
    deaths = stack.deaths["worker"]
    stack.ledger.begin()
    with Load(stack, some(case.name, case.size), 1500) as load:
        load.finish()
    stack.drain_live()
    raised = len(seen.read_text().split()) if seen.exists() else 0
    deaths = stack.deaths["worker"] - deaths
    stack.stop("worker")
    worker.run = ("-m",)
    stack.wake("worker")
    stack.ready("worker")
    note = f"{raised} events raised, the worker ended {deaths} times"
    found = case.judged(case.size, stack.ledger.longest_wait_s, note)
    differences = Differences()
    differences.add("wrong", int(not raised), "no error was raised at all")
    differences.add("wrong", deaths, "ends of the worker")
    differences.add("wrong", _backwards(stack), "snapshots whose offset went back")
    return found.and_also(differences.outcome(case.size))


def _backwards(stack: Stack) -> int:
    """Snapshots that stand at a lower offset than an earlier one of the same key."""
    last: dict[bytes, int] = {}
    count = 0
    for record in records(stack, "units"):
        offset = json.loads(record.value)["offset"]
        count += offset < last.get(record.key, 0)
        last[record.key] = offset
    return count


def full_replay(case: Case) -> Outcome:
    """The worker's group set back to 0, its state too: everything is read again from the start."""
    stack = case.stack
    _fill(case)
    before = _everything(case)
    began = time.monotonic()
    stack.stop("worker")
    # until its session ends the group still has the member that has stopped
    until(lambda: _set_back(stack), 60, "the group is set back", 0.5)
    stack.wake("worker")
    stack.ready("worker")
    stack.drain()
    took_s = time.monotonic() - began
    return _as_before(case, before, took_s, case.size)


def _set_back(stack: Stack) -> bool:
    """Set the worker's group back to 0; whether it is there."""
    group = f"{PREFIX}.worker"
    places = [TopicPartition(f"{PREFIX}.events", number) for number in stack.log.ends()]
    admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap)
    try:
        admin.alter_group_offsets(group, dict.fromkeys(places, OffsetAndMetadata(0, "", -1)))
    except KafkaError:
        return False
    finally:
        admin.close()
    return not stack.log.committed()


def state_deleted(case: Case) -> Outcome:
    """The worker's changelog and local folder deleted: the counters come back from the events."""
    stack = case.stack
    _fill(case)
    before = _everything(case)
    longest_s = 0.0
    name = DOSSIERS_CHANGELOG.full_name(PREFIX)
    for _ in range(case.size):
        began = time.monotonic()
        stack.stop("worker")
        # the offsets of before would say that everything is published while it is counted again
        until(lambda: _set_back(stack), 60, "the group is set back", 0.5)
        admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap)
        admin.delete_topics([name])
        until(lambda: name not in admin.list_topics(), 30, "the topic is gone")  # noqa: B023 - called at once
        admin.close()
        shutil.rmtree(stack.data / "worker", ignore_errors=True)
        ensure_topics(stack.bootstrap, PREFIX)
        stack.wake("worker")
        stack.ready("worker")
        stack.drain()
        longest_s = max(longest_s, time.monotonic() - began)
        case.say(f"counted again in {longest_s:.1f} s")
    return _as_before(case, before, longest_s, case.size)


def history_deleted(case: Case) -> Outcome:
    """ClickHouse's folder deleted: rebuilt from Kafka, with the same hash of every row."""
    stack = case.stack
    _fill(case)
    stack.drain()
    stack.stop("history")
    before = clickhouse_hash(stack)
    longest_s = 0.0
    differences = Differences()
    for _ in range(case.size):
        stack.wake("history")
        stack.ready("history")
        began = time.monotonic()
        stack.down("history")
        shutil.rmtree(stack.data / "clickhouse")
        stack.wake("history")
        stack.drain()
        longest_s = max(longest_s, time.monotonic() - began)
        stack.stop("history")
        after = clickhouse_hash(stack)
        differences.add("wrong", int(after != before), ("hash", before, "became", after))
        case.say(f"rebuilt in {longest_s:.1f} s")
    stack.wake("history")
    found = case.judged(case.size, longest_s, f"{len(stack.ledger.acknowledged)} events rebuilt")
    return found.and_also(differences.outcome(case.size))


def _fill(case: Case) -> None:
    """Have enough in the record that throwing state away means something."""
    number = case.size if case.row == 11 else (2_000 if case.quick else 50_000)
    case.stack.ledger.begin()
    told = iter(some(case.name, number))
    with Load(case.stack, told, sizes=(1, 100, 500)) as load:
        while not load.over:
            load_was = load.sent
            until(lambda: load.over or load.sent > load_was + 20_000, 600, "events are sent")  # noqa: B023 - called at once
            case.say(f"{load.sent}/{number} events sent")


def _everything(case: Case) -> tuple[Any, Any, str]:
    """The counters, the history's table and (full) the hash of all its rows."""
    stack = case.stack
    stack.drain()
    rows, counted = stack.report(stack.audit)["rows"], live(stack)
    if case.quick:
        return counted, rows, ""
    stack.stop("history")
    found = clickhouse_hash(stack)
    stack.wake("history")
    stack.ready("history")
    return counted, rows, found


def _as_before(case: Case, before: Any, longest_s: float, done: int) -> Outcome:
    after = _everything(case)
    differences = Differences()
    for name, one, other in zip(("counters", "report", "rows"), before, after, strict=True):
        differences.add("wrong", int(one != other), (name, "changed", _changed(one, other)))
    note = f"{len(case.stack.ledger.acknowledged)} events read again"
    return case.judged(done, longest_s, note).and_also(differences.outcome(done))


def _changed(one: Any, other: Any) -> object:
    """A few of the entries that differ, of counters; otherwise both."""
    if not isinstance(one, tuple):
        return one, other
    return [
        (key, before[key], after[key])
        for before, after in zip(one, other, strict=True)
        for key in sorted(before.keys() | after.keys())
        if before[key] != after[key]
    ][:5]


# -- row 17

_SHIFTS_H = (1, -1, 24, -24)


def wrong_clock(case: Case) -> Outcome:
    """Gateway, worker and history with a clock that is an hour or a day off, under load; and an
    event that happens two months from then is refused, and kept."""
    stack = case.stack
    longest_s = 0.0
    kept = len(_refused(stack))
    stack.ledger.begin()
    names = ("front", "worker", "history")
    for number in range(case.size):
        shift_h = _SHIFTS_H[number % len(_SHIFTS_H)]
        began = time.monotonic()
        _restart(stack, names, ("-m", "tests.faults.warped", str(shift_h)))
        longest_s = max(longest_s, time.monotonic() - began)
        send_all(stack, some(f"{case.name}.{number}", 200))
        _refuse(stack, f"{case.name}.{number}", shift_h)
        case.say(f"{number + 1}/{case.size} {shift_h:+d} h")
    _restart(stack, names, ("-m",))
    found = case.judged(case.size, longest_s)
    missing = case.size - (len(_refused(stack)) - kept)
    differences = Differences()
    differences.add("lost", missing, "events of the future that are not in motcua.rejected")
    return found.and_also(differences.outcome(case.size))


def _restart(stack: Stack, names: tuple[str, ...], run: tuple[str, ...]) -> None:
    for name in names:
        stack.processes[name].run = run
    stack.kill(*names)
    for name in names:
        stack.ready(name)


def _refuse(stack: Stack, name: str, shift_h: int) -> None:
    """Send an event that is far in the future for a clock with this shift."""
    at = datetime.now(UTC) + timedelta(hours=shift_h, days=60)
    code = f"23500-{name}-far"
    said = event("returned.v1", code, "23500", at, way="counter")
    headers = {
        "Authorization": f"Bearer {stack.keys[EMITTERS[0]]}",
        "Content-Type": "application/cloudevents+json",
    }
    answer = httpx2.post(
        f"{stack.url}/v1/events", content=json.dumps(said), headers=headers, trust_env=False
    )
    if answer.status_code != 422:
        raise Unsettled(f"an event of {at} was answered {answer.status_code}: {answer.text[:300]}")


def _refused(stack: Stack) -> list[Any]:
    return [r for r in records(stack, "rejected") if b"time_in_future" in r.value]


# -- row 24


def planted_counter(case: Case) -> Outcome:
    """One count of one month falsified in ``motcua.units``: ``verify`` says so, and names a
    dossier that is behind the count; put right again, it is content."""
    stack, dice = case.stack, case.chance("plants")
    stack.ledger.begin()
    send_all(stack, some(case.name, 300))
    stack.drain()
    differences = Differences()
    longest_s = 0.0
    producer = KafkaProducer(bootstrap_servers=stack.bootstrap, acks="all")
    for number in range(case.size):
        last = {r.key: r for r in records(stack, "units")}
        months = [r for key, r in sorted(last.items()) if not key.endswith(b"|now")]
        record = dice.choice([r for r in months if json.loads(r.value)["cells"]])
        said = json.loads(record.value)
        now = last[f"{said['unit']}|now".encode()]
        cell = dice.choice(said["cells"])
        cell[-1] += dice.choice((-1, 1))
        _write(producer, record, json.dumps(said).encode(), now)
        began = time.monotonic()
        until(lambda: not stack.verify().get("equal", True), 30, "verify finds it", 0.1)
        longest_s = max(longest_s, time.monotonic() - began)
        found = stack.verify()["differences"]
        behind = _behind(stack, said["unit"], cell)
        named = {dossier for one in found for dossier in one["dossiers"]}
        right = {(one["unit"], one["month"]) for one in found} == {(said["unit"], said["month"])}
        differences.add("wrong", int(not (named & behind and right)), ("not named", cell, found))
        if number == 0:
            code = motcua("verify", "--json", "--url", stack.url).returncode
            differences.add("wrong", int(code != 1), ("exit code of motcua verify", code))
        _write(producer, record, record.value, now)
        until(lambda: stack.verify().get("equal", False), 30, "verify is content again", 0.1)
        case.say(f"{number + 1}/{case.size} found")
    producer.close()
    return case.judged(case.size, longest_s).and_also(differences.outcome(case.size))


def _write(producer: Any, record: Any, value: bytes, now: Any) -> None:
    """Publish the month with this value, then the unit, as the worker does."""
    for key, published in ((record.key, value), (now.key, now.value)):
        topic, partition = f"{PREFIX}.units", record.partition
        producer.send(topic, key=key, value=published, partition=partition)
    producer.flush()


def _behind(stack: Stack, unit: str, cell: list[Any]) -> set[str]:
    """Dossiers of the unit with an event on the cell's day, by what was sent."""
    day = datetime.fromisoformat(cell[1]).date()
    return {
        said["subject"]
        for said in stack.ledger.acknowledged.values()
        if said["unit"] == unit
        and day
        in {
            datetime.fromisoformat(moment).date()
            for moment in (
                said["time"],
                said["data"].get("replacement", {}).get("time", said["time"]),
            )
        }
    }
