"""The whole stack: from POST to pixels, from nothing to ready, and the memory of all processes."""

import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx2
import psutil

from tests.benchmarks.__main__ import Row
from tests.support.browser import FULL_HD, chromium
from tests.support.stack import LocalStack

EVENTS_A_SECOND = 50
_UNIT = "23500"
_HANOI = timezone(timedelta(hours=7))

# counts every change of the figure on the page, with the moment at which it was painted
_WATCH = """() => {
  const seen = window.seen = [];
  const look = () => {
    const found = document.querySelector('#tile-on_time_commune dl dt').textContent;
    seen.push([Number(found.split('/')[1].replaceAll('.', '')), Date.now()]);
    requestAnimationFrame(look);
  };
  look();
}"""


def rows(quick: bool) -> list[Row]:
    """Start, demo data, memory, latency."""
    with tempfile.TemporaryDirectory() as folder:
        stack = LocalStack(Path(folder))
        stack.data.mkdir()
        (stack.data / "invented").touch()  # as the demonstration marks its folder
        try:
            stack.start()  # formats Kafka's storage and makes the tables: not what is measured
            assert stack.stop() == 0
            ready_s = stack.start()
            _demo(stack, 500 if quick else 6000)
            memory_mb = sum(_resident(m) for m in stack.members()) / 1e6
            p50, p99, seen = _latency(stack, 5 if quick else 30)
        finally:
            stack.kill()
    return [
        _row("start of the installed stack, to ready", ready_s, "s", "bar: at most 12"),
        _row("memory of all processes with the demo's data", memory_mb, "MB", "bar: at most 1500"),
        _row("POST to pixels, p50", p50, "ms", f"{EVENTS_A_SECOND} events/s, {seen} figures seen"),
        _row("POST to pixels, p99", p99, "ms", "bar: at most 500"),
    ]


def _row(name: str, ours: float, unit: str, note: str) -> Row:
    return {
        "name": name,
        "ours": round(ours, 1),
        "reference": None,
        "ratio": None,
        "unit": unit,
        "note": note,
    }


def _resident(process: psutil.Process) -> float:
    return float(process.memory_info().rss)


def _demo(stack: LocalStack, dossiers: int) -> None:
    """The demonstration's own data."""
    subprocess.run(
        [
            *(sys.executable, "-m", "services.emitter.demo", "--url", stack.url),
            *("--data", str(stack.data), "--dossiers", str(dossiers), "--speed", "1000000"),
            "--exit-when-done",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _latency(stack: LocalStack, seconds: int) -> tuple[float, float, int]:
    """(p50, p99, figures seen): milliseconds from before the POST until the figure is painted."""
    added = stack.motcua("emitter", "add", "bench", "--unit", _UNIT, "--data", str(stack.data))
    assert added.returncode == 0, added.stderr
    key = added.stdout.strip()
    now = datetime.now(_HANOI)
    number = EVENTS_A_SECOND * seconds
    with (
        chromium() as browser,
        httpx2.Client(headers={"Authorization": f"Bearer {key}"}, trust_env=False) as client,
    ):
        for n in range(0, number, 500):
            batch = [_event("received", i, now, _RECEIVED) for i in range(n, min(n + 500, number))]
            client.post(f"{stack.url}/v1/events", json=batch).raise_for_status()
        page = browser.new_page(viewport=FULL_HD, bypass_csp=True)
        page.goto(f"{stack.url}/wall?pages=A")
        resolved = page.locator("#tile-on_time_commune dl dt").first
        resolved.wait_for()
        time.sleep(1)
        base = int(resolved.inner_text().split("/")[1].replace(".", ""))
        page.evaluate(_WATCH)
        sent_at: list[float] = []
        began = time.monotonic()
        for n in range(number):
            time.sleep(max(0.0, began + n / EVENTS_A_SECOND - time.monotonic()))
            sent_at.append(time.time() * 1000)
            client.post(
                f"{stack.url}/v1/events", json=_event("resolved", n, now, _RESOLVED)
            ).raise_for_status()
        page.wait_for_function(
            "target => window.seen.length && window.seen.at(-1)[0] >= target", arg=base + number
        )
        seen: list[list[float]] = page.evaluate("window.seen")
    # the n-th result is on the screen with the first figure that is at least base + n
    waits: list[float] = []
    frames = iter(seen)
    figure, painted = next(frames)
    for n, sent in enumerate(sent_at, start=1):
        while figure < base + n:
            figure, painted = next(frames)
        waits.append(painted - sent)
    cuts = quantiles(waits, n=100)
    return cuts[49], cuts[98], len({f for f, _ in seen})


_RECEIVED = {"procedure": "1.001193", "channel": "counter", "paperless": False}
_RESOLVED = {"outcome": "approved", "electronic_result": True}


def _event(kind: str, number: int, when: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"bench/{number}/{kind}",
        "source": "urn:motcua:bench",
        "type": f"motcua.dossier.{kind}.v1",
        "subject": f"bench-{number}",
        "time": when.isoformat(),
        "unit": _UNIT,
        "data": data,
    }
