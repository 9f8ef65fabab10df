"""What ``motcua report check`` says of a file, and its exit code."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from services.cli.say import NOT_SO, NOT_YET, answer
from services.cli.where import ask

_WORDS: Mapping[str, tuple[str, int]] = {
    "confirmed": ("Đúng: tệp còn nguyên và lịch sử nói đúng như vậy / confirmed", 0),
    "edited": ("ĐÃ BỊ SỬA sau khi xuất / edited", NOT_SO),
    "differs": ("KHÁC: tệp còn nguyên, nhưng lịch sử nói khác / the history differs", NOT_SO),
    "unknown": ("Tệp còn nguyên; chưa tính lại được / cannot say yet", NOT_YET),
}
_SHOWN = 20


def check(file: Path, audit: str, as_json: bool) -> int:
    """Have the file checked, say what came of it; the exit code."""
    found = ask("POST", audit, "/api/v1/check", timeout_s=600, body=file.read_bytes())
    if as_json:
        answer(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        answer("\n".join(_told(file, found)))
    return _WORDS[found["verdict"]][1]


def _told(file: Path, found: Mapping[str, Any]) -> Iterator[str]:
    said = found["provenance"]
    yield f"{file}: {_WORDS[found['verdict']][0]}"
    yield (
        f"  {said['book']} bản {said['book_version']}, {said['from']} – {said['to']}, "
        f"{said['unit'] or 'mọi đơn vị'}; đã biết đến {said['known_at']}; vị trí {said['offsets']}"
    )
    yield f"  SHA-256 của số liệu trong tệp: {found['data_sha256']}"
    if not found["data_fit"]:
        yield f"  Tệp ghi / the file names: {said['data_sha256']}"
    if not found["seal_fits"]:
        yield "  Phần nguồn gốc đã bị sửa / the provenance was edited"
    if found["history_sha256"] not in (None, found["data_sha256"]):
        yield f"  Lịch sử / the history: {found['history_sha256']}"
    for note in found["notes"]:
        yield f"  {note}"
    differences = found["differences"]
    for difference in differences[:_SHOWN]:
        pair = f"{_cell(difference['file'])} → {_cell(difference['history'])}"
        yield f"  {_where(difference)}: {pair}"
    if len(differences) > _SHOWN:
        yield f"  … và {len(differences) - _SHOWN} chỗ khác nữa (--json)"


def _where(difference: Mapping[str, Any]) -> str:
    row = f"dòng {difference['row']}" if difference["row"] else "tiêu đề cột"
    return f"{difference['part']}, {row}, {difference['column'] or 'cả dòng'}"


def _cell(text: str | None) -> str:
    return "không có" if text is None else f"«{text}»"
