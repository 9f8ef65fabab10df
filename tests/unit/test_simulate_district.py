"""The simulated district: the same for a seed, plausible, and understood by everything after it."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.books import Period, load_book
from schemas.events import KIND_OF_TYPE
from schemas.registry import Registry, Unit, load_registry
from schemas.report import ReportRow
from services.emitter.demo_units import invented
from services.emitter.office_days import OfficeDays, is_working, last_working_day, seconds
from services.emitter.offices import DEMAND, DESKS, NEVER_PAID_ONLINE, OFFICES
from services.emitter.simulate import SOURCE, simulate_day, simulate_year, walk_in
from services.gateway.admission import Accepted, Admission, Emitter, Limits
from streams.core.cells import cells, is_open
from streams.core.dossier import Dossier, add, read
from streams.core.facts import Facts, facts
from streams.core.indicators import anomalies, in_period
from tests.support.gateway import OWED
from tests.support.histories import WORK, ms
from tests.support.tables import rows_of

REGISTRY = invented(load_registry())
FIRST, LAST = date(2026, 1, 1), date(2026, 10, 30)
NOW = datetime(2026, 11, 1, tzinfo=UTC)

Event = dict[str, Any]


def year(dossiers: int = 400, seed: int = 1, first: date = FIRST, last: date = LAST) -> list[Event]:
    return list(simulate_year(REGISTRY, first, last, dossiers, seed))


def admitted(events: list[Event], now: datetime = NOW) -> dict[tuple[str, str], Dossier]:
    """The dossiers of these events after the real admission; fails when one is refused."""
    emitter = Emitter("demo", frozenset(unit.code for unit in REGISTRY.units))
    admission = Admission(emitter, REGISTRY, now, Limits(), OWED)
    found: dict[tuple[str, str], Dossier] = {}
    for start in range(0, len(events), 500):
        verdicts = admission.batch(orjson.dumps(events[start : start + 500]))
        assert isinstance(verdicts, list)
        for verdict in verdicts:
            assert isinstance(verdict, Accepted), verdict
            unit, code, entry = read(verdict.value)
            found[unit, code], loser = add(found.get((unit, code), ()), entry)
            assert loser is None, "two events share an identity"
    return found


@pytest.fixture(scope="module")
def district() -> dict[tuple[str, str], Facts]:
    """What is known of a year of a district of the real size."""
    found = admitted(year(12_000, seed=1))
    return {identity: facts(dossier, WORK) for identity, dossier in found.items()}


# -- laws


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), dossiers=st.integers(0, 60))
def test_a_seed_always_gives_the_same_year(seed: int, dossiers: int) -> None:
    """Sent twice it must be the same events, or a second demonstration would double everything."""
    assert year(dossiers, seed) == year(dossiers, seed)


def test_another_seed_gives_another_year() -> None:
    """Else the option would be for nothing."""
    assert year(20, seed=1) != year(20, seed=2)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 1000),
    dossiers=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    days=st.tuples(st.integers(0, 300), st.integers(0, 300)),
)
def test_more_dossiers_or_more_days_never_change_what_was_told(
    seed: int, dossiers: tuple[int, int], days: tuple[int, int]
) -> None:
    """Started again tomorrow or with other numbers, it adds to the data folder, no conflicts."""
    one, other = (
        {e["id"]: e for e in year(n, seed, last=FIRST + timedelta(days=d))}
        for n, d in zip(dossiers, days, strict=True)
    )
    for shared in one.keys() & other.keys():
        assert one[shared] == other[shared]


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), dossiers=st.integers(0, 200), days=st.integers(5, 300))
def test_events_come_in_time_order_and_in_the_period(seed: int, dossiers: int, days: int) -> None:
    """It is replayed as it happened; what lies after the last day has not happened yet."""
    last = FIRST + timedelta(days=days)
    events = year(dossiers, seed, last=last)
    times = [event["time"] for event in events]

    assert times == sorted(times)
    assert not times or times[0] >= FIRST.isoformat()
    assert not times or times[-1] < (last + timedelta(days=1)).isoformat()
    assert len({event["id"] for event in events}) == len(events)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), dossiers=st.integers(0, 500))
def test_as_many_dossiers_come_as_were_asked_for(seed: int, dossiers: int) -> None:
    """--dossiers N is N."""
    assert len({event["subject"] for event in year(dossiers, seed)}) == dossiers


def test_a_period_without_a_working_day_is_empty() -> None:
    """On 1 January nobody comes, and nothing breaks."""
    assert year(100, first=FIRST, last=FIRST) == []


def test_a_day_is_the_end_of_the_year_so_far() -> None:
    """With what happens that day to dossiers of earlier days."""
    day = list(simulate_day(REGISTRY, LAST, FIRST, 3000, 1))

    assert day == [event for event in year(3000) if event["time"] >= LAST.isoformat()]
    today = f"-{LAST:%y%m%d}-"
    assert {today in event["subject"] for event in day} == {True, False}


def test_a_registry_without_units_is_told_about() -> None:
    """An installation may have its own; the message says which period was looked for."""
    with pytest.raises(ValueError, match="2026-01-01"):
        list(simulate_year(Registry((), REGISTRY.procedures), FIRST, LAST, 10, 1))


def test_a_unit_that_the_tables_do_not_know_takes_part() -> None:
    """With everything that the catalogue has for its level."""
    unit = Unit(code="99999", name="Xã khác", level="commune")
    registry = Registry((unit,), REGISTRY.procedures)

    events = list(simulate_year(registry, FIRST, LAST, 50, 1))
    assert {event["unit"] for event in events} == {"99999"}


def test_a_unit_or_procedure_out_of_force_takes_no_part() -> None:
    """What was abolished receives nothing."""
    gone = [unit.model_copy(update={"valid_to": date(2025, 6, 30)}) for unit in REGISTRY.units]
    here = Unit(code="99999", name="Xã khác", level="commune")

    events = simulate_year(Registry((*gone, here), REGISTRY.procedures), FIRST, LAST, 50, 1)
    assert {event["unit"] for event in events} == {"99999"}


def test_the_tables_name_units_and_procedures_of_the_registry() -> None:
    """A misspelt code would silently change the mix."""
    units = {unit.code for unit in REGISTRY.units}
    procedures = {procedure.code for procedure in REGISTRY.procedures}

    assert OFFICES.keys() | DESKS.keys() <= units
    assert DEMAND.keys() == procedures
    assert {code for codes in DESKS.values() for code in codes} <= procedures
    payable = REGISTRY.payment_procedures(Period(first=FIRST, last=LAST))
    assert {code for _, code in payable} >= NEVER_PAID_ONLINE


# -- as in an office


def test_every_kind_of_event_happens() -> None:
    """Whoever looks at the demonstration sees all that the product knows."""
    kinds = {event["type"] for event in year(6000)}

    assert kinds == KIND_OF_TYPE.keys()
    assert {e["unit"] for e in year(6000) if e["type"].endswith("resolved.v1")} == {
        code for code, office in OFFICES.items() if office.old_software
    }


def test_people_come_on_working_days_in_office_hours() -> None:
    """Nobody is received on a Sunday, at Tết or at midnight."""
    received = [e for e in year(6000) if e["type"] == "motcua.dossier.received.v1"]
    moments = [datetime.fromisoformat(e["time"]) for e in received]

    assert all(is_working(moment.date()) for moment in moments)
    hours = Counter(moment.hour for moment in moments)
    assert set(hours) <= {7, 8, 9, 10, 11, 13, 14, 15, 16}
    # a morning's peak and an afternoon's
    assert hours[8] > hours[7] and hours[8] > hours[10] > hours[11] / 2
    assert hours[14] > hours[16]
    monday, friday = (sum(m.weekday() == day for m in moments) for day in (0, 4))
    assert monday > 1.1 * friday


def test_no_dossier_is_resolved_before_it_came_but_the_few_that_must_be(
    district: dict[tuple[str, str], Facts],
) -> None:
    """Anomalies are there to be found, and they are few."""
    before = sum(known.has("closed_before_received") for known in district.values())

    assert 0 < before < len(district) / 300


def test_units_differ_in_size_and_in_how_good_they_are(
    district: dict[tuple[str, str], Facts],
) -> None:
    """A ranking of equals would show nothing."""
    sizes = Counter(unit for unit, _ in district)
    rows = {(row.unit, row.row): row for row in _rows(district)}
    online = [row.rate for (unit, name), row in rows.items() if unit and name == "II" and row.rate]

    assert max(sizes.values()) > 5 * min(sizes.values())
    assert max(online) - min(online) > 20


def test_the_mix_is_the_one_of_a_real_province(district: dict[tuple[str, str], Facts]) -> None:
    """Kon Tum, third quarter of 2023, as its reports say."""
    received = [known for known in district.values() if known.has("received")]
    resolved = [known for known in received if known.has("resolved")]
    late = [known for known in resolved if known.has("due_known") and not known.has("on_time")]

    assert _percent(known.has("filed_online") for known in received) == pytest.approx(25, abs=2)
    # carried over from one quarter into the next
    last_quarter = [k for k in received if k.received_at and k.received_at > ms("2026-08-01T00:00")]
    carried_over = 100 * sum(map(is_open, received)) / len(last_quarter)
    assert carried_over == pytest.approx(6.5, abs=1.5)
    assert _percent(k.has("application_digitized") for k in received) == pytest.approx(73, abs=2)
    assert _percent(known.has("paid_online") for known in received) == pytest.approx(6, abs=1)
    assert 100 * len(late) / len(resolved) == pytest.approx(1.4, abs=0.4)


def test_the_wall_of_the_district_shows_every_verdict(
    district: dict[tuple[str, str], Facts],
) -> None:
    """Five of seven met, one missed narrowly, one clearly: there is something to look at."""
    rows = {row.row: row for row in _rows(district) if row.unit is None}

    assert [name for name, row in rows.items() if not row.met] == ["II", "III.2"]
    assert rows["II"].gap_points == pytest.approx(-2, abs=2)
    assert rows["III.2"].gap_points is not None and rows["III.2"].gap_points < -10
    assert (rows["III.1"].a, rows["III.1"].b) == (8, 5)


def test_some_dossiers_are_overdue_some_are_due_soon_and_some_wait(
    district: dict[tuple[str, str], Facts],
) -> None:
    """The counters that time moves have something behind them, and the office is no disaster."""
    tonight, soon = ms("2026-10-30T18:00"), ms("2026-11-04T00:00")
    still_open = [known for known in district.values() if is_open(known)]
    running = [k for k in still_open if k.waiting_since is None and k.due_at is not None]
    overdue = sum(k.due_at < tonight for k in running if k.due_at is not None)
    due_soon = sum(tonight <= k.due_at < soon for k in running if k.due_at is not None)
    waiting = sum(k.waiting_since is not None for k in still_open)

    assert 20 < overdue < 90
    assert 5 < due_soon < 60
    assert 40 < waiting < 160


def test_what_happens_between_reception_and_result_is_as_rare_as_it_should_be(
    district: dict[tuple[str, str], Facts],
) -> None:
    """Three in a hundred are asked for papers, one in a hundred is corrected."""
    known = [k for k in district.values() if k.has("received")]

    assert _percent(k.has("supplemented") for k in known) == pytest.approx(3, abs=0.5)
    assert _percent(k.has("corrected") for k in known) == pytest.approx(1.2, abs=0.4)
    assert _percent(k.has("due_computed") for k in known) == pytest.approx(12, abs=2)
    for fact, least in (
        ("supplemented_again", 10),
        ("supplement_beyond_list", 10),
        ("extended", 30),
        ("apologised", 30),
        ("fee_waived", 100),
        ("payment_undone", 1),
    ):
        assert sum(k.has(fact) for k in known) >= least, fact
    assert not any(k.has("correction_without_original") for k in known)


def test_corrections_mend_a_due_moment_an_officer_and_a_payment() -> None:
    """Each of the three has its own way through the core."""
    events = year(6000)
    by_id = {event["id"]: event for event in events}
    mended = Counter()
    for event in events:
        if event["type"] == "motcua.dossier.corrected.v1":
            original = by_id[event["data"]["corrects"]["id"]]
            new = event["data"].get("replacement")
            assert original["time"] <= event["time"]
            changed = (
                "void"
                if new is None
                else {n for n, v in new["data"].items() if original["data"].get(n) != v}
            )
            mended[original["type"].split(".")[2], str(changed or "nothing")] += 1
    assert mended["received", "{'due_at'}"] > 5
    assert mended["resolved", "{'officer'}"] > 5
    assert mended["paid", "void"] > 5
    assert {kind for kind, _ in mended} == {"received", "resolved", "paid"}


@settings(max_examples=60)
@given(
    at=st.datetimes(
        datetime.fromisoformat("2023-01-02"), datetime.fromisoformat("2023-10-31T23:59")
    ),
    hours=st.integers(0, 200),
)
def test_working_time_of_the_simulation_is_that_of_the_product(at: datetime, hours: int) -> None:
    """In a year without swap days they know the same; else every due moment would be disputed."""
    days = OfficeDays(date(2023, 1, 1), date(2023, 12, 31))
    begun = ms(at.replace(microsecond=0).isoformat())
    wanted = begun if hours == 0 else WORK.due_after_hours(begun, hours)
    epoch = seconds(datetime.fromisoformat("1970-01-01T07:00"))

    found = days.after(seconds(at), hours * 3600)
    assert (found - epoch) * 1000 == wanted


def test_anomalies_are_few_and_of_several_kinds(district: dict[tuple[str, str], Facts]) -> None:
    """They are listed next to the rates; more than one in a hundred would be no office."""
    counted = [pair for own in _cells(district).values() for pair in own]
    found = {anomaly.code: anomaly.dossiers for anomaly in anomalies(counted)}

    assert found.keys() >= {"closed_before_received", "closed_again", "claim_differs"}
    assert 0 < sum(found.values()) < len(district) / 50


def test_a_dossier_code_says_unit_and_day_of_handing_in() -> None:
    """As the codes of real ones do; the source says that these are invented."""
    for event in year(300):
        unit, day, sequence = event["subject"].rsplit("-", 2)
        assert unit == event["unit"]
        assert f"20{day}" <= event["time"][:10].replace("-", "")
        assert sequence.isdigit() and len(sequence) == 4
        assert event["source"] == SOURCE


# -- somebody walks in


@settings(max_examples=60)
@example(at=datetime.fromisoformat("2026-10-30T10:00"), seed=475)  # whose fee is given back
@given(
    at=st.datetimes(
        datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2026-12-31T23:59")
    ),
    seed=st.integers(0, 1000),
)
def test_whoever_walks_in_is_served_within_a_minute(at: datetime, seed: int) -> None:
    """The wall of a running demonstration moves while somebody watches."""
    events = walk_in(REGISTRY, at, random.Random(seed))
    times = [datetime.fromisoformat(event["time"]).replace(tzinfo=None) for event in events]

    assert times == sorted(times)
    assert times[0] == at.replace(microsecond=0)
    assert times[-1] - times[0] <= timedelta(minutes=1)
    ((_, dossier),) = admitted(events, datetime(2027, 1, 2, tzinfo=UTC)).items()
    assert facts(dossier, WORK).has("resolved")


def test_whoever_walks_in_is_nobody_of_the_simulated_day() -> None:
    """A day that was shown live is simulated on the next; their codes must not meet."""
    at = datetime.fromisoformat(f"{LAST}T10:00:00")
    codes = {walk_in(REGISTRY, at, random.Random(n))[0]["subject"] for n in range(20)}

    assert all(len(code.rsplit("-", 1)[1]) == 6 for code in codes)
    assert not codes & {event["subject"] for event in year(6000)}


# -- days


@pytest.mark.parametrize(
    ("today", "last"),
    [
        ("2026-11-24", "2026-11-23"),
        ("2026-11-23", "2026-11-20"),
        ("2026-11-21", "2026-11-20"),
        # Tết
        ("2026-02-23", "2026-02-13"),
        ("2027-01-03", "2026-12-31"),
    ],
)
def test_the_last_working_day_lies_before_today(today: str, last: str) -> None:
    """A day in progress is not replayed: its evening is still open."""
    assert last_working_day(date.fromisoformat(today)) == date.fromisoformat(last)


@given(
    day=st.dates(date(2026, 1, 1), date(2026, 10, 1)), n=st.integers(0, 40), m=st.integers(0, 40)
)
def test_working_days_are_counted_as_on_a_calendar(day: date, n: int, m: int) -> None:
    """Due moments of the simulation rest on it."""
    days = OfficeDays(FIRST, LAST)
    later = days.plus(day.toordinal(), n)

    assert is_working(date.fromordinal(later))
    span = range(day.toordinal(), later)
    assert sum(is_working(date.fromordinal(d)) for d in span) == n
    assert days.between(day.toordinal(), later) == n
    assert days.plus(later, m) == days.plus(day.toordinal(), n + m)


def _percent(facts_of: Iterable[bool]) -> float:
    values = list(facts_of)
    return 100 * sum(values) / len(values)


def _cells(district: dict[tuple[str, str], Facts]) -> dict[str, list[Any]]:
    by_unit: dict[str, Counter[Any]] = defaultdict(Counter)
    for (unit, _), known in district.items():
        by_unit[unit].update(cells(known))
    period = Period(first=FIRST, last=LAST)
    return {unit: in_period(counted, period) for unit, counted in by_unit.items()}


def _rows(district: dict[tuple[str, str], Facts]) -> tuple[ReportRow, ...]:
    book, period = load_book("dak-ha-2023"), Period(first=FIRST, last=LAST)
    return rows_of(book, REGISTRY, period, _cells(district))
