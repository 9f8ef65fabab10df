"""Two workers against one: the same events, the partitions shared, on the same two cores.

The workers are there and wait, stopped (SIGSTOP), while the events are written; the time runs from
the moment at which they may go on until Kafka knows that all is counted and published. What the
broker takes of the processor meanwhile is in the note: it cannot be shared out.
"""

import asyncio
import os
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.bench_worker import DAYS, UNITS, produce
from tests.support import kafka
from tests.support.districts import Record, district
from tests.support.kafka import eventually
from tests.support.workers import Log, WorkerProcess

_WITHIN_S = 120


def rows(quick: bool) -> list[dict[str, Any]]:
    """Events in a second; the better of two runs each."""
    records = district(8_000 if quick else 25_000, units=UNITS, days=DAYS)
    rounds = 1 if quick else 2
    with tempfile.TemporaryDirectory() as folder, kafka.broker(Path(folder)) as broker:
        runs = [
            (workers, *_run(broker, records, workers, Path(folder) / f"{n}-{workers}"))
            for n in range(rounds)
            for workers in (1, 2)
        ]
    best = {workers: max(run[1:] for run in runs if run[0] == workers) for workers in (1, 2)}
    (one, share_of_one), (two, share_of_two) = best[1], best[2]
    return [
        {
            "name": "two workers vs one worker",
            "ours": two,
            "reference": one,
            "ratio": two / one,
            "unit": "events/s",
            "note": f"{len(records)} events; the broker took {share_of_two:.2f} of"
            f" {os.cpu_count()} cores (with one worker {share_of_one:.2f});"
            f" load {os.getloadavg()[0]:.1f}",
        }
    ]


def _run(
    broker: kafka.RunningBroker, records: list[Record], workers: int, folder: Path
) -> tuple[float, float]:
    """(events in a second, cores that the broker took)."""
    log = Log(broker.bootstrap, broker.fresh_prefix())
    server = psutil.Process(broker.process.pid)
    with ExitStack() as started:
        running = []
        for number in range(workers):
            own = folder / str(number)
            own.mkdir(parents=True)
            (own / "data").mkdir()
            worker = WorkerProcess(
                broker.bootstrap, log.prefix, own, MOTCUA_WORKER_INSTANCE=f"worker-{number}"
            )
            started.enter_context(worker).start_and_wait()
            running.append(worker)
        eventually(lambda: all(w.readiness()[0] == 200 for w in running), _WITHIN_S, "all joined")
        asyncio.run(produce(broker.bootstrap, log.events, records[:1000]))
        eventually(lambda: log.committed() == log.ends(), _WITHIN_S, "the first events")
        processes = [w.process for w in running if w.process]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        # shorter than a session, or they would take themselves for replaced
        asyncio.run(produce(broker.bootstrap, log.events, records[1000:]))
        ends = log.ends()
        before, began = server.cpu_times(), time.perf_counter()
        for process in processes:
            process.send_signal(signal.SIGCONT)
        eventually(lambda: log.committed() == ends, _WITHIN_S, "all events")
        took, after = time.perf_counter() - began, server.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return (len(records) - 1000) / took, spent / took
