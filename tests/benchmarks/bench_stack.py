"""The whole stack: from POST to pixels, from nothing to ready, and the memory of all processes."""

import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from tests.benchmarks.__main__ import Row
from tests.benchmarks.latency import EVENTS_A_SECOND, measured
from tests.support.stack import LocalStack


def rows(quick: bool) -> list[Row]:
    """Start, demo data, memory, latency."""
    with tempfile.TemporaryDirectory() as folder:
        stack = LocalStack(Path(folder))
        stack.data.mkdir()
        (stack.data / "invented").touch()  # as the demonstration marks its folder
        try:
            stack.start()  # formats Kafka's storage and makes the tables: not what is measured
            assert stack.stop() == 0
            ready_s = stack.start()
            _demo(stack, 500 if quick else 6000)
            memory_mb = sum(_resident(m) for m in stack.members()) / 1e6
            latency = measured(stack, 5 if quick else 30)
        finally:
            stack.kill()
    rate = f"{EVENTS_A_SECOND} events/s"
    return [
        _row("start of the installed stack, to ready", ready_s, "s", "bar: at most 12"),
        _row("memory of all processes with the demo's data", memory_mb, "MB", "bar: at most 1500"),
        _row("POST to pixels, p50", latency.p50, "ms", f"{rate}; bar: at most 150"),
        _row("POST to pixels, p99", latency.p99, "ms", "bar: at most 500"),
        *(
            _row(f"… {name}", p50, "ms", f"p99 {p99:.0f} ms")
            for name, (p50, p99) in latency.parts.items()
        ),
    ]


def _row(name: str, ours: float, unit: str, note: str) -> Row:
    return {
        "name": name,
        "ours": round(ours, 1),
        "reference": None,
        "ratio": None,
        "unit": unit,
        "note": note,
    }


def _resident(process: psutil.Process) -> float:
    return float(process.memory_info().rss)


def _demo(stack: LocalStack, dossiers: int) -> None:
    """The demonstration's own data."""
    subprocess.run(
        [
            *(sys.executable, "-m", "services.emitter.demo", "--url", stack.url),
            *("--data", str(stack.data), "--dossiers", str(dossiers), "--speed", "1000000"),
            "--exit-when-done",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
