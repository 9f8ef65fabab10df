"""Hours of a wall in seconds: a page whose clock, timers and event stream a test drives."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypedDict

from playwright.sync_api import Browser, Page

from tests.support.browser import FULL_HD
from tests.support.wall_server import WallServer

BEAT_EVERY_S = 5
PAGE_S = 20

# before any script of the page: time is a number, timers are a list, the stream is an object
_DRIVEN = """() => {
  const driven = window.driven = { now: 0, timers: [], stream: null };
  performance.now = () => driven.now * 1000;
  window.setInterval = (callback) => driven.timers.push(callback);
  window.EventSource = class {
    constructor() { this.heard = {}; this.readyState = 1; driven.stream = this; }
    addEventListener(type, callback) { this.heard[type] = callback; }
    close() {}
  };
}"""

# a second after the other: beats and deltas as the server would send them, then the page's timers
_RUN = """([seconds, deltas, beatEvery]) => {
  const { driven } = window;
  const first = JSON.parse(document.getElementById("first").textContent);
  const { boot, view } = first.snapshot;
  const startedMs = Date.parse(first.beat.server_time);
  const send = (type, data) => driven.stream.heard[type]({ data: JSON.stringify(data) });
  const main = document.getElementById("main");
  if (!driven.seq) { driven.seq = first.snapshot.seq; driven.turns = 0; driven.sent = 0; }
  let shown = main.dataset.page;
  const until = driven.now + seconds;
  const begun = driven.now;
  const before = driven.sent;
  while (driven.now < until) {
    driven.now += 1;
    while (driven.sent - before < Math.floor((deltas * (driven.now - begun)) / seconds)) {
      driven.sent += 1;
      const changed = view.indicators[driven.sent % view.indicators.length];
      const row = view.rows[driven.sent % view.rows.length];
      send("delta", { boot, seq: ++driven.seq, view: {
        resolved: view.resolved + driven.sent, open: driven.sent % 900,
        indicators: [{ code: changed.code, a: changed.a + driven.sent, b: changed.b }],
        rows: [{ ...row, overdue: driven.sent % 7 }],
      } });
    }
    if (driven.now % beatEvery === 0) {
      const server_time = new Date(startedMs + driven.now * 1000).toISOString();
      send("beat", { ...first.beat, server_time, seq: driven.seq, last_event_at: server_time });
    }
    for (const timer of driven.timers) timer();
    if (main.dataset.page !== shown) { shown = main.dataset.page; driven.turns += 1; }
  }
  return { turns: driven.turns, sent: driven.sent,
           freshness: document.documentElement.dataset.freshness,
           elements: document.getElementsByTagName("*").length };
}"""


class Passed(TypedDict):
    """What had happened by the end."""

    turns: int
    """Pages that have come."""
    sent: int
    """Deltas that the page has got."""
    freshness: str
    elements: int


@contextmanager
def driven_page(browser: Browser, wall: WallServer) -> Iterator[Page]:
    """A page of the wall whose time stands still until :func:`let_pass`."""
    context = browser.new_context(viewport=FULL_HD)  # type: ignore[arg-type]  # its own TypedDict
    page = context.new_page()
    page.add_init_script(f"({_DRIVEN})()")
    page.goto(f"{wall.url}/wall?every={PAGE_S}&reload=0")
    try:
        yield page
    finally:
        context.close()


def let_pass(page: Page, seconds: int, deltas: int) -> Passed:
    """Let so many seconds pass with so many changes, evenly."""
    found: Passed = page.evaluate(_RUN, [seconds, deltas, BEAT_EVERY_S])
    return found


class Held(TypedDict):
    """What a page holds when all that nobody holds has been thrown away."""

    mb: float
    """Script and document; compiled code is apart, for the engine goes on compiling for hours."""
    code_mb: float
    detached: int
    """Elements that are in no document and held by the script."""
    listeners: int
    nodes: int


def held(page: Page) -> Held:
    """By the browser's own snapshot of the heap, after a collection."""
    session: Any = page.context.new_cdp_session(page)
    parts: list[str] = []
    session.on("HeapProfiler.addHeapSnapshotChunk", lambda event: parts.append(event["chunk"]))
    session.send("HeapProfiler.collectGarbage")
    session.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    session.send("Performance.enable")
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    found: Any = json.loads("".join(parts))
    fields = found["snapshot"]["meta"]["node_fields"]
    code = found["snapshot"]["meta"]["node_types"][0].index("code")

    def column(name: str) -> list[int]:
        values: list[int] = found["nodes"][fields.index(name) :: len(fields)]
        return values

    kinds, sizes = column("type"), column("self_size")
    compiled = sum(size for kind, size in zip(kinds, sizes, strict=True) if kind == code)
    return {
        "mb": (sum(sizes) - compiled) / 1e6,
        "code_mb": compiled / 1e6,
        "detached": sum(state == _DETACHED for state in column("detachedness")),
        "listeners": int(metrics["JSEventListeners"]),
        "nodes": int(metrics["Nodes"]),
    }


_DETACHED = 2
