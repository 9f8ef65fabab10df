"""The wall's pure functions, called in a real browser: formats, freshness, state, sparkline."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from playwright.sync_api import Page

from services.wall.assets import load_assets
from streams.core.indicators import rate_tenths
from tests.support.browser import chromium

ORIGIN = "http://wall.test"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page that has the wall's modules and no server."""
    assets = load_assets()

    def answer(route: Any) -> None:
        asset = assets.get(route.request.url.removeprefix(f"{ORIGIN}/"))
        if asset is None:
            route.fulfill(body="<!doctype html>", content_type="text/html")
        else:
            route.fulfill(body=asset.body, content_type=asset.media_type)

    with chromium() as browser:
        opened = browser.new_page()
        opened.route("**/*", answer)
        opened.goto(ORIGIN)
        yield opened


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("whole", [5398], "5.398"),
        ("whole", [1234567], "1.234.567"),
        ("whole", [-12], "−12"),
        ("short", [999999], "999.999"),
        ("short", [12422633], "12,42 tr."),
        ("tenths", [578], "57,8"),
        ("tenths", [1000], "100"),
        ("tenths", [0], "0,0"),
        ("percent", [[25, 1]], "25"),
        ("percent", [[195, 2]], "97,5"),
        ("duration", [59.9], "59 giây"),
        ("duration", [300], "5 phút"),
        ("duration", [7300], "2 giờ"),
        ("duration", [200000], "2 ngày"),
    ],
)
def test_formats(page: Page, name: str, arguments: list[Any], text: str) -> None:
    assert _call(page, "format", name, *arguments) == text


@pytest.mark.parametrize(
    ("a", "b", "met", "target", "shown"),
    [
        (5398, 3120, False, [60, 1], 578),
        (3, 2, True, [60, 1], 667),
        (2000, 1199, False, [60, 1], 599),  # 59,95 % is not 60,0 %
        (10000, 9748, False, [195, 2], 974),  # 97,48 % is not 97,5 %
        (1000, 600, True, [60, 1], 600),
        (10000, 9999, True, [95, 1], 999),  # one is missing: not 100 %
        (10000, 10000, True, [95, 1], 1000),
        (10000, 1, False, [60, 1], 0),
    ],
)
def test_a_rate_is_rounded_but_never_across_its_target(
    page: Page, a: int, b: int, met: bool, target: list[int], shown: int
) -> None:
    """«60,0 % of 60 %» with a cross beside it would be called a lie; every screen says the same."""
    assert rate_tenths(a, b, Fraction(*target)) == shown
    assert _call(page, "format", "rateTenths", a, b, met, target) == shown


def test_surplus_is_of_the_exact_rate(page: Page) -> None:
    """27,3 of 25: 2,3 points; of 1204/4410 exactly 2,30."""
    assert _call(page, "format", "surplusTenths", 4410, 1204, [25, 1]) == 23
    assert _call(page, "format", "surplusTenths", 3, 2, [60, 1]) == 67
    assert _call(page, "format", "surplusTenths", 200, 195, [195, 2]) == 0


def test_moments_are_the_offices(page: Page) -> None:
    """Whatever the time zone of the machine: 17:32 UTC on the 9th is the 10th in Đắk Hà."""
    parts = _call(page, "format", "localParts", _ms(2023, 11, 9, 17, 32, 5))
    assert parts == {
        "weekday": "Thứ Sáu", "date": "10/11/2023", "dayMonth": "10/11", "minute": "00:32",
        "second": "00:32:05",
    }  # fmt: skip
    now = _ms(2023, 11, 10, 7, 32)
    assert _call(page, "format", "minuteOf", _ms(2023, 11, 10, 7, 30), now) == "14:30"
    assert _call(page, "format", "minuteOf", _ms(2023, 11, 9, 7, 30), now) == "14:30 ngày 09/11"


NOW_MS = int(datetime(2023, 11, 10, 7, 32, 5, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("changed", "age_s", "state", "text"),
    [
        ({}, 1, "live", "Trực tiếp · số liệu đến 14:32:03"),
        ({}, 14, "live", "Trực tiếp · số liệu đến 14:32:03"),
        ({}, 16, "slow", "Dữ liệu chậm 16 giây"),
        ({}, 59, "slow", "Dữ liệu chậm 59 giây"),
        ({}, 61, "lost", "MẤT KẾT NỐI MÁY CHỦ · số liệu lúc 14:32, cách đây 1 phút"),
        ({}, 100000, "lost", "MẤT KẾT NỐI MÁY CHỦ · số liệu lúc 14:32 ngày 10/11, cách đây 1 ngày"),
        ({"figuresAtMs": NOW_MS - 120_000}, 1, "slow", "Dữ liệu chậm 2 phút"),
        ({"figuresAtMs": NOW_MS - 59_000}, 2, "slow", "Dữ liệu chậm 1 phút"),
        ({"figuresAtMs": NOW_MS - 420_000}, 1, "stale",
         "SỐ LIỆU CŨ · số liệu lúc 14:25, cách đây 7 phút"),
        ({"figuresAtMs": None}, 1, "slow", "Chưa rõ độ trễ của số liệu"),
        ({"byeAt": 1000}, 59, "restarting",
         "Máy chủ đang khởi động lại · số liệu lúc 14:32, cách đây 1 phút"),
        ({"byeAt": 1000}, 61, "lost", "MẤT KẾT NỐI MÁY CHỦ · số liệu lúc 14:32, cách đây 1 phút"),
        ({"beat": {"waiting": "reading"}}, 1, "waiting",
         "Máy chủ đang nạp số liệu · số liệu lúc 14:32, cách đây 3 giây"),
        ({"beat": {"waiting": "…", "no_book": True}, "figuresAtMs": None}, 1, "waiting",
         "Không đọc được bộ chỉ tiêu, xem nhật ký máy chủ"),
        ({"beat": {"working_now": False, "last_event_at": "2023-11-10T03:05:00.000Z"}}, 1,
         "off-hours", "Ngoài giờ làm việc · số liệu đến 10:05"),
        ({"beat": {"working_now": False}}, 1, "live", "Trực tiếp · số liệu đến 14:32:03"),
        ({"beat": {"last_event_at": "2023-11-10T03:05:00.000Z", "idle_s": 1801}}, 1, "idle",
         "Chưa nhận sự kiện mới từ 10:05 – kiểm tra phần mềm một cửa"),
        ({"beat": {"last_event_at": "2023-11-09T09:50:00.000Z", "idle_s": 900}}, 1, "live",
         "Trực tiếp · số liệu đến 14:32:03"),
        ({"beat": {"silent": [["Xã Đắk La", "2023-11-10T01:00:00.000Z", 7100],
                              ["Xã Ngọk Wang", "2023-11-10T03:05:00.000Z", 7300]]}}, 1, "idle",
         "Chưa nhận sự kiện mới từ 10:05 – kiểm tra phần mềm một cửa (Xã Ngọk Wang)"),
        ({"beat": None, "beatAt": None}, 1, "connecting", "Đang kết nối máy chủ"),
    ],
)  # fmt: skip
def test_freshness(
    page: Page, changed: dict[str, Any], age_s: float, state: str, text: str
) -> None:
    """Every state of the table, and none that calls an old number current."""
    known: dict[str, Any] = {
        "view": {}, "figuresAtMs": NOW_MS - 2000, "beatAt": 1000, "byeAt": None,
        "beat": {
            "server_time": "2023-11-10T07:32:05.000Z", "last_event_at": "2023-11-10T07:31:00.000Z",
            "working_now": True, "waiting": None, "no_book": False, "idle_s": 60, "silent": [],
        },
    }  # fmt: skip
    beat = changed.pop("beat", {}) if isinstance(changed.get("beat"), dict) else {}
    known = {**known, **changed}
    if beat:
        known["beat"] = {**known["beat"], **beat}
    started_at = 1000
    limits = _call(page, "freshness", "limitsFrom", {})
    shown = _call(page, "freshness", "freshness", known, 1000 + age_s, started_at, limits)
    assert (shown["state"], shown["text"]) == (state, text)
    assert shown["old"] == (state in {"lost", "stale", "waiting", "connecting"})
    assert shown["band"] == (state in {"lost", "stale"})


EQUAL = {
    "state": "equal", "compared_at": "2023-11-10T07:32:05.000Z", "units": 24, "units_compared": 24,
    "units_differing": 0, "history_behind": 0, "next_within_s": 120,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "age_s", "state", "text"),
    [
        ({}, 119, "equal", "Đã đối chiếu 14:32:05 · khớp 24/24 đơn vị"),
        ({}, 121, "stale", "Ngừng đối chiếu từ 14:32"),
        ({}, 86_400, "stale", "Ngừng đối chiếu từ 14:32 ngày 10/11"),
        ({"next_within_s": None}, 3600, "equal", "Đã đối chiếu 14:32:05 · khớp 24/24 đơn vị"),
        ({"state": "differs", "units_differing": 1}, 5, "differs", "LỆCH 1 đơn vị · 14:32"),
        ({"state": "differs", "units_differing": 1}, 9999, "differs", "LỆCH 1 đơn vị · 14:32"),
        ({"state": "waiting", "units_compared": 9, "history_behind": 1234}, 5, "waiting",
         "Chưa đối chiếu được: lịch sử chậm 1.234 bản ghi"),
        ({"state": "waiting", "units_compared": 9}, 5, "waiting",
         "Đang đối chiếu · khớp 9/24 đơn vị"),
        ({"state": "waiting", "units_compared": 9}, 121, "stale", "Ngừng đối chiếu từ 14:32"),
    ],
)  # fmt: skip
def test_what_was_compared_is_told_and_never_for_longer_than_it_holds(
    page: Page, changed: dict[str, Any], age_s: int, state: str, text: str
) -> None:
    """A late history is no alarm, a difference stays one, and silence is not «equal»."""
    now_ms = NOW_MS + age_s * 1000
    shown = _call(page, "certificate", "comparison", {**EQUAL, **changed}, now_ms)
    assert (shown["state"], shown["text"]) == (state, text)


def test_a_certificate_belongs_to_the_state(page: Page) -> None:
    steps = _states(page, ("certificate", EQUAL), ("snapshot", SNAPSHOT), ("bye", {}))
    assert [step["certificate"] for step in steps] == [EQUAL] * 3
    for nothing in (None, {**EQUAL, "units": 0, "units_compared": 0}):
        never = _call(page, "certificate", "comparison", nothing, NOW_MS)
        assert (never["state"], never["text"]) == ("never", "Chưa đối chiếu với lịch sử")


SNAPSHOT = {
    "boot": "b1", "seq": 4,
    "view": {"met": 1, "indicators": [{"code": "x", "a": 1, "b": 1}],
             "rows": [{"code": "u1", "n": 1}, {"code": "u3", "n": 1}]},
}  # fmt: skip


def test_deltas_are_applied_in_order_and_a_gap_is_noticed(page: Page) -> None:
    """A missing delta must lead to the snapshot, never to a mix of old and new."""
    rows = [{"code": "u3", "n": 2}, {"code": "u2", "n": 1}]
    changed = {"indicators": [{"code": "x", "a": 2}], "rows": rows}
    first = {"boot": "b1", "seq": 5, "view": changed}
    late = {"boot": "b1", "seq": 7, "view": {"met": 9, "indicators": []}}
    other = {"boot": "b2", "seq": 5, "view": {"met": 9, "indicators": []}}
    steps = _states(
        page, ("snapshot", SNAPSHOT), ("delta", first), ("delta", first), ("delta", late)
    )
    assert [s["seq"] for s in steps] == [4, 5, 5, 5]
    assert [s["gap"] for s in steps] == [False, False, False, True]
    assert steps[-1]["view"] == {
        "met": 1,
        "indicators": [{"code": "x", "a": 2, "b": 1}],
        "rows": [{"code": "u1", "n": 1}, {"code": "u2", "n": 1}, {"code": "u3", "n": 2}],
    }
    assert _states(page, ("snapshot", SNAPSHOT), ("delta", other))[-1]["gap"] is True
    assert _states(page, ("delta", first), ("snapshot", SNAPSHOT))[-1]["gap"] is False


def test_figures_are_confirmed_by_a_beat_of_their_own_version_alone(page: Page) -> None:
    """A beat of a newer version says nothing about the numbers on the screen."""
    beat = {
        "boot": "b1", "seq": 4, "server_time": "2023-11-10T07:32:05.000Z", "lag_s": 2,
        "waiting": None,
    }  # fmt: skip
    confirmed = _states(page, ("snapshot", SNAPSHOT), ("beat", beat))[-1]
    assert (confirmed["figuresAtMs"], confirmed["gap"]) == (NOW_MS - 2000, False)
    newer = {**beat, "seq": 5}
    missing = _states(page, ("snapshot", SNAPSHOT), ("beat", newer))[-1]
    assert (missing["figuresAtMs"], missing["gap"]) == (None, True)
    for unknown in ({**beat, "lag_s": None}, {**beat, "waiting": "reading"}):
        state = _states(page, ("snapshot", SNAPSHOT), ("beat", unknown))[-1]
        assert (state["figuresAtMs"], state["gap"]) == (None, False)


def test_kept_figures_never_replace_fresh_ones(page: Page) -> None:
    kept = {"view": {"met": 7, "indicators": []}, "figuresAtMs": 5}
    assert _states(page, ("stored", kept))[-1]["figuresAtMs"] == 5
    assert _states(page, ("snapshot", SNAPSHOT), ("stored", kept))[-1]["view"]["met"] == 1


def test_a_sparkline_needs_two_weeks_and_stays_in_its_box(page: Page) -> None:
    draw = "async weeks => String((await import('/sparkline.js')).sparkline(weeks))"
    assert page.evaluate(draw, [[0, 0]] * 11 + [[5, 1]]) == ""
    markup = page.evaluate(draw, [[0, 0], [10, 0], [20, 10], [20, 20]])
    points = markup.split('points="')[1].split('"')[0].split(" ")
    assert points == ["33.3,44.0", "66.7,22.0", "100.0,0.0"]
    flat = page.evaluate(draw, [[1000, 500], [1000, 501]])
    assert flat.split('points="')[1].split('"')[0] == "0.0,23.1 100.0,20.9"


@pytest.mark.parametrize(
    ("said", "rows"),
    [
        (
            {"overdue": 0, "due_soon": None, "open": 5},
            ["Đang quá hạn 0", "Sắp đến hạn chưa rõ", "Đang giải quyết 5"],
        ),
        (
            {"overdue": 3, "due_soon": 0, "open": 1200},
            ["missed: Đang quá hạn 3", "Sắp đến hạn 0", "Đang giải quyết 1.200"],
        ),
        (
            {"overdue": 3, "due_soon": 0, "open": 4, "at_least": ["overdue", "due_soon"]},
            ["missed: Đang quá hạn ≥\u202f3", "Sắp đến hạn chưa rõ", "Đang giải quyết 4"],
        ),
        ({"open": None}, ["Đã giải quyết 7"]),
    ],
)
def test_the_summary_alarms_when_there_is_something_to_do(
    page: Page, said: dict[str, Any], rows: list[str]
) -> None:
    """No alarm at zero, no number that nobody knows, and nothing of now in a period of the past."""
    draw = """async said => {
        const { tiles } = await import('/overview.js');
        const view = {unit: null, met: 1, risk: 0, missed: 0, not_arisen: 0, resolved: 7,
                      indicators: [], at_least: [], ...said};
        const box = document.createElement("div");
        box.innerHTML = String(tiles(view)[0].markup);
        return [...box.querySelectorAll("dl > div")].map((row) =>
            (row.className ? row.className + ": " : "") +
            [...row.children].map((part) => part.textContent.trim()).join(" "));
    }"""
    assert page.evaluate(draw, said) == rows


def test_names_are_text_and_never_markup(page: Page) -> None:
    """Names come from files that somebody edits."""
    draw = """async () => {
        const { header } = await import('/frame.js');
        const view = {installation: '<img src=x onerror=alert(1)>', book_title: '"&', unit: null,
                      units: 1, period_title: '', running: false};
        return String(header(view, 0));
    }"""
    strip = """async () => {
        const { strip } = await import('/frame.js');
        const view = {demo: false, overdue: 2, at_least: [], most_overdue: [['<img src=x>', 2]]};
        const says = {band: false, sign: "live", text: ""};
        return String(strip(view, says, null));
    }"""
    markup = page.evaluate(draw)
    assert "<img" not in markup
    assert "<img" not in page.evaluate(strip)
    assert "&#34;&#38;" in markup


# -- the screen as a whole: pages, parts, words

VIEW = {
    "installation": "UBND", "book_title": "", "demo": False, "unit": None, "unit_name": None,
    "officer": None, "units": 1, "period_title": "Năm 2023", "running": True, "first_day": 19358,
    "last_day": 19722, "days": [19664, 19671], "met": 0, "risk": 0, "missed": 1, "not_arisen": 0,
    "resolved": 20, "open": 9, "overdue": 0, "due_soon": 0, "at_least": [],
    "most_overdue": [], "late": [], "soon": [], "calendar": None,
    "rows": [{"code": "u1", "name": "Xã A", "level": "commune", "cells": [[20, 9, "missed"]],
              "overdue": 0}],
    "indicators": [{
        "code": "x", "row": "I", "title": "X", "short": "X", "level": None, "counts": "dossiers",
        "on_time": False, "target": [60, 1], "own_target": False, "a": 20, "b": 9, "met": False,
        "status": "missed", "still_needed": 3, "late_allowed": None, "due_unknown": None,
        "weeks": [[10, 3]], "roadmap": [], "light": None,
        "prospect": {"expected": 0, "rate": None, "low": None, "high": None, "needed": None,
                     "outlook": None},
    }],
}  # fmt: skip


def test_the_overview_comes_between_all_other_pages(page: Page) -> None:
    """Whoever looks up for ten seconds must have seen the seven rates."""
    run = """async ([pages, steps]) => {
        const { slideAt } = await import('/rotation.js');
        return Array.from({length: steps}, (_, step) => slideAt(pages, step));
    }"""
    slides = page.evaluate(run, [["A", "B", "C", "D"], 12])
    assert "".join(slide["page"] for slide in slides) == "ABACADABACAD"
    assert [s["turn"] for s in slides if s["page"] == "D"] == [0, 1]
    assert [s["turn"] for s in slides if s["page"] == "A"] == [0, 1, 2, 3, 4, 5]
    assert {(s["page"], s["position"], s["of"]) for s in slides} == {
        ("A", 1, 4), ("B", 2, 4), ("C", 3, 4), ("D", 4, 4),
    }  # fmt: skip
    alone = page.evaluate(run, [["B", "C"], 4])
    assert "".join(slide["page"] for slide in alone) == "BCBC"


def test_a_page_of_its_own_is_never_missed_and_a_pause_holds_it(page: Page) -> None:
    run = """async () => {
        const { paused, startRotation, stepAt, turned } = await import('/rotation.js');
        let rotation = startRotation(100);
        const seen = [100, 119.9, 120, 159].map((at) => stepAt(rotation, at, 20));
        rotation = paused(rotation, 165, 20);
        seen.push(stepAt(rotation, 9000, 20));
        rotation = paused(rotation, 9000, 20);
        seen.push(stepAt(rotation, 9019, 20), stepAt(rotation, 9021, 20));
        rotation = turned(rotation, -1, 9025, 20);
        seen.push(stepAt(rotation, 9044, 20), stepAt(turned(rotation, -9, 9045, 20), 9045, 20));
        return seen;
    }"""
    assert page.evaluate(run) == [0, 0, 1, 2, 3, 3, 4, 3, 0]


@pytest.mark.parametrize(
    ("text", "minute", "inside"),
    [
        ("18:00-06:00", 1080, True), ("18:00-06:00", 359, True), ("18:00-06:00", 360, False),
        ("07:00-17:00", 420, True), ("07:00-17:00", 1020, False), ("0", 0, False),
        ("99:00-06:00", 5, False),
    ],
)  # fmt: skip
def test_hours_may_go_over_midnight(page: Page, text: str, minute: int, inside: bool) -> None:
    run = """async ([text, minute]) => {
        const { hours, within } = await import('/settings.js');
        return within(minute, hours(text, null));
    }"""
    assert page.evaluate(run, [text, minute]) is inside


CALENDAR = {
    "midnight_ms": int(datetime(2023, 11, 9, 17, tzinfo=UTC).timestamp() * 1000),  # Friday the 10th
    "working": [1, 0, 0, 1], "shifts": [[420, 690], [810, 1020]], "worked": 1000,
}  # fmt: skip


@pytest.mark.parametrize(
    ("due_worked", "minutes", "days"),
    [
        (1000, -332.0833, -0.6919),  # due at the day's beginning: the morning and 62 minutes ago
        (1480, 147.9167, 0.3082),  # at its end
        (1960, 627.9167, 1.3082),  # at the end of Monday, whatever the weekend's length
    ],
)
def test_time_that_is_left_is_working_time(
    page: Page, due_worked: int, minutes: float, days: float
) -> None:
    """Two days before a weekend are two days of work, not a Sunday evening."""
    one = {"due_worked": due_worked, "due_at": "2023-11-10T09:00:00.000Z"}
    left = _call(page, "worktime", "timeLeft", one, CALENDAR, NOW_MS)
    assert left["working"] is True
    assert (left["minutes"], left["days"]) == pytest.approx((minutes, days), abs=1e-3)
    unknown = _call(page, "worktime", "timeLeft", {**one, "due_worked": None}, CALENDAR, NOW_MS)
    assert (round(unknown["minutes"], 1), unknown["working"]) == (87.9, False)


def test_figures_too_old_to_act_on_become_dashes_in_working_time_alone(page: Page) -> None:
    """Half an hour without a server at noon on a Friday; the whole of a weekend does not count."""
    limits = {**_call(page, "freshness", "limitsFrom", {}), "too_old": 1800}
    beat = {
        "server_time": "2023-11-10T07:32:05.000Z", "last_event_at": None, "working_now": True,
        "waiting": None, "no_book": False, "idle_s": 0, "silent": [],
    }  # fmt: skip
    known = {
        "view": {"calendar": CALENDAR}, "figuresAtMs": NOW_MS - 2000, "beatAt": 1000,
        "byeAt": None, "beat": beat,
    }  # fmt: skip

    def dashes(age_s: float, **changed: Any) -> bool:
        shown = _call(
            page, "freshness", "freshness", {**known, **changed}, 1000 + age_s, 1000, limits
        )
        assert shown["state"] == "lost"
        return bool(shown["dashes"])

    assert not dashes(1700)
    assert dashes(1801)
    evening = NOW_MS + 9_000_000  # 17:02: office hours are over
    said = {"figuresAtMs": evening, "beat": {**beat, "server_time": "2023-11-10T10:02:05.000Z"}}
    assert not dashes(86_400, **said)
    assert dashes(3 * 86_400, **said), "on Monday morning"


def test_pages_that_say_nothing_are_left_out(page: Page) -> None:
    """What is overdue now is no page of a quarter that is over."""
    settings = {"pages": ["A", "B", "C", "D"]}
    over = {"overdue": None, "late": [], "soon": [], "rows": []}
    assert _call(page, "screen", "pagesOf", {**VIEW, **over}, settings) == ["A", "D"]
    assert _call(page, "screen", "pagesOf", VIEW, settings) == ["A", "B", "C", "D"]
    assert _call(page, "screen", "pagesOf", {**VIEW, **over}, {"pages": ["C"]}) == ["A"]


@pytest.mark.parametrize("pages", ["A", "B", "C", "D", "R"])
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"a": 0, "b": 0, "met": None, "status": "none", "weeks": []},
        {"a": 7, "b": 7, "met": True, "status": "met"},
        {"a": 20, "b": 0},
        {"a": 20, "b": 20, "met": True, "status": "met"},
    ],
)
def test_every_page_shows_the_extremes(page: Page, pages: str, changed: dict[str, Any]) -> None:
    """Nothing, everything, a handful: no «NaN», no «Infinity», no empty page, in both languages."""
    indicator = {**VIEW["indicators"][0], **changed}  # type: ignore[index]  # a list
    row = {**VIEW["rows"][0], "cells": [[indicator["a"], indicator["b"], indicator["status"]]]}  # type: ignore[index]  # a list
    view = {**VIEW, "indicators": [indicator], "rows": [row]}
    for language in ("vi", "en"):
        text = _text(page, view, f"pages={pages}&lang={language}")
        assert text
        assert not re.search(r"NaN|Infinity|undefined|null", text)
        if changed.get("a") == 0:
            assert ("chưa phát sinh" if language == "vi" else "no data yet") in text or pages == "C"
        if pages == "B" and changed.get("a") == 7:
            assert ("ít 100" if language == "vi" else "few 100") in text
    assert _text(page, {**view, "rows": [], "indicators": []}, f"pages={pages}") != ""


def test_a_name_is_shortened_as_clerks_do_before_it_takes_a_second_line(page: Page) -> None:
    """«Phòng Tài chính - Kế…» is the name of nobody."""
    names = {
        "Phòng Y tế": ("Phòng Y tế", ""),
        "Văn phòng HĐND-UBND": ("Văn phòng HĐND-UBND", "smaller"),
        "Phòng Tài chính - Kế hoạch": ("Phòng TC-KH", ""),
        "Phòng Lao động - Thương binh và Xã hội": ("Phòng LĐ-TB&XH", ""),
        "Uỷ ban nhân dân Thành phố Thủ Đức": ("UBND TP. Thủ Đức", ""),
        "Cục Bổ trợ tư pháp và Trợ giúp pháp lý": ("Cục Bổ trợ tư pháp và Trợ giúp pháp lý", "two"),
    }
    found = {name: _call(page, "names", "fitted", name, 40) for name in names}
    assert {name: (one["text"], one["size"]) for name, one in found.items()} == names
    # however the accents are encoded
    decomposed = unicodedata.normalize("NFD", "Ủy ban nhân dân huyện")
    assert _call(page, "names", "abbreviated", decomposed) == "UBND huyện"


def test_what_an_officer_has_is_never_said_to_be_nothing_where_nobody_knows(page: Page) -> None:
    """The snapshots list a unit's most urgent dossiers with their officers, not all of them."""
    one = {"code": "0001", "procedure": "P", "unit": "U", "step": "", "due_worked": None,
           "due_at": "2023-11-01T09:00:00.000Z"}  # fmt: skip
    officer = {**VIEW, "unit": "u1", "unit_name": "Xã A", "officer": "cb1", "late": [one]}
    exact = _text(page, {**officer, "overdue": 1}, "pages=C")
    assert "Quá hạn1 P" in exact and "Không có hồ sơ sắp đến hạn" in exact
    least = _text(page, {**officer, "overdue": 1, "at_least": ["overdue", "due_soon"]}, "pages=C")
    assert "Quá hạn≥ 1 P" in least and "Không có hồ sơ" not in least
    assert "Sắp đến hạnchưa rõ Chưa rõ: không có trong số hồ sơ gấp nhất" in least
    rows = [{**VIEW["rows"][0], "overdue": n, "at_least": True} for n in (0, 2)]  # type: ignore[index]  # a list
    assert re.search(r"45,0≥ 2.*45,0\?$", _text(page, {**VIEW, "rows": rows}, "pages=B"))


@pytest.mark.parametrize(("demo", "dim", "theme"), [(True, False, "light"), (False, True, "dark")])
def test_a_demonstration_is_seen_at_night(page: Page, demo: bool, dim: bool, theme: str) -> None:
    """It shows a working day: whoever looks at it in the evening must not see a dim one."""
    run = """async ([view, now]) => {
        const { screen } = await import('/screen.js');
        const { settingsFrom } = await import('/settings.js');
        const { EMPTY } = await import('/state.js');
        const { LIMITS } = await import('/freshness.js');
        const beat = {server_time: now, last_event_at: null, working_now: false, waiting: null,
                      no_book: false, idle_s: 0, silent: [], lag_s: 1};
        const state = {...EMPTY, view, beat, beatAt: 0, figuresAtMs: Date.parse(now)};
        const settings = settingsFrom(new URLSearchParams("theme=auto&blank=20:00-06:00"));
        const rotation = {step: 0, since: 0, paused: false};
        const { dim, blank, theme } = screen(state, settings, rotation, 1, 0, LIMITS);
        return [dim, blank, theme];
    }"""
    found = page.evaluate(run, [{**VIEW, "demo": demo}, "2023-11-10T13:05:00.000Z"])
    assert found == [dim, dim, theme]


@pytest.mark.parametrize("scale", [0.5, 0.8, 1, 1.25, 1.5, 1.75])
def test_a_bigger_room_sees_less_at_once_and_nothing_is_left_out(page: Page, scale: float) -> None:
    rows = [
        {"code": f"u{n:03}", "name": f"Xã {n}", "level": "commune", "overdue": 0, "at_least": False,
         "cells": [[20, 12, "met"]] * 5}
        for n in range(24)
    ]  # fmt: skip
    indicators = [{**VIEW["indicators"][0], "code": f"i{n}"} for n in range(5)]  # type: ignore[index]  # a list
    run = """async ([view, scale]) => {
        const { matrixParts } = await import('/units.js');
        const { fitting } = await import('/settings.js');
        return matrixParts(view, {fixedOrder: true, ...fitting(scale)}).map((part) =>
            part.rows.flatMap((row) => part.columns.map(({ place }) => [row.code, place])));
    }"""
    found = page.evaluate(run, [{**VIEW, "rows": rows, "indicators": indicators}, scale])
    shown = [(code, place) for part in found for code, place in part]
    assert len(shown) == len(set(shown)) == 24 * 5
    assert max(map(len, found)) <= 13 * 5 / scale**2 + 5 or scale < 1


def test_seven_hundred_units_are_shown_in_parts_the_worst_first(page: Page) -> None:
    rows = [
        {"code": f"u{n:03}", "name": f"Xã {n}", "level": "commune", "overdue": n % 3,
         "cells": [[20, 12 if n % 7 else 9, "met" if n % 7 else "missed"]]}
        for n in range(700)
    ]  # fmt: skip
    run = """async (view) => {
        const { matrixParts } = await import('/units.js');
        return matrixParts(view, {rows: 13, highRows: 8, names: 40, rates: 9, fixedOrder: false});
    }"""
    found = page.evaluate(run, {**VIEW, "rows": rows})
    shown = [row for part in found for row in part["rows"]]
    assert len(shown) == len({row["code"] for row in shown}) == 700
    assert max(len(part["rows"]) for part in found) <= 13
    assert {row["cells"][0][2] for row in shown[:100]} == {"missed"}
    assert shown[0]["overdue"] == 2
    assert (found[0]["number"], found[0]["parts"], found[0]["of"]) == (1, 54, 700)


def test_everything_that_the_screen_says_is_there_in_both_languages(page: Page) -> None:
    run = (
        "async () => (({VI, EN}) => [Object.keys(VI), Object.keys(EN)])(await import('/words.js'))"
    )
    vi, en = page.evaluate(run)
    assert vi == en
    numbers = _call(page, "format", "whole", 5398), _call(page, "format", "tenths", 578)
    assert numbers == ("5.398", "57,8")
    english = """async () => {
        const [{ tenths, whole }, { EN }] = [await import('/format.js'), await import('/words.js')];
        return [whole(5398, EN), tenths(578, EN)];
    }"""
    assert page.evaluate(english) == ["5,398", "57.8"]


def _text(page: Page, view: dict[str, Any], query: str) -> str:
    """What stands on the page's main part."""
    draw = """async ([view, query, now]) => {
        const { screen } = await import('/screen.js');
        const { settingsFrom } = await import('/settings.js');
        const { EMPTY } = await import('/state.js');
        const { LIMITS } = await import('/freshness.js');
        const beat = {server_time: now, last_event_at: null, working_now: true, waiting: null,
                      no_book: false, idle_s: 0, silent: [], lag_s: 1};
        const state = {...EMPTY, view, beat, beatAt: 0, figuresAtMs: Date.parse(now)};
        const settings = settingsFrom(new URLSearchParams(query));
        const rotation = {step: 0, since: 0, paused: false};
        const { main } = screen(state, settings, rotation, 1, 0, LIMITS);
        const box = document.createElement("div");
        const markup = main.markup || main.tiles.map((tile) => tile.markup).join(" ");
        box.innerHTML = String(markup);
        return box.textContent.replace(/\\s+/g, " ").trim();
    }"""
    found: str = page.evaluate(draw, [view, query, "2023-11-10T07:32:05.000Z"])
    return found


def _states(page: Page, *messages: tuple[str, Any]) -> list[dict[str, Any]]:
    run = """async messages => {
        const { EMPTY, reduce } = await import('/state.js');
        let state = EMPTY;
        return messages.map(([type, data]) => (state = reduce(state, {type, data}, 1000)));
    }"""
    found: list[dict[str, Any]] = page.evaluate(run, [list(message) for message in messages])
    return found


def _call(page: Page, module: str, name: str, *arguments: Any) -> Any:
    call = """async ([module, name, args]) => {
        const found = await import(`/${module}.js`);
        const read = name === "limitsFrom" ? [new URLSearchParams(args[0])] : args;
        return found[name](...read);
    }"""
    return page.evaluate(call, [module, name, list(arguments)])


def _ms(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]  # parts of a date
