"""Starts processes in order of readiness, starts again what dies, and stops all in order.

Knows nothing of what the processes do: that is the table in ``processes.py``. Everything runs in
one thread, the main one (a child tethered to a thread that ends would die with it); only checks
and preparations, which may block, run in others.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from deploy.local import pids
from deploy.local.processes import Check, ProcessSpec

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
STABLE_AFTER_S = 60.0
"""A process that stood this long starts again without a longer delay."""

_TETHER = Path(__file__).with_name("tether.py")
_POLL_S = 0.05
_CHECK_EVERY_S = 0.1
_LOOK_EVERY_S = 2.0
_KILL_PATIENCE_S = 10.0
_LOG_LINES = 5
_LOG_LIMIT = 10_000_000
_LOGS_KEPT = 3


class State(StrEnum):
    """What a child is doing, as the operator reads it."""

    WAITING = "chờ / waiting"
    STARTING = "đang khởi động / starting"
    UP = "đang chạy / up"
    DOWN = "đã dừng, sẽ chạy lại / down, will start again"
    STOPPING = "đang dừng / stopping"
    STOPPED = "đã dừng / stopped"


@dataclass(slots=True)
class Child:
    """A process of the table and how it is doing."""

    spec: ProcessSpec
    state: State = State.WAITING
    why: str = ""
    restarts: int = 0
    since: float = field(default_factory=time.monotonic)
    process: subprocess.Popen[bytes] | None = None
    log_began: int = 0
    """Where in its log the present run begins."""

    def become(self, state: State, why: str = "") -> None:
        if state != self.state:
            self.since = time.monotonic()
        self.state, self.why = state, why


class Report(Protocol):
    """Where the operator sees it. Never raises, never blocks for long."""

    def changed(self, child: Child) -> None:
        """Look at a child: something about it may be new. Called often."""

    def tell(self, text: str) -> None:
        """Show a text that must stay visible: why a process died, what was killed."""


class Supervisor:
    """Keeps the processes of a table running between ``start`` and ``stop``."""

    def __init__(self, specs: Sequence[ProcessSpec], pid_folder: Path, report: Report) -> None:
        self.children = {spec.name: Child(spec) for spec in specs}
        self._pid_folder = pid_folder
        self._report = report
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; returns at once. Needs a running event loop in the main thread."""
        for child in self.children.values():
            self._tasks.append(asyncio.create_task(self._keep(child)))

    async def all_up(self) -> None:
        """Return when every process is ready. Raises what a keeper raised: that is a bug."""
        while not all(child.state is State.UP for child in self.children.values()):
            for task in self._tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(_POLL_S)

    async def stop(self, at_once: asyncio.Event) -> None:
        """End all, step by step; ``at_once`` set at any time kills what still runs."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        steps = sorted({child.spec.stop_step for child in self.children.values()})
        for step in steps:
            of_step = [c for c in self.children.values() if c.spec.stop_step == step]
            await asyncio.gather(*(self._end(child, at_once) for child in of_step))

    async def _keep(self, child: Child) -> None:
        delays = backoff()
        while True:
            await self._until_up(child.spec.after)
            started_at = time.monotonic()
            self._become(child, State.STARTING)
            why = await self._prepare(child)
            if not why:
                process = self._spawn(child)
                watch = asyncio.create_task(self._watch(child))
                try:
                    while process.poll() is None:
                        await asyncio.sleep(_POLL_S)
                finally:
                    watch.cancel()
                # what it started itself must not outlive it: it may hold the same port
                pids.signal_group(process.pid, signal.SIGKILL)
                why = _reason(child, process.returncode)
            if time.monotonic() - started_at > STABLE_AFTER_S:
                delays = backoff()
            delay = next(delays)
            child.restarts += 1
            self._become(child, State.DOWN, why.partition("\n")[0])
            self._report.tell(
                f"{child.spec.name}: {why}\n"
                f"{child.spec.name}: chạy lại sau {delay:g} giây / starting again in {delay:g} s"
            )
            await asyncio.sleep(delay)

    async def _prepare(self, child: Child) -> str:
        try:
            await asyncio.to_thread(child.spec.prepare)
        except Exception as error:  # whatever it is, the operator must see it and the rest go on
            return f"chuẩn bị không được / cannot prepare: {type(error).__name__}: {error}"
        return ""

    def _spawn(self, child: Child) -> subprocess.Popen[bytes]:
        spec = child.spec
        spec.output.parent.mkdir(parents=True, exist_ok=True)
        rotate(spec.output)
        child.log_began = spec.log.stat().st_size if spec.log.exists() else 0
        with spec.output.open("ab") as output:
            process = subprocess.Popen(
                tethered(spec.command),
                env=dict(spec.environment),
                cwd=spec.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C goes to the supervisor alone, which stops its children in order
                start_new_session=True,
            )
        child.process = process
        if process_identity := pids.identity(process.pid):
            pids.remember(self._pid_file(child), process_identity)
        return process

    async def _watch(self, child: Child) -> None:
        while why := await _ask(child.spec.not_ready):
            self._become(child, State.STARTING, why)
            await asyncio.sleep(_CHECK_EVERY_S)
        self._become(child, State.UP)
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._become(child, State.UP, await _ask(child.spec.not_well))

    async def _until_up(self, names: Sequence[str]) -> None:
        while any(self.children[name].state is not State.UP for name in names):
            await asyncio.sleep(_POLL_S)

    async def _end(self, child: Child, at_once: asyncio.Event) -> None:
        process = child.process
        if process is not None and process.poll() is None:
            self._become(child, State.STOPPING)
            limit_s = child.spec.stop_timeout_s
            pids.signal_group(process.pid, signal.SIGTERM)
            if not await _ended(process, limit_s, at_once):
                self._report.tell(
                    f"{child.spec.name}: không dừng trong {limit_s:g} giây, buộc dừng (SIGKILL)"
                    f" / did not stop within {limit_s:g} s, killed"
                    if not at_once.is_set()
                    else f"{child.spec.name}: buộc dừng (SIGKILL) / killed"
                )
            pids.signal_group(process.pid, signal.SIGKILL)
            await _ended(process, _KILL_PATIENCE_S, asyncio.Event())
        self._pid_file(child).unlink(missing_ok=True)
        self._become(child, State.STOPPED)

    def _become(self, child: Child, state: State, why: str = "") -> None:
        child.become(state, why)
        self._report.changed(child)

    def _pid_file(self, child: Child) -> Path:
        return self._pid_folder / f"{child.spec.name}.json"


async def _ask(check: Check) -> str:
    try:
        return await asyncio.to_thread(check)
    except Exception as error:  # a check that fails says no; it must not end the watch
        return f"{type(error).__name__}: {error}"


def backoff() -> Iterator[float]:
    """Yield the delays before the next starts: 0.5 s, doubled each time, at most 30 s."""
    delay_s = FIRST_DELAY_S
    while True:
        yield delay_s
        delay_s = min(2 * delay_s, LONGEST_DELAY_S)


def tethered(command: Sequence[str]) -> list[str]:
    """Return ``command`` so that it dies with this process. ``command[0]`` is a full path."""
    return [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), *command]


def rotate(log: Path) -> None:
    """Move a log of more than 10 MB out of the way; three old ones are kept."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size <= _LOG_LIMIT:
            return
        for number in range(_LOGS_KEPT, 1, -1):
            with contextlib.suppress(FileNotFoundError):
                log.with_name(f"{log.name}.{number - 1}").replace(
                    log.with_name(f"{log.name}.{number}")
                )
        log.replace(log.with_name(f"{log.name}.1"))


def tail(log: Path, began: int = 0, lines: int = _LOG_LINES) -> list[str]:
    """Return the last lines after ``began`` that are not empty; nothing when there is no log."""
    try:
        with log.open("rb") as file:
            size = log.stat().st_size
            # smaller than where it began: it was rotated meanwhile
            file.seek(max(0 if size < began else began, size - 16_384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]


def _reason(child: Child, code: int) -> str:
    spec = child.spec
    if code < 0:
        name = signal.Signals(-code).name
        how = f"bị dừng bởi tín hiệu {name} / ended by signal {name}"
    else:
        how = f"tự dừng, mã thoát {code} / ended with exit code {code}"
    last = tail(spec.log, child.log_began) or (tail(spec.output) if spec.output != spec.log else [])
    if not last:
        return how
    shown = "".join(f"\n    {line}" for line in last)
    return f"{how}; {spec.log}:{shown}"


async def _ended(
    process: subprocess.Popen[bytes], patience_s: float, at_once: asyncio.Event
) -> bool:
    deadline = time.monotonic() + patience_s
    while process.poll() is None:
        if time.monotonic() > deadline or at_once.is_set():
            return False
        await asyncio.sleep(_POLL_S)
    return True


Listener = Callable[[], None]


@contextlib.contextmanager
def signals(first: Listener, again: Listener) -> Iterator[None]:
    """Call ``first`` on the first SIGINT, SIGTERM or SIGHUP and ``again`` on each later one."""
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup means it
        numbers.append(signal.SIGHUP)
    seen = False

    def received() -> None:
        nonlocal seen
        (again if seen else first)()
        seen = True

    for number in numbers:
        loop.add_signal_handler(number, received)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
