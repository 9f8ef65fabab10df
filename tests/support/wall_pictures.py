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
from tests.support.wall import NOW, WallProcess

REFERENCES = Path(__file__).parents[1] / "e2e" / "wall_pictures"
ROADMAPS = Path(__file__).parents[2] / "schemas" / "books_data" / "roadmaps"
WIDTH, HEIGHT = 480, 270

PAGES = {
    "a": "pages=A",
    "b": "pages=B",
    "c": "pages=C",
    "d": "pages=D",
    "r": "pages=R&scope=don-vi:23500",
    "lost": "pages=A",
}
"""Address of each picture; ``lost`` is taken two minutes after the server has fallen silent."""
THEMES = ("dark", "light")

SHRINK = f"""async (png) => {{
  const image = new Image();
  image.src = "data:;base64," + png;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"),
                               {{width: {WIDTH}, height: {HEIGHT}}});
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, {WIDTH}, {HEIGHT});
  return canvas.toDataURL("image/jpeg", 0.85).split(",")[1];
}}"""

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
def frozen_wall(*options: str) -> Iterator[WallProcess]:
    """A wall at which it is always 14:32:05."""
    process = WallProcess(free_ports(1), "--frozen", *options)
    process.start()
    try:
        yield process
    finally:
        process.end()


@contextmanager
def frozen_page(
    browser: Browser, wall: WallProcess, query: str, viewport: Any = FULL_HD
) -> Iterator[Page]:
    """A page of the wall without a stream, whose clock a test moves."""
    context = browser.new_context(viewport=viewport)
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


def picture(browser: Browser, wall: WallProcess, name: str, theme: str) -> bytes:
    """A small JPEG of the page."""
    with frozen_page(browser, wall, f"{PAGES[name]}&theme={theme}") as page:
        if name == "lost":
            page.clock.run_for(120_000)
        full = page.screenshot()
    blank = browser.new_page()
    small = blank.evaluate(SHRINK, base64.b64encode(full).decode())
    blank.close()
    return base64.b64decode(small)


def difference(browser: Browser, one: bytes, other: bytes) -> float:
    """Pixels in a thousand that differ visibly."""
    blank = browser.new_page()
    both = [base64.b64encode(png).decode() for png in (one, other)]
    found = float(blank.evaluate(DIFFERENCE, both))
    blank.close()
    return found


def main() -> None:
    """Write the references."""
    REFERENCES.mkdir(exist_ok=True)
    with frozen_wall("--roadmap", str(ROADMAPS)) as wall, chromium() as browser:
        for theme in THEMES:
            for name in PAGES:
                file = REFERENCES / f"{name}-{theme}.jpg"
                file.write_bytes(picture(browser, wall, name, theme))


if __name__ == "__main__":
    main()
