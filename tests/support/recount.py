"""The counters once more, in a few lines of plain Python that share no code with the product.

Slow and simple: every event is read again, every dossier is derived anew. Only the calendar's data
are the product's.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from schemas.calendar import load_calendar

_BITS = {
    "resolved": 1 << 1,
    "application_digitized": 1 << 5,
    "paid_online": 1 << 14,
    "due_known": 1 << 16,
    "on_time": 1 << 17,
    "late": 1 << 18,
    "supplemented": 1 << 20,
    "extended": 1 << 23,
    "apologised": 1 << 24,
    "corrected": 1 << 25,
}
CHECKED = sum(_BITS.values())
_CLOSING = {"resolved", "rejected", "withdrawn", "stopped"}
_ONLINE = {"national_portal", "local_gateway"}
_CALENDAR = load_calendar()
_EPOCH = "1970-01-01T00:00:00Z"

Cells = Counter[tuple[str, str, str, str, str, int]]


def recount(values: Iterable[bytes]) -> dict[str, Cells]:
    """Cells of each unit, with the facts above for bits, from records of ``motcua.events``."""
    events: dict[tuple[str, ...], dict[str, Any]] = {}
    for value in values:
        try:
            event = json.loads(value)
            identity = event["unit"], event["subject"], event["source"], event["id"]
            rank = event["recordedat"], event["contenthash"]
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        known = events.get(identity)
        if known is None or rank < (known["recordedat"], known["contenthash"]):
            events[identity] = event
    dossiers = defaultdict(list)
    for (unit, subject, _, _), event in events.items():
        dossiers[unit, subject].append(event)
    found: dict[str, Cells] = defaultdict(Counter)
    for (unit, _), history in dossiers.items():
        found[unit].update(_cells(history))
    return found


def shown(months: Iterable[Mapping[str, Any]]) -> Cells:
    """The same from snapshots of months."""
    found: Cells = Counter()
    for month in months:
        for measure, day, level, procedure, officer, bits, n in month["cells"]:
            assert day.startswith(month["month"]) and n > 0
            found[measure, day, level, procedure, officer, bits & CHECKED] += n
    return found


def _cells(history: list[dict[str, Any]]) -> list[tuple[str, str, str, str, str, int]]:
    said, corrected = _in_force(history)
    received = closed = forwarded = None
    facts = {"corrected"} if corrected else set()
    left: Counter[str] = Counter()
    paid_on: dict[str, set[str]] = defaultdict(set)
    moves = []
    for event in said:
        kind, data = event["type"].split(".")[2], event["data"]
        if kind == "received":
            received = received or event
        elif kind == "digitized" and data["part"] == "application":
            if 0 < data["items_total"] <= data["items_digitized"]:
                facts.add("application_digitized")
        elif kind in ("paid", "refunded") and data["way"] in _ONLINE:
            left[data["payment_id"]] += data["amount_vnd"] * (1 if kind == "paid" else -1)
            if kind == "paid":
                paid_on[data["payment_id"]].add(_day(event))
        elif kind in _CLOSING:
            closed = closed or event
        elif kind == "reopened":
            closed = None
        elif kind == "forwarded":
            forwarded = event
        elif kind in ("supplement_requested", "supplement_received", "due_changed"):
            moves.append(event)
            facts |= {"supplemented"} if kind == "supplement_requested" else set()
            basis = {"legal_extension": "extended", "apology": "apologised"}
            facts |= {basis[data["basis"]]} if kind == "due_changed" else set()
    days = {day for payment, on in paid_on.items() if left[payment] > 0 for day in on}
    facts |= {"paid_online"} if sum(left.values()) > 0 else set()
    due = _due(received, moves, closed)
    facts |= {"due_known"} if due else set()
    officer = ""
    if closed and closed["type"].split(".")[2] == "resolved":
        officer = closed["data"].get("officer") or ""
        facts.add("resolved")
        if due:
            facts.add("on_time" if _at(closed["time"]) <= due else "late")
    for one in (forwarded, received):
        officer = officer or (one["data"].get("officer", "") if one else "")
    level = (received or (said or history)[0])["level"]
    procedure = received["data"]["procedure"][:8] if received else ""
    common = level, procedure, officer, sum(_BITS[fact] for fact in facts)
    found = [("paid", day, *common) for day in days]
    if received:
        found.append(("received", _day(received), *common))
    if closed:
        found.append(("closed", _day(closed), *common))
    return found


def _in_force(history: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
    """(events with every correction heeded, in order; whether there is any correction)."""
    by_identity = {(event["source"], event["id"]): event for event in history}
    latest: dict[tuple[str, str], dict[str, Any]] = {}
    for event in sorted(history, key=lambda e: (e["recordedat"], e["contenthash"])):
        if "corrected" in event["type"]:
            target = event["data"]["corrects"]["source"], event["data"]["corrects"]["id"]
            if "corrected" not in by_identity.get(target, {"type": ""})["type"]:
                latest[target] = event
    said = [
        event
        for identity, event in by_identity.items()
        if identity not in latest and "corrected" not in event["type"]
    ]
    said += [
        {**e, **e["data"]["replacement"]} for e in latest.values() if "replacement" in e["data"]
    ]
    return sorted(said, key=lambda e: e["time"]), bool(latest)


def _due(
    received: dict[str, Any] | None, moves: list[dict[str, Any]], closed: dict[str, Any] | None
) -> datetime | None:
    due, set_at, waiting = None, _at(_EPOCH), None
    if received:
        named = received["data"].get("due_at") or (received.get("frozen") or {}).get("due_at")
        due, set_at = (_at(named) if named else None), _at(received["time"])
    pauses = []
    for move in moves:
        at, data = _at(move["time"]), move["data"]
        if closed and at > _at(closed["time"]):
            break
        if "supplement_requested" in move["type"]:
            waiting = waiting or at
            continue
        if "supplement_received" in move["type"]:
            pauses += [(waiting, at)] if waiting else []
            waiting = None
        sets = data.get("new_due_at") and data.get("basis") != "apology"
        if sets and (not received or at > _at(received["time"])):
            due, set_at = _at(data["new_due_at"]), at
    pauses += [(waiting, _at(closed["time"]))] if waiting and closed else []
    for start, end in pauses:
        start = max(start, set_at)
        if due and start < end and start <= due:
            due = max(_later(due, _worked(start, end)), end)
    return due


def _shifts(day: date) -> list[tuple[datetime, datetime]]:
    if not _CALENDAR.working[(day - _CALENDAR.first).days]:
        return []
    return [
        (datetime.combine(day, opens), datetime.combine(day, closes))
        for opens, closes in _CALENDAR.hours
    ]


def _worked(start: datetime, end: datetime) -> timedelta:
    days = [start.date() + timedelta(n) for n in range((end.date() - start.date()).days + 1)]
    shifts = [(max(o, start), min(c, end)) for day in days for o, c in _shifts(day)]
    return sum((c - o for o, c in shifts if o < c), timedelta())


def _later(due: datetime, left: timedelta) -> datetime:
    day = due.date()
    while left:
        for opens, closes in _shifts(day):
            begins = max(opens, due)
            if begins + left <= closes:
                return begins + left
            left -= max(closes - begins, timedelta())
        day += timedelta(1)
    return due


def _at(text: str) -> datetime:
    """Local time, without its zone."""
    return datetime.fromisoformat(text).replace(tzinfo=None) + timedelta(hours=7)


def _day(event: Mapping[str, Any]) -> str:
    return f"{_at(event['time']):%Y-%m-%d}"
