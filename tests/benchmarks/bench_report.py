"""The decision's table over a province's year, against the plainest SQL for the same figures.

A tenth of the province is generated event by event; the other nine are copies of it under other
units, made in ClickHouse. The plainest SQL is what one would write for a record without repeated
events, corrections, conflicts and clocks: it gathers each dossier's events and counts.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from schemas.audit import DossierPage
from schemas.books import Period, load_book
from schemas.calendar import load_calendar
from schemas.registry import load_registry
from services.audit.questions import (
    Question,
    Source,
    changes_between,
    dossier_history,
    report,
)
from services.audit.questions.changes import pair_of
from services.audit.questions.lists import Cursor, listed, read_cursor, search, selection
from services.audit.settled import Clocks, Settled
from services.clickhouse import connect, migrate
from services.historian import ClickHouseHistory, batch_of, store_calendar
from tests.benchmarks.__main__ import Row
from tests.support.clickhouse import TOPIC, numbered
from tests.support.districts import district

COPIES = 10
_DEEP = 100_000
_BATCH = 50_000
_YEAR = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))
_MIDSUMMER = Clocks(known_at=datetime(2023, 7, 1, tzinfo=UTC), final=True)

_PLAINEST = """
SELECT unit, count() AS a, countIf(digitised AND electronic), countIf(full_online),
       countIf(full_online AND online AND paperless), uniqExactIf(procedure, paid),
       countIf(fee AND offered), countIf(fee AND offered AND paid),
       countIf(isNotNull(due) AND resolved_at <= due)
FROM
(
    SELECT
        unit,
        anyIf(procedure, kind = 'received') AS procedure,
        maxIf(occurred_at, kind = 'resolved') AS resolved_at,
        maxIf(coalesce(new_due_at, due_at, frozen_due_at),
              kind IN ('received', 'supplement_received', 'due_changed')) AS due,
        max(kind = 'digitized' AND part = 'application' AND items_digitized >= items_total) AS digitised,
        max((kind = 'resolved' AND electronic_result) OR (kind = 'digitized' AND part = 'result')) AS electronic,
        anyIf(service = 'full', kind = 'received') AS full_online,
        anyIf(service != 'none', kind = 'received') AS offered,
        anyIf(channel = 'online', kind = 'received') AS online,
        anyIf(paperless, kind = 'received') AS paperless,
        anyIf(has_fee, kind = 'received') AND NOT max(kind = 'fee_waived') AS fee,
        sumIf(if(kind = 'paid', amount_vnd, -amount_vnd),
              kind IN ('paid', 'refunded') AND way IN ('national_portal', 'local_gateway')) > 0 AS paid
    FROM events
    GROUP BY unit, dossier
    HAVING resolved_at >= '2022-12-31 17:00:00' AND resolved_at < '2023-12-31 17:00:00'
)
GROUP BY unit
"""  # noqa: E501  # lines of SQL are wider


def rows(quick: bool) -> list[Row]:
    """Whole table, one unit, a past K, and what it costs to judge every dossier once."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"chdb:{Path(folder) / 'clickhouse'}"
        client = connect(address)
        migrate(client)
        store_calendar(client, load_calendar())
        _fill(client, address, 8_000 if quick else 90_000)
        ((events, dossiers, units),) = client.query(
            "SELECT count(), uniq(unit, dossier), uniq(unit) FROM events"
        ).result_rows
        settled = Settled()
        judged_s = _seconds(lambda: settled.settle(client))
        ask = _asker(client, settled)
        table, plain, one = [], [], []
        for _ in range(3 if quick else 5):
            plain.append(_seconds(lambda: client.query(_PLAINEST)))
            table.append(_seconds(lambda: ask(None)))
            one.append(_seconds(lambda: ask("1U001")))
        past_s = _seconds(lambda: ask(None, _MIDSUMMER))
        clicks = _clicks(Source(client, settled, load_registry(), datetime.now(UTC)))
        client.close()
    said = f"{events:,} events, {dossiers:,} dossiers, {units} units"
    whole_s, plain_s = statistics.median(table), statistics.median(plain)
    return [
        _row("decision's table, all units", whole_s, plain_s, f"{said}; at most 1.5, and 2 s"),
        _row("decision's table, one unit", statistics.median(one), None, "at most 0.2 s"),
        _row("the same as known on 30 June", past_s, plain_s, "dossiers of later days judged anew"),
        _row("every dossier judged once", judged_s, plain_s, "after a rebuild; then by and by"),
        *clicks,
    ]


def _clicks(source: Source) -> list[Row]:
    """What an auditor does with the table: each question cold, then as the next clicks find it."""
    book = load_book("dak-ha-2023")
    now, past = (Question(book, _YEAR, None, clocks) for clocks in (Clocks(), _MIDSUMMER))
    indicator = book.indicator("on_time_commune")
    wanted = selection(indicator, book.population, "a")
    assert wanted is not None

    def page(question: Question, after: Cursor) -> DossierPage:
        return listed(source, question, indicator, wanted, after=after, page=100)

    def deep(question: Question) -> Cursor:
        after = Cursor()
        for _ in range(_DEEP // 1000):
            found = listed(source, question, indicator, wanted, after=after, page=1000)
            if found.after is None:
                return after
            after = read_cursor(found.after) or after
        return after

    far, far_then = deep(now), deep(past)
    (one,) = page(now, far).dossiers[-1:]
    unit = Question(book, _YEAR, "1U001", Clocks())
    pair = pair_of(unit, _MIDSUMMER, Clocks(known_at=datetime(2023, 7, 20, tzinfo=UTC)))
    differ_s = _seconds(lambda: changes_between(source, pair))
    return [
        _row("a list, first page", _seconds(lambda: page(now, Cursor())), None, "at most 0.3 s"),
        _row("a list, row 100,000", _seconds(lambda: page(now, far)), None, "at most 0.3 s"),
        _row("a list of a past K, first page", _seconds(lambda: page(past, Cursor())), None,
             "kept since the table; at most 0.3 s"),
        _row("a list of a past K, row 100,000", _seconds(lambda: page(past, far_then)), None,
             "at most 0.3 s"),
        _row("search by a part of a code", _seconds(
            lambda: search(source, Clocks(), unit=None, code="000012", after=Cursor(), page=100)
        ), None, "all dossiers are looked at; at most 0.3 s"),
        _row("two K of one unit, explained", differ_s, None, "three weeks apart; at most 2 s"),
        _row("the same again", _seconds(lambda: changes_between(source, pair)), None, "kept"),
        _row("one dossier's timeline", _seconds(
            lambda: dossier_history(source.client, source.settled, one.unit, one.dossier)
        ), None, "at most 0.1 s"),
    ]  # fmt: skip


def _row(name: str, ours: float, reference: float | None, note: str) -> Row:
    return {
        "name": name,
        "ours": round(ours, 3),
        "reference": None if reference is None else round(reference, 3),
        "ratio": None if reference is None else round(ours / reference, 2),
        "unit": "s",
        "note": note,
    }


def _seconds(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _asker(client: Client, settled: Settled) -> Callable[..., Any]:
    book, registry = load_book("dak-ha-2023"), load_registry()

    def ask(unit: str | None, clocks: Clocks | None = None) -> Any:
        return report(
            client,
            settled,
            book,
            registry,
            _YEAR,
            unit,
            clocks=clocks or Clocks(),
            demo=True,
            computed_at=datetime.now(UTC),
        )

    return ask


def _fill(client: Client, address: str, dossiers: int) -> None:
    records = numbered(record.value for record in district(dossiers, units=70, days=360))
    history = ClickHouseHistory(lambda: connect(address), TOPIC)
    for start in range(0, len(records), _BATCH):
        history.append(batch_of(records[start : start + _BATCH]))
    history.close()
    columns = [
        name
        for (name,) in client.query(
            "SELECT name FROM system.columns WHERE database = currentDatabase()"
            " AND table = 'events' AND default_kind = '' AND name NOT IN ('unit', 'partition')"
        ).result_rows
    ]
    names = ", ".join(columns)
    for copy in range(1, COPIES):
        client.command(
            f"INSERT INTO events (unit, partition, {names})"
            f" SELECT concat('{copy}', unit), {copy}, {names} FROM events WHERE partition = 0"
            " SETTINGS max_partitions_per_insert_block = 0"
        )
        client.insert(
            "positions",
            [[TOPIC, copy, len(records)]],
            column_names=["topic", "partition", "next_offset"],
        )
