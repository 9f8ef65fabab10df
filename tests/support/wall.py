"""A wall on invented counters, without Kafka: in this process, or in one that can be killed."""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI, Request

from schemas.admitted import rfc3339_ms
from schemas.calendar import load_calendar
from schemas.certificates import Certificate, seal
from schemas.registry import Registry, Unit, load_registry
from schemas.snapshots import DueDossier, UnitNow
from services.settings import Settings
from services.wall import build_wall
from services.wall.hours import OfficeHours
from services.web import serve
from streams.core.cells import Cell, month_of, rows
from streams.core.days import day_number
from streams.core.facts import mask
from streams.core.working_time import WorkingTime
from streams.live import Callback, MonthRecord, UnitState

NOW = datetime(2023, 11, 10, 7, 32, 5, tzinfo=UTC)
"""14:32:05 on a Friday in Đắk Hà."""

STEPS = ("thẩm định hồ sơ", "xác minh", "chờ ký", "trình ký")
RESOLVED = mask(["received", "resolved", "due_known"])


LONG_NAMES = (
    "Chi nhánh Văn phòng Đăng ký đất đai huyện Đắk Hà",
    "Phòng Lao động - Thương binh và Xã hội",
    "Phòng Nông nghiệp và Phát triển nông thôn",
    "Văn phòng Hội đồng nhân dân và Ủy ban nhân dân huyện",
    "Trung tâm Phục vụ hành chính công và Kiểm soát thủ tục hành chính",
    "Cục Đăng ký quốc gia giao dịch bảo đảm và Bồi thường nhà nước",
    "Cục Kiểm tra văn bản và Quản lý xử lý vi phạm hành chính",
    "Vụ Quản lý quy hoạch",
)
"""As real offices and departments of ministries are called."""

HOURS = OfficeHours(WorkingTime(load_calendar()))


class FakeLive:
    """Counters that a test sets; the same interface as ``LiveUnits``."""

    def __init__(self, now: Callable[[], datetime] = lambda: NOW) -> None:
        self.why: str | None = None
        self.lag_s: float | None = 2.0
        self.counted: dict[int, int] = {}
        self._now = now
        self._units: Mapping[str, UnitState] = {}
        self._callbacks: list[Callback] = []

    def not_ready(self) -> str | None:
        return self.why

    def units(self) -> Mapping[str, UnitState]:
        return self._units

    def complete_until(self) -> datetime | None:
        return None if self.lag_s is None else self._now() - timedelta(seconds=self.lag_s)

    def counted_to(self) -> Mapping[int, int]:
        return self.counted

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def set(self, *states: UnitState) -> None:
        """Replace these units and tell who has subscribed."""
        self._units = {**self._units, **{state.now.unit: state for state in states}}
        self.tell(*(state.now.unit for state in states))

    def tell(self, *units: str) -> None:
        for callback in self._callbacks:
            callback(frozenset(units))


class FakeCertificates:
    """Certificates that a test sets; the same interface as ``CertificateReader``."""

    def __init__(self) -> None:
        self._newest: Certificate | None = None
        self._callbacks: list[Callable[[], None]] = []

    def newest(self) -> Certificate | None:
        return self._newest

    def subscribe(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def set(self, found: Certificate) -> None:
        """Replace it and tell who has subscribed."""
        self._newest = found
        for callback in self._callbacks:
            callback()


def certificate(at: datetime = NOW, **changes: Any) -> Certificate:
    """Of a district that is equal, but for the changes."""
    moment = rfc3339_ms(at)
    content: dict[str, Any] = {
        "state": "equal",
        "compared_at": moment,
        "duration_ms": 1200,
        "code_version": "0.1.0",
        "units": 24,
        "units_compared": 24,
        "units_differing": 0,
        "cells_compared": 51_234,
        "offsets": {0: 81_002, 3: 65_118},
        "history_behind": 0,
        "recounted": 3,
        "oldest_recount_at": moment,
        "all_recounted_within_s": 3600,
        "next_within_s": 123,
        "equal_at": moment,
        "differences_found": 0,
        "differences": (),
    }
    return seal(Certificate(**{**content, **changes}))


def state(
    unit: str,
    counted: Mapping[Cell, int],
    *,
    still_open: int = 0,
    overdue: int = 0,
    due_soon: int | None = 0,
    last_event_at: str | None = "2023-11-10T07:31:58.000Z",
    offset: int = 1,
    worst: tuple[DueDossier, ...] = (),
    next_due: tuple[DueDossier, ...] = (),
) -> UnitState:
    """A unit whose counters are these cells."""
    by_month: dict[str, dict[Cell, int]] = defaultdict(dict)
    for cell, n in counted.items():
        by_month[month_of(cell.day)][cell] = n
    months = {
        month: MonthRecord(month, offset, orjson.dumps(rows(cells)))
        for month, cells in sorted(by_month.items())
    }
    now = UnitNow(
        unit=unit,
        partition=0,
        offset=offset,
        dossiers=sum(counted.values()) + still_open,
        open=still_open,
        months=tuple(months),
        last_recorded_at=last_event_at,
        overdue=overdue,
        due_soon=due_soon,
        worst=worst,
        next=next_due,
    )
    return UnitState(now, months)


def closed(
    level: str,
    n: int,
    *facts: str,
    day: date = date(2023, 5, 10),
    procedure: str = "1.001193",
    base: int = RESOLVED,
) -> dict[Cell, int]:
    """n dossiers closed on a day with these facts besides being resolved."""
    return {Cell("closed", day_number(day), level, procedure, "cb01", base | mask(facts)): n}


def paid(level: str, *procedures: str, day: date = date(2023, 5, 10)) -> dict[Cell, int]:
    """One online payment for each procedure."""
    number = day_number(day)
    return {Cell("paid", number, level, code, "cb01", mask(["received"])): 1 for code in procedures}


def district_year(scale: int = 1) -> list[UnitState]:
    """A district's year: 24 units, trends over the weeks, seven rates near their targets."""
    registry = load_registry()
    procedures = sorted(p.code for p in registry.procedures if p.payment_online)
    states = []
    # as they were on the day that the wall shows: codes of theirs were reused later
    units = [u for u in registry.units if u.holds(NOW.date())]
    districts = [u for u in units if u.level == "district"]
    communes = [u for u in units if u.level == "commune"]
    for number, unit in enumerate(communes):
        used = procedures[number % 3 : 3 + number % 4]
        states.append(_unit_year(unit, 457, scale, number, 0.18, 0.982, used))
    for number, unit in enumerate(districts):
        states.append(_unit_year(unit, 339, scale, number, 0.273, 0.959, procedures[-2:]))
    return states


def more_communes(n: int, scale: int = 1) -> list[UnitState]:
    """Communes that no registry knows, with long codes for names and a year of one month."""
    name = "xa-moi-sap-nhap-tu-ba-xa-cu-{number:04}"
    return [
        state(
            name.format(number=number),
            closed("commune", scale * (number % 30), *(["on_time"] if number % 3 else [])),
            still_open=scale,
            overdue=number % 5,
        )
        for number in range(n)
    ]


def long_named() -> tuple[list[Unit], list[UnitState]]:
    """District offices with long names, and a month of each."""
    units = [
        Unit(code=f"co-quan-{n}", name=name, level="district", valid_from=date(2020, 1, 1))
        for n, name in enumerate(LONG_NAMES)
    ]
    states = [
        state(unit.code, closed("district", 20 + n, "on_time"), still_open=n, overdue=n % 3)
        for n, unit in enumerate(units)
    ]
    return units, states


def _unit_year(
    unit: Unit, n: int, scale: int, number: int, digitized: float, on_time: float, used: list[str]
) -> UnitState:
    counted: dict[Cell, int] = defaultdict(int)
    first, last = day_number(date(2023, 1, 3)), day_number(date(2023, 11, 10))
    full = mask(["fully_online_service", "offered_online"])
    for i in range(n):
        # fractions of multiples of the golden ratio: even, without any randomness
        at = [((i + number * 37) * k) % 1 for k in (0.61803, 0.41421, 0.73205, 0.23607)]
        progress = i / n
        bits = RESOLVED
        bits |= mask(["on_time"]) if at[0] < on_time + 0.03 * (progress - 0.5) else 0
        if at[1] < digitized * (0.6 + 0.8 * progress):
            bits |= mask(["application_digitized", "result_electronic"])
        if at[2] < 0.57:
            bits |= full
            bits |= mask(["filed_online", "paperless"]) if at[3] < 0.45 + 0.25 * progress else 0
        if at[3] < 0.3:
            bits |= mask(["fee_owed", "offered_online"])
            bits |= mask(["paid_online"]) if at[1] > 0.66 - 0.02 * progress else 0
        day = first + int(progress * (last - first))
        counted[Cell("closed", day, unit.level, "1.001193", "cb01", bits)] += scale
    for code in used:
        counted[Cell("paid", first + 40, unit.level, code, "cb01", 1)] += 1
    overdue, due_soon = number % 4 and number // 3, number // 2
    return state(
        unit.code,
        counted,
        still_open=(15 + 3 * number) * scale,
        overdue=overdue * scale,
        due_soon=due_soon * scale,
        worst=tuple(_open(unit, number, n, -26 * (n + number % 5 + 1)) for n in range(overdue)),
        next_due=tuple(_open(unit, number, n, 9 * n + 2 * number) for n in range(due_soon)),
    )


def _open(unit: Unit, number: int, n: int, hours: int) -> DueDossier:
    """An open dossier that is due in so many hours."""
    codes = sorted(p.code for p in load_registry().procedures if p.level == unit.level)
    return DueDossier(
        dossier=f"{unit.code}-231103-{1000 + 37 * number + n}",
        procedure=codes[(number + n) % len(codes)],
        officer="cb01",
        step=STEPS[(number + n) % len(STEPS)],
        due_at=rfc3339_ms(NOW + timedelta(hours=hours, minutes=17)),
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


class WallProcess:
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


def main() -> None:
    """Serve a wall on a district's invented year."""
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
    options = parser.parse_args()
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
    os.environ.pop("MOTCUA_BOOK", None)
    with tempfile.TemporaryDirectory() as data:
        if options.roadmap:
            shutil.copytree(options.roadmap, Path(data) / "roadmaps")
        settings = Settings(installation_title=options.title, demo=options.demo, data=Path(data))
        serve_wall(live, certificates, settings, now, options)


def serve_wall(
    live: FakeLive,
    certificates: FakeCertificates,
    settings: Settings,
    now: Callable[[], datetime],
    options: argparse.Namespace,
) -> None:
    """Until a signal comes."""
    app, close = build_test_app(live, certificates, settings, now, options.beat)
    serve(app, "127.0.0.1", options.port, before_exit=close)


if __name__ == "__main__":
    main()
