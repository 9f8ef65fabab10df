"""Which processes are ours: a pid with its start time, because pids are used again."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

_GENTLE_S = 5.0
_HARD_S = 10.0


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, for as long as the machine is up and after."""

    pid: int
    started: str


def identity(pid: int) -> Identity | None:
    """Return the identity of a process that runs; None when there is none, or only a zombie."""
    started = _start_on_linux(pid) if sys.platform == "linux" else _start_by_ps(pid)
    return Identity(pid, started) if started else None


def is_alive(process: Identity) -> bool:
    return identity(process.pid) == process


def remember(file: Path, process: Identity) -> None:
    """Write the identity so that a reader sees the old or the new one, never half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_text(json.dumps(asdict(process)), "utf-8")
    part.replace(file)


def recall(file: Path) -> Identity | None:
    """Return what ``remember`` wrote; None when there is nothing usable."""
    try:
        return Identity(**json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def end_left_behind(folder: Path) -> list[str]:
    """End every process remembered in ``folder`` that still runs; return their names.

    Asks first, and kills after five seconds. On return they are gone, with their children, and so
    are the files.
    """
    ended = []
    for file in sorted(folder.glob("*.json")):
        process = recall(file)
        if process and is_alive(process):
            ended.append(file.stem)
            _end(process)
        file.unlink(missing_ok=True)
    return ended


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a process and what it started; it leads a group of its own. Gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _end(process: Identity) -> None:
    for number, patience_s in ((signal.SIGTERM, _GENTLE_S), (signal.SIGKILL, _HARD_S)):
        signal_group(process.pid, number)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if not is_alive(process):
                return
            time.sleep(0.02)
    raise RuntimeError(f"pid {process.pid}: SIGKILL không có tác dụng / has no effect")


def _start_on_linux(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
    # the name in brackets may hold anything: count from its end; state is field 3, start field 22
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else f"{boot} {fields[19]}"


def _start_by_ps(pid: int) -> str:
    done = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = done.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()
