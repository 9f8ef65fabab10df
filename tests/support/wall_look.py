"""How a wall looks, measured in the browser: what does not fit, how large and plain letters are."""

import re
from typing import Any

from playwright.sync_api import Page

SMALLEST_TEXT_PX = 32
SMALLEST_RATE_PX = 110
SMALLEST_CONTRAST = 4.5


def assert_readable(page: Page, scale: float = 1.0) -> None:
    """Everything on its place, large enough for five metres, and plain against its ground."""
    assert misfits(page) == []
    found = texts(page)
    assert found
    # the axes of a drawing grow with the screen alone
    least = {True: min(1, scale) * SMALLEST_TEXT_PX, False: scale * SMALLEST_TEXT_PX}
    small = [t for t in found if t["size"] < least[t["drawn"]] - 0.5]
    assert small == []
    assert [t for t in found if t["rate"] and t["size"] < scale * SMALLEST_RATE_PX] == []
    faint = [t for t in found if contrast(rgb(t["color"]), rgb(t["ground"])) < SMALLEST_CONTRAST]
    assert faint == []


def texts(page: Page) -> list[dict[str, Any]]:
    """Each text that can be seen: its letters' size in pixels, its colour and its ground."""
    found: list[dict[str, Any]] = page.evaluate(_TEXTS)
    return found


_TEXTS = """() => {
    const ground = (e) => {
        for (; e; e = e.parentElement) {
            const found = getComputedStyle(e).backgroundColor;
            if (found !== "rgba(0, 0, 0, 0)") return found;
        }
        return "rgb(255, 255, 255)";
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim();
        const element = walker.currentNode.parentElement;
        if (!text || ["SCRIPT", "NOSCRIPT"].includes(element.tagName)) continue;
        if (element.closest(".unseen, [hidden]")) continue;
        const style = getComputedStyle(element);
        const drawn = element instanceof SVGElement;
        const scale = drawn ? element.getScreenCTM().a : 1;
        found.push({
            text, drawn, size: scale * parseFloat(style.fontSize),
            color: drawn ? style.fill : style.color,
            ground: ground(element), rate: element.matches(".rate, .comma"),
        });
    }
    return found;
}"""


def misfits(page: Page) -> list[str]:
    """What reaches out of its box, of its tile or of the screen."""
    found: list[str] = page.evaluate(
        """() => {
            const root = document.documentElement, found = [];
            if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight)
                found.push("page");
            const inside = (inner, outer) =>
                inner.left >= outer.left - 1 && inner.right <= outer.right + 1 &&
                inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
            for (const box of document.querySelectorAll(
                ".tile, .list, .chart, .says, main, header, footer")) {
                const outer = box.getBoundingClientRect();
                if (!inside(outer, {left: 0, top: 0, right: innerWidth, bottom: innerHeight}))
                    found.push(`${box.id} leaves the screen`);
                if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight)
                    found.push(`${box.id} overflows`);
                for (const part of box.querySelectorAll("*")) {
                    if (part.closest(".unseen, svg") || part.tagName === "B") continue;
                    if (part.getClientRects().length === 0) continue;
                    const name = `${box.id} ${part.tagName}.${part.className}: ${part.textContent}`;
                    if (!inside(part.getBoundingClientRect(), outer)) found.push(name);
                }
                // neighbours in a row must not touch
                for (const row of box.querySelectorAll("dl > div, .figure")) {
                    const boxes = [...row.children].filter((e) => !e.matches(".unseen"))
                        .map((e) => e.getBoundingClientRect());
                    for (let i = 1; i < boxes.length; i += 1)
                        if (boxes[i].left < boxes[i - 1].right + 2) found.push(row.textContent);
                }
                // of a table no cell may write into the next one
                for (const cell of box.querySelectorAll("td, th")) {
                    const {left} = cell.getBoundingClientRect();
                    const before = [...cell.children].some((e) =>
                        !e.matches(".unseen") && e.getBoundingClientRect().left < left - 1);
                    if (before || (cell.scrollWidth > cell.clientWidth + 1 &&
                        getComputedStyle(cell).overflow === "visible"))
                        found.push(`cell ${cell.textContent}`);
                }
                // a name that is cut is the name of nobody
                for (const name of box.querySelectorAll(
                    ".matrix tbody th, .matrix tbody th span, .procedure, .where .unit, .scope"))
                    if (name.scrollWidth > name.clientWidth + 1 && name.clientWidth > 0 ||
                        name.scrollHeight > 1.2 * name.clientHeight && name.clientHeight > 0)
                        found.push(`cut ${name.className}: ${name.textContent}`);
            }
            return found;
        }"""
    )
    return found


def rgb(css: str) -> tuple[int, int, int]:
    red, green, blue = re.findall(r"[\d.]+", css)[:3]
    return int(red), int(green), int(blue)


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """WCAG 2.1, 1.4.3."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: tuple[int, int, int]) -> float:
    linear = [
        c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
