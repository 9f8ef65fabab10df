"""The historian's own path against a bare insert of the same rows."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson
from clickhouse_connect.driver.client import Client

from schemas.admitted import content_hash
from services.clickhouse import connect, migrate
from services.historian import Batch, ClickHouseHistory, Record, Storing, batch_of
from services.historian.records import EVENT_COLUMNS
from tests.support.histories import admitted, digitized, paid, received, resolved

_BATCH = 10_000
_DAYS = 28


def rows(quick: bool) -> list[dict[str, object]]:
    """Bytes of records -> parsed -> ``events`` and ``log``, beside ``client.insert`` of prepared
    columns into a table with the definition of ``events``.

    Both take turns, so that a busy machine slows both.
    """
    # the first one is parsed and the last one stored alone: so many that this does not show
    batches = _batches(4 if quick else 20)
    prepared = [batch_of(batch) for batch in batches]
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        address = f"chdb:{Path(folder) / 'clickhouse'}"
        client = connect(address)
        migrate(client)
        client.command("CREATE TABLE bare AS events")
        for _ in range(2 if quick else 5):
            bare.append(_rate(batches, lambda: _insert_bare(client, prepared)))
            ours.append(_rate(batches, lambda: _store(address, batches)))
        client.close()
    ours_rate, bare_rate = statistics.median(ours), statistics.median(bare)
    return [
        {
            "name": "historian, batches of 10,000",
            "ours": round(ours_rate),
            "reference": round(bare_rate),
            "ratio": round(statistics.median(o / b for o, b in zip(ours, bare, strict=True)), 2),
            "unit": "records/s",
            "note": "bytes to events and log, fsynced, against a bare clickhouse-connect insert of"
            " the same prepared rows into the same table definition; at least 0.6",
        }
    ]


def _rate(batches: list[list[Record]], run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return len(batches) * _BATCH / (time.perf_counter() - started)


def _insert_bare(client: Client, prepared: list[Batch]) -> None:
    for batch in prepared:
        client.insert("bare", batch.events, column_names=EVENT_COLUMNS, column_oriented=True)


def _store(address: str, batches: list[list[Record]]) -> None:
    history = ClickHouseHistory(lambda: connect(address), "motcua.events")
    storing = Storing(history)
    for batch in batches:
        storing.append(batch)
    storing.finish()
    storing.close()
    history.close()


def _batches(count: int) -> list[list[Record]]:
    """Records of one month, as a busy district sends them: four events for each dossier."""
    templates = [
        orjson.loads(admitted(said))
        for day in range(1, _DAYS + 1)
        for said in (
            received(f"2023-02-{day:02d}T08:30", due=f"2023-02-{day:02d}T17:00", officer="cb-014"),
            digitized(f"2023-02-{day:02d}T08:40"),
            paid(f"2023-02-{day:02d}T09:00"),
            resolved(f"2023-02-{day:02d}T16:00", electronic=True),
        )
    ]
    found: list[list[Record]] = []
    for batch in range(count):
        records = []
        for n in range(_BATCH):
            number = batch * _BATCH + n
            said = templates[number % len(templates)]
            unit = f"23{500 + number % 24}"
            subject = f"{unit}-230210-{number // 4:06d}"
            said |= {"id": f"{subject}/{number}", "subject": subject, "unit": unit}
            said["contenthash"] = content_hash(
                said["type"], subject, said["time"], unit, said["data"]
            )
            records.append(Record(number % 8, number // 8, orjson.dumps(said)))
        found.append(records)
    return found
