"""One dossier for a page: its events on both clocks, what counts of them, and its due moment."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

from schemas.calendar import load_calendar
from schemas.events import EVENTS, KIND_OF_TYPE
from schemas.problems import Problem
from schemas.registry import Registry
from services.audit.asking import Asking
from services.audit.questions.lists import clocks_told
from services.audit.questions.timeline import DossierEvent, dossier_history
from services.audit.settled import Clocks
from services.cli.case import case_of
from services.cli.due import due_json
from services.cli.words import data_told
from streams.core.facts import FACTS
from streams.core.working_time import WorkingTime

_TITLES = {kind.name: kind.title for kind in EVENTS}
_SOON = timedelta(hours=1)

STANDINGS = {
    "counts": "được tính",
    "copy": "bản sao đến sau, không tính",
    "replaced": "đã được thay bằng đính chính",
    "voided": "đã bị hủy bằng đính chính",
    "correction": "đính chính đang có hiệu lực",
    "superseded": "đính chính đã có bản mới hơn",
    "correction_of_correction": "đính chính một đính chính, không có tác dụng",
    "without_original": "đính chính sự kiện chưa có",
    "unknown_then": "lúc đó chưa biết",
    "not_yet": "lúc đó chưa xảy ra",
}


class Line(NamedTuple):
    """An event of the timeline."""

    event: DossierEvent
    title: str
    told: str
    standing: str
    standing_told: str
    refers: int
    """Number of the line that it corrects, or that corrects it; 0: none."""
    late: str
    """How much later it was recorded than it happened; empty: soon."""


def timeline_page(
    asking: Asking, unit: str, dossier: str, clocks: Clocks
) -> dict[str, Any] | Problem:
    """The values of ``dossier.html``."""
    known = asking.final(clocks)
    if isinstance(known, Problem):
        return known
    history = asking.ask(
        lambda client: dossier_history(client, asking.settled, unit, dossier, clocks=known)
    )
    if isinstance(history, Problem):
        return history
    if history is None:
        return no_dossier(unit, dossier)
    registry = asking.registry()
    facts = history.known
    holder = registry.latest_unit(unit)
    return {
        "unit": unit,
        "dossier": dossier,
        "unit_name": holder.name if holder else unit,
        "procedure": facts.procedure if facts else "",
        "procedure_title": registry.title(facts.procedure) if facts and facts.procedure else "",
        "known": facts,
        "known_facts": [f for f in FACTS if facts and f.name in facts.facts],
        "answer": SimpleNamespace(**clocks_told(known)),
        "timeline": _lines(history.events, known, registry),
        "due": _due(history.events, unit, dossier, known, registry),
    }


def no_dossier(unit: str, dossier: str) -> Problem:
    """The history has no such dossier."""
    return Problem(
        type="urn:motcua:problem:dossier_unknown",
        title="No such dossier",
        title_vi="Không tìm thấy hồ sơ",
        status=404,
        detail=f"The history has no event of dossier {dossier} of unit {unit}.",
        detail_vi=f"Kho lịch sử không có sự kiện nào của hồ sơ {dossier}, đơn vị {unit}.",
    )


@cache
def _work() -> WorkingTime:
    return WorkingTime(load_calendar())


def _due(
    events: Sequence[DossierEvent], unit: str, dossier: str, clocks: Clocks, registry: Registry
) -> list[dict[str, Any]]:
    known = [
        {"event": e.event, "counts": e.counts} for e in events if e.recorded_at <= clocks.known_at
    ]
    if not any(one["counts"] for one in known):
        return []
    case = case_of({"unit": unit, "dossier": dossier, "events": known}, registry, _work())
    steps: list[dict[str, Any]] = due_json(case)["steps"]
    return steps


def _lines(events: Sequence[DossierEvent], clocks: Clocks, registry: Registry) -> list[Line]:
    seen = [e for e in events if e.counts and e.recorded_at <= clocks.known_at]
    numbers = {(e.source, e.id): n for n, e in enumerate(events, 1) if e.counts}
    corrections = {(e.source, e.id) for e in seen if e.kind == "corrected"}
    in_force: dict[tuple[str, str], DossierEvent] = {}
    for event in sorted(seen, key=lambda e: (e.recorded_at, e.content_hash)):
        if event.kind == "corrected":
            in_force[_target(event)] = event
    lines = []
    for event in events:
        standing, other = _standing(event, clocks, numbers, corrections, in_force)
        later = event.recorded_at - event.occurred_at
        lines.append(
            Line(
                event,
                _TITLES[event.kind],
                _told(event, registry),
                standing,
                STANDINGS[standing],
                numbers.get(other, 0) if other else 0,
                f"+{_span(later)}" if later > _SOON else "",
            )
        )
    return lines


def _standing(
    event: DossierEvent,
    clocks: Clocks,
    numbers: Mapping[tuple[str, str], int],
    corrections: set[tuple[str, str]],
    in_force: Mapping[tuple[str, str], DossierEvent],
) -> tuple[str, tuple[str, str] | None]:
    """(standing, the event that it has to do with)."""
    if event.recorded_at > clocks.known_at:
        return "unknown_then", None
    if not event.counts:
        return "copy", (event.source, event.id)
    if event.kind == "corrected":
        target = _target(event)
        if target in corrections:
            return "correction_of_correction", target
        if in_force[target] is not event:
            return "superseded", (in_force[target].source, in_force[target].id)
        return ("correction" if target in numbers else "without_original"), target
    correction = in_force.get((event.source, event.id))
    if correction is not None:
        void = correction.event["data"].get("replacement") is None
        return ("voided" if void else "replaced"), (correction.source, correction.id)
    return ("not_yet" if event.occurred_at > clocks.as_of else "counts"), None


def _target(event: DossierEvent) -> tuple[str, str]:
    corrects = event.event["data"]["corrects"]
    return corrects["source"], corrects["id"]


def _told(event: DossierEvent, registry: Registry) -> str:
    data = event.event.get("data", {})
    if event.kind != "corrected":
        return data_told(data, registry)
    replacement = data.get("replacement")
    what = "hủy sự kiện gốc"
    if replacement:
        kind = _TITLES[KIND_OF_TYPE[replacement["type"]].name]
        what = f"thay bằng {kind}: {data_told(replacement.get('data', {}), registry)}"
    return f"{what}; lý do: {data.get('reason', '')}; người duyệt: {data.get('approved_by', '')}"


def _span(later: timedelta) -> str:
    hours = int(later.total_seconds() // 3600)
    return f"{hours // 24} ngày {hours % 24} giờ" if hours >= 24 else f"{hours} giờ"
