"""Two workers against one: the same events, the partitions shared, on the same two cores.

The workers are there and wait, stopped (SIGSTOP), while a burst of events is written; the time runs
from the moment at which they may go on until the first snapshot in each partition that has the last
of the burst in it, by the record's own timestamp. What broker and workers took of the processor
meanwhile is in the note: the broker's part cannot be shared out.
"""

import asyncio
import json
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from schemas.topics import UNITS as UNITS_TOPIC
from tests.benchmarks.bench_worker import DAYS, UNITS, produce
from tests.support import kafka
from tests.support.districts import Record, district
from tests.support.kafka import eventually
from tests.support.workers import Log, WorkerProcess

_WITHIN_S = 120
_WARM_UP = 1000


@dataclass(frozen=True, slots=True)
class _Run:
    """One measurement: all bursts together."""

    per_second: float
    workers_cores: float
    broker_cores: float


def rows(quick: bool) -> list[dict[str, Any]]:
    """Events in a second; the better of two runs each."""
    dossiers, bursts, rounds = (8_000, 1, 1) if quick else (75_000, 6, 2)
    records = district(dossiers, units=UNITS, days=DAYS)
    with tempfile.TemporaryDirectory() as folder, kafka.broker(Path(folder)) as broker:
        runs: dict[int, list[_Run]] = {1: [], 2: []}
        for number in range(rounds):
            for workers in runs:
                own = Path(folder) / f"{number}-{workers}"
                runs[workers].append(_run(broker, records, bursts, workers, own))
    one, two = (max(found, key=lambda run: run.per_second) for found in runs.values())
    return [
        {
            "name": "two workers vs one worker",
            "ours": two.per_second,
            "reference": one.per_second,
            "ratio": two.per_second / one.per_second,
            "unit": "events/s",
            "note": f"{len(records)} events; of {os.cpu_count()} cores two workers took"
            f" {two.workers_cores:.2f} and the broker {two.broker_cores:.2f}; one worker"
            f" {one.workers_cores:.2f} and the broker {one.broker_cores:.2f};"
            f" load {os.getloadavg()[0]:.1f}",
        }
    ]


def _run(
    broker: kafka.RunningBroker, records: list[Record], bursts: int, workers: int, folder: Path
) -> _Run:
    log = Log(broker.bootstrap, broker.fresh_prefix())
    took_s = 0.0
    spent = [0.0, 0.0]
    with ExitStack() as started:
        running = []
        for number in range(workers):
            own = folder / str(number)
            (own / "data").mkdir(parents=True)
            worker = WorkerProcess(
                broker.bootstrap, log.prefix, own, MOTCUA_WORKER_INSTANCE=f"worker-{number}"
            )
            started.enter_context(worker).start_and_wait()
            running.append(worker)
        eventually(lambda: all(w.readiness()[0] == 200 for w in running), _WITHIN_S, "all joined")
        asyncio.run(produce(broker.bootstrap, log.events, records[:_WARM_UP]))
        eventually(lambda: log.committed() == log.ends(), _WITHIN_S, "the first events")
        processes = [psutil.Process(w.process.pid) for w in running if w.process]
        server = psutil.Process(broker.process.pid)
        size = -(-(len(records) - _WARM_UP) // bursts)
        for first in range(_WARM_UP, len(records), size):
            for process in processes:
                process.send_signal(signal.SIGSTOP)
            # shorter than a session, or they would take themselves for replaced
            asyncio.run(produce(broker.bootstrap, log.events, records[first : first + size]))
            before = [_cpu_s(processes), _cpu_s([server])]
            began = time.time()
            for process in processes:
                process.send_signal(signal.SIGCONT)
            ends = log.ends()
            # seldom: who asks takes processor time from those who are measured
            eventually(lambda: log.committed() == ends, _WITHIN_S, "all events", 0.5)  # noqa: B023 - called at once
            after = [_cpu_s(processes), _cpu_s([server])]
            spent = [s + a - b for s, a, b in zip(spent, after, before, strict=True)]
            took_s += _shown_at(log, ends) - began
    return _Run((len(records) - _WARM_UP) / took_s, spent[0] / took_s, spent[1] / took_s)


def _shown_at(log: Log, ends: dict[int, int]) -> float:
    """When the last partition had a snapshot of a unit with everything in it."""
    shown: dict[int, float] = {}
    for record in log.read(UNITS_TOPIC):
        partition = record.partition
        if partition in shown or not record.key.endswith(b"|now"):
            continue
        if json.loads(record.value)["offset"] >= ends[partition]:
            shown[partition] = record.timestamp / 1000
    assert shown.keys() == ends.keys()
    return max(shown.values())


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)
