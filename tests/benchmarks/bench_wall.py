"""The wall: a thousand screens on one server, the first paint, and a day in a browser's memory."""

import json
import subprocess
import sys
import time
from statistics import median, quantiles

import psutil
from playwright.sync_api import Browser

from tests.benchmarks.__main__ import Row
from tests.support.browser import FULL_HD, chromium
from tests.support.kafka import free_ports
from tests.support.wall_day import PAGE_S, driven_page, held, let_pass
from tests.support.wall_pictures import frozen_wall
from tests.support.wall_server import WallProcess

SCREENS = 1000
DELTAS_A_SECOND = 200
DAY_S, DAY_DELTAS = 86_400, 50_000


def rows(quick: bool) -> list[Row]:
    """Screens, paint, day."""
    return [*_screens(5 if quick else 20), *_paint(3 if quick else 9), *_day(8 if quick else 1)]


def _screens(seconds: int) -> list[Row]:
    process = WallProcess(free_ports(1), "--beat", "5")
    process.start()
    assert process.process is not None
    server = psutil.Process(process.process.pid)
    try:
        listening = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.benchmarks.wall_screens"),
                *(process.url, str(SCREENS), str(seconds)),
            ],
            stdout=subprocess.PIPE,
        )
        deadline = time.monotonic() + 30
        while len(server.net_connections()) < SCREENS and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        before, began = sum(server.cpu_times()[:2]), time.monotonic()
        changed = process.control(changes=DELTAS_A_SECOND, seconds=seconds)
        core = (sum(server.cpu_times()[:2]) - before) / (time.monotonic() - began)
        memory_mb = server.memory_info().rss / 1e6
        output, _ = listening.communicate(timeout=90)
    finally:
        process.end()
    found = json.loads(output)
    cuts = quantiles(_waits(found["seen"], changed["changes"]), n=100)
    note = f"{SCREENS} screens, {DELTAS_A_SECOND} changes/s, {found['received'] / 1e6:.0f} MB sent"
    return [
        _row("wall, CPU of the server", 100 * core, "% of a core", f"{note}; bar: at most 60"),
        _row("wall, change to screen, p50", 1000 * cuts[49], "ms", ""),
        _row("wall, change to screen, p99", 1000 * cuts[98], "ms", "bar: at most 1000"),
        _row("wall, memory of the server", memory_mb, "MB", "bar: at most 300"),
    ]


def _waits(seen: list[list[tuple[float, int]]], changes: list[tuple[float, int]]) -> list[float]:
    """For each screen and change the seconds until that figure, or a later one, was there."""
    waits = []
    for notes in seen:
        frames = iter(notes)
        at, figure = next(frames)
        for changed_at, wanted in changes:
            while figure < wanted:
                at, figure = next(frames)
            waits.append(max(0.0, at - changed_at))
    return waits


def _paint(times: int) -> list[Row]:
    with chromium() as browser, frozen_wall() as wall:
        shown = [_first_paint(browser, f"{wall.url}/wall") for _ in range(times)]
        # a page of one paragraph from the same server: what this machine needs for any page now
        bare = [_first_paint(browser, f"{wall.url}/wall?period=none")[0] for _ in range(times)]
    paint, reference = median(at for at, _ in shown), median(bare)
    return [
        {
            **_row("wall, first paint, cold", paint, "ms", "bar: at most 500; beside a bare page"),
            "reference": round(reference, 1),
            "ratio": round(paint / reference, 2),
        },
        _row("wall, weight with fonts", shown[-1][1] / 1000, "kB", "bar: at most 300"),
    ]


def _first_paint(browser: Browser, url: str) -> tuple[float, int]:
    """(milliseconds, bytes) of a page that nothing is kept of."""
    page = browser.new_page(viewport=FULL_HD, bypass_csp=True)  # type: ignore[arg-type]  # its own TypedDict
    sizes: list[int] = []
    page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    page.goto(url)
    page.evaluate("document.fonts.ready")
    entry = "performance.getEntriesByName('first-contentful-paint')[0]"
    page.wait_for_function(f"!!{entry}")
    found = float(page.evaluate(f"{entry}.startTime"))
    page.close()
    return found, sum(sizes)


def _day(part: int) -> list[Row]:
    seconds, deltas = DAY_S // part, DAY_DELTAS // part
    with chromium() as browser, frozen_wall() as wall, driven_page(browser, wall) as page:
        let_pass(page, 7200 // part, 4000 // part)  # code is compiled, every page has come
        turns = -let_pass(page, PAGE_S, 1)["turns"]
        before = held(page)  # a day later it is the same page that is held
        for _ in range(12):
            turns_now = let_pass(page, seconds // 12, deltas // 12)["turns"]
        after = held(page)
    missed = seconds // 12 * 12 // PAGE_S - (turns_now + turns)
    note = f"{seconds / 3600:.0f} h, {deltas} deltas, {before['mb']:.2f} MB at first"
    whole = (after["mb"] + after["code_mb"]) / (before["mb"] + before["code_mb"])
    left = sum(max(0, after[key] - before[key]) for key in ("detached", "listeners", "nodes"))
    return [
        _row("wall, growth of what a page holds", 100 * (after["mb"] / before["mb"] - 1), "%",
             f"{note}; bar: less than 10"),
        _row("wall, the same with compiled code", 100 * (whole - 1), "%", "bar: less than 10"),
        _row("wall, elements and listeners left behind", left, "", "bar: none"),
        _row("wall, pages that did not come", missed, "pages", "bar: none"),
    ]  # fmt: skip


def _row(name: str, ours: float, unit: str, note: str) -> Row:
    return {
        "name": name,
        "ours": round(ours, 1),
        "reference": None,
        "ratio": None,
        "unit": unit,
        "note": note,
    }
