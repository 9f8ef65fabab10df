"""The counters once more, in a few lines of plain Python that share no code with the product.

Slow and simple: every event is read again, every dossier is derived anew.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

RESOLVED, APPLICATION_DIGITIZED, PAID_ONLINE, ON_TIME = 1 << 1, 1 << 5, 1 << 14, 1 << 17
CHECKED = RESOLVED | APPLICATION_DIGITIZED | PAID_ONLINE | ON_TIME
_CLOSING = {"resolved", "rejected", "withdrawn", "stopped"}
_ONLINE = {"national_portal", "local_gateway"}

Cells = Counter[tuple[str, str, str, str, str, int]]


def recount(values: Iterable[bytes]) -> dict[str, Cells]:
    """Cells of each unit, with the four facts above for bits, from records of ``motcua.events``."""
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
        found[unit].update(_cells(sorted(history, key=lambda e: e["time"])))
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
    received = closed = None
    bits = 0
    left: Counter[str] = Counter()
    paid_on: dict[str, set[str]] = defaultdict(set)
    for event in history:
        kind, data = event["type"].split(".")[2], event["data"]
        if kind == "received":
            received = received or event
        elif kind == "digitized" and data["part"] == "application":
            if 0 < data["items_total"] <= data["items_digitized"]:
                bits |= APPLICATION_DIGITIZED
        elif kind in ("paid", "refunded") and data["way"] in _ONLINE:
            left[data["payment_id"]] += data["amount_vnd"] * (1 if kind == "paid" else -1)
            if kind == "paid":
                paid_on[data["payment_id"]].add(_day(event))
        elif kind in _CLOSING:
            closed = closed or event
        elif kind == "reopened":
            closed = None
    days = {day for payment, on in paid_on.items() if left[payment] > 0 for day in on}
    if sum(left.values()) > 0:
        bits |= PAID_ONLINE
    officer = received["data"].get("officer", "") if received else ""
    if closed and closed["type"].split(".")[2] == "resolved":
        bits |= RESOLVED
        officer = closed["data"].get("officer") or officer
        due = received["data"].get("due_at") if received else None
        if due and closed["time"] <= due:
            bits |= ON_TIME
    level = (received or history[0])["level"]
    procedure = received["data"]["procedure"][:8] if received else ""
    common = level, procedure, officer, bits
    found = [("paid", day, *common) for day in days]
    if received:
        found.append(("received", _day(received), *common))
    if closed:
        found.append(("closed", _day(closed), *common))
    return found


def _day(event: Mapping[str, Any]) -> str:
    return f"{datetime.fromisoformat(event['time']) + timedelta(hours=7):%Y-%m-%d}"
