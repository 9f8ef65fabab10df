"""How long a worker that was killed (``kill -9``) is away: from the kill until it counts again.

It is started again at once, as its supervisor does, restores every dossier from the changelog and
counts the event that came meanwhile; the time ends when a reader of ``motcua.units`` has the
snapshot with this event in it.
"""

import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from kafka import KafkaConsumer, TopicPartition

from schemas.topics import UNITS as UNITS_TOPIC
from streams.worker import partition_of_unit
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
            empty, _ = sorted(_away(worker, log, records[n]) for n in range(3))[1]
            asyncio.run(produce(broker.bootstrap, log.events, records[3:-3]))
            eventually(lambda: log.committed() == log.ends(), _WITHIN_S, "all counted")
            full, cpu_s = sorted(_away(worker, log, records[-1 - n]) for n in range(3))[1]
    return [
        {
            "name": f"worker kill -9 to counting again, {dossiers} dossiers",
            "ours": full,
            "reference": empty,
            "ratio": full / empty,
            "unit": "s",
            "note": f"reference: without dossiers; {(full - empty) / dossiers * 1e6:.0f} µs for"
            f" each dossier more; {cpu_s:.1f} s of processor time; at most 5 s;"
            f" load {os.getloadavg()[0]:.1f}",
        }
    ]


def _away(worker: WorkerProcess, log: Log, record: Any) -> tuple[float, float]:
    """(seconds, processor time of the new worker meanwhile)."""
    consumer, producer = _at_the_end(log, record.unit), log.producer()
    # the first record costs a producer what it must learn of the topic
    producer.partitions_for(log.events)
    worker.kill()
    began = time.perf_counter()
    worker.start()
    sent = producer.send(log.events, key=record.unit.encode(), value=record.value).get(10)

    def shown() -> bool:
        said = [json.loads(r.value) for rs in consumer.poll(20).values() for r in rs]
        return any(
            one["unit"] == record.unit and "dossiers" in one and one["offset"] > sent.offset
            for one in said
        )

    eventually(shown, _WITHIN_S, "the worker counts again")
    took = time.perf_counter() - began
    assert worker.process
    spent = psutil.Process(worker.process.pid).cpu_times()
    producer.close()
    consumer.close()
    return took, spent.user + spent.system


def _at_the_end(log: Log, unit: str) -> Any:
    """Reads what comes to ``motcua.units`` from now on, in the unit's partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=log.bootstrap, enable_auto_commit=False, fetch_max_wait_ms=20
    )
    place = TopicPartition(UNITS_TOPIC.full_name(log.prefix), partition_of_unit(unit))
    consumer.assign([place])
    consumer.seek_to_end(place)
    consumer.position(place)
    return consumer
