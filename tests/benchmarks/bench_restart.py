"""How long a worker that was killed (``kill -9``) is away: from the kill until it counts again.

It is started again at once, as its supervisor does, restores every dossier from the changelog and
counts the event that came meanwhile; the time ends when Kafka knows that this is published.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_worker import UNITS, produce
from tests.support import kafka
from tests.support.districts import district
from tests.support.kafka import eventually
from tests.support.workers import Log, WorkerProcess

DISTRICT = 30_000
"""Dossiers of a district in a year (and a day's worth more for the worker to count)."""
_DAYS = 250
_WITHIN_S = 300


def rows(quick: bool) -> list[dict[str, Any]]:
    """Seconds, the median of three kills; a province-year is told by the time for each dossier."""
    dossiers = DISTRICT // 10 if quick else DISTRICT
    records = district(dossiers, units=UNITS, days=_DAYS)
    with tempfile.TemporaryDirectory() as folder, kafka.broker(Path(folder)) as broker:
        log = Log(broker.bootstrap, broker.fresh_prefix())
        (Path(folder) / "data").mkdir()
        with WorkerProcess(broker.bootstrap, log.prefix, Path(folder)) as worker:
            worker.start_and_wait()
            empty = sorted(_away(worker, log, records[n]) for n in range(3))[1]
            asyncio.run(produce(broker.bootstrap, log.events, records[3:-3]))
            eventually(lambda: log.committed() == log.ends(), _WITHIN_S, "all counted")
            full = sorted(_away(worker, log, records[-1 - n]) for n in range(3))[1]
    return [
        {
            "name": f"worker kill -9 to counting again, {dossiers} dossiers",
            "ours": full,
            "reference": empty,
            "ratio": full / empty,
            "unit": "s",
            "note": f"reference: without dossiers; {(full - empty) / dossiers * 1e6:.0f} µs for"
            f" each dossier more; at most 5 s; load {os.getloadavg()[0]:.1f}",
        }
    ]


def _away(worker: WorkerProcess, log: Log, record: Any) -> float:
    worker.kill()
    began = time.perf_counter()
    log.send([record])
    ends = log.ends()
    worker.start()
    eventually(lambda: log.committed() == ends, _WITHIN_S, "the worker counts again")
    return time.perf_counter() - began
