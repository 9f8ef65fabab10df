"""All pages of the wall in a real Chromium: how they look, turn, fit and read."""

import gzip
import re
import time
from collections.abc import Iterator
from importlib import resources

import pytest
from playwright.sync_api import Browser, Page, expect

from schemas.registry import load_registry
from tests.support.browser import chromium
from tests.support.wall import LONG_NAMES
from tests.support.wall_day import PAGE_S, driven_page, held, let_pass
from tests.support.wall_look import assert_readable, misfits
from tests.support.wall_pictures import (
    NAMES,
    REFERENCES,
    ROADMAPS,
    THEMES,
    difference,
    frozen_page,
    frozen_wall,
    pictures,
    turn_to,
)
from tests.support.wall_server import WallServer

LONG_NAME = "Ủy ban nhân dân thành phố Thủ Đức, Thành phố Hồ Chí Minh"
FORGIVEN = 4.0
"""Pixels in a thousand: less than one other digit in a rate."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def wall() -> Iterator[WallServer]:
    with frozen_wall("--roadmap", str(ROADMAPS)) as process:
        yield process


@pytest.fixture(scope="module")
def province() -> Iterator[WallServer]:
    """Seven hundred units, long names, figures a hundred times as large, invented and saying so."""
    options = ("--demo", "--title", LONG_NAME, "--scale", "100", "--units", "700")
    with frozen_wall(*options) as process:
        yield process


@pytest.fixture(scope="module")
def axe() -> str:
    packed = resources.files("tests.support") / "vendor" / "axe.min.js.gz"
    return gzip.decompress(packed.read_bytes()).decode()


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Page:
    """In which pictures are compared."""
    return browser.new_page()


@pytest.fixture(scope="module")
def drawn(browser: Browser, wall: WallServer) -> dict[str, bytes]:
    return pictures(browser, wall)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", NAMES)
def test_a_page_looks_as_reviewed(
    blank: Page, drawn: dict[str, bytes], name: str, theme: str
) -> None:
    """Whoever changes a style sees what else it changed; see ``tests.support.wall_pictures``."""
    reviewed = (REFERENCES / f"{name}-{theme}.jpg").read_bytes()
    assert difference(blank, drawn[f"{name}-{theme}"], reviewed) <= FORGIVEN


def test_another_figure_is_another_picture(
    browser: Browser, wall: WallServer, blank: Page, drawn: dict[str, bytes]
) -> None:
    """The tolerance must not forgive what it is there to find."""
    with frozen_page(browser, wall, "pages=A&period=2023-Q3", zoom=0.25) as page:
        quarter = page.screenshot(type="jpeg", quality=90)
    for other in (quarter, drawn["b-dark"], drawn["lost-dark"], drawn["a-light"]):
        assert difference(blank, other, drawn["a-dark"]) > 3 * FORGIVEN


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_and_the_keys_turn_the_pages(
    browser: Browser, wall: WallServer, axe: str, theme: str, language: str
) -> None:
    """The pages are also read by those who hear them; nothing on them needs a mouse."""
    address = f"theme={theme}&lang={language}&pages=A,B,C,D,R"
    seen = set()
    with frozen_page(browser, wall, address) as page:
        page.evaluate(axe)
        for shown in "ABACADAR":
            expect(page.locator("#main")).to_have_attribute("data-page", shown)
            if shown not in seen:
                seen.add(shown)
                found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
                assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []
                assert_readable(page)
            page.keyboard.press("ArrowRight")


def test_keys_pause_change_theme_and_language_and_help(browser: Browser, wall: WallServer) -> None:
    with frozen_page(browser, wall, "every=20") as page:
        main, root = page.locator("#main"), page.locator("html")
        page.keyboard.press("ArrowRight")
        expect(main).to_have_attribute("data-page", "B")
        page.keyboard.press("Space")
        expect(page.locator(".page")).to_contain_text("tạm dừng")
        page.clock.run_for(61_000)
        expect(main).to_have_attribute("data-page", "B")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowLeft")
        expect(main).to_have_attribute("data-page", "A")
        page.keyboard.press("t")
        expect(root).to_have_attribute("data-theme", "light")
        page.keyboard.press("L")
        expect(root).to_have_attribute("lang", "en")
        expect(page.locator("#header")).to_contain_text("Whole district · 24 units")
        page.keyboard.press("?")
        expect(page.locator("#help")).to_contain_text("previous page, next page")
        page.keyboard.press("?")
        expect(page.locator("#help")).to_be_hidden()


def test_the_pages_turn_alone_and_each_part_comes(browser: Browser, wall: WallServer) -> None:
    """A B A C A D, twenty seconds each; of B and D another part each time."""
    with frozen_page(browser, wall, "beat_lost=99999&beat_late=99999&lag_late=99999") as page:
        seen, parts = "", []
        for _ in range(12):
            seen += page.locator("#main").get_attribute("data-page") or "?"
            if seen[-1] in "BD":
                named = "#header .scope" if seen[-1] == "B" else ".chart h2"
                parts.append(page.locator(named).inner_text())
            page.clock.run_for(20_000)
    assert seen == "ABACADABACAD"
    assert parts == [
        "Cơ quan cấp huyện · 13 đơn vị",
        "Số hóa hồ sơ, cấp kết quả điện tử cấp huyện",
        "UBND cấp xã · 11 đơn vị",
        "Số hóa hồ sơ, cấp kết quả điện tử cấp xã",
    ]


@pytest.mark.parametrize(
    ("query", "width", "height", "scale"),
    [
        ("", 3840, 2160, 2.0),
        ("theme=light", 1366, 768, 0.71),
        ("scale=1.25", 1920, 1080, 1.25),
        ("scale=1.5&lang=en", 1920, 1080, 1.5),
        ("scale=1.75", 1920, 1080, 1.75),
        ("scale=0.8", 1920, 1080, 0.8),
        ("palette=truyen-thong", 1920, 1080, 1.0),
        ("palette=truyen-thong&theme=light&swap=1", 1920, 1080, 1.0),
        ("scope=don-vi:23500&officer=cb01", 1920, 1080, 1.0),
        ("period=2023-Q3&as_of=2023-08-15", 1920, 1080, 1.0),
        ("period=2023-01-01..2023-01-02", 1920, 1080, 1.0),  # nothing has arisen anywhere
    ],
)
def test_every_page_fits_every_screen(
    browser: Browser, wall: WallServer, query: str, width: int, height: int, scale: float
) -> None:
    """Letters grow with the screen, or by ``scale``; what does not fit comes on another part."""
    address = f"pages=A,B,C,D,R&{query}"
    with frozen_page(browser, wall, address, {"width": width, "height": height}) as page:
        seen: set[str | None] = set()
        for _ in range(8):
            shown = page.locator("#main").get_attribute("data-page")
            if shown not in seen:
                seen.add(shown)
                assert_readable(page, scale)
            page.keyboard.press("ArrowRight")
        assert {"A", "D", "R"} <= seen


@pytest.mark.parametrize(
    ("query", "turns"),
    [("", 3), ("theme=light&lang=en", 3), ("public=1&scale=1.25", 6), ("scale=1.75", 22)],
)
def test_a_province_fits_as_well(
    browser: Browser, province: WallServer, query: str, turns: int
) -> None:
    """Long names, seven hundred units, millions of dossiers, and the label of invented data.

    ``turns``: so many parts of page B hold the offices with long names.
    """
    with frozen_page(browser, province, f"pages=A,B,C,D&{query}") as page:
        assert page.locator(".demo").count() == 1
        for name in "ABCD":
            turn_to(page, name)
            assert misfits(page) == []
    with frozen_page(browser, province, f"pages=B&{query}") as page:
        for _ in range(turns):
            assert misfits(page) == []
            page.keyboard.press("ArrowRight")


def test_the_room_that_a_name_needs_is_known_without_measuring(
    browser: Browser, wall: WallServer
) -> None:
    """Too little, and a name is cut; too much, and it is abbreviated without need."""
    registry = load_registry()
    names = {*LONG_NAMES, *(u.name for u in registry.units), *(p.name for p in registry.procedures)}
    measure = """async (names) => {
        const { width } = await import("/wall/static/names.js");
        const box = document.body.appendChild(document.createElement("span"));
        box.style.cssText = "position: absolute; font-size: 100px; white-space: nowrap";
        return names.map((name) => {
            box.textContent = name;
            return [name, width(name) / (box.getBoundingClientRect().width / 100)];
        });
    }"""
    with frozen_page(browser, wall, "pages=A") as page:
        for name, ratio in page.evaluate(measure, sorted(names)):
            assert 1 <= ratio < 1.06, name


def test_the_longest_name_of_an_office_stands_whole_above_its_own_page(
    browser: Browser, province: WallServer
) -> None:
    """Of a ministry's department, and of one officer in it."""
    for query in ("", "&officer=cb01", "&scale=1.75"):
        address = f"pages=A,B&scope=don-vi:co-quan-5{query}"
        with frozen_page(browser, province, address) as page:
            whole = "Cục Đăng ký quốc gia giao dịch bảo đảm và Bồi thường nhà nước"
            expect(page.locator(".scope")).to_contain_text(whole)
            assert misfits(page) == []


def test_a_phone_scrolls_one_column_and_nothing_sideways(
    browser: Browser, wall: WallServer
) -> None:
    """Whoever checks from home must not zoom; pages turn when asked."""
    with frozen_page(browser, wall, "", {"width": 390, "height": 844}) as page:
        page.clock.run_for(61_000)
        for shown in ("A", "B", "A", "C", "A", "D"):
            expect(page.locator("#main")).to_have_attribute("data-page", shown)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            cut = "e => e.filter((one) => one.scrollWidth > one.clientWidth + 1).length"
            assert page.locator(".procedure, .where, .scope").evaluate_all(cut) == 0
            page.keyboard.press("ArrowRight")
        smallest = page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
        assert smallest >= 14


def test_a_public_screen_names_no_dossier(browser: Browser, wall: WallServer) -> None:
    with frozen_page(browser, wall, "pages=C") as page:
        expect(page.locator(".list .code").first).to_have_text(re.compile(r"^…\d{4}$"))
        expect(page.locator(".list.soon em").first).to_have_text("cần văn bản xin lỗi")
    with frozen_page(browser, wall, "pages=C&public=1") as page:
        expect(page.locator(".list th").first).to_be_visible()
        assert page.locator(".list .code").count() == 0


def test_the_panel_is_cared_for(browser: Browser, wall: WallServer) -> None:
    """All moves a little each minute; at night it is dim, or dark, by day it may be light."""
    address = "dim=14:33-06:00&blank=14:35-06:00&theme=auto&light=14:30-14:34&beat_lost=9999"
    with frozen_page(browser, wall, address) as page:
        root, header = page.locator("html"), page.locator("#header")
        expect(root).to_have_attribute("data-theme", "light")
        expect(root).not_to_have_class(re.compile("dim"))
        before = header.bounding_box()
        page.clock.run_for(60_000)
        expect(root).to_have_class(re.compile("dim"))
        assert header.bounding_box() != before
        page.clock.run_for(60_000)
        expect(root).to_have_attribute("data-theme", "dark")
        page.clock.run_for(60_000)
        expect(root).to_have_class(re.compile("blank"))
        expect(header).to_be_hidden()


def test_figures_too_old_become_dashes_and_the_last_one_stays_small(
    browser: Browser, wall: WallServer
) -> None:
    """Nobody may act on the morning's rate in the afternoon."""
    with frozen_page(browser, wall, "pages=A&too_old=90") as page:
        rate = page.locator("#tile-full_online .rate")
        page.clock.run_for(80_000)
        expect(page.locator(".fresh")).to_contain_text("MẤT KẾT NỐI MÁY CHỦ")
        expect(rate).to_have_text("58,2%")
        page.clock.run_for(20_000)
        expect(rate).to_have_text("—")
        expect(page.locator("#tile-full_online .last")).to_have_text("58,2%")
        assert misfits(page) == []


def test_the_page_is_loaded_anew_once_a_night(browser: Browser, wall: WallServer) -> None:
    """Months without a reload collect whatever browsers collect."""
    with frozen_page(browser, wall, "reload=14:33-14:40") as page:
        loads: list[str] = []
        page.on("request", lambda r: loads.append(r.url) if r.is_navigation_request() else None)
        page.clock.run_for(30_000)
        assert loads == []
        with page.expect_navigation():
            page.clock.run_for(30_000)
        page.clock.run_for(120_000)
        assert len(loads) == 1


def test_a_script_that_has_stopped_is_marked_by_the_style_alone(
    browser: Browser, wall: WallServer
) -> None:
    """No timer of the page runs here, as when a browser has hung: the figures look like new."""
    with frozen_page(browser, wall, "beat_lost=1") as page:
        opacity = "getComputedStyle(document.getElementById('footer'), '::after').opacity"
        deadline = time.monotonic() + 10
        while page.evaluate(opacity) != "1":
            assert time.monotonic() < deadline, "nothing says that the script has stopped"
        assert page.locator(".fresh").inner_text().strip() == "Trực tiếp · số liệu đến 14:32:03"


def test_thousands_of_changes_leave_nothing_behind_and_no_page_is_missed(
    browser: Browser, wall: WallServer
) -> None:
    """Nobody closes this window for months. A whole day is in the benchmarks."""
    with driven_page(browser, wall) as page:
        first = let_pass(page, 900, 2500)  # every page and part has come, code is compiled
        before = held(page)
        then = let_pass(page, 1200, 2500)
        after = held(page)
    assert (then["sent"], then["freshness"]) == (5000, "live")
    assert (first["turns"], then["turns"]) == (900 // PAGE_S, 2100 // PAGE_S)
    assert abs(then["elements"] - first["elements"]) < 100
    assert after["mb"] < 1.1 * before["mb"]
    assert (after["detached"], after["listeners"]) == (before["detached"], before["listeners"])


def test_it_is_printed_dark_on_white(browser: Browser, wall: WallServer) -> None:
    with frozen_page(browser, wall, "pages=C") as page:
        page.emulate_media(media="print")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(255, 255, 255)"
        assert page.locator(".list th").first.evaluate("e => getComputedStyle(e).color") == (
            "rgb(0, 0, 0)"
        )
