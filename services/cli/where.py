"""Finds the installation that a command is for, and asks it things."""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
from pydantic import ValidationError

from services.cli.say import fail
from services.settings import Settings

RUNNING = Path(__file__).resolve().parents[2] / "var" / "running"
"""Where a local stack says that it runs: ``<port>.json`` with port, data folder and pid."""

_LONG_S = 600
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_ANYWHERE = frozenset({"0.0.0.0", "::", ""})


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A stack of this machine, as it announced itself."""

    port: int
    data: Path


@dataclass(frozen=True, slots=True)
class Installation:
    """The addresses of an installation, as seen from here."""

    front: str
    audit: str
    demo: bool


def running_stacks(folder: Path = RUNNING) -> list[LocalStack]:
    """The stacks of this machine whose supervisor lives, by port."""
    found = []
    for file in folder.glob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(file.read_text("utf-8"))
            if _lives(int(said["pid"])):
                found.append(LocalStack(int(said["port"]), Path(said["data"])))
    return sorted(found, key=lambda stack: stack.port)


def local_stack_of(front: str, folder: Path = RUNNING) -> LocalStack | None:
    """The stack of this machine that answers at this address."""
    parts = urlsplit(front)
    if parts.hostname not in _LOOPBACK:
        return None
    return next((s for s in running_stacks(folder) if s.port == parts.port), None)


def the_only_stack(folder: Path = RUNNING) -> LocalStack:
    """The one stack that runs on this machine; says what to do when there is none, or several."""
    stacks = running_stacks(folder)
    if not stacks:
        fail(
            "Không có hệ thống nào đang chạy trên máy này. Chạy ./run up, hoặc chỉ địa chỉ bằng "
            "--url http://MÁY:CỔNG\n"
            "No installation runs on this machine. Start one with ./run up, or name one with --url."
        )
    if len(stacks) > 1:
        urls = "\n".join(f"  --url http://127.0.0.1:{s.port}   ({s.data})" for s in stacks)
        fail(
            f"Có {len(stacks)} hệ thống đang chạy trên máy này; chọn một / several run here, "
            f"choose one:\n{urls}"
        )
    return stacks[0]


def find(url: str | None, folder: Path = RUNNING, patience_s: float = 0) -> Installation:
    """The installation at this address (the front's or the audit's), else the only local one.

    With patience an address that does not answer is asked again: it may be starting.
    """
    url = url or f"http://127.0.0.1:{the_only_stack(folder).port}"
    if "://" not in url:
        url = f"http://{url}"
    base = url.rstrip("/")
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and not _answers(base):
        time.sleep(0.2)
    said = get(base, "/.well-known/motcua")
    if said.get("product") != "motcua":
        fail(f"{url} không phải là motcua / is not motcua. Kiểm tra --url / check --url.")
    host = urlsplit(url).hostname or ""
    return Installation(
        _from_here(said["front"], host), _from_here(said["audit"], host), said["demo"]
    )


def data_folder(data: Path | None, url: str | None = None) -> Path:
    """The data folder that was named, else the one of the stack that runs here."""
    if data is not None:
        return data
    if url is None:
        stacks = running_stacks()
        return the_only_stack().data if stacks else settings_here().data
    stack = local_stack_of(find(url).front)
    if stack is None:
        fail(
            f"Khóa được cất trong thư mục dữ liệu: chạy lệnh này trên máy của {url}, hoặc --data\n"
            f"Keys lie in the data folder: run this on the machine of {url}, or give --data"
        )
    return stack.data


def settings_here() -> Settings:
    """Of the environment; ends the command when it is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        name = "MOTCUA_" + "_".join(str(part) for part in wrong["loc"]).upper()
        fail(f"Biến môi trường {name}: {wrong['msg']}")


def get(base: str, path: str, query: Mapping[str, str | None] | None = None) -> dict[str, Any]:
    """The JSON object at this address. Ends the command with the reason when there is none."""
    return ask("GET", base, path, query)


def ask(
    method: str,
    base: str,
    path: str,
    query: Mapping[str, str | None] | None = None,
    timeout_s: float = 120,
    body: bytes | None = None,
) -> dict[str, Any]:
    """The JSON object that the service answers with, else the command ends with its reason."""
    with _asked(method, base, path, query, timeout_s, body) as response:
        response.read()
    return _object_of(response, base, path)


def download(base: str, path: str, query: Mapping[str, str | None], file: Path) -> None:
    """Write what is at this address into the file, which is there whole or not at all."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with _asked("GET", base, path, query, _LONG_S) as response:
            if response.status_code >= 400:
                response.read()
                _object_of(response, base, path)
            with part.open("wb") as output:
                for block in response.iter_bytes():
                    output.write(block)
        part.replace(file)
    except OSError as error:
        fail(f"Không ghi được / cannot write {file}: {error}")
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _asked(
    method: str,
    base: str,
    path: str,
    query: Mapping[str, str | None] | None,
    timeout_s: float,
    body: bytes | None = None,
) -> Iterator[httpx2.Response]:
    asked = {name: value for name, value in (query or {}).items() if value is not None}
    timeout = httpx2.Timeout(timeout_s, connect=5)
    key = settings_here().audit_key.get_secret_value()
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        # a proxy of the environment is for the internet
        with (
            httpx2.Client(trust_env=False, timeout=timeout, headers=headers) as http,
            http.stream(method, f"{base}{path}", params=asked, content=body) as response,
        ):
            yield response
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        fail(
            f"Không kết nối được {base}: {error}\n"
            f"Cannot reach {base}. Kiểm tra hệ thống đang chạy và --url / is it running?",
        )


def _object_of(response: httpx2.Response, base: str, path: str) -> dict[str, Any]:
    try:
        found = response.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        fail(f"{base}{path}: HTTP {response.status_code}, không phải JSON / not JSON")
    if response.status_code >= 400:
        fail(_reason(found, f"{base}{path}: HTTP {response.status_code}"))
    return found


def _reason(problem: Mapping[str, Any], otherwise: str) -> str:
    details = [str(problem[key]) for key in ("detail_vi", "detail") if problem.get(key)]
    return "\n".join(dict.fromkeys(details)) or otherwise


def _from_here(address: str, host: str) -> str:
    """What a server calls itself, with the host that reached it where it knows no better."""
    parts = urlsplit(address)
    if parts.hostname not in _LOOPBACK | _ANYWHERE:
        return address
    shown = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, f"{shown}:{parts.port}", "", "", ""))


def _answers(base: str) -> bool:
    try:
        httpx2.get(f"{base}/healthz", trust_env=False, timeout=5)
    except (httpx2.TransportError, httpx2.InvalidURL):
        return False
    return True


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
