"""The report of the live counters, in the shape that the history's has."""

from datetime import UTC, date, datetime
from fractions import Fraction

from schemas.books import Book, Period, load_book
from schemas.registry import load_registry
from schemas.report import Report
from streams.live_report import live_report
from tests.support.wall import FakeLive, closed, state

YEAR = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))


def test_every_unit_with_a_dossier_event_is_listed_also_without_figures() -> None:
    """A unit that resolved nothing must be seen, not missed."""
    live = FakeLive()
    live.set(
        state("23500", closed("commune", 10, "on_time"), still_open=1),
        state("dh-tp", {}, still_open=2),
        state("dh-yt", closed("district", 3, day=date(2022, 12, 31))),
    )
    report = _report(live, None)
    assert list(dict.fromkeys(row.unit for row in report.rows)) == [None, "23500", "dh-tp", "dh-yt"]
    assert (report.dossiers, report.resolved) == (16, 10)
    row = next(r for r in report.rows if r.unit == "23500" and r.indicator == "on_time_commune")
    assert (row.a, row.b, row.met) == (10, 10, True)


def test_with_a_unit_there_are_its_rows_alone() -> None:
    live = FakeLive()
    live.set(
        state("23500", closed("commune", 10, "claim_differs"), still_open=1),
        state("dh-tp", closed("district", 7)),
    )
    report = _report(live, "23500")
    assert {row.unit for row in report.rows} == {"23500"}
    assert (report.dossiers, report.resolved, report.unit) == (11, 10, "23500")
    assert [(a.code, a.dossiers) for a in report.anomalies] == [("claim_differs", 10)]
    assert _report(live, "23503").rows == ()


def test_a_book_of_closings_with_points_has_them_live_too() -> None:
    """A district that scores its communes by what is closed sees the score on both sides."""
    live = FakeLive()
    live.set(state("23500", closed("commune", 3, "on_time") | closed("commune", 1, "late")))
    decision = load_book("dak-ha-2023")
    rows = [
        i.model_copy(update={"points": Fraction(10)}) if i.code == "on_time_commune" else i
        for i in decision.indicators
    ]
    headings = [
        h.model_copy(update={"points": Fraction(10)}) if h.row == "IV" else h
        for h in decision.headings
    ]
    raw = {name: getattr(decision, name) for name in Book.model_fields}
    raw |= {"indicators": rows, "headings": headings}
    book = Book.model_validate(raw, by_alias=False, by_name=True)

    found = _report(live, "23500", book).scores

    # 75 % of 95 %
    assert [(s.heading, s.points, s.in_scope, s.score) for s in found][-2:] == [
        ("IV", 10, 10, 7.89),
        (None, 10, 10, 7.89),
    ]


def _report(live: FakeLive, unit: str | None, book: Book | None = None) -> Report:
    return live_report(
        live, book or load_book("dak-ha-2023"), load_registry(), YEAR, unit,
        demo=True, computed_at=datetime(2023, 11, 10, tzinfo=UTC),
    )  # fmt: skip
