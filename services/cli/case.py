"""A dossier as the history gave it, and the words in which it is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from schemas.events import EVENTS, KIND_OF_TYPE
from schemas.registry import Registry
from services.cli.say import VIETNAM
from streams.core.days import milliseconds, moment, to_date
from streams.core.dossier import AnyEntry, Corrected, Dossier, add, event_id, read
from streams.core.working_time import WorkingTime

KIND_TITLES = {kind.number: kind.title for kind in EVENTS}
_WEEKDAYS = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")


@dataclass(frozen=True, slots=True)
class Case:
    """A dossier as the history gave it, and what is needed to explain it."""

    unit: str
    code: str
    dossier: Dossier
    said: Mapping[int, Mapping[str, Any]]
    """The records by the identities of their events."""
    registry: Registry
    work: WorkingTime


def case_of(found: Mapping[str, Any], registry: Registry, work: WorkingTime) -> Case:
    """The case of ``GET /api/v1/events``. The dossier has at least one event."""
    dossier: Dossier = ()
    said: dict[int, Mapping[str, Any]] = {}
    for line in found["events"]:
        record = line["event"]
        _, _, entry = read(orjson.dumps(record))
        dossier, _ = add(dossier, entry)
        if line["counts"]:
            said[event_id(record["source"], record["id"])] = record
    return Case(found["unit"], found["dossier"], dossier, said, registry, work)


def said_of(case: Case, entry: AnyEntry) -> Mapping[str, Any]:
    """What was said of an entry, by the event itself or by the correction that replaced it."""
    found: Mapping[str, Any] = _record(case, entry).get("data", {})
    if not isinstance(entry, Corrected) and found.get("replacement"):
        inner: Mapping[str, Any] = found["replacement"]["data"]
        return inner
    return found


def _record(case: Case, entry: AnyEntry) -> Mapping[str, Any]:
    if not isinstance(entry, Corrected):
        for other in case.dossier:
            # a replacement carries the hash of the correction that it came in
            if isinstance(other, Corrected) and other.replacement == entry:
                return case.said.get(other.id, {})
    return case.said.get(entry.id, {})


def named(case: Case, entry: AnyEntry) -> dict[str, Any]:
    """Which event an entry is, for those who want to look it up.

    ``corrected``: it counts as a correction has it, and ``id`` is the correction's.
    """
    record = _record(case, entry)
    return {
        "title": KIND_TITLES[entry.kind],
        "at": iso(entry.at),
        "source": record.get("source"),
        "id": record.get("id"),
        "corrected": not isinstance(entry, Corrected) and "corrects" in record.get("data", {}),
    }


def title(record: Mapping[str, Any]) -> str:
    """What a record is and when it happened."""
    return f"{KIND_OF_TYPE[record['type']].title} lúc {written(record['time'])}"


def written(text: str) -> str:
    """An RFC 3339 moment, for people."""
    return at(milliseconds(datetime.fromisoformat(text)))


def at(ms: int) -> str:
    """A moment with its weekday, in Vietnamese time."""
    local = moment(ms).astimezone(VIETNAM)
    seconds = f":{local:%S}" if local.second or local.microsecond else ""
    return f"{_WEEKDAYS[local.weekday()]} {local:%d/%m/%Y %H:%M}{seconds}"


def iso(ms: int | None) -> str | None:
    """A moment for programs."""
    return None if ms is None else moment(ms).astimezone(VIETNAM).isoformat(timespec="milliseconds")


def day_told(day: int) -> str:
    """A day number with its weekday."""
    on = to_date(day)
    return f"{_WEEKDAYS[on.weekday()]} {on:%d/%m/%Y}"
