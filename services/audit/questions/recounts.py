"""The counters of the live side, recounted from the record: what verification compares."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from schemas.words import Measure
from services.audit.questions.of import Of
from services.audit.settled import NOW, Extent, Settled, sql
from streams.core.cells import Cell
from streams.core.days import day_number
from streams.core.facts import BIT

_RECEIVED = BIT["received"]


def positions(client: Client, settings: Mapping[str, Any] | None = None) -> dict[int, int]:
    """For each partition the first offset that is not in the history."""
    rows = client.query(sql("positions"), settings=dict(settings or {})).result_rows
    return {int(partition): int(offset) for partition, offset in rows}


class Recount(NamedTuple):
    """A unit's counters, from the record."""

    cells: dict[Cell, int]
    dossiers: int
    open: int


def recount(
    client: Client,
    settled: Settled,
    asked: Extent,
    settings: Mapping[str, Any] | None = None,
    *,
    anew: bool = False,
) -> dict[str, Recount]:
    """The counters of each unit as the live side must have them at the unit's own offset.

    ``anew``: every dossier is judged by its events, whatever is settled.
    """
    if not asked.offsets:
        return {}
    cells: dict[str, dict[Cell, int]] = {unit: {} for unit in asked.offsets}
    received, closed = Counter[str](), Counter[str]()
    with settled.dossiers(client, asked, NOW, anew=anew) as table:
        rows = Of(client, table, asked, settings=settings).query("recount")
    for unit, measure, day, level, procedure, officer, bits, n in rows:
        number = day_number(date.fromisoformat(day))
        cells[unit][Cell(measure, number, level, procedure, officer, int(bits))] = int(n)
        # every dossier that was received, or closed, has one cell that says so
        if measure == "received":
            received[unit] += int(n)
        elif measure == "closed" and bits & _RECEIVED:
            closed[unit] += int(n)
    counted = client.query(sql("dossiers"), asked.bound(NOW), dict(settings or {})).result_rows
    dossiers = {unit: int(n) for unit, n in counted}
    return {
        unit: Recount(cells[unit], dossiers.get(unit, 0), received[unit] - closed[unit])
        for unit in asked.offsets
    }


def unseen(
    client: Client, units: Collection[str], settings: Mapping[str, Any] | None = None
) -> dict[str, tuple[int, int]]:
    """(partition, offset) of the first record of each unit that is none of these."""
    rows = client.query(sql("unseen"), {"units": list(units)}, dict(settings or {})).result_rows
    return {unit: (int(partition), int(offset)) for unit, partition, offset in rows}


def counted_in(
    client: Client,
    settled: Settled,
    unit: str,
    offset: int,
    wanted: Collection[tuple[Measure, date]],
    settings: Mapping[str, Any] | None = None,
) -> dict[tuple[Measure, date], dict[str, Cell]]:
    """The dossiers of the unit that count under a measure on a day, each with its cell; at most
    a thousand of each.
    """
    asked = Extent({unit: offset})
    with settled.dossiers(client, asked, NOW) as table:
        rows = Of(client, table, asked, settings=settings).query(
            "counted_in",
            measures=[measure for measure, _ in wanted],
            days=[day.isoformat() for _, day in wanted],
        )
    found: dict[tuple[Measure, date], dict[str, Cell]] = {pair: {} for pair in wanted}
    for measure, day, dossier, level, procedure, officer, bits in rows:
        on = date.fromisoformat(day)
        cell = Cell(measure, day_number(on), level, procedure, officer, int(bits))
        found[measure, on][dossier] = cell
    return found
