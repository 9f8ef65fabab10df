"""The whole local stack as a user starts it, on a folder and ports of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.support.kafka import free_ports

PROJECT = Path(__file__).resolve().parents[2]
_READY_WITHIN_S = 90
_ROOM_FOR_PORTS = 9


@dataclass
class LocalStack:
    """One installation: start, stop and kill it as often as you like; its data stays."""

    folder: Path
    port: int = field(default_factory=lambda: free_ports(_ROOM_FOR_PORTS))
    process: subprocess.Popen[bytes] | None = None
    brokers: int = 1

    @property
    def url(self) -> str:
        """Of gateway and wall."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def audit(self) -> str:
        """Of the audit."""
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def start(self) -> float:
        """Start and return the seconds until it said that it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        output = self.folder / "output"
        began = time.monotonic()
        with output.open("wb") as stream:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "deploy.local", "up"),
                    *("--data", str(self.data), "--port", str(self.port)),
                    *(["--brokers", str(self.brokers)] if self.brokers > 1 else []),
                ],
                cwd=PROJECT,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        while "sẵn sàng" not in (said := output.read_text("utf-8", "replace")):
            if self.process.poll() is not None or time.monotonic() - began > _READY_WITHIN_S:
                self.kill()
                raise AssertionError(f"the stack is not ready:\n{said[-3000:]}")
            time.sleep(0.05)
        return time.monotonic() - began

    def members(self) -> list[psutil.Process]:
        """The supervisor and everything that it started."""
        if self.process is None or self.process.poll() is not None:
            return []
        try:
            supervisor = psutil.Process(self.process.pid)
            return [supervisor, *supervisor.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """``kill -9`` of everything at once: a power cut, but for the disk."""
        members = self.members()
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(members, timeout=10)
        if self.process is not None:
            self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def motcua(self, *arguments: str, within_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run the command line as a user does."""
        return motcua(*arguments, within_s=within_s)


def motcua(*arguments: str, within_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "services.cli", *arguments],
        cwd=PROJECT,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=within_s,
    )


@contextlib.contextmanager
def local_stack(folder: Path) -> Iterator[LocalStack]:
    """A running stack that does not survive the block."""
    stack = LocalStack(folder)
    stack.start()
    try:
        yield stack
    finally:
        stack.kill()


def _environment() -> dict[str, str]:
    inherited = {n: v for n, v in os.environ.items() if not n.startswith("MOTCUA_")}
    return {**inherited, "PYTHONUTF8": "1"}
