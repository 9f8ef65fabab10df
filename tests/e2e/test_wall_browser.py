"""The wall in a real Chromium: what stands on it, how fast it moves, what it says when old."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import FULL_HD, chromium
from tests.support.kafka import free_ports
from tests.support.wall_look import assert_readable, misfits, rgb
from tests.support.wall_server import WallProcess, WallServer

LATE = "due-unknown"
SHORT = "beat_late=1&beat_lost=2&restart=1.5"
LONG_NAME = "Ủy ban nhân dân thành phố Thủ Đức, Thành phố Hồ Chí Minh"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def wall() -> Iterator[WallServer]:
    """One that nobody stops; numbers may be changed."""
    server = WallServer(free_ports(1))
    server.start()
    yield server
    server.end()


Open = Callable[..., WallServer]


@pytest.fixture
def open_wall() -> Iterator[Open]:
    """Starts a wall of the test's own."""
    opened: list[WallServer] = []

    def start(*options: str) -> WallServer:
        server = WallServer(free_ports(1), *options)
        opened.append(server)
        server.start()
        return server

    yield start
    for server in opened:
        server.end()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=FULL_HD)  # type: ignore[arg-type]  # its own TypedDict
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    yield opened
    context.close()
    assert problems == []


def test_the_page_shows_the_figures_and_their_status(page: Page, wall: WallServer) -> None:
    page.goto(f"{wall.url}/wall")
    tile = page.locator("#tile-full_online")
    expect(tile).to_have_class("tile missed")
    expect(tile.locator("h2")).to_contain_text("Hồ sơ trực tuyến toàn trình")
    expect(tile.locator(".rate")).to_have_text("58,2%")
    expect(tile.locator("dl")).to_contain_text("3.135/5.385")
    expect(tile.locator("dl")).to_contain_text("Còn thiếu")
    expect(tile.locator(".gap")).to_have_text("96")
    expect(page.locator("#tile-on_time_commune")).to_contain_text("Được trễ thêm")
    expect(page.locator("#tile-summary .rate")).to_have_text("6/7")
    expect(page.locator("#header")).to_contain_text("Toàn huyện · 24 đơn vị")
    expect(page.locator("#header")).to_contain_text("Thứ Sáu10/11/2023")
    expect(page.locator("#footer")).to_contain_text("Trực tiếp · số liệu đến 14:3")
    expect(page.locator(".demo")).to_have_count(0)


def test_overdue_dossiers_are_said_while_the_period_lasts(page: Page, wall: WallServer) -> None:
    """Late work that nobody finishes is in no rate; a wall of the past does not show today's."""
    page.goto(f"{wall.url}/wall")
    summary, footer = page.locator("#tile-summary"), page.locator("#footer")
    expect(summary.locator(".missed dd")).to_have_text("27")
    expect(summary.locator(".warning")).to_have_text(re.compile(r"Sắp đến hạn\s*61"))
    expect(summary.locator("dl")).to_contain_text("Đang giải quyết")
    strip = re.compile(r"QUÁ HẠN 27\s*nhiều nhất:Xã Hà Mòn\(3\)·Xã Đắk La\(3\)")
    expect(footer.locator(".overdue")).to_have_text(strip)

    page.goto(f"{wall.url}/wall?period=2023-Q1")
    expect(summary.locator("dl")).to_contain_text("Đã giải quyết")
    expect(summary.locator("dl div")).to_have_count(1)
    expect(footer).to_contain_text("Sự kiện gần nhất")
    expect(footer.locator(".overdue")).to_have_count(0)


def test_the_footer_says_whether_the_figures_were_compared(page: Page, open_wall: Open) -> None:
    """A wall that is wrong must say so itself: nobody asks it."""
    wall = open_wall("--uncompared")
    page.goto(f"{wall.url}/wall")
    compared = page.locator(".compared")
    expect(compared).to_have_text("Chưa đối chiếu với lịch sử")
    wall.control(certificate={})
    expect(compared).to_have_text(re.compile(r"Đã đối chiếu 14:3\d:\d\d · khớp 24/24 đơn vị"))
    quiet = compared.evaluate("e => getComputedStyle(e).color")
    wall.control(certificate={"state": "differs", "units_differing": 1})
    expect(compared).to_have_text(re.compile(r"LỆCH 1 đơn vị · 14:3\d"))
    expect(page.locator("html")).to_have_attribute("data-compared", "differs")
    alarm = page.locator(".tile.missed .rate").first.evaluate("e => getComputedStyle(e).color")
    assert compared.evaluate("e => getComputedStyle(e).color") == alarm != quiet
    assert misfits(page) == []
    # without a newer one it is not believed for ever
    wall.control(certificate={"next_within_s": 1})
    expect(compared).to_contain_text("Ngừng đối chiếu từ 14:3", timeout=5000)


def test_a_change_is_seen_within_a_second(page: Page, open_wall: Open) -> None:
    """The point of a live wall. A beat, every five seconds here, must not be what brings it."""
    wall = open_wall("--beat", "5")
    _see_a_change(page, wall)


def _see_a_change(page: Page, wall: WallServer) -> None:
    page.goto(f"{wall.url}/wall?scope=don-vi:dh-ktht")
    expect(page.locator(".fresh")).to_contain_text("Trực tiếp")
    expect(page.locator("#tile-on_time_district dl dt").first).to_contain_text("/339")
    page.evaluate(
        """() => {
            const figure = "#tile-on_time_district dl dt";
            const seen = () => document.querySelector(figure).textContent.endsWith("/340");
            window.changed = new Promise((done) => {
                new MutationObserver(() => seen() && done(Date.now()))
                    .observe(document.body, {subtree: true, childList: true});
            });
        }"""
    )
    started = time.time()
    wall.control(add="dh-ktht", level="district", facts=["due_known", "on_time"])
    assert page.evaluate("window.changed") / 1000 - started < 1.0


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_server_is_said_and_recovered_from(
    page: Page, ended_by: signal.Signals, tmp_path: Path
) -> None:
    """Never an old number as a current one; and nobody comes to press F5."""
    process = WallProcess(free_ports(1))
    process.start()
    try:
        page.goto(f"{process.url}/wall?{SHORT}")
        expect(page.locator(".fresh")).to_contain_text("Trực tiếp")
        process.send(ended_by)
        if ended_by is signal.SIGKILL:
            process.end()
        started = time.monotonic()
        band = re.compile(r"MẤT KẾT NỐI MÁY CHỦ · số liệu lúc 14:3\d, cách đây \d giây")
        expect(page.locator(".fresh")).to_have_text(band, timeout=6000)
        assert 1.0 < time.monotonic() - started < 4.5
        rate = page.locator("#tile-full_online .rate")
        expect(rate).to_have_text("58,2%")
        red, green, blue = rgb(rate.evaluate("e => getComputedStyle(e).color"))
        assert max(red, green, blue) - min(red, green, blue) < 32, "drained of colour"
        page.screenshot(path=tmp_path / f"lost-{ended_by.name}.png")

        if ended_by is signal.SIGKILL:
            process.start()
        else:
            process.send(signal.SIGCONT)
        started = time.monotonic()
        expect(page.locator(".fresh")).to_contain_text("Trực tiếp", timeout=10_000)
        assert time.monotonic() - started < 5
        expect(page.locator("html")).not_to_have_class(re.compile("old"))
    finally:
        process.end()


def test_a_stream_that_hangs_is_opened_again(page: Page, wall: WallServer) -> None:
    """A switch that dies leaves connections that look alive for hours."""
    streams: list[Any] = []

    def answer(route: Any) -> None:
        streams.append(route)
        if len(streams) > 1:
            route.continue_()

    page.route("**/api/wall/stream*", answer)
    page.goto(f"{wall.url}/wall?beat_late=1.5&beat_lost=2.5")
    expect(page.locator(".fresh")).to_contain_text("MẤT KẾT NỐI", timeout=6000)
    expect(page.locator(".fresh")).to_contain_text("Trực tiếp", timeout=8000)
    assert len(streams) == 2


def test_without_a_stream_the_figures_are_polled(page: Page, wall: WallServer) -> None:
    """Some proxies let no event stream through."""
    page.route("**/api/wall/stream*", lambda route: route.fulfill(status=503))
    page.goto(f"{wall.url}/wall?scope=don-vi:dh-tt&beat_late=1&beat_lost=3&retry=0.1")
    figure = page.locator("#tile-on_time_district dl dt").first
    expect(figure).to_contain_text("/339")
    wall.control(add="dh-tt", level="district")
    expect(figure).to_contain_text("/340", timeout=10_000)
    expect(page.locator(".fresh")).to_contain_text("Trực tiếp")


def test_a_server_that_stops_says_so_and_is_not_held_by_its_screens(page: Page) -> None:
    process = WallProcess(free_ports(1))
    process.start()
    try:
        page.goto(f"{process.url}/wall?beat_late=1&beat_lost=2&restart=6")
        expect(page.locator(".fresh")).to_contain_text("Trực tiếp")
        assert process.end(signal.SIGTERM) < 2
        expect(page.locator(".fresh")).to_contain_text("Máy chủ đang khởi động lại")
        expect(page.locator(".fresh")).to_contain_text("MẤT KẾT NỐI MÁY CHỦ", timeout=12_000)
    finally:
        process.end()


def test_a_new_build_reloads_the_page_once(page: Page, wall: WallServer) -> None:
    """An updated server must not talk to last year's script; a broken one must not make it spin."""
    loads: list[str] = []
    page.on("domcontentloaded", lambda loaded: loads.append(loaded.url))
    old = re.compile(r'data-build="\w+"')

    def answer(route: Any) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=old.sub('data-build="old"', response.text()))

    page.route("**/wall?build", answer)
    page.goto(f"{wall.url}/wall?build")
    deadline = time.monotonic() + 10
    while len(loads) < 2:
        assert time.monotonic() < deadline, "not reloaded"
        page.wait_for_timeout(20)
    # several beats later it has still been reloaded once
    page.evaluate(
        """() => new Promise((done) => {
            let beats = 0;
            new MutationObserver(() => (beats += 1) === 3 && done())
                .observe(document.documentElement, {attributeFilter: ["data-pulse"]});
        })"""
    )
    assert len(loads) == 2


def test_emitters_that_have_stopped_are_said(page: Page, open_wall: Open) -> None:
    """The server is well and the numbers are right, and nothing comes: somebody must look."""
    wall = open_wall("--beat", "0.2")
    fresh = page.locator(".fresh")
    page.goto(f"{wall.url}/wall?idle=10")  # the last event came seven seconds ago
    expect(fresh).to_contain_text("Trực tiếp")
    idle = "Chưa nhận sự kiện mới từ 14:31 – kiểm tra phần mềm một cửa"
    expect(fresh).to_have_text(idle, timeout=8000)
    expect(page.locator("html")).not_to_have_class(re.compile("old|band"))
    expect(page.locator("#tile-full_online .rate")).to_have_text("58,2%")
    wall.control(event="23524")
    expect(fresh).to_contain_text("Trực tiếp")


def test_an_evening_is_no_alarm(page: Page, open_wall: Open) -> None:
    wall = open_wall("--now", "2023-11-10T20:05:00+07:00")
    page.goto(f"{wall.url}/wall")
    expect(page.locator(".fresh")).to_have_text("Ngoài giờ làm việc · số liệu đến 14:31")
    expect(page.locator("html")).to_have_class(re.compile("dim"))
    wall.control(event="23524")  # somebody works late
    expect(page.locator(".fresh")).to_contain_text("Trực tiếp")


def test_counters_that_are_late_or_missing_are_said(page: Page, open_wall: Open) -> None:
    wall = open_wall("--demo")
    page.goto(f"{wall.url}/wall")
    fresh = page.locator(".fresh")
    wall.control(lag_s=150)
    expect(fresh).to_contain_text("Dữ liệu chậm 2 phút")
    expect(page.locator("html")).not_to_have_class(re.compile("old"))
    wall.control(lag_s=720)
    expect(fresh).to_contain_text(re.compile(r"SỐ LIỆU CŨ · số liệu lúc .*, cách đây 12 phút"))
    expect(page.locator("html")).to_have_class(re.compile("old"))
    wall.control(lag_s=1, why="reading motcua.units: 12 records to go")
    expect(fresh).to_contain_text("Máy chủ đang nạp số liệu")
    expect(page.locator("html")).to_have_class(re.compile("old"))
    wall.control(why=None)
    expect(fresh).to_contain_text("Trực tiếp")
    expect(page.locator(".demo")).to_have_text("DỮ LIỆU MÔ PHỎNG")
    assert _px(page, ".demo", "fontSize") >= 43


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ((), f"?period=2023&{LATE}"),
        (("--empty", "--demo"), ""),
        (("--demo", "--title", LONG_NAME, "--scale", "100"), f"?theme=light&{SHORT}"),
    ],
)
def test_everything_fits_and_can_be_read(
    page: Page, open_wall: Open, options: tuple[str, ...], query: str, tmp_path: Path
) -> None:
    """Nobody scrolls a wall: what does not fit does not exist."""
    wall = open_wall(*options)
    if LATE in query:
        wall.control(add="23509", level="commune", n=1234, facts=[])
    page.goto(f"{wall.url}/wall{query}")
    expect(page.locator(".tile")).not_to_have_count(0)
    if LATE in query:
        wall.control(certificate={"state": "waiting", "history_behind": 12_345_678})
        expect(page.locator(".compared")).to_contain_text("12.345.678 bản ghi")
        tile = page.locator("#tile-on_time_commune dl")
        expect(tile).to_contain_text("Không rõ hạn trả1.234")
        expect(tile).to_contain_text("Trễ quá mức")
    page.evaluate("document.fonts.ready")
    assert misfits(page) == []
    if SHORT in query:
        wall.end()
        expect(page.locator(".fresh")).to_contain_text("MẤT KẾT NỐI", timeout=6000)
        assert misfits(page) == []
    page.screenshot(path=tmp_path / "fits.png")
    assert_readable(page)


def test_no_request_leaves_the_host(page: Page, wall: WallServer) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{wall.url}/wall")
    expect(page.locator(".fresh")).to_contain_text("Trực tiếp")
    page.evaluate("document.fonts.ready")
    assert [url for url in asked if not url.startswith(f"{wall.url}/")] == []
    assert any("/api/wall/stream" in url for url in asked)
    loaded = page.evaluate("[...document.fonts].filter(f => f.status === 'loaded').length")
    assert loaded == 4


def test_a_wrong_address_is_explained(page: Page, wall: WallServer) -> None:
    answer = page.goto(f"{wall.url}/wall?period=<b>2023")
    assert answer is not None
    assert answer.status == 400
    expect(page.locator("main")).to_contain_text("period=<b>2023")
    expect(page.locator("main")).to_contain_text("dùng năm (2023), quý (2023-Q3)")
    problem = page.request.get(f"{wall.url}/api/wall/snapshot?scope=x")
    assert problem.status == 400
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["errors"][0]["field"] == "scope"


def test_the_snapshot_has_an_etag_and_its_age(page: Page, wall: WallServer) -> None:
    """What a screen polls when its stream cannot be opened."""
    url = f"{wall.url}/api/wall/snapshot?scope=don-vi:23524"
    first = page.request.get(url)
    assert first.json()["view"]["unit_name"] == "Xã Đắk La"
    again = page.request.get(url, headers={"if-none-match": first.headers["etag"]})
    assert again.status == 304
    assert '"lag_s"' in again.headers["wall-beat"]
    assert '"units_compared"' in again.headers["wall-certificate"]
    wall.control(add="23524", level="commune")
    changed = page.request.get(url, headers={"if-none-match": first.headers["etag"]})
    assert changed.status == 200
    head = page.request.head(f"{wall.url}/wall")
    assert head.status == 200


def test_a_reloaded_screen_shows_kept_figures_as_old_while_the_server_has_none(
    page: Page, open_wall: Open
) -> None:
    wall = open_wall()
    page.goto(f"{wall.url}/wall")
    # a beat confirms what is kept
    page.wait_for_function("Object.keys(localStorage).some((k) => k.startsWith('motcua.wall:'))")
    wall.end()
    again = WallServer(int(wall.url.rpartition(":")[2]), "--waiting")
    again.start()
    try:
        page.reload()
        expect(page.locator("#tile-full_online .rate")).to_have_text("58,2%")
        expect(page.locator(".fresh")).to_contain_text("Máy chủ đang nạp số liệu · số liệu lúc")
        expect(page.locator("html")).to_have_class(re.compile("old"))
    finally:
        again.end()


def test_a_kiosk_that_is_on_before_its_server_waits_for_it(page: Page) -> None:
    """After a power cut the television is the first to be there."""
    process = WallServer(free_ports(1))
    waiting = Path(__file__).parents[2] / "deploy" / "kiosk" / "waiting.html"
    page.goto(f"{waiting.as_uri()}#{process.url}/wall?pages=A&theme=light")
    expect(page.locator("h1")).to_have_text("Chưa kết nối được máy chủ")
    expect(page.locator("#address")).to_have_text(f"{process.url}/wall?pages=A&theme=light")
    process.start()
    try:
        expect(page.locator(".fresh")).to_contain_text("Trực tiếp", timeout=15_000)
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
    finally:
        process.end()


def _px(page: Page, selector: str, name: str) -> float:
    read = f"e => parseFloat(getComputedStyle(e).{name})"
    return float(page.locator(selector).evaluate(read))
