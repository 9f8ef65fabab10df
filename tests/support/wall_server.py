"""A wall on invented counters, without Kafka: in a thread, or in a process that can be killed."""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from schemas.admitted import rfc3339_ms
from schemas.registry import Registry, load_registry
from services.settings import Settings
from services.wall import build_wall
from services.web import serve
from streams.core.cells import Cell
from streams.core.days import day_number
from streams.core.facts import mask
from streams.live import UnitState
from tests.support.wall import (
    NOW,
    FakeCertificates,
    FakeLive,
    certificate,
    district_year,
    long_named,
    more_communes,
    state,
)


def build_test_app(
    live: FakeLive,
    certificates: FakeCertificates,
    settings: Settings,
    now: Callable[[], datetime],
    beat_every_s: float,
) -> tuple[FastAPI, Callable[[], None]]:
    """An app with the wall, a control route, and what ends its streams."""
    known = load_registry()
    registry = Registry([*known.units, *long_named()[0]], known.procedures)
    wall = build_wall(
        settings, lambda: registry, live, certificates, now=now, beat_every_s=beat_every_s
    )
    app = FastAPI()
    app.include_router(wall.router)

    @app.post("/test/live")
    async def control(request: Request) -> dict[str, Any]:
        asked: dict[str, Any] = await request.json()
        if "changes" in asked:
            found = await asyncio.to_thread(_change, live, asked["changes"], asked["seconds"])
            return {"changes": found}
        if "why" in asked:
            live.why = asked["why"]
            live.tell(*live.units())
        if "lag_s" in asked:
            live.lag_s = asked["lag_s"]
        if "certificate" in asked:
            certificates.set(certificate(now(), **asked["certificate"]))
        if "event" in asked:
            found = live.units()[asked["event"]]
            recorded = found.now.model_copy(update={"last_recorded_at": rfc3339_ms(now())})
            live.set(UnitState(recorded, found.months))
        if "add" in asked:
            unit = asked["add"]
            counted = live.units()[unit].cells() if unit in live.units() else {}
            bits = ["resolved", *asked.get("facts", ["due_known"])]
            cell = Cell(
                "closed", day_number(date(2023, 11, 10)), asked["level"], "p", "", mask(bits)
            )
            live.set(state(unit, {**counted, cell: counted.get(cell, 0) + asked.get("n", 1)}))
        return {"done": True}

    return app, wall.close


def _change(live: FakeLive, a_second: int, seconds: int) -> list[tuple[float, int]]:
    """Change one unit after the other; when, and how many dossiers were open in all then."""
    states = list(live.units().values())
    still_open = sum(one.now.open for one in states)
    changes = []
    began = time.monotonic()
    for n in range(a_second * seconds):
        time.sleep(max(0.0, began + n / a_second - time.monotonic()))
        unit = states[n % len(states)].now.unit
        known = live.units()[unit]
        # the newest month comes again, as the worker would write it
        months = {**known.months, "2023-11": replace(known.months["2023-11"])}
        still_open += 1
        changes.append((time.monotonic(), still_open))
        now = known.now.model_copy(update={"open": known.now.open + 1})
        live.set(UnitState(now, months))
    return changes


class _Asked:
    """What every wall of the tests can be asked to change."""

    url: str

    def control(self, **asked: object) -> dict[str, Any]:
        """Change what it shows; for ``changes`` a second it takes as many ``seconds``."""
        request = urllib.request.Request(
            f"{self.url}/test/live",
            json.dumps(asked).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


class WallServer(_Asked):
    """The wall in a thread: it starts at once, and ends as a server that is told to stop."""

    def __init__(self, port: int, *options: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._options = _parser().parse_args(["--port", str(port), *options])
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._data = tempfile.TemporaryDirectory()
        app, self._close = _app(self._options, Path(self._data.name))
        config = uvicorn.Config(
            app, host="127.0.0.1", port=self._options.port, access_log=False, log_level="error",
            timeout_graceful_shutdown=3,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="wall", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 30
        while not self._server.started:
            assert self._thread.is_alive(), "the wall's thread has ended"
            assert time.monotonic() < deadline, "the wall does not answer"
            time.sleep(0.005)

    def end(self) -> None:
        """Tell its screens, and stop."""
        if self._thread is None:
            return
        self._close()
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive(), "the wall's thread does not end"
        self._thread = None
        self._data.cleanup()


class WallProcess(_Asked):
    """The wall in a process of its own, on the same port after every start."""

    def __init__(self, port: int, *options: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", __name__, "--port", str(port), *options]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        root = Path(__file__).parents[2]
        self.process = subprocess.Popen(self._command, cwd=root)
        deadline = time.monotonic() + 30
        while True:
            assert self.process.poll() is None, "the wall's process has ended"
            assert time.monotonic() < deadline, "the wall's process does not answer"
            try:
                urllib.request.urlopen(f"{self.url}/wall", timeout=1).close()
                return
            except urllib.error.HTTPError as error:
                error.close()
                return
            except OSError:
                time.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGKILL) -> float:
        """End it; the seconds that it took."""
        if self.process is None:
            return 0.0
        started = time.monotonic()
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        self.process.wait(10)
        self.process = None
        return time.monotonic() - started


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--title", default="UBND huyện Đắk Hà")
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--waiting", action="store_true", help="the counters never come")
    parser.add_argument("--uncompared", action="store_true", help="nothing was ever compared")
    parser.add_argument("--beat", type=float, default=0.3)
    parser.add_argument("--now", type=datetime.fromisoformat, default=NOW)
    parser.add_argument("--units", type=int, default=0, help="so many communes more")
    parser.add_argument("--frozen", action="store_true", help="it is always the same moment")
    parser.add_argument("--roadmap", type=Path, help="folder of roadmaps")
    return parser


def _app(options: argparse.Namespace, data: Path) -> tuple[FastAPI, Callable[[], None]]:
    """A wall on a district's invented year, and what ends its streams."""
    started = time.monotonic()

    def now() -> datetime:
        return options.now.astimezone(UTC) + timedelta(
            seconds=0 if options.frozen else time.monotonic() - started
        )

    live, certificates = FakeLive(now), FakeCertificates()
    if not options.uncompared:
        certificates.set(certificate())
    if options.waiting:
        live.why = "reading motcua.units: 12 records to go"
    elif not options.empty:
        live.set(*district_year(options.scale), *more_communes(options.units, options.scale))
        if options.units:
            live.set(*long_named()[1])
    if options.roadmap:
        shutil.copytree(options.roadmap, data / "roadmaps")
    os.environ.pop("MOTCUA_BOOK", None)
    settings = Settings(installation_title=options.title, demo=options.demo, data=data)
    return build_test_app(live, certificates, settings, now, options.beat)


def main() -> None:
    """Serve until a signal comes."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory() as data:
        app, close = _app(options, Path(data))
        serve(app, "127.0.0.1", options.port, before_exit=close)


if __name__ == "__main__":
    main()
