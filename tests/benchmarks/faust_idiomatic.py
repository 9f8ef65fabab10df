"""The worker's job as Faust's manual shows it: an agent, one event at a time, two tables.

The reference of ``bench_worker.py``. The same core reads, folds and counts; what differs is how
Faust is used. It is not exact: see ``streams.batches`` for what Faust does on a crash.
"""

from pathlib import Path
from typing import Any

import faust

from schemas.calendar import load_calendar
from streams.core.cells import cells
from streams.core.dossier import add, decode, encode, read
from streams.core.facts import facts
from streams.core.working_time import WorkingTime

PARTITIONS = 8


def build(bootstrap: str, prefix: str, source: str, data: Path, counted: list[int]) -> faust.App:
    """The application; ``counted[0]`` grows with every event."""
    work = WorkingTime(load_calendar())
    app = faust.App(
        f"{prefix}.idiomatic",
        broker=f"kafka://{bootstrap}",
        datadir=data,
        store="memory://",
        value_serializer="raw",
        key_serializer="raw",
        web_enabled=False,
        autodiscover=False,
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
    )
    events = app.topic(source, value_type=bytes, value_serializer="raw", partitions=PARTITIONS)
    dossiers = app.Table("dossiers", key_type=bytes, value_type=bytes, partitions=PARTITIONS)
    counters = app.Table(
        "counters", key_type=str, value_type=int, default=int, partitions=PARTITIONS
    )

    async def counting(stream: Any) -> None:
        async for value in stream:
            unit, subject, entry = read(value)
            key = f"{unit}\x1f{subject}".encode()
            stored = dossiers.get(key)
            dossier = decode(stored) if stored else ()
            grown, _ = add(dossier, entry)
            if grown is not dossier:
                before = set(cells(facts(dossier, work))) if dossier else set()
                after = set(cells(facts(grown, work)))
                for cell in before - after:
                    counters[f"{unit}|{cell}"] -= 1
                for cell in after - before:
                    counters[f"{unit}|{cell}"] += 1
                dossiers[key] = encode(grown)
            counted[0] += 1

    app.agent(events, name="counting")(counting)
    return app
