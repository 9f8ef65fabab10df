"""Repairs a refused event: changes by ``field=value``, a file that can be edited, sending again."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.events import EVENT
from schemas.problems import FieldError
from schemas.text import MASK
from services.cli.kept import Kept
from services.gateway.rules import translated


class NotRepairable(ValueError):
    """Why not, and what would help; in Vietnamese and English."""


def repairs_folder(data: Path) -> Path:
    """Where repaired events wait to be sent, one file for each: ``<number>.json``."""
    return data / "rejected"


def repaired_file(data: Path, number: int) -> Path:
    """The repaired event; an operator may edit it."""
    return repairs_folder(data) / f"{number}.json"


def changed(events: Sequence[dict[str, Any]], changes: Sequence[str]) -> list[dict[str, Any]]:
    """The event with ``field=value`` put in; ``field=`` takes the field out.

    A value is read as JSON where it is JSON, and is text otherwise. Raises :class:`NotRepairable`.
    """
    if changes and len(events) != 1:
        raise NotRepairable(
            f"--set chỉ dùng cho một sự kiện; bản ghi này có {len(events)}: hãy sửa tệp\n"
            f"--set is for one event, this record has {len(events)}: edit the file"
        )
    found: list[dict[str, Any]] = orjson.loads(orjson.dumps(list(events)))
    for change in changes:
        path, equals, text = change.partition("=")
        names = path.split(".")
        if not equals or not all(names):
            raise NotRepairable(f"--set {change}: viết / write data.officer=cb-014")
        place = found[0]
        for name in names[:-1]:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise NotRepairable(f"--set {change}: {name} không có trường con / has no fields")
        if text:
            place[names[-1]] = _value(text)
        else:
            place.pop(names[-1], None)
    return found


def faults(kept: Kept, events: Sequence[dict[str, Any]]) -> list[str]:
    """What still speaks against sending these events, in words; the gateway may know more."""
    told = []
    for n, event in enumerate(events):
        where = f"[{n}] " if len(events) > 1 else ""
        try:
            EVENT.validate_json(orjson.dumps(event))
        except ValidationError as error:
            told += [f"{where}{line(fault)}" for fault in translated(error.errors())]
        if MASK in json.dumps(event, ensure_ascii=False):
            told.append(
                f"{where}{MASK}: phần nghi là thông tin cá nhân đã được che; ghi lại bằng mã\n"
                f"    what may be about a person was masked: write a code in its place"
            )
    if kept.conflicts and kept.events is not None and _ids(events) == _ids(kept.events):
        told.append(
            "id: đã có sự kiện khác cùng source và id được tính; đặt id riêng: --set id=…\n"
            "    another event with this source and id counts: give it an id of its own"
        )
    return told


def line(fault: FieldError) -> str:
    """A reason on two lines."""
    return f"{fault.field or '(sự kiện)'}: {fault.message_vi}\n    {fault.message}"


def write(file: Path, events: Sequence[dict[str, Any]]) -> None:
    """As readable JSON, for this owner alone."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = events[0] if len(events) == 1 else list(events)
    part = file.with_name(f".{file.name}.part")
    part.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")
    part.replace(file)


def read(file: Path) -> list[dict[str, Any]]:
    """The events of such a file. Raises :class:`NotRepairable`."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise NotRepairable(f"{file}: không phải JSON / not JSON: {error}") from error
    events = found if isinstance(found, list) else [found]
    if not events or not all(isinstance(event, dict) for event in events):
        raise NotRepairable(f"{file}: cần một sự kiện hoặc một mảng / one event, or an array")
    return events


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _ids(events: Sequence[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(event.get("source"), event.get("id")) for event in events]
