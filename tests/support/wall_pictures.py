"""Pictures of the wall's pages, small, and what differs from the reviewed ones.

``python -m tests.support.wall_pictures`` draws the references anew; look at each before it is
committed. A picture is a quarter of a full HD screen, which is also what is seen from five metres.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.support.browser import FULL_HD, chromium
from tests.support.kafka import free_ports
from tests.support.wall import NOW
from tests.support.wall_server import WallServer

REFERENCES = Path(__file__).parents[1] / "e2e" / "wall_pictures"
ROADMAPS = Path(__file__).parents[2] / "schemas" / "books_data" / "roadmaps"
WIDTH, HEIGHT = 480, 270

NAMES = ("a", "b", "c", "d", "r", "lost")
"""``lost`` is taken two minutes after the server has fallen silent."""
THEMES = ("dark", "light")
_ADDRESS = "pages=A,B,C,D,R&every=3600"  # no page turns while it is drawn

# how many pixels in a thousand have another colour than the eye would forgive
DIFFERENCE = f"""async (pictures) => {{
  const [one, other] = await Promise.all(pictures.map(async (png) => {{
    const image = new Image();
    image.src = "data:;base64," + png;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"),
                                 {{width: {WIDTH}, height: {HEIGHT}}});
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, {WIDTH}, {HEIGHT});
    return context.getImageData(0, 0, {WIDTH}, {HEIGHT}).data;
  }}));
  let differing = 0;
  for (let i = 0; i < one.length; i += 4) {{
    const away = Math.max(...[0, 1, 2].map((c) => Math.abs(one[i + c] - other[i + c])));
    differing += away > 40 ? 1 : 0;
  }}
  return 1000 * differing / (one.length / 4);
}}"""


@contextmanager
def frozen_wall(*options: str) -> Iterator[WallServer]:
    """A wall at which it is always 14:32:05."""
    server = WallServer(free_ports(1), "--frozen", *options)
    server.start()
    try:
        yield server
    finally:
        server.end()


@contextmanager
def frozen_page(
    browser: Browser, wall: WallServer, query: str, viewport: Any = FULL_HD, zoom: float = 1
) -> Iterator[Page]:
    """A page of the wall without a stream, whose clock a test moves."""
    context = browser.new_context(viewport=viewport, device_scale_factor=zoom)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.route("**/api/wall/*", lambda route: route.abort())
    page.clock.install(time=NOW)
    page.goto(f"{wall.url}/wall?{query}")
    page.evaluate("document.fonts.ready")
    try:
        yield page
    finally:
        context.close()
    assert problems == []


def turn_to(page: Page, name: str) -> None:
    """Turn the pages until this one is shown."""
    for _ in range(12):
        if page.locator("#main").get_attribute("data-page") == name:
            return
        page.keyboard.press("ArrowRight")
    raise AssertionError(f"page {name} does not come")


def pictures(browser: Browser, wall: WallServer) -> dict[str, bytes]:
    """A small JPEG of each page in each theme: one page is loaded and turned."""
    found = {}
    with frozen_page(browser, wall, _ADDRESS, zoom=WIDTH / FULL_HD["width"]) as page:
        for name in NAMES:
            if name == "lost":
                page.clock.run_for(120_000)
            turn_to(page, "A" if name == "lost" else name.upper())
            for theme in THEMES:
                if page.locator("html").get_attribute("data-theme") != theme:
                    page.keyboard.press("t")
                found[f"{name}-{theme}"] = page.screenshot(type="jpeg", quality=90)
    return found


def difference(blank: Page, one: bytes, other: bytes) -> float:
    """Pixels in a thousand that differ visibly; ``blank`` is any page."""
    both = [base64.b64encode(picture).decode() for picture in (one, other)]
    return float(blank.evaluate(DIFFERENCE, both))


def main() -> None:
    """Write the references."""
    REFERENCES.mkdir(exist_ok=True)
    with frozen_wall("--roadmap", str(ROADMAPS)) as wall, chromium() as browser:
        for name, picture in pictures(browser, wall).items():
            (REFERENCES / f"{name}.jpg").write_bytes(picture)


if __name__ == "__main__":
    main()
