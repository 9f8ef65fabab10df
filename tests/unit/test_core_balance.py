"""The balance equation: every dossier on both sides, and published figures that do not add up."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import strategies as st

from schemas.books import Period
from streams.core.balance import (
    TERMS,
    balance_of,
    difference,
    published_mismatches,
    side,
)
from streams.core.cells import Cell, cells, is_open
from streams.core.facts import Facts, facts
from tests.support.histories import (
    WORK,
    admitted,
    dossiers,
    for_all,
    histories,
    received,
    rejected,
    resolved,
    withdrawn,
)
from tests.support.parity import balance_terms, comparable

FEBRUARY = Period(first=date(2023, 2, 1), last=date(2023, 2, 28))


@st.composite
def periods(draw: st.DrawFn) -> Period:
    """Around the days on which drawn histories play."""
    first = draw(st.dates(date(2023, 1, 20), date(2023, 3, 10)))
    return Period(first=first, last=first + timedelta(days=draw(st.integers(0, 20))))


def of_units(history: list[bytes]) -> dict[str, list[Facts]]:
    found: dict[str, list[Facts]] = {}
    for (unit, _), dossier in dossiers(history).items():
        found.setdefault(unit, []).append(facts(dossier, WORK))
    return found


def counted(known: list[Facts]) -> Counter[Cell]:
    return Counter(cell for one in known for cell in cells(one))


@for_all(history=histories(dossiers_each=3), period=periods())
def test_every_unit_balances_in_every_period(history: list[bytes], period: Period) -> None:
    """Whatever is sent, in any order: a dossier on one side only is a dossier that is lost."""
    for known in of_units(history).values():
        found = balance_of(counted(known).items(), period, sum(map(is_open, known)))

        assert difference(found) == 0
        assert all(n >= 0 for n in found.values())


@for_all(history=histories(dossiers_each=3), period=periods())
def test_cells_balance_as_looking_at_every_dossier_would(
    history: list[bytes], period: Period
) -> None:
    """Stocks come from cells forwards and backwards; counting dossier by dossier must agree."""
    for known in of_units(history).values():
        expected = Counter(
            term for one in known for term in balance_terms(comparable(one), None, period)
        )

        assert +Counter(balance_of(counted(known).items(), period)) == expected


@for_all(history=histories(dossiers_each=3), period=periods())
def test_one_period_ends_with_what_the_next_begins_with(
    history: list[bytes], period: Period
) -> None:
    """Quarters must join, or dossiers vanish between them."""
    morning = period.last + timedelta(days=1)
    after = Period(first=morning, last=morning + timedelta(days=5))
    for known in of_units(history).values():
        ends, begins = (balance_of(counted(known).items(), p) for p in (period, after))
        assert ends["in_process"] == begins["opening"]


@pytest.mark.parametrize("day", [FEBRUARY.first, FEBRUARY.last])
def test_both_ends_of_a_period_belong_to_it(day: date) -> None:
    """The last dossier of a quarter is the one that two reports quarrel about."""
    said = (
        received(f"{day}T08:00", dossier="open"),
        received(f"{day - timedelta(days=90)}T08:00", dossier="done"),
        resolved(f"{day}T16:59", dossier="done"),
    )
    (known,) = of_units([admitted(one) for one in said]).values()

    found = balance_of(counted(known).items(), FEBRUARY)

    assert +Counter(found) == {"opening": 1, "received": 1, "resolved": 1, "in_process": 1}


def test_a_cell_that_is_lost_leaves_a_difference() -> None:
    """The equation is there to notice exactly this."""
    lost, *left = counted(of_units(history_of_two())["23500"]).elements()

    found = balance_of(Counter(left).items(), FEBRUARY, open_now=1)

    assert lost.measure in ("received", "closed")
    assert abs(difference(found)) == 1


def history_of_two() -> list[bytes]:
    """One resolved in February, one still open."""
    said = (received(dossier="1"), resolved(dossier="1"), received(dossier="2"))
    return [admitted(one) for one in said]


def test_a_dossier_refused_at_submission_is_on_neither_side() -> None:
    """It was never received, and nobody owes anything for it."""
    (known,) = of_units([admitted(rejected())]).values()

    found = balance_of(counted(known).items(), FEBRUARY)

    assert found["rejected_at_submission"] == 1
    assert (side(found, "left"), side(found, "right")) == (0, 0)


def test_closed_before_received_and_reception_unknown_have_their_own_terms() -> None:
    """Real offices do both; the terms say how often, and the rest still adds up."""
    said = (
        withdrawn(dossier="1"),
        resolved("2023-01-30T10:00", dossier="2"),
        received("2023-02-10T08:00", dossier="2"),
    )
    (known,) = of_units([admitted(one) for one in said]).values()

    found = balance_of(counted(known).items(), FEBRUARY)

    assert +Counter(found) == {
        "withdrawn": 1, "reception_unknown": 1, "received": 1, "received_after_closing": 1,
    }  # fmt: skip
    january = Period(first=date(2023, 1, 1), last=date(2023, 1, 31))
    assert +Counter(balance_of(counted(known).items(), january)) == {
        "resolved": 1, "closed_before_received": 1,
    }  # fmt: skip


def test_every_term_is_told_in_words() -> None:
    """An auditor reads the definition before the figure."""
    assert len({term.name for term in TERMS}) == len(TERMS)
    assert all(term.title and term.definition for term in TERMS)


KON_TUM = {
    "received_in_all": 64_933,
    "received_online": 15_110,
    "received_otherwise": 45_161,
    "opening": 4_662,
    "resolved": 59_123,
    "on_time": 58_350,
    "late": 818,
    "in_process": 6_123,
}
"""Published by Kon Tum for the third quarter of 2023."""


def test_the_published_figures_of_kon_tum_differ_by_45_and_by_313() -> None:
    """On time and late exceed the resolved; resolved and in process exceed the received."""
    found = published_mismatches(KON_TUM)

    assert [(m.equation, m.difference) for m in found] == [
        ("on_time_and_late", 45),
        ("balance", 313),
    ]


@pytest.mark.parametrize("name", sorted(KON_TUM))
def test_a_published_figure_that_is_left_out_is_not_guessed(name: str) -> None:
    """Only equations whose figures are all there are judged."""
    given = {figure: n for figure, n in KON_TUM.items() if figure != name}
    expected = {"on_time_and_late": 45, "balance": 313}
    if name in ("on_time", "late", "resolved"):
        del expected["on_time_and_late"]
    if name in ("received_in_all", "resolved", "in_process"):
        del expected["balance"]

    assert {m.equation: m.difference for m in published_mismatches(given)} == expected


def test_a_published_figure_with_an_unknown_name_is_an_error() -> None:
    """A misspelt figure would silently skip its equation."""
    with pytest.raises(KeyError, match="resolvd"):
        published_mismatches({"resolvd": 1})
