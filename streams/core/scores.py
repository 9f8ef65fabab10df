"""Points of a book: what is reached under each heading, of what can be computed here at all.

Sums are exact; nothing is rounded before it is shown.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from schemas.books import Book, Period, heading_row
from schemas.registry import SINCE_EVER, Unit
from schemas.report import OutOfScopeRow, ScoreRow
from streams.core.indicators import Count, answers, score, shown_points


def score_rows(
    book: Book, period: Period, counts: Mapping[Unit | None, Mapping[str, Count]]
) -> tuple[ScoreRow, ...]:
    """The points of all units together (key None) first, then of each unit by code.

    An indicator without anything to judge is neither reached nor in scope. Empty for a book that
    gives no points.
    """
    if not any(heading.points for heading in book.headings):
        return ()
    return tuple(
        row
        for unit in sorted(counts, key=lambda u: (u is not None, u and (u.code, u.valid_from)))
        for row in _of_unit(book, period.last.year, unit, counts[unit])
    )


def _of_unit(
    book: Book, year: int, unit: Unit | None, counts: Mapping[str, Count]
) -> Iterator[ScoreRow]:
    reached: dict[str, Fraction] = {}
    in_scope: dict[str, Fraction] = {}
    for indicator in book.indicators:
        if unit is not None and not answers(indicator, unit):
            continue
        found = score(
            indicator, book.target(indicator.code, year), counts.get(indicator.code, Count(0, 0))
        )
        if found is not None and indicator.points is not None:
            row = heading_row(indicator)
            reached[row] = reached.get(row, Fraction(0)) + found
            in_scope[row] = in_scope.get(row, Fraction(0)) + indicator.points
    nothing = Fraction(0)
    for heading in book.headings:
        points = heading.points or nothing
        row = heading.row
        yield _row(
            unit, row, heading.title, points, in_scope.get(row, nothing), reached.get(row, nothing)
        )
    points = sum((heading.points or nothing for heading in book.headings), nothing)
    yield _row(
        unit,
        None,
        "Tổng điểm",
        points,
        sum(in_scope.values(), nothing),
        sum(reached.values(), nothing),
    )


def _row(
    unit: Unit | None,
    heading: str | None,
    title: str,
    points: Fraction,
    in_scope: Fraction,
    reached: Fraction,
) -> ScoreRow:
    return ScoreRow(
        unit=unit.code if unit else None,
        unit_name=unit.name if unit else None,
        unit_since=unit.valid_from if unit and unit.valid_from > SINCE_EVER else None,
        heading=heading,
        title=title,
        points=float(points),
        in_scope=float(in_scope),
        score=shown_points(reached, in_scope),
    )


def out_of_scope_rows(book: Book) -> tuple[OutOfScopeRow, ...]:
    """The rows of the document that are not computed, in the book's order."""
    return tuple(
        OutOfScopeRow(
            row=entry.row,
            title=entry.title,
            heading=heading_row(entry),
            points=None if entry.points is None else float(entry.points),
            reason=entry.reason,
        )
        for entry in book.out_of_scope
    )
