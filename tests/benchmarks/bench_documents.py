"""A list of 100,000 dossiers as XLSX and CSV: time and memory, beside a bare XlsxWriter.

The bare one writes the same cells from memory, without a database, provenance or hash.
"""

import io
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import psutil
import xlsxwriter
from clickhouse_connect.driver.client import Client

from schemas.calendar import load_calendar
from schemas.registry import load_registry
from services.audit.access import OPEN
from services.audit.asking import Asking
from services.audit.documents.answers import wanted
from services.audit.documents.content import ZONE
from services.audit.documents.desk import Desk
from services.audit.documents.exports import Exports
from services.audit.documents.formats import format_named, read_file
from services.audit.final import Finality
from services.audit.pages import Pages
from services.audit.settled import Settled
from services.clickhouse import Pool, connect, migrate
from services.historian import store_calendar
from services.settings import Settings
from tests.benchmarks.__main__ import Row
from tests.benchmarks.bench_report import fill

_ASKED = {"book": "dak-ha-2023", "from": "2023-01-01", "to": "2023-12-31"}
_MB = 1_000_000


def rows(quick: bool) -> list[Row]:
    """Seconds and megabytes of each format; at most 20 s and 300 MB for 100,000 in XLSX."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"chdb:{Path(folder) / 'clickhouse'}"
        client = connect(address)
        migrate(client)
        store_calendar(client, load_calendar())
        fill(client, address, 1_500 if quick else 11_500)
        desk = _desk(Path(folder), address)
        desk.asks.settled.settle(client)
        client.close()
        made: list[Row] = []
        with (Path(folder) / "list").open("w+b") as output:
            count, bare_s = 0, 0.0
            for name in ("csv", "xlsx"):
                output.seek(0)
                output.truncate()
                with _peak() as peak:
                    began = time.perf_counter()
                    count = _write(desk, name, output)
                    took_s = time.perf_counter() - began
                if name == "csv":
                    bare_s = _bare(output)
                bar = "; at most 20 s" if name == "xlsx" else ""
                made.append(_row(f"{name}, {count:,} dossiers", took_s, bare_s, "s", bar))
                bar = "beside what the process had; at most 300"
                made.append(_row(f"{name}, memory", peak() / _MB, None, "MB", bar))
        return made


def _desk(folder: Path, address: str) -> Desk:
    settings = Settings(data=folder)

    def clock() -> datetime:
        return datetime.now(UTC)

    asking = Asking(
        settings,
        Pool(lambda: connect(address), 2),
        Settled(),
        load_registry,
        clock,
        Finality(dict, clock),
    )
    pages = Pages(settings, lambda: None, clock)
    exports = Exports(folder / "exports")
    return Desk(asking, pages, exports, lambda: None, asking.final_until, lambda: b"")


def _write(desk: Desk, name: str, output: BinaryIO) -> int:
    form = format_named(name)
    assert form is not None
    asked = wanted(desk.asks, "dossiers", form.layout, _ASKED)
    told: list[int] = []

    def ask(client: Client) -> Any:
        return desk.make_list(
            client, asked, form, output, OPEN, lambda rows, total: told.append(rows)
        )

    made = desk.asks.ask(ask)
    assert len(told) > 2, "no progress was told"
    return int(made.lines["rows"])


def _bare(csv_file: BinaryIO) -> float:
    """The same cells, by XlsxWriter alone."""
    csv_file.seek(0)
    table = read_file(csv_file.read()).tables[0].rows
    moments = {6, 7, 8}
    cells = [
        [
            datetime.fromisoformat(c).astimezone(ZONE).replace(tzinfo=None)
            if n in moments and c
            else c
            for n, c in enumerate(row)
        ]
        for row in table
    ]
    began = time.perf_counter()
    book = xlsxwriter.Workbook(io.BytesIO(), {"constant_memory": True})
    sheet = book.add_worksheet()
    look = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
    for n, row in enumerate(cells):
        for column, cell in enumerate(row):
            if isinstance(cell, datetime):
                sheet.write_datetime(n, column, cell, look)
            else:
                sheet.write_string(n, column, cell)
    book.close()
    return time.perf_counter() - began


@contextmanager
def _peak() -> Iterator[Callable[[], float]]:
    """Most bytes that the process had beyond those at the start, looked at all the time."""
    process = psutil.Process()
    begin = most = process.memory_info().rss
    ended = threading.Event()

    def look() -> None:
        nonlocal most
        while not ended.wait(0.02):
            most = max(most, process.memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lambda: float(most - begin)
    finally:
        ended.set()
        thread.join()


def _row(name: str, ours: float, reference: float | None, unit: str, note: str) -> Row:
    return {
        "name": name,
        "ours": round(ours, 2),
        "reference": None if reference is None else round(reference, 2),
        "ratio": None if not reference else round(ours / reference, 2),
        "unit": unit,
        "note": note.lstrip("; "),
    }
