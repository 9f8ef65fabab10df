"""The wall's view: the same figures as the report, however they were reached."""

import gc
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.books import Period, Target, load_book
from schemas.registry import load_registry
from schemas.snapshots import DueDossier
from services.wall.channels import difference
from services.wall.figures import Figures, week_ends
from services.wall.officers import held_by
from services.wall.parameters import Selection
from services.wall.view import View, Views
from streams.core.cells import Cell
from streams.core.days import day_number, to_date
from streams.core.facts import FACTS
from streams.core.indicators import in_period
from streams.core.targets import standings
from streams.live import UnitState
from streams.live_report import live_report
from tests.support.wall import HOURS, RESOLVED, FakeLive, closed, paid, state

BOOK = load_book("dak-ha-2023")
REGISTRY = load_registry()
TODAY = date(2023, 11, 10)
YEAR = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))
ALL = Selection(None, YEAR, "Năm 2023")
UNITS = {"23500": "commune", "23503": "commune", "dh-tp": "district"}
PROCEDURES = [*sorted(p.code for p in REGISTRY.procedures)[:6], "1.999999"]

some_bits = st.lists(st.sampled_from([1 << f.bit for f in FACTS]), unique=True).map(sum)


@st.composite
def unit_states(draw: st.DrawFn) -> UnitState:
    unit = draw(st.sampled_from(sorted(UNITS)))
    cells = st.builds(
        Cell,
        measure=st.sampled_from(["received", "closed", "paid"]),
        day=st.integers(day_number(date(2022, 11, 1)), day_number(date(2024, 1, 31))),
        level=st.just(UNITS[unit]),
        procedure=st.sampled_from(PROCEDURES),
        officer=st.just(""),
        bits=some_bits.map(lambda bits: bits | RESOLVED),
    )
    counted = draw(st.dictionaries(cells, st.integers(1, 50), max_size=12))
    return state(unit, counted, still_open=draw(st.integers(0, 3)))


@given(st.lists(unit_states(), max_size=6), st.sampled_from([None, *UNITS]))
@settings(max_examples=60, deadline=None)
def test_the_wall_shows_what_the_report_says_whatever_changed_before(
    changes: list[UnitState], unit: str | None
) -> None:
    """Two screens of one office must not disagree, and counting by difference must not drift."""
    live, views = FakeLive(), _views()
    selection = Selection(unit, YEAR, "Năm 2023")
    for change in [None, *changes]:
        if change is not None:
            live.set(change)
        view = views.view(selection, BOOK, REGISTRY, live.units(), TODAY)
        report = live_report(
            live, BOOK, REGISTRY, YEAR, unit, demo=False, computed_at=datetime.now(UTC)
        )
        rows = [row for row in report.rows if row.unit == unit]
        if rows:
            shown = [
                (i.code, i.a, i.b, i.met, i.still_needed, i.late_allowed, i.due_unknown)
                for i in view.indicators
            ]
            assert shown == [
                (r.indicator, r.a, r.b, r.met, r.still_needed, r.late_allowed, r.due_unknown)
                for r in rows
            ]
        else:
            assert all(i.b == 0 for i in view.indicators)
        assert view.resolved == report.resolved
        assert view == _views().view(selection, BOOK, REGISTRY, live.units(), TODAY)


@given(unit_states())
@settings(max_examples=40, deadline=None)
def test_each_point_of_a_sparkline_is_the_rate_of_the_period_up_to_that_day(
    one: UnitState,
) -> None:
    """A line that is not the indicator's own history would be decoration."""
    view = _views().view(ALL, BOOK, REGISTRY, {one.now.unit: one}, TODAY)
    for position, end in enumerate(week_ends(YEAR, TODAY)):
        until = Period(first=YEAR.first, last=to_date(end))
        cells = Counter(dict(in_period(one.cells(), until)))
        # the catalogue's procedures are those of the whole period, so the period stays as it is
        then = _views().view(ALL, BOOK, REGISTRY, {one.now.unit: state(one.now.unit, cells)}, TODAY)
        for now_shown, then_shown in zip(view.indicators, then.indicators, strict=True):
            points = (*now_shown.weeks, (now_shown.a, now_shown.b))
            assert points[position] == (then_shown.a, then_shown.b)


@given(st.lists(unit_states(), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_a_delta_laid_over_the_view_before_gives_the_view_after(changes: list[UnitState]) -> None:
    """The browser does this thousands of times a day and never sees the whole again."""
    views = _views()
    states: dict[str, UnitState] = {}
    before = views.view(ALL, BOOK, REGISTRY, states, TODAY)
    for change in changes:
        states = {**states, change.now.unit: change}
        after = views.view(ALL, BOOK, REGISTRY, states, TODAY)
        changed = difference(before, after)
        assert changed is not None, "units never go"
        newer = {i["code"]: i for i in changed.pop("indicators")}
        rows = {row.code: row for row in (*before.rows, *changed.pop("rows", ()))}
        rebuilt = {f: getattr(before, f) for f in View.__dataclass_fields__}
        rebuilt |= changed
        rebuilt["indicators"] = tuple(
            replace(i, **newer.get(i.code, {})) for i in before.indicators
        )
        rebuilt["rows"] = tuple(rows[code] for code in sorted(rows))
        assert View(**rebuilt) == after
        before = after


def test_yesterdays_figures_are_forgotten() -> None:
    """A wall runs for months; what it remembers must not grow with the days."""
    views = _views()
    states = {"23500": state("23500", closed("commune", 10, "on_time"))}
    alive = []
    for days in (2, 5):
        for n in range(days):
            views.view(ALL, BOOK, REGISTRY, states, TODAY + timedelta(days=n))
        gc.collect()
        alive.append(sum(type(thing) is Figures for thing in gc.get_objects()))
    assert alive[0] == alive[1] > 0


def test_a_procedure_paid_in_two_communes_counts_once() -> None:
    """III.1 is a union: adding the communes' figures would double it."""
    _, code = sorted(REGISTRY.payment_procedures(YEAR, "commune"))[0]
    states = {u: state(u, paid("commune", code)) for u in ("23500", "23503")}
    view = _views().view(ALL, BOOK, REGISTRY, states, TODAY)
    shown = next(i for i in view.indicators if i.code == "payment_procedures")
    assert (shown.a, shown.b) == (len({c for _, c in REGISTRY.payment_procedures(YEAR)}), 1)


def test_a_commune_is_shown_what_communes_answer_for() -> None:
    states = {"23500": state("23500", closed("commune", 10, "on_time"), still_open=4)}
    view = _views().view(Selection("23500", YEAR, ""), BOOK, REGISTRY, states, TODAY)
    assert [i.code for i in view.indicators] == [
        "digitization_commune", "full_online", "payment_procedures", "payment_dossiers",
        "on_time_commune",
    ]  # fmt: skip
    assert (view.unit_name, view.open, view.resolved) == ("Thị trấn Đắk Hà", 4, 10)
    assert (view.met, view.missed, view.not_arisen) == (1, 2, 2)


def test_what_is_overdue_now_is_shown_of_periods_that_include_today() -> None:
    """A wall of the last quarter must not show this morning's overdue dossiers as its own."""
    states = {
        "23500": state("23500", closed("commune", 10), still_open=9, overdue=3, due_soon=2),
        "23503": state("23503", {}, still_open=5, overdue=4, due_soon=1),
        "dh-tp": state("dh-tp", {}, still_open=5, overdue=1),
        "dh-yt": state("dh-yt", {}, still_open=1),
    }
    now = _views().view(ALL, BOOK, REGISTRY, states, TODAY)
    assert (now.open, now.overdue, now.due_soon) == (20, 8, 3)
    assert now.most_overdue == (("Xã Đắk PXi", 4), ("Thị trấn Đắk Hà", 3))

    one = _views().view(Selection("23500", YEAR, ""), BOOK, REGISTRY, states, TODAY)
    assert (one.open, one.overdue, one.due_soon, one.most_overdue) == (9, 3, 2, ())

    last_day = _views().view(ALL, BOOK, REGISTRY, states, YEAR.last)
    assert last_day.overdue == 8
    for today in (date(2024, 1, 1), date(2022, 12, 31)):
        then = _views().view(ALL, BOOK, REGISTRY, states, today)
        assert (then.open, then.overdue, then.due_soon, then.most_overdue) == (None, None, None, ())
        assert then.resolved == 10


def test_what_one_unit_does_not_know_the_total_does_not_claim() -> None:
    """Where the working calendar ends, «sắp đến hạn» is unknown, not small."""
    states = {
        "23500": state("23500", {}, still_open=9, overdue=3, due_soon=None),
        "23503": state("23503", {}, still_open=5, due_soon=1),
    }
    view = _views().view(ALL, BOOK, REGISTRY, states, TODAY)
    assert (view.open, view.overdue, view.due_soon) == (14, 3, None)


def test_a_payment_at_another_level_hides_none() -> None:
    """The district was paid first for a procedure that the commune's catalogue has."""
    code = sorted(c for _, c in REGISTRY.payment_procedures(YEAR, "commune"))[0]
    only_commune = ("district", code) not in REGISTRY.payment_procedures(YEAR)
    assert only_commune
    states = {
        "dh-tp": state("dh-tp", paid("district", code, day=date(2023, 2, 1))),
        "23500": state("23500", paid("commune", code, day=date(2023, 3, 1))),
    }
    view = _views().view(ALL, BOOK, REGISTRY, states, TODAY)
    assert next(i for i in view.indicators if i.code == "payment_procedures").b == 1


def test_nothing_has_arisen_is_neither_met_nor_missed() -> None:
    view = _views().view(ALL, BOOK, REGISTRY, {}, TODAY)
    by_code = {i.code: i for i in view.indicators}
    assert by_code["on_time_commune"].met is None
    assert view.met == 0
    assert view.not_arisen == 6  # III.1 has the catalogue's procedures as its a


def test_weeks_of_a_period_that_began_or_ended() -> None:
    """A point a week up to today, or to the end of a period that is over; none before its start."""
    assert [to_date(d) for d in week_ends(YEAR, date(2023, 1, 18))] == [
        date(2023, 1, 4), date(2023, 1, 11), date(2023, 12, 31),
    ]  # fmt: skip
    past = week_ends(YEAR, date(2026, 1, 1))
    assert (len(past), to_date(past[0]), to_date(past[-2])) == (
        53, date(2023, 1, 1), date(2023, 12, 24),
    )  # fmt: skip


@given(unit_states(), st.dates(date(2022, 11, 20), date(2024, 2, 10)))
@settings(max_examples=60, deadline=None)
def test_the_wall_expects_what_the_outlook_expects(one: UnitState, today: date) -> None:
    """A forecast on the wall that the auditor's command does not confirm would be worth nothing."""
    unit = one.now.unit
    day = min(max(today, YEAR.first), YEAR.last)
    view = _views().view(
        Selection(unit, YEAR, ""), BOOK, REGISTRY, {unit: state(unit, _until(one, day))}, day
    )
    found = standings(BOOK, REGISTRY, YEAR, unit, _until(one, day), day)
    assert [i.code for i in view.indicators] == [s.indicator.code for s in found]
    for shown, standing in zip(view.indicators, found, strict=True):
        told = shown.prospect
        assert told.expected == standing.recent.expected
        assert told.outlook == (standing.outlook and standing.outlook.value)
        if told.expected:
            assert standing.forecast is not None and told.rate is not None
            assert told.low is not None and told.high is not None
            assert abs(told.rate - 1000 * standing.forecast) <= 1
            assert told.low <= told.rate <= told.high <= 1000
        ahead = standing.forecast is not None and 100 * standing.forecast >= standing.target
        met = bool(shown.met)
        expected = "met" if met and ahead else "risk" if met or ahead else "missed"
        assert shown.status == ("none" if shown.a == 0 else expected)


def _until(one: UnitState, day: date) -> dict[Cell, int]:
    return {c: n for c, n in one.cells().items() if c.day <= day_number(day)}


@given(st.lists(unit_states(), min_size=1, max_size=5, unique_by=lambda s: s.now.unit))
@settings(max_examples=30, deadline=None)
def test_a_row_of_the_matrix_is_the_units_own_page(states: list[UnitState]) -> None:
    """Who is judged by a row looks at the unit's own page next."""
    views, by_code = _views(), {one.now.unit: one for one in states}
    whole = views.view(ALL, BOOK, REGISTRY, by_code, TODAY)
    assert [row.code for row in whole.rows] == sorted(by_code)
    for row in whole.rows:
        own = views.view(Selection(row.code, YEAR, ""), BOOK, REGISTRY, by_code, TODAY)
        told = [cell for cell in row.cells if cell is not None]
        assert told == [(i.a, i.b, i.status) for i in own.indicators]
        assert (row.name, row.overdue) == (own.unit_name, own.overdue)


def test_an_officers_page_counts_the_officers_dossiers_against_the_share() -> None:
    """Article 2 gives each officer a share; what nobody counts by officer is not shown as known."""
    mine = closed("commune", 4, "fully_online_service", "filed_online", "paperless")
    others = {cell._replace(officer="cb02"): 6 for cell in mine}
    own = DueDossier(
        dossier="23500-231001-0001", procedure="1.001193", officer="cb02", step="chờ ký",
        due_at="2023-11-10T09:00:00.000Z",
    )  # fmt: skip
    states = {"23500": state("23500", {**mine, **others}, still_open=5, next_due=(own,))}
    share = Target(
        indicator="full_online", period="2023", percent=Fraction(62), unit="23500", officer="cb02",
        document="",
    )  # fmt: skip
    book = BOOK.with_targets([share])
    unit = _views().view(Selection("23500", YEAR, ""), book, REGISTRY, states, TODAY)
    assert [(row.code, row.cells[1][0]) for row in unit.rows if row.cells[1]] == [
        ("cb01", 4), ("cb02", 6),
    ]  # fmt: skip
    view = _views().view(Selection("23500", YEAR, "", "cb02"), book, REGISTRY, states, TODAY)
    shown = next(i for i in view.indicators if i.code == "full_online")
    assert (shown.a, shown.target, shown.own_target) == (6, (62, 1), True)
    # five are open in the unit, one of them is listed, and it is the officer's
    assert (view.open, view.overdue, view.due_soon, view.rows) == (1, 0, 0, ())
    assert view.at_least == ("open",)
    assert [(one.code, one.step) for one in view.soon] == [("0001", "chờ ký")]
    other = _views().view(Selection("23500", YEAR, "", "cb01"), book, REGISTRY, states, TODAY)
    assert other.soon == ()
    assert not any(i.own_target for i in other.indicators)


@given(
    st.lists(st.sampled_from(["cb01", "cb02", ""]), max_size=14),
    st.lists(st.sampled_from(["cb01", "cb02", ""]), max_size=14),
    st.integers(0, 14),
    st.integers(0, 3),
)
def test_an_officers_open_dossiers_are_exact_or_said_to_be_a_least_number(
    late: list[str], ahead: list[str], soon: int, undated: int
) -> None:
    """Snapshots list ten of each sort with their officers: what is not listed is not invented."""
    soon = min(soon, len(ahead))
    of = [_dossier(n, officer) for n, officer in enumerate([*late, *ahead])]
    one = state(
        "23500", {}, still_open=len(of) + undated, overdue=len(late), due_soon=soon,
        worst=tuple(of[: len(late)][:10]), next_due=tuple(of[len(late) :][:10]),
    )  # fmt: skip
    held = held_by([one.now], "cb01")
    truth = {
        "open": [*late, *ahead].count("cb01"),
        "overdue": late.count("cb01"),
        "due_soon": ahead[:soon].count("cb01"),
    }
    for name, found in held.items():
        assert found is not None
        assert found.n <= truth[name]
        assert not found.exact or found.n == truth[name]
    assert held["overdue"] is not None and held["overdue"].exact == (len(late) <= 10)
    assert held["due_soon"] is not None and held["due_soon"].exact == (soon <= 10)


def _dossier(number: int, officer: str) -> DueDossier:
    return DueDossier(
        dossier=f"23500-{number:04}", procedure="1.001193", officer=officer, step="",
        due_at=f"2023-11-{1 + number:02}T09:00:00.000Z",
    )  # fmt: skip


def test_the_most_urgent_of_all_units_are_listed_the_worst_first() -> None:
    def one(unit: str, number: int, due_at: str) -> DueDossier:
        return DueDossier(
            dossier=f"{unit}-{number:04}", procedure="1.001193", officer="", step="", due_at=due_at
        )

    states = {
        unit: state(
            unit, {}, overdue=9,
            worst=tuple(one(unit, n, f"2023-11-0{1 + n}T0{start}:00:00.000Z") for n in range(9)),
        )
        for unit, start in (("23500", 2), ("23503", 1))
    }  # fmt: skip
    late = _views().view(ALL, BOOK, REGISTRY, states, TODAY).late
    assert len(late) == 12
    assert [d.due_at for d in late] == sorted(d.due_at for d in late)
    assert (late[0].unit, late[0].procedure) == ("Xã Đắk PXi", REGISTRY.title("1.001193"))
    # 08:00 on the 1st of November 2023 is an hour into a working day
    worked = HOURS.worked_minutes(datetime(2023, 11, 1, 1, tzinfo=UTC))
    assert (late[0].due_worked, late[1].due_worked) == (worked, (worked or 0) + 60)


def test_a_roadmap_is_shown_to_whoever_follows_it() -> None:
    steps = [
        Target(indicator="full_online", period=f"2023-Q{n}", percent=Fraction(40 + 5 * n),
               level="commune", document="")
        for n in (1, 2, 3, 4)
    ]  # fmt: skip
    book = BOOK.with_targets(steps)
    states = {"23500": state("23500", closed("commune", 10, "fully_online_service"))}
    view = _views().view(Selection("23500", YEAR, ""), book, REGISTRY, states, TODAY)
    shown = next(i for i in view.indicators if i.code == "full_online")
    assert [(to_date(day).month, percent[0]) for day, percent in shown.roadmap] == [
        (3, 45), (6, 50), (9, 55), (12, 60),
    ]  # fmt: skip
    assert shown.light == "behind"
    every = _views().view(ALL, book, REGISTRY, states, TODAY)
    assert all(i.light is None for i in every.indicators)


def _views() -> Views:
    return Views("UBND huyện Đắk Hà", False, HOURS)
