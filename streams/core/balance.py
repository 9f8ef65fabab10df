"""The balance equation: what lay there and what came equals what was settled and what lies there.

Every dossier that is counted on one side is counted on the other, so both sides are equal for
every unit, officer and period, whatever the events say. Published figures are checked by the same
equations.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from schemas.books import Period
from schemas.registry import SINCE_EVER, Unit
from schemas.report import BalanceRow
from streams.core.cells import Cell
from streams.core.days import day_number
from streams.core.facts import BIT, mask

Side: TypeAlias = Literal["left", "right", "neither"]


class Term(NamedTuple):
    """A line of the balance."""

    name: str
    side: Side
    title: str
    """Vietnamese, as screens show it."""
    definition: str
    """Which dossiers are counted. «Day» is the local day of what counts of the dossier's events."""


TERMS: tuple[Term, ...] = (
    Term("opening", "left", "tồn đầu kỳ", "received before the period, and in process on its eve"),
    Term(
        "came_back",
        "left",
        "đã kết thúc trước kỳ, mở lại sau đó",
        "received before the period, closed on its eve, and reopened since; counters of what holds "
        "now know no earlier closing and have these in «opening»",
    ),
    Term("received", "left", "tiếp nhận trong kỳ", "received on a day of the period"),
    Term(
        "taken_over",
        "left",
        "nhận bàn giao",
        "in process when the unit took the code over, on a day of the period",
    ),
    Term(
        "closed_before_received",
        "left",
        "kết thúc trong kỳ, trước khi tiếp nhận",
        "closed on a day of the period, at a moment before the reception",
    ),
    Term(
        "reception_unknown",
        "left",
        "kết thúc trong kỳ mà không có tiếp nhận",
        "resolved, withdrawn or stopped on a day of the period, and never received",
    ),
    Term("resolved", "right", "đã có kết quả", "resolved on a day of the period"),
    Term(
        "rejected",
        "right",
        "không giải quyết tiếp",
        "received, and rejected on a day of the period",
    ),
    Term("withdrawn", "right", "người nộp rút hồ sơ", "withdrawn on a day of the period"),
    Term("stopped", "right", "dừng giải quyết", "stopped on a day of the period"),
    Term(
        "received_after_closing",
        "right",
        "tiếp nhận trong kỳ, sau khi đã kết thúc",
        "received on a day of the period, at a moment after the closing",
    ),
    Term(
        "handed_over",
        "right",
        "bàn giao",
        "in process when another unit took the code over, on a day of the period",
    ),
    Term("in_process", "right", "đang giải quyết cuối kỳ", "received by its end, not closed then"),
    Term(
        "rejected_at_submission",
        "neither",
        "không tiếp nhận",
        "rejected on a day of the period, and never received",
    ),
)

Balance: TypeAlias = Mapping[str, int]
"""Dossiers by the name of the term; a term that nobody counted is missing."""

_CLOSINGS = tuple((name, BIT[name]) for name in ("resolved", "withdrawn", "stopped"))
_CLOSED = mask(("resolved", "rejected", "withdrawn", "stopped"))
_RECEIVED, _REJECTED = BIT["received"], BIT["rejected"]
_CLOSED_FIRST, _UNKNOWN = BIT["closed_before_received"], BIT["reception_unknown"]


def side(balance: Balance, of: Side) -> int:
    """The sum of the terms of a side."""
    return sum(balance.get(term.name, 0) for term in TERMS if term.side == of)


def difference(balance: Balance) -> int:
    """Left minus right; 0: it adds up."""
    return side(balance, "left") - side(balance, "right")


def balance_of(
    counted: Iterable[tuple[Cell, int]], period: Period, open_now: int | None = None
) -> dict[str, int]:
    """The balance of the dossiers in these cells, which are all of theirs, of every day.

    ``opening`` is counted forwards from the first day and ``in_process`` backwards from what is
    open now: a cell that is missing or too many leaves a difference. ``open_now`` is that number
    where it is counted apart from the cells; None: the cells that are received and not closed.
    """
    first, last = day_number(period.first), day_number(period.last)
    found = {term.name: 0 for term in TERMS if term.name not in _NOT_OF_CELLS}
    still_open = received_later = closed_later = 0
    for cell, n in counted:
        bits, within = cell.bits, first <= cell.day <= last
        if cell.measure == "received":
            found["received"] += n * within
            if not bits & _CLOSED:
                still_open += n
            if bits & _CLOSED_FIRST:
                found["received_after_closing"] += n * within
            else:
                found["opening"] += n * (cell.day < first)
                received_later += n * (cell.day > last)
        elif cell.measure == "closed":
            if within:
                for name in _closed_as(bits):
                    found[name] += n
            if bits & _RECEIVED and not bits & _CLOSED_FIRST:
                found["opening"] -= n * (cell.day < first)
                closed_later += n * (cell.day > last)
    now = still_open if open_now is None else open_now
    found["in_process"] = now - received_later + closed_later
    return found


_NOT_OF_CELLS = frozenset({"came_back", "taken_over", "handed_over"})


def _closed_as(bits: int) -> Iterable[str]:
    yield from (name for name, bit in _CLOSINGS if bits & bit)
    if bits & _REJECTED:
        yield "rejected" if bits & _RECEIVED else "rejected_at_submission"
    if bits & _CLOSED_FIRST:
        yield "closed_before_received"
    if bits & _UNKNOWN:
        yield "reception_unknown"


def balance_rows(of_units: Mapping[Unit, Balance], *, with_total: bool) -> tuple[BalanceRow, ...]:
    """The rows of a report: all units together first, then each unit by code."""
    found = [
        _row(unit, of_units[unit])
        for unit in sorted(of_units, key=lambda unit: (unit.code, unit.valid_from))
    ]
    if with_total:
        names = {name for balance in of_units.values() for name in balance}
        total = {name: sum(b.get(name, 0) for b in of_units.values()) for name in names}
        found.insert(0, _row(None, total))
    return tuple(found)


def _row(unit: Unit | None, balance: Balance) -> BalanceRow:
    return BalanceRow(
        unit=unit.code if unit else None,
        unit_name=unit.name if unit else None,
        unit_since=unit.valid_from if unit and unit.valid_from > SINCE_EVER else None,
        terms={term.name: balance.get(term.name, _unless_told(term)) for term in TERMS},
        left=side(balance, "left"),
        right=side(balance, "right"),
        difference=difference(balance),
    )


def _unless_told(term: Term) -> int | None:
    return None if term.name == "came_back" else 0


# -- published figures


class Equation(NamedTuple):
    """Figures of a published report that must add up."""

    name: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    optional: tuple[str, ...] = ()
    """More of the right side; what a report leaves out is nothing."""


EQUATIONS: tuple[Equation, ...] = (
    Equation(
        "received_in_all",
        ("opening", "received_online", "received_otherwise"),
        ("received_in_all",),
    ),
    Equation("on_time_and_late", ("on_time", "late"), ("resolved",)),
    Equation(
        "balance",
        ("received_in_all",),
        ("resolved", "in_process"),
        ("rejected", "withdrawn", "stopped"),
    ),
)
"""As the reports of provinces have their figures; ``received_in_all`` includes the opening."""


class Mismatch(NamedTuple):
    """An equation that does not hold."""

    equation: str
    left: int
    right: int

    @property
    def difference(self) -> int:
        """How far apart the sides are."""
        return abs(self.left - self.right)


def published_mismatches(figures: Mapping[str, int]) -> tuple[Mismatch, ...]:
    """The equations that published figures break.

    An equation is checked when all its figures are given; ``KeyError`` names a figure that no
    equation knows.
    """
    names = {name for e in EQUATIONS for name in (*e.left, *e.right, *e.optional)}
    if unknown := figures.keys() - names:
        raise KeyError(f"no such figure: {', '.join(sorted(unknown))}")
    found = []
    for equation in EQUATIONS:
        if not figures.keys() >= {*equation.left, *equation.right}:
            continue
        left = sum(figures[name] for name in equation.left)
        right = sum(figures.get(name, 0) for name in (*equation.right, *equation.optional))
        if left != right:
            found.append(Mismatch(equation.name, left, right))
    return tuple(found)
