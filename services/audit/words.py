"""How pages write: numbers, moments, states; and their English, beside the Vietnamese."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup

from schemas.audit import DossierRow
from services.audit.asked import ZONE
from services.audit.questions import Question

STANDINGS: Mapping[str, str] = {
    "outside": "ngoài mẫu số",
    "missed": "ở mẫu số",
    "met": "ở tử số",
}
LIGHTS: Mapping[str | None, str] = {
    "met": "đạt",
    "on_roadmap": "đúng lộ trình",
    "behind": "chậm",
    None: "chưa phát sinh",
}
_STATES = {
    "resolved": "có kết quả",
    "rejected": "không giải quyết tiếp",
    "withdrawn": "rút hồ sơ",
    "stopped": "dừng giải quyết",
}
_CARRIED = ("book", "from", "to", "unit", "officer", "lineage", "as_of", "known_at")


class Language(NamedTuple):
    """What a page needs to speak it."""

    code: str
    """``vi`` or ``en``."""

    def __call__(self, vietnamese: str) -> str:
        """The same in this language; what has no English stays as it is."""
        return english().get(vietnamese, vietnamese) if self.code == "en" else vietnamese

    def url(self, path: str, parameters: Mapping[str, str] | None = None) -> str:
        """The address with the parameters that say something, in this language."""
        said = {name: value for name, value in (parameters or {}).items() if value}
        said.pop("lang", None)
        if self.code == "en":
            said["lang"] = "en"
        return f"{path}?{urlencode(said)}" if said else path

    def values(self, template: str, given: Mapping[str, str]) -> dict[str, Any]:
        """Names that every template knows."""
        here = _PATHS.get(template, "")
        other = Language("vi" if self.code == "en" else "en")
        return {
            "lang": self.code,
            "t": self,
            "url": self.url,
            "here": here,
            # the address of this page is only known to the browser; a query alone keeps the path
            "other_language": other.url("", {**given}) or "?",
        }


_PATHS = {
    "table.html": "/",
    "behind.html": "/",
    "changes.html": "/",
    "changed.html": "/",
    "search.html": "/dossiers",
    "dossier.html": "/dossiers",
    "forensics.html": "/forensics",
    "findings.html": "/forensics",
    "trend.html": "/trend",
    "compare.html": "/compare",
    "verify.html": "/verify",
    "docs.html": "/docs",
    "check.html": "/check",
    "access.html": "/access",
    "export.html": "/",
}


def language(given: Mapping[str, str]) -> Language:
    """Vietnamese, unless English is asked for."""
    return Language("en" if given.get("lang") == "en" else "vi")


@cache
def english() -> Mapping[str, str]:
    """English by the Vietnamese."""
    text = (resources.files("services.audit") / "english.toml").read_text("utf-8")
    found: dict[str, str] = tomllib.loads(text)
    return found


def base(given: Mapping[str, str], question: Question) -> dict[str, str]:
    """The parameters that every link from a table takes along."""
    return {name: value for name, value in filled(given, question).items() if name in _CARRIED}


def filled(given: Mapping[str, str], question: Question) -> dict[str, str]:
    """What was asked for, with the period and the book that were left out."""
    return {
        **{name: value.strip() for name, value in given.items()},
        "from": question.period.first.isoformat(),
        "to": question.period.last.isoformat(),
        "book": question.book.code,
    }


def base_of(given: Mapping[str, str]) -> dict[str, str]:
    """The parameters of the question alone, among others of a page."""
    return {name: value for name, value in given.items() if name in _CARRIED}


def at_clocks(given: Mapping[str, str]) -> dict[str, str]:
    """The two clocks among the parameters."""
    return {name: given.get(name, "") for name in ("as_of", "known_at")}


def choice(name: str, label: str, chosen: str, options: Sequence[tuple[str, str]]) -> Markup:
    """A field of a form with which one of several is chosen: (value, words)."""
    return Markup("<label>{} <select name='{}'>{}</select></label>").format(
        label,
        name,
        Markup("").join(
            Markup("<option value='{}'{}>{}</option>").format(
                code, Markup(" selected") if code == chosen else "", told
            )
            for code, told in options
        ),
    )


def versus_field(given: Mapping[str, str]) -> Markup:
    """The form's field that asks for a comparison with what is known today."""
    t = language(given)
    options = [("now", t("hôm nay")), ("none", t("không so"))]
    return choice("versus", t("So với lúc biết"), given.get("versus", "now"), options)


def number(value: int) -> str:
    """12345 as Vietnamese readers write it: 12.345."""
    return f"{value:,}".replace(",", ".")


def signed(value: int) -> str:
    """With its sign, also when it is positive."""
    return f"+{number(value)}" if value > 0 else number(value).replace("-", "−")


def decimal(value: float | None) -> str:
    """57.89 as 57,89; nothing as a dash."""
    return "–" if value is None else f"{value:g}".replace(".", ",")


def signed_decimal(value: float | None) -> str:
    """The same with its sign."""
    if value is None:
        return "–"
    return f"+{decimal(value)}" if value > 0 else decimal(value).replace("-", "−")


def moment(value: datetime | None) -> str:
    """On the offices' clock; nothing as a dash."""
    return "–" if value is None else f"{value.astimezone(ZONE):%d/%m/%Y %H:%M:%S}"


def shown(value: Any) -> str:
    """A value of a finding."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, float):
        return decimal(value)
    if isinstance(value, int):
        return number(value)
    return "–" if value in (None, "") else str(value)


def state(row: DossierRow) -> tuple[str, str]:
    """(style, words) of how a dossier stands."""
    if "on_time" in row.facts:
        return "met", "✔ đúng hạn"
    if "late" in row.facts:
        return "missed", "✕ trễ hạn"
    words = next((words for fact, words in _STATES.items() if fact in row.facts), "")
    return "", words or ("chờ bổ sung" if row.waiting_since else "đang giải quyết")


def merged(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """Both, the second before the first."""
    return {**one, **other}


def without(one: Mapping[str, str], name: str) -> dict[str, str]:
    """All but this one."""
    return {key: value for key, value in one.items() if key != name}


FILTERS: Mapping[str, Callable[..., Any]] = {
    "number": number,
    "signed": signed,
    "decimal": decimal,
    "signed_decimal": signed_decimal,
    "moment": moment,
    "shown": shown,
    "state": state,
    "merged": merged,
    "without": without,
}
