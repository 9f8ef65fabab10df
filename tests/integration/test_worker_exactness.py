"""The worker's process on a real broker: its counters equal a plain recount, whatever happens.

The recount shares no code with the product. What is compared are the records of ``motcua.units``,
as any reader finds them.
"""

import json
import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from schemas.topics import DOSSIERS_CHANGELOG, EVENTS, UNITS
from streams.batches.part import MARKER
from streams.worker import TICK_S
from tests.faults.flaky_worker import FORGET, is_chosen
from tests.support import histories
from tests.support.districts import Record, district, messy
from tests.support.kafka import RunningBroker, eventually
from tests.support.recount import recount, shown
from tests.support.workers import Log, WorkerProcess, last_of


def settled(log: Log) -> dict[str, dict[str, Any]]:
    """The last snapshots, once the worker says that everything is counted and published."""
    ends = log.ends()
    eventually(lambda: log.committed() == ends, 40, f"committed up to {ends}")
    return last_of(log.units())


def months_of(snapshots: dict[str, dict[str, Any]], unit: str) -> list[dict[str, Any]]:
    """The months that the unit's ``now`` names."""
    return [snapshots[f"{unit}|{month}"] for month in snapshots[f"{unit}|now"]["months"]]


def check_exact(log: Log) -> dict[str, dict[str, Any]]:
    """Every unit's last snapshots equal the recount of the whole log."""
    snapshots = settled(log)
    wanted = recount(value for values in log.by_partition().values() for value in values)
    units = {key.partition("|")[0] for key in snapshots}
    assert units == set(wanted)
    for unit in units:
        assert shown(months_of(snapshots, unit)) == wanted[unit], unit
    # no month that ever had cells is left standing with old ones
    for key, value in snapshots.items():
        unit, _, month = key.partition("|")
        if month != "now" and month not in snapshots[f"{unit}|now"]["months"]:
            assert value["cells"] == []
    return snapshots


def said(snapshots: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What snapshots say, without the moment at which they say it."""
    moment = {"offset", "last_recorded_at"}
    return {
        key: {name: part for name, part in value.items() if name not in moment}
        for key, value in snapshots.items()
    }


def check_honest(log: Log, samples: int) -> None:
    """At every ``now``, the unit's months say what the events below its offset say."""
    events = log.by_partition()
    months: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    seen: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    for key, value in log.units():
        unit, _, part = key.partition("|")
        if part != "now":
            months[unit][part] = value
            continue
        assert all(months[unit][month]["offset"] <= value["offset"] for month in value["months"])
        seen.append((value, [months[unit][month] for month in value["months"]]))
    assert len({now["offset"] for now, _ in seen}) > 10
    for now, at_the_time in random.Random(1).sample(seen, min(samples, len(seen))):
        below = events[now["partition"]][: now["offset"]]
        assert shown(at_the_time) == recount(below).get(now["unit"], {}), now
        dossiers = {(e["unit"], e["subject"]) for e in map(json.loads, filter(_is_event, below))}
        assert now["dossiers"] == sum(unit == now["unit"] for unit, _ in dossiers)


def _is_event(value: bytes) -> bool:
    return bool(recount([value]))


def test_duplicates_disorder_conflicts_and_poison_change_no_number(
    kafka_broker: RunningBroker, tmp_path: Path
) -> None:
    """The wall shows what a recount of the log gives; what cannot be counted is kept apart."""
    prefix = kafka_broker.fresh_prefix()
    log = Log(kafka_broker.bootstrap, prefix)
    records = messy(district(400, units=12, seed=3), seed=3, poison=25)
    with WorkerProcess(kafka_broker.bootstrap, prefix, tmp_path) as worker:
        worker.start_and_wait()
        log.send(records, per_second=1500)
        before = check_exact(log)
        check_honest(log, samples=25)

        unreadable = [r for r in log.rejected() if r["reasons"][0]["rule"] == "unreadable"]
        events = log.by_partition()
        poisoned = {
            (partition, offset)
            for partition, values in events.items()
            for offset, value in enumerate(values)
            if not _is_event(value)
        }
        assert {(r["partition"], r["offset"]) for r in unreadable} == poisoned
        assert len(poisoned) == 25
        conflicts = [r for r in log.rejected() if r["reasons"][0]["rule"] == "conflicting_copy"]
        assert len(conflicts) == _conflicting(v for values in events.values() for v in values)

        code, seconds = worker.stop()
        assert (code, seconds < 5) == (0, True)
        published = sum(log.ends(UNITS).values())
        worker.start_and_wait()
        eventually(
            lambda: sum(log.ends(UNITS).values()) >= published + len(before), 15, "all again"
        )
        assert said(last_of(log.units())) == said(before)


def _conflicting(values: Iterable[bytes]) -> int:
    contents = defaultdict(set)
    for value in filter(_is_event, values):
        event = json.loads(value)
        contents[event["unit"], event["subject"], event["id"]].add(event["contenthash"])
    return sum(len(hashes) - 1 for hashes in contents.values())


def test_kill_9_under_load_loses_nothing_and_counts_nothing_twice(
    kafka_broker: RunningBroker, tmp_path: Path
) -> None:
    prefix = kafka_broker.fresh_prefix()
    log = Log(kafka_broker.bootstrap, prefix)
    records = messy(district(1000, units=12, seed=4), seed=4)
    sending = threading.Thread(target=log.send, args=(records, 700))
    rnd = random.Random(4)
    with WorkerProcess(kafka_broker.bootstrap, prefix, tmp_path) as worker:
        sending.start()
        for _ in range(4):
            worker.start()
            published = log.ends(UNITS)
            # kill it once it is at work, at any point of what it does then
            eventually(lambda: log.ends(UNITS) != published, 30, "a snapshot")  # noqa: B023 - called at once
            time.sleep(rnd.random() * 0.5)
            worker.kill()
        sending.join()
        worker.start_and_wait()
        check_exact(log)
        check_honest(log, samples=15)


def test_two_workers_share_the_partitions_and_one_takes_over(
    kafka_broker: RunningBroker, tmp_path: Path
) -> None:
    prefix = kafka_broker.fresh_prefix()
    log = Log(kafka_broker.bootstrap, prefix)
    records = messy(district(800, units=12, seed=5), seed=5)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    bootstrap = kafka_broker.bootstrap
    with (
        WorkerProcess(bootstrap, prefix, tmp_path / "one", MOTCUA_WORKER_INSTANCE="one") as one,
        WorkerProcess(bootstrap, prefix, tmp_path / "two", MOTCUA_WORKER_INSTANCE="two") as two,
    ):
        one.start_and_wait()
        two.start_and_wait()
        log.send(records[: len(records) // 2], per_second=2000)
        one.kill()
        log.send(records[len(records) // 2 :], per_second=2000)
        check_exact(log)
        two.kill()


def test_a_dossier_becomes_overdue_with_no_event(
    kafka_broker: RunningBroker, tmp_path: Path
) -> None:
    """Within a tick, in the unit's ``now`` alone, and no rate of resolved dossiers moves."""
    prefix = kafka_broker.fresh_prefix()
    log = Log(kafka_broker.bootstrap, prefix)
    with WorkerProcess(kafka_broker.bootstrap, prefix, tmp_path) as worker:
        worker.start_and_wait()
        now = datetime.now(UTC)
        due = now + timedelta(seconds=8)
        events = (
            histories.received(now.isoformat(), due=due.isoformat(), dossier="late"),
            histories.received(now.isoformat(), due=now.isoformat(), dossier="waits", id="r2"),
            histories.supplement_requested(now.isoformat(), dossier="waits"),
        )
        values = [histories.admitted(event) for event in events]
        log.send([Record(histories.UNIT, value) for value in values])
        key = f"{histories.UNIT}|now"
        eventually(lambda: last_of(log.units()).get(key, {}).get("open") == 2, 10, "both open")
        before = last_of(log.units())
        assert (before[key]["overdue"], before[key]["waiting"]) == (0, 1)
        eventually(lambda: last_of(log.units())[key]["overdue"] == 1, 8 + 2 * TICK_S, "overdue")
        after = last_of(log.units())
        assert [one["dossier"] for one in after[key]["worst"]] == ["late"]
        assert (after[key]["open"], after[key]["waiting"]) == (2, 1)
        assert {k: v for k, v in after.items() if k != key} == {
            k: v for k, v in before.items() if k != key
        }


def test_a_broken_stream_stops_the_worker(kafka_broker: RunningBroker, tmp_path: Path) -> None:
    """Not one junk record after the other into ``motcua.rejected``."""
    prefix = kafka_broker.fresh_prefix()
    log = Log(kafka_broker.bootstrap, prefix)
    log.send([Record("U001", b"junk")] * 30)
    limit = {"MOTCUA_UNREADABLE_IN_A_ROW": "20"}
    with WorkerProcess(kafka_broker.bootstrap, prefix, tmp_path, **limit) as worker:
        worker.start()
        assert worker.process
        assert worker.process.wait(30) == 70
        assert "21 unreadable records in a row" in worker.log.read_text()
        assert log.read(EVENTS)[-1].offset == 29


def test_an_event_that_cannot_be_folded_is_named_and_nothing_is_passed_over(
    kafka_broker: RunningBroker, tmp_path: Path
) -> None:
    """An error of ours stops the worker at the event; without the error it goes on from there."""
    prefix, share = kafka_broker.fresh_prefix(), 0.02
    log = Log(kafka_broker.bootstrap, prefix)
    log.send(district(60, units=4, seed=6))
    with WorkerProcess(kafka_broker.bootstrap, prefix, tmp_path) as worker:
        worker.run = ("-m", "tests.faults.flaky_worker", FORGET, str(share))
        worker.start()
        assert worker.process
        assert worker.process.wait(30) == 70
        said = re.search(r"partition (\d+), offset (\d+) cannot", worker.log.read_text())
        assert said
        partition, offset = int(said[1]), int(said[2])
        assert is_chosen(partition, offset, share)
        assert not any(is_chosen(partition, before, share) for before in range(offset))
        markers = [r for r in log.read(DOSSIERS_CHANGELOG) if r.key == MARKER]
        assert offset in [int(r.value) for r in markers if r.partition == partition]
        worker.run = ("-m",)
        worker.start_and_wait()
        check_exact(log)


def test_without_kafka_the_worker_says_what_it_waits_for(tmp_path: Path) -> None:
    with WorkerProcess("127.0.0.1:1", "motcua", tmp_path) as worker:
        worker.start()
        found: list[Any] = []

        def answers() -> bool:
            status, body = worker.readiness()
            found[:] = [body]
            return status == 503 and "chưa kết nối Kafka" in str(body)

        eventually(answers, 20, "readyz names Kafka")
        assert found[0]["checks"][0]["name"] == "kafka"
        code, _ = worker.stop()
        assert code == 0
        assert "Traceback" not in worker.log.read_text()
