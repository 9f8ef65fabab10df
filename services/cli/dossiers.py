"""Tells one dossier: its events in order, and what follows from them."""

import json
from datetime import datetime
from typing import Any

from schemas.events import EVENTS
from services.cli.say import VIETNAM
from streams.core.facts import FACTS

_TITLES = {kind.name: kind.title for kind in EVENTS}
_FACTS = {fact.name: fact.title for fact in FACTS}


def told(found: dict[str, Any]) -> str:
    """What the audit answered, for people: moments in Vietnamese time, facts in words."""
    lines = [_event(event) for event in found["events"]]
    known = found.get("known")
    if known:
        lines.append("")
        moments = {"received_at": "tiếp nhận", "due_at": "hạn trả", "closed_at": "kết thúc"}
        lines += [f"{word}: {_moment(known[m])}" for m, word in moments.items() if known.get(m)]
        lines += [f"• {_FACTS.get(name, name)}" for name in known["facts"]]
    return "\n".join(lines)


def _event(event: dict[str, Any]) -> str:
    data = json.dumps(event["event"].get("data", {}), ensure_ascii=False)
    title = _TITLES.get(event["kind"], event["kind"])
    repeated = "" if event["counts"] else "  (bản lặp, không tính / a copy, not counted)"
    return f"{_moment(event['occurred_at'])}  {title}  {event['emitter']}  {data}{repeated}"


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text).astimezone(VIETNAM)
    return f"{moment:%d/%m/%Y %H:%M:%S}"
