"""A service of ours as a process, on a data folder and a free port, to be killed if need be."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

_READY_WITHIN_S = 60


@dataclass
class Service:
    """One running process."""

    url: str
    data: Path
    process: subprocess.Popen[bytes]
    output: Path

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> float:
        """SIGTERM; the seconds until it had ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        return time.monotonic() - began


def start(
    module: str,
    data: Path,
    port: int,
    kafka: str,
    prefix: str,
    *,
    ready: bool = True,
    answers_at: int = 0,
    **more: str,
) -> Service:
    """Start ``python -m module`` and return it when it is ready (or answers at all).

    ``answers_at``: how far above ``port`` the service answers.
    """
    data.mkdir(parents=True, exist_ok=True)
    settings = {
        "DATA": str(data),
        "PORT": str(port),
        "KAFKA": kafka,
        "TOPIC_PREFIX": prefix,
        **{name.upper(): value for name, value in more.items()},
    }
    own = {f"MOTCUA_{name}": value for name, value in settings.items()}
    inherited = {n: v for n, v in os.environ.items() if not n.startswith("MOTCUA_")}
    output = data / f"{module}.log"
    with output.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            env={**inherited, **own},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    service = Service(f"http://127.0.0.1:{port + answers_at}", data, process, output)
    deadline = time.monotonic() + _READY_WITHIN_S
    path = "/readyz" if ready else "/healthz"
    while True:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{service.url}{path}", trust_env=False).status_code == 200:
                return service
        if process.poll() is not None or time.monotonic() > deadline:
            service.kill()
            raise AssertionError(f"{module} is not ready:\n{output.read_text('utf-8')[-3000:]}")
        time.sleep(0.05)


@contextlib.contextmanager
def running(
    module: str, data: Path, port: int, kafka: str, prefix: str, **how: Any
) -> Iterator[Service]:
    """A service that does not survive the block."""
    service = start(module, data, port, kafka, prefix, **how)
    try:
        yield service
    finally:
        service.kill()
