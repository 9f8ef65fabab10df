"""The rows of a report from the cells of its units, put together as the live report does."""

from collections.abc import Mapping, Sequence

from schemas.books import Book, Period
from schemas.registry import Registry, Unit
from schemas.report import ReportRow
from streams.core.cells import Cell
from streams.core.indicators import Count, counts_of_cells, table_of
from streams.core.lineage import stretches

Counted = Mapping[str, Sequence[tuple[Cell, int]]]
"""The cells of the period by unit."""


def counts_by_unit(
    book: Book, registry: Registry, period: Period, by_unit: Counted
) -> dict[Unit | None, dict[str, Count]]:
    """The figures of each unit, and (None) of all together; no code changes hands in the period."""
    (stretch,) = stretches(registry, by_unit, period, "old", None)
    everything = [pair for counted in by_unit.values() for pair in counted]
    counts: dict[Unit | None, dict[str, Count]] = {
        None: counts_of_cells(book, registry, period, None, everything)
    }
    for code, counted in by_unit.items():
        unit = stretch.holders[code]
        counts[unit] = counts_of_cells(book, registry, period, unit.level or None, counted)
    return counts


def rows_of(
    book: Book, registry: Registry, period: Period, by_unit: Counted
) -> tuple[ReportRow, ...]:
    """The rows of a report on these cells."""
    return table_of(book, period, counts_by_unit(book, registry, period, by_unit))
