"""Tells one dossier: its events in order, and what follows from them."""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.events import EVENTS, KIND_OF_TYPE
from schemas.registry import Registry
from services.cli.case import written
from services.cli.words import data_told
from streams.core.facts import FACTS

_TITLES = {kind.name: kind.title for kind in EVENTS}
_FACTS = {fact.name: fact for fact in FACTS}
_MOMENTS = {"received_at": "Tiếp nhận", "due_at": "Hạn trả", "closed_at": "Kết thúc"}


def told(found: Mapping[str, Any], registry: Registry) -> str:
    """What the audit answered, for people: what was sent, in words, then what follows from it."""
    lines = [f"Hồ sơ {found['dossier']}, đơn vị {found['unit']}"]
    titles = {
        (e["source"], e["id"]): f"{_title(e)} lúc {written(e['occurred_at'])}"
        for e in found["events"]
        if e["counts"]
    }
    for event in found["events"]:
        lines += ["", *_event(event, titles, registry)]
    if known := found.get("known"):
        lines += ["", "Từ đó suy ra:"]
        lines += [f"{word}: {written(known[m])}" for m, word in _MOMENTS.items() if known.get(m)]
        lines += [_fact(name) for name in known["facts"]]
    return "\n".join(lines)


def _event(
    event: Mapping[str, Any], titles: Mapping[tuple[str, str], str], registry: Registry
) -> Iterator[str]:
    data = event["event"].get("data", {})
    yield f"{written(event['occurred_at'])}  {_title(event)}"
    if said := data_told(data, registry):
        yield f"   {said}"
    if corrects := data.get("corrects"):
        original = titles.get((corrects["source"], corrects["id"]), "chưa nhận được")
        yield f"   đính chính sự kiện {corrects['id']} ({original})"
        yield f"   {_replacement(data.get('replacement'), registry)}"
    yield (
        f"   sự kiện {event['id']}, do {event['emitter']} gửi; "
        f"ghi nhận {written(event['recorded_at'])}"
    )
    if not event["counts"]:
        yield "   bản lặp, không tính / a copy, not counted"


def _replacement(now: Mapping[str, Any] | None, registry: Registry) -> str:
    if now is None:
        return "nay là: hủy, coi như chưa từng gửi"
    said = data_told(now["data"], registry)
    title = KIND_OF_TYPE[now["type"]].title
    return f"nay là: {title} lúc {written(now['time'])}" + (f"; {said}" if said else "")


def _title(event: Mapping[str, Any]) -> str:
    return _TITLES.get(event["kind"], str(event["kind"]))


def _fact(name: str) -> str:
    fact = _FACTS.get(name)
    if fact is None:
        return f"• {name}"
    return f"⚠ {fact.title} (bất thường)" if fact.anomaly else f"• {fact.title}"
