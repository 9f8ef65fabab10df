"""The decision's own table as a page: rendered here, without scripts, everything offline."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from fastapi import APIRouter
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import FileResponse, HTMLResponse, Response

from schemas.certificates import Certificate, Difference
from schemas.problems import Problem
from schemas.registry import Registry
from services.audit import words
from services.audit.access import (
    ROLE_TITLES,
    Person,
    current_person,
    form_token,
    right_of,
)
from services.audit.asked import ZONE
from services.audit.words import number
from services.certificates import age_s
from services.settings import Settings

_HERE = Path(__file__).parent
_STATIC = {"audit.css": "text/css"}
_FONTS = {font.name: font for font in (_HERE.parent / "wall/static/fonts").glob("*.woff2")}
"""The installation's type, in one copy."""
Given: TypeAlias = Mapping[str, str]


MENU = (
    ("/", "Bảng chỉ tiêu"),
    ("/dossiers", "Hồ sơ"),
    ("/forensics", "Bất thường"),
    ("/trend", "Xu hướng"),
    ("/compare", "So sánh"),
    ("/verify", "Đối chiếu"),
    ("/saved", "Báo cáo đã lưu"),
    ("/check", "Kiểm tra tệp"),
    ("/access", "Nhật ký"),
    ("/docs", "API"),
)


def menu_of(person: Person) -> list[tuple[str, str]]:
    """The pages that this person may open."""
    return [
        (path, title)
        for path, title in MENU
        if person.may(right_of(path).least)
        and (person.units is None or right_of(path).of_unit or right_of(path).own)
    ]


class Pages:
    """Renders; knows no database."""

    def __init__(
        self,
        settings: Settings,
        newest: Callable[[], Certificate | None],
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._newest = newest
        self._clock = clock
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"local": local, "cell": cell_words, **words.FILTERS}
        self._templates.globals.update(
            settings=settings,
            menu=menu_of,
            person=current_person,
            form_token=form_token,
            roles=ROLE_TITLES,
        )

    def verification(self, registry: Registry, given: Given) -> Response:
        """The newest certificate with its differences."""
        found, today = self._newest(), self._clock().astimezone(ZONE).date()
        codes = {difference.unit for difference in (found.differences if found else ())}
        units = {code: registry.unit(code, today) or registry.latest_unit(code) for code in codes}
        names = {code: unit.name if unit else code for code, unit in units.items()}
        return self.page("verify.html", given, names=names)

    def problem(self, problem: Problem, given: Given = MappingProxyType({})) -> Response:
        """What is wrong, and what would be right, as a page."""
        return self.page("problem.html", given, problem.status, problem=problem)

    def static_router(self) -> APIRouter:
        """The style sheet and its fonts."""
        router = APIRouter(include_in_schema=False)

        @router.get("/static/{name}")
        def static(name: str) -> Response:
            if name in _FONTS:
                return FileResponse(_FONTS[name], media_type="font/woff2")
            if name not in _STATIC:
                return Response(status_code=404)
            return FileResponse(_HERE / "static" / name, media_type=_STATIC[name])

        return router

    def page(self, template: str, given: Given, status: int = 200, /, **values: Any) -> Response:
        """The template with what every page shows; ``given`` are the parameters of the address."""
        found = self._newest()
        language = words.language(given)
        values = {
            "given": dict(given),
            **values,
            "certificate": found,
            "verdict": verdict(found, self._clock(), language),
            **language.values(template, given),
        }
        return HTMLResponse(self._templates.get_template(template).render(values), status)


def local(moment: str) -> str:
    """An RFC 3339 moment on the offices' clock."""
    return f"{datetime.fromisoformat(moment).astimezone(ZONE):%H:%M:%S %d/%m/%Y}"


_MEASURES = {"received": "tiếp nhận", "closed": "kết thúc", "paid": "thanh toán trực tuyến"}
_WHOLE = {"dossiers": "tổng số hồ sơ", "open": "hồ sơ đang giải quyết"}


def cell_words(difference: Difference) -> str:
    """Which figure it is."""
    if isinstance(difference.cell, str):
        return _WHOLE[difference.cell]
    measure, day, _, procedure, officer, _, _ = difference.cell
    year, month, date = day.split("-")
    parts = (_MEASURES[measure], f"{date}/{month}/{year}", procedure, officer)
    return " · ".join(part for part in parts if part)


def verdict(certificate: Certificate | None, now: datetime, t: words.Language) -> tuple[str, str]:
    """(style, words) of a certificate: what it says, and whether it is too old to say it."""
    if certificate is None:
        return "none", t("chưa đối chiếu")
    if certificate.state == "differs":
        return "missed", f"{t('LỆCH')} {number(certificate.units_differing)} {t('đơn vị')}"
    promised = certificate.next_within_s
    if promised is not None and age_s(certificate, now) > promised:
        return "missed", t("ngừng đối chiếu")
    of_all = f"{number(certificate.units_compared)}/{number(certificate.units)}"
    equal = f"{t('khớp')} {of_all} {t('đơn vị')}"
    if certificate.state == "equal":
        return "met", equal
    if certificate.history_behind:
        behind = number(certificate.history_behind)
        return "none", f"{t('đang chờ: lịch sử chậm')} {behind} {t('bản ghi')}"
    return "none", f"{t('đang đối chiếu')}, {equal}"
