"""Invented counters and certificates for walls, set by a test: a district's year, long names."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import orjson

from schemas.admitted import rfc3339_ms
from schemas.calendar import load_calendar
from schemas.certificates import Certificate, seal
from schemas.registry import Unit, load_registry
from schemas.snapshots import DueDossier, UnitNow
from services.wall.hours import OfficeHours
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


@cache
def district_year(scale: int = 1) -> tuple[UnitState, ...]:
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
    return tuple(states)


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
