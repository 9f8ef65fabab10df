"""How many events the worker counts in a second, against Faust as its manual shows it.

Both run as a process of their own on the same broker and the same events: a district's dossiers,
scattered as in a replay, so that a run of a thousand records touches nearly as many dossiers. Ours
ends when everything is acknowledged: changelog, markers and snapshots; the reference's time ends
when its agent has seen the last event, whatever is still in its buffers.
"""

import argparse
import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from schemas.topics import EVENTS, Topic
from services.topics import ensure_topics
from streams.settings import StreamSettings
from streams.worker import build_worker, partition_of_unit, table_of
from tests.benchmarks import faust_idiomatic
from tests.support import kafka
from tests.support.districts import Record, district

UNITS = 44
DAYS = 5
"""So few that thousands of dossiers are open in each partition at any time."""
_ROOT = Path(__file__).parents[2]
_SILENCE_S = 5.0


def rows(quick: bool) -> list[dict[str, Any]]:
    """The figures, each the best of its runs: other programs only ever take time away."""
    records = district(10_000 if quick else 25_000, units=UNITS, days=DAYS)
    few = records[: 6_000 if quick else 15_000]
    with tempfile.TemporaryDirectory() as folder, kafka.broker(Path(folder)) as broker:
        ours = [_run("ours", broker, records, Path(folder)) for _ in range(2 if quick else 3)]
        theirs = [_run("idiomatic", broker, few, Path(folder)) for _ in range(2)]
    best, reference = (max(runs, key=lambda run: run["per_second"]) for runs in (ours, theirs))
    return [
        {
            "name": "worker events/s vs idiomatic Faust",
            "ours": best["per_second"],
            "reference": reference["per_second"],
            "ratio": best["per_second"] / reference["per_second"],
            "unit": "events/s",
            "note": f"{len(records)} and {len(few)} events; changelog and snapshots acknowledged;"
            f" by CPU time {best['per_cpu_second'] / reference['per_cpu_second']:.1f} ×",
        },
        {
            "name": "worker events/s, one core",
            "ours": max(run["per_cpu_second"] for run in ours),
            "reference": None,
            "ratio": None,
            "unit": "events per second of CPU time",
            "note": f"{best['snapshots']} snapshots; load {os.getloadavg()[0]:.1f}",
        },
    ]


def _run(
    kind: str, broker: kafka.RunningBroker, records: list[Record], folder: Path
) -> dict[str, float]:
    prefix = broker.fresh_prefix()
    asyncio.run(produce(broker.bootstrap, f"{prefix}.events", records))
    command = [sys.executable, "-m", "tests.benchmarks.bench_worker", kind, broker.bootstrap]
    command += [prefix, str(len(records)), str(folder / prefix)]
    done = subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.PIPE, timeout=60)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


async def produce(bootstrap: str, topic: str, records: list[Record]) -> None:
    """Write the events by the batch, each into its unit's partition, in their order."""
    by_partition: dict[int, list[Record]] = {}
    for record in records:
        by_partition.setdefault(partition_of_unit(record.unit), []).append(record)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=500_000)
    await producer.start()

    async def write(partition: int, values: list[Record]) -> None:
        batch = producer.create_batch()
        for record in values:
            entry = {"key": record.unit.encode(), "value": record.value, "timestamp": None}
            if batch.append(**entry) is None:
                await (await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(**entry)
        await (await producer.send_batch(batch, topic, partition=partition))

    await asyncio.gather(*(write(*item) for item in by_partition.items()))
    await producer.stop()


# -- in the measured process


async def _ours(bootstrap: str, prefix: str, count: int, data: Path) -> dict[str, float]:
    """From the first run that is folded to the last acknowledgement."""
    settings = StreamSettings(kafka=bootstrap, topic_prefix=prefix, data=data)
    app = build_worker(settings)
    table = table_of(app)
    started: list[float] = []
    published = [0]
    fold, publish = table._owner.fold, table.publish

    def first_fold(*arguments: Any) -> Any:
        started.extend((time.perf_counter(), time.process_time()))
        table._owner.fold = fold  # type: ignore[method-assign]  # back to what it was
        return fold(*arguments)

    def counted_publish(partition: int, messages: Any) -> None:
        published[0] += len(messages)
        publish(partition, messages)

    table._owner.fold = first_fold  # type: ignore[method-assign]  # only to take the time
    table.publish = counted_publish  # type: ignore[method-assign]  # only to count
    await app.start()
    while sum(table.position(p) or 0 for p in range(faust_idiomatic.PARTITIONS)) < count:
        await asyncio.sleep(0.005)
    await table.close()
    return {**_rates(count, *started), "snapshots": published[0]}


async def _idiomatic(bootstrap: str, prefix: str, count: int, data: Path) -> dict[str, float]:
    """From the first event to the last one that comes.

    After a rebalance Faust now and then drops what it had read before: then fewer events come, and
    the rate is that of those which came.
    """
    # made beforehand: making them itself costs Faust a rebalance in the middle of its work
    changelogs = [
        Topic(
            f"idiomatic-{table}-changelog", "", EVENTS.partitions, "", {"cleanup.policy": "compact"}
        )
        for table in ("dossiers", "counters")
    ]
    ensure_topics(bootstrap, prefix, topics=changelogs)
    counted = [0]
    app = faust_idiomatic.build(bootstrap, prefix, f"{prefix}.events", data, counted)
    await app.start()
    while not counted[0]:
        await asyncio.sleep(0.001)
    first, seen, started = counted[0], counted[0], (time.perf_counter(), time.process_time())
    rates, changed_at = {"per_second": 0.0, "per_cpu_second": 0.0}, time.perf_counter()
    while seen < count and time.perf_counter() - changed_at < _SILENCE_S:
        await asyncio.sleep(0.02)
        if counted[0] > seen:
            seen, changed_at = counted[0], time.perf_counter()
            rates = _rates(seen - first, *started)
    return rates


def _rates(count: int, wall: float, cpu: float) -> dict[str, float]:
    return {
        "per_second": count / (time.perf_counter() - wall),
        "per_cpu_second": count / (time.process_time() - cpu),
    }


def main() -> None:
    """What a measured process does: run, print the figures as JSON, end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("ours", "idiomatic"))
    parser.add_argument("bootstrap")
    parser.add_argument("prefix")
    parser.add_argument("count", type=int)
    parser.add_argument("data", type=Path)
    options = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    (options.data / "worker").mkdir(parents=True)
    if options.kind == "ours":
        # as streams.__main__ does
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
    run = _ours if options.kind == "ours" else _idiomatic
    arguments = options.bootstrap, options.prefix, options.count, options.data
    asyncio.run(_print(run(*arguments)))


async def _print(measured: Awaitable[dict[str, float]]) -> None:
    sys.stdout.write(json.dumps(await measured))
    sys.stdout.flush()
    # Faust's threads need not be waited for
    os._exit(0)


if __name__ == "__main__":
    main()
