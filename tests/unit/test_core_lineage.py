"""Figures of any period in the units of then or of now, where codes went to other communes."""

from datetime import date

import pytest

from schemas.books import Period, load_book
from schemas.registry import Registry, Unit, load_registry
from schemas.report import Report
from streams.core.cells import Cell
from streams.core.days import day_number
from streams.core.facts import mask
from streams.core.lineage import Lineage, UnitSplit, join_balances, stretches
from streams.live_report import live_report
from tests.support.wall import NOW, FakeLive, closed, paid, state

BOOK = load_book("dak-ha-2023")
LAST_DAY, NEXT_DAY = date(2025, 6, 30), date(2025, 7, 1)
BEFORE = Period(first=date(2025, 1, 1), last=LAST_DAY)
ACROSS = Period(first=date(2025, 1, 1), last=date(2025, 12, 31))


def unit(code: str, name: str, since: date | None = None, became: tuple[str, ...] = ()) -> Unit:
    if since is None:
        return Unit(code=code, name=name, level="commune", valid_to=LAST_DAY, became=became)
    return Unit(code=code, name=name, level="commune", valid_from=since)


CROSSED = Registry(
    [
        # the code of each goes to the heir of the other
        unit("1", "Old One", became=("2",)),
        unit("2", "Old Two", became=("1",)),
        unit("3", "Old Three", became=("2",)),
        unit("1", "New One", NEXT_DAY),
        unit("2", "New Two", NEXT_DAY),
    ],
    (),
)
SPLIT = Registry(
    [
        unit("1", "Whole", became=("2", "3")),
        unit("2", "Part Two", NEXT_DAY),
        unit("3", "Part Three", NEXT_DAY),
        unit("4", "Other", date(1970, 1, 1)),
    ],
    (),
)


def received(n: int, day: date, *facts: str) -> dict[Cell, int]:
    bits = mask(["received", *facts])
    return {Cell("received", day_number(day), "commune", "1.001193", "cb01", bits): n}


def report(
    live: FakeLive,
    registry: Registry,
    period: Period,
    lineage: Lineage,
    unit: str | None = None,
) -> Report:
    return live_report(
        live, BOOK, registry, period, unit, lineage=lineage, demo=True, computed_at=NOW
    )


def figures(found: Report) -> dict[str | None, tuple[int, int]]:
    return {r.unit_name: (r.a, r.b) for r in found.rows if r.indicator == "on_time_commune"}


def a_crossing() -> FakeLive:
    """Three units resolved 1, 10 and 100 before the reform; two of the codes 3 and 30 after."""
    live = FakeLive()
    after = date(2025, 8, 1)
    then = date(2025, 5, 1)
    live.set(
        state("1", closed("commune", 1, "on_time", day=then) | closed("commune", 3, day=after)),
        state("2", closed("commune", 10, day=then) | closed("commune", 30, "on_time", day=after)),
        state("3", closed("commune", 100, "on_time", day=LAST_DAY)),
    )
    return live


def test_old_units_are_those_that_recorded_it_also_when_a_code_is_used_again() -> None:
    """A code that went to another commune must not mix the figures of both."""
    assert figures(report(a_crossing(), CROSSED, ACROSS, "old")) == {
        None: (144, 131),
        "Old One": (1, 1), "New One": (3, 0),
        "Old Two": (10, 0), "New Two": (30, 30),
        "Old Three": (100, 100),
    }  # fmt: skip


def test_new_units_have_what_their_forebears_did_whatever_the_code() -> None:
    """Identity is the code and its first day: Old One's figures never go to New One."""
    expected = {None: (144, 131), "New One": (13, 0), "New Two": (131, 131)}

    assert figures(report(a_crossing(), CROSSED, ACROSS, "new")) == expected


def test_a_period_before_the_reform_can_be_told_in_the_units_after_it() -> None:
    found = report(a_crossing(), CROSSED, BEFORE, "new")

    assert figures(found) == {None: (111, 101), "New One": (10, 0), "New Two": (101, 101)}
    assert {row.unit_since for row in found.rows if row.unit} == {NEXT_DAY}


@pytest.mark.parametrize("code", ["1", "2"])
def test_one_new_unit_has_the_same_figures_as_in_the_table_of_all(code: str) -> None:
    """Asking for a unit must find its forebears, which had other codes."""
    whole = report(a_crossing(), CROSSED, ACROSS, "new")
    alone = report(a_crossing(), CROSSED, ACROSS, "new", code)

    assert alone.rows == tuple(row for row in whole.rows if row.unit == code)
    assert alone.balance == tuple(row for row in whole.balance if row.unit == code)
    assert alone.rows


def test_a_procedure_paid_at_two_forebears_counts_once() -> None:
    """III.1 stays a union of sets when communes are joined."""
    registry = load_registry()
    live = FakeLive()
    then = date(2025, 5, 1)
    one, other, *_ = sorted(code for _, code in registry.payment_procedures(BEFORE, "commune"))
    live.set(
        state("23503", paid("commune", one, other, day=then)),
        state("23504", paid("commune", one, day=then)),
    )

    old, new = (
        {
            r.unit_name: r.b
            for r in report(live, registry, BEFORE, lineage).rows
            if r.indicator == "payment_procedures"
        }
        for lineage in ("old", "new")
    )

    assert old["Xã Đắk PXi"] + old["Xã Đăk Long"] == 3
    assert new == {None: 2, "Xã Đăk Pxi": 2}


@pytest.mark.parametrize("asked", [None, "1", "2", "3"])
def test_a_unit_that_was_split_is_told_and_not_guessed(asked: str | None) -> None:
    """Nobody knows which of its dossiers belong to which part."""
    live = FakeLive()
    live.set(state("1", closed("commune", 1, day=LAST_DAY)), state("4", closed("commune", 1)))

    with pytest.raises(UnitSplit) as told:
        report(live, SPLIT, ACROSS, "new", asked)

    assert "Part Two (2), Part Three (3)" in told.value.told()
    assert figures(report(live, SPLIT, BEFORE, "old"))["Whole"] == (1, 0)
    assert report(live, SPLIT, ACROSS, "new", "4").unit == "4"


def test_the_shipped_registry_tells_every_commune_of_2023_in_one_of_2025() -> None:
    registry = load_registry()
    year = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))
    communes = {u.code for u in registry.units if u.level == "commune" and u.holds(year.first)}

    (all_of_it,) = stretches(registry, communes, year, "new", None)

    heirs = {holder.code: holder.name for holder in all_of_it.holders.values()}
    assert len(communes) == 11
    assert heirs.keys() == {"23500", "23504", "23510", "23512", "23515"}
    assert heirs["23504"] == "Xã Đăk Pxi"


def test_a_department_without_an_heir_stays_itself() -> None:
    """Its work went to several places, and the registry does not say where."""
    year = Period(first=date(2026, 1, 1), last=date(2026, 12, 31))

    (found,) = stretches(load_registry(), ["dh-tp", "unheard"], year, "new", None)

    assert {code: u.name for code, u in found.holders.items()} == {
        "dh-tp": "Phòng Tư pháp",
        "unheard": "unheard",
    }


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (LAST_DAY, LAST_DAY, ["Old One"]),
        (NEXT_DAY, NEXT_DAY, ["New One"]),
        (LAST_DAY, NEXT_DAY, ["Old One", "New One"]),
    ],
)
def test_a_code_changes_hands_at_midnight(first: date, last: date, expected: list[str]) -> None:
    """The last day is the old unit's whole, the first one the new unit's."""
    plan = stretches(CROSSED, ["1"], Period(first=first, last=last), "old", None)

    assert [stretch.holders["1"].name for stretch in plan] == expected
    assert (plan[0].period.first, plan[-1].period.last) == (first, last)


def test_what_lies_there_at_the_reform_is_handed_over_and_taken_over() -> None:
    """Each new unit's balance must add up across the day on which the codes changed hands."""
    live = FakeLive()
    then, after = date(2025, 5, 1), date(2025, 8, 1)
    live.set(
        # five came before the reform; two of them were closed after it, three lie there
        state(
            "1",
            received(3, then) | received(2, then, "resolved") | closed("commune", 2, day=after),
            still_open=3,
        ),
        state("3", received(7, then), still_open=7),
    )

    for lineage in ("old", "new"):
        found = report(live, CROSSED, ACROSS, lineage)
        assert [row.difference for row in found.balance] == [0] * len(found.balance)
        terms = {row.unit_name: {k: n for k, n in row.terms.items() if n} for row in found.balance}
        if lineage == "old":
            assert terms["Old One"] == {"received": 5, "handed_over": 5}
        assert terms["New One"] == {"taken_over": 5, "resolved": 2, "in_process": 3}
    # what code 3 left lies there still: it went to New Two, whose code is another
    assert terms["New Two"] == {"received": 12, "handed_over": 5, "in_process": 7}
    assert terms[None] == {
        "received": 12, "taken_over": 5, "handed_over": 5, "resolved": 2, "in_process": 10,
    }  # fmt: skip


def test_within_a_unit_stretches_join_without_handing_over() -> None:
    """The end of one is the beginning of the next."""
    same = Registry([unit("1", "Old", became=("1",)), unit("1", "New", NEXT_DAY)], ())
    plan = stretches(same, ["1"], ACROSS, "new", None)
    counted = [
        {"1": {"opening": 4, "received": 3, "resolved": 1, "in_process": 6}},
        {"1": {"opening": 5, "came_back": 1, "received": 1, "resolved": 7, "in_process": 0}},
    ]

    (found,) = join_balances(plan, counted).values()

    assert found == {"opening": 4, "received": 4, "resolved": 8, "in_process": 0}
