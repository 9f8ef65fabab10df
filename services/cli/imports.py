"""``motcua import``: the file, the mapping, the key, the progress bar, and the last words."""

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from schemas.registry import load_registry, units_toml
from services.cli.say import SOME_UNUSABLE, fail, number, tell
from services.cli.where import RUNNING, find, local_stack_of
from services.emitter.client import GatewayAway, GatewayClient, GatewayRefuses
from services.emitter.importer import Summary, import_file, state_file
from services.emitter.mapping import (
    Mapping,
    UnknownMapping,
    mapping_text,
    parse_mapping,
    shipped_mappings,
)
from services.emitter.tables import UnreadableFile
from services.gateway.credentials import (
    add_emitter,
    credentials_file,
    read_credentials,
    remove_emitter,
    verify,
)

STATES = Path(__file__).resolve().parents[2] / "var" / "imports"
_KNOWN_WITHIN_S = 15.0
_STARTS_WITHIN_S = 10.0


def run_import(
    file: Path, mapping_name: str, url: str | None, key: str, running: Path = RUNNING
) -> int:
    """Import the file and say what became of it; the exit code."""
    text, mapping = _mapping(mapping_name)
    there = find(url, running, _STARTS_WITHIN_S)
    if not key:
        stack = local_stack_of(there.front, running)
        if stack is None:
            fail(_no_key(mapping, there.front))
        key = operator_key(stack.data, mapping)
    client = GatewayClient(there.front, key, waiting=lambda why: tell(f"… chờ / waiting: {why}"))
    content_of_mapping = hashlib.sha256(text.encode()).hexdigest()
    try:
        with client, _Bar() as bar:
            until_known(client, mapping.name, mapping.unit_codes)
            summary = import_file(
                file,
                mapping,
                client,
                lambda content: state_file(STATES, content, content_of_mapping, there.front, key),
                bar,
            )
    except UnreadableFile as error:
        fail(f"Không đọc được tệp / cannot read the file: {error}")
    except (GatewayRefuses, GatewayAway) as error:
        fail(
            f"Cổng tiếp nhận không nhận / the gateway does not take it: {error}\n"
            "Chạy lại lệnh này để làm tiếp; phần đã gửi chỉ được tính một lần.\n"
            "Run this command again to carry on; what was sent counts once."
        )
    _say(summary)
    return SOME_UNUSABLE if summary.unusable else 0


def operator_key(data: Path, mapping: Mapping) -> str:
    """A key for this mapping's units on an installation of this machine, made when there is none.

    Adds the units to the installation's registry.
    """
    _write_units(data / "registry" / f"{mapping.name}.toml", mapping)
    return local_key(data, f"import-{mapping.name}", mapping.unit_codes)


def local_key(data: Path, name: str, units: Sequence[str]) -> str:
    """The key of an emitter of this machine, bound to exactly these units; made when there is none.

    Keeps the key where only the installation's owner may read it. Says what it did.
    """
    secret, emitters = data / "secrets" / f"{name}.key", credentials_file(data)
    known = next((c for c in read_credentials(emitters) if c.name == name), None)
    if known and set(known.units) == set(units) and secret.exists():
        key = secret.read_text("ascii").strip()
        if verify((known,), key):
            return key
    if known:
        remove_emitter(emitters, name)
    key = add_emitter(emitters, name, units)
    secret.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_private(secret, key)
    tell(f"Đã tạo khóa «{name}» cho {len(units)} đơn vị / made a key: {secret}")
    return key


def _mapping(name: str) -> tuple[str, Mapping]:
    try:
        text = mapping_text(name)
        return text, parse_mapping(text)
    except UnknownMapping:
        shipped = ", ".join(shipped_mappings())
        fail(
            f"--mapping {name}: không có mapping hay tệp này; có sẵn: {shipped}\n"
            f"--mapping {name}: no such mapping or file; there are: {shipped}"
        )
    except ValueError as error:
        fail(f"--mapping {name}: {error}")


def _write_units(file: Path, mapping: Mapping) -> None:
    """Add the units to the registry, but for those that it knows already."""
    others = load_registry(*([file.parent] if file.parent.exists() else []))
    known = {unit.code for unit in others.units}
    if set(mapping.unit_codes) <= known:
        return
    text = units_toml(unit for unit in mapping.units if unit.code not in known)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_text(f"# made by motcua import --mapping {mapping.name}\n{text}", "utf-8")
    part.replace(file)
    tell(f"Đã thêm đơn vị vào danh mục / added units to the registry: {file}")


def _write_private(file: Path, text: str) -> None:
    part = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as output:
        output.write(f"{text}\n")
    part.replace(file)


def until_known(client: GatewayClient, name: str, units: Sequence[str]) -> None:
    """Wait until the gateway has read the key and the units, which it does once a second."""
    deadline = time.monotonic() + _KNOWN_WITHIN_S
    while True:
        try:
            known = client.units()
        except GatewayRefuses:
            if time.monotonic() > deadline:
                raise
        else:
            if foreign := sorted(set(units) - set(known)):
                fail(
                    f"Khóa không được ghi cho đơn vị / the key is not bound to the units: "
                    f"{', '.join(foreign)}\n"
                    f"motcua emitter add {name} " + " ".join(f"--unit {code}" for code in units)
                )
            missing = sorted(code for code in units if known[code] is None)
            if not missing:
                return
            if time.monotonic() > deadline:
                fail(
                    f"Danh mục của hệ thống không có đơn vị / the registry has no units: "
                    f"{', '.join(missing)}"
                )
        time.sleep(0.2)


def _no_key(mapping: Mapping, front: str) -> str:
    units = " ".join(f"--unit {code}" for code in mapping.unit_codes)
    command = f"motcua emitter add import-{mapping.name} {units}"
    return (
        f"Cần khóa để gửi tới {front}. Người quản trị máy chủ đó chạy:\n  {command}\n"
        f"rồi đặt khóa vào --key hoặc biến môi trường MOTCUA_KEY.\n"
        f"A key is needed for {front}. The server's administrator runs the command above; "
        f"give the key with --key or MOTCUA_KEY."
    )


class _Bar:
    """A progress bar on a terminal, nothing in a pipe."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        if sys.stderr.isatty():
            self._progress = Progress(
                TextColumn("Nhập dữ liệu"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("dòng · {task.fields[events]} sự kiện"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._task = self._progress.add_task("", total=None, events=0)

    def __enter__(self) -> "_Bar":
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def __call__(self, done_rows: int, total_rows: int, events: int) -> None:
        if self._progress is not None:
            self._progress.update(
                self._task, completed=done_rows, total=total_rows, events=number(events)
            )


def _say(summary: Summary) -> None:
    resumed = (
        f", làm tiếp từ sự kiện thứ / resumed at event {number(summary.resumed_at + 1)}"
        if summary.resumed_at
        else ""
    )
    tell(
        f"{number(summary.rows)} dòng / rows → {number(summary.dossiers)} hồ sơ / dossiers, "
        f"{number(summary.events)} sự kiện / events{resumed}"
    )
    if summary.unusable:
        tell(
            f"{number(summary.unusable)} mục không dùng được, ghi tại / could not be used, see: "
            f"{summary.rejects}"
        )
