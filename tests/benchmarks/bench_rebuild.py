"""Rebuilds of both sides, as the commands report them, against bare loops over the same records.

The history's reference reads, prepares and inserts; the live side's reads and folds. Both sides of
a figure take turns, so that a busy machine slows both.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from schemas.calendar import load_calendar
from services.audit.settled import Settled
from services.clickhouse import Pool, migrate
from services.historian import (
    ClickHouseHistory,
    Historian,
    batch_of,
    records_of,
    store_calendar,
)
from services.historian.records import EVENT_COLUMNS
from services.history.databases import Databases
from services.history.rebuild import Rebuilding
from services.topics import ensure_topics
from streams.generations import changelog
from streams.reading import read_between
from streams.rebuild import Building, Rebuild
from streams.settings import StreamSettings
from tests.benchmarks.bench_worker import DAYS, UNITS, produce
from tests.support import kafka
from tests.support.districts import district
from tests.support.kafka import eventually
from tests.support.workers import Log, WorkerProcess

_WITHIN_S = 100


def rows(quick: bool) -> list[dict[str, Any]]:
    """Reading and storing, or folding and comparing; what comes before and after is in the note."""
    records = district(2_000 if quick else 8_000, units=UNITS, days=DAYS)
    rounds = 1 if quick else 2
    with tempfile.TemporaryDirectory() as folder, kafka.broker(Path(folder)) as broker:
        log = Log(broker.bootstrap, broker.fresh_prefix())
        asyncio.run(produce(broker.bootstrap, log.events, records))
        ends = log.ends()
        return [
            _history(log, broker.bootstrap, ends, Path(folder), rounds),
            _live(log, broker.bootstrap, ends, Path(folder), rounds),
        ]


def _history(
    log: Log, bootstrap: str, ends: dict[int, int], folder: Path, rounds: int
) -> dict[str, Any]:
    count = sum(ends.values())
    with ExitStack() as opened:
        databases = Databases(f"chdb:{folder / 'clickhouse'}")
        client = opened.enter_context(closing(databases.connect()))
        migrate(client)
        store_calendar(client, load_calendar())
        client.command("CREATE TABLE bare AS events")
        historian = Historian(
            bootstrap, log.events, lambda: ClickHouseHistory(databases.connect, log.events)
        )
        pool = Pool(databases.connect, 3)
        opened.callback(pool.close)
        rebuilding = Rebuilding(bootstrap, log.events, databases, pool, Settled(), historian)
        historian.start()
        opened.callback(historian.stop)
        eventually(lambda: historian.not_ready() is None, _WITHIN_S, "the running history")

        def insert_bare() -> None:
            for batch in read_between(bootstrap, log.events, {}, ends):
                rows = batch_of(records_of(batch)).events
                client.insert("bare", rows, column_names=EVENT_COLUMNS, column_oriented=True)

        ours, bare, whole = [], [], []
        for _ in range(rounds):
            bare.append(_rate(count, insert_bare))
            began = time.perf_counter()
            rebuilding.start(keep=True, replace=False)
            eventually(lambda: not rebuilding.state.under_way, _WITHIN_S, "the rebuild")
            assert rebuilding.state.outcome == "equal", rebuilding.state
            whole.append(count / (time.perf_counter() - began))
            ours.append(rebuilding.state.records_per_s)
    return _row(
        "rebuild history", ours, bare, whole, "reading, preparing and inserting one after the other"
    )


def _live(
    log: Log, bootstrap: str, ends: dict[int, int], folder: Path, rounds: int
) -> dict[str, Any]:
    count = sum(ends.values())
    settings = StreamSettings(kafka=bootstrap, topic_prefix=log.prefix, data=folder)

    def fold_bare() -> None:
        building = Building(settings.unreadable_in_a_row)
        for batch in read_between(bootstrap, log.events, {}, ends):
            by_partition: dict[int, list[Any]] = {}
            for record in batch:
                by_partition.setdefault(record.partition, []).append(record)
            for partition, found in by_partition.items():
                for _ in building.fold(partition, found, {}):
                    raise AssertionError("nothing is compared here")

    ours, bare, whole = [], [], []
    with WorkerProcess(bootstrap, log.prefix, folder) as worker:
        worker.start_and_wait()
        eventually(lambda: log.committed() == ends, _WITHIN_S, "the running worker")
        for generation in range(2, 2 + rounds):
            bare.append(_rate(count, fold_bare))
            ensure_topics(bootstrap, log.prefix, topics=[changelog(generation)])
            said: dict[str, Any] = {}
            rebuild = Rebuild(settings, generation, said.update)
            began = time.perf_counter()
            assert rebuild.run(), rebuild.differences
            whole.append(count / (time.perf_counter() - began))
            ours.append(said["records_per_s"])
    return _row("rebuild live", ours, bare, whole, "reading and folding")


def _rate(count: int, run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return count / (time.perf_counter() - started)


def _row(
    name: str, ours: list[float], bare: list[float], whole: list[float], reference: str
) -> dict[str, Any]:
    return {
        "name": name,
        "ours": round(statistics.median(ours)),
        "reference": round(statistics.median(bare)),
        "ratio": round(statistics.median(o / b for o, b in zip(ours, bare, strict=True)), 2),
        "unit": "records/s",
        "note": f"against {reference}; with all that comes before and after"
        f" {statistics.median(whole):.0f} records/s; at least 0.5",
    }
