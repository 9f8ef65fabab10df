"""The gateway against the least that a gateway can be (``gateway_skeleton``), on one real broker.

Both run at the same time as processes of their own with equal settings and take turns under the
same load, in rounds: what else happens on the machine hits both. The figure is the median round.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx2

from schemas.topics import EVENTS
from services.gateway.credentials import add_emitter, credentials_file
from tests.benchmarks.http_load import UNITS
from tests.support import kafka, services

_ROUNDS, _QUICK_ROUNDS = 7, 3


def rows(quick: bool) -> list[dict[str, object]]:
    """Single events on 64 connections, and batches of 100 on 8."""
    rounds = _QUICK_ROUNDS if quick else _ROUNDS
    with tempfile.TemporaryDirectory() as folder, kafka.broker(Path(folder) / "kafka") as broker:
        prefix = broker.fresh_prefix()
        data = Path(folder) / "data"
        key = add_emitter(credentials_file(data), "benchmark", UNITS)
        port, other = kafka.free_ports(1), kafka.free_ports(1)
        with services.running("services.gateway", data, port, broker.bootstrap, prefix):
            skeleton = _skeleton(broker.bootstrap, EVENTS.full_name(prefix), other)
            try:
                return [
                    _row(
                        "gateway, single events",
                        "events/s",
                        1,
                        (port, "/v1/events", key, 64, 1000 if quick else 2000, 1),
                        (other, "/v1/events", "skeleton", 64, 1000 if quick else 2000, 1),
                        rounds,
                    ),
                    _row(
                        "gateway, batches of 100",
                        "events/s",
                        100,
                        (port, "/v1/events", key, 8, 60 if quick else 120, 100),
                        (other, "/v1/batch", "skeleton", 8, 60 if quick else 120, 100),
                        rounds,
                    ),
                ]
            finally:
                skeleton.kill()
                skeleton.wait(10)


def _row(
    name: str,
    unit: str,
    events: int,
    ours: tuple[object, ...],
    reference: tuple[object, ...],
    rounds: int,
) -> dict[str, object]:
    for one in (ours, reference):
        _load(one)  # keys verified, connections made, code warm
    found = [(_load(ours), _load(reference)) for _ in range(rounds)]
    rates = [[events * f["requests"] / f["seconds"] for f in pair] for pair in found]
    share = max(f["generator_share"] for pair in found for f in pair)
    mine, theirs = (median(rate[side] for rate in rates) for side in (0, 1))
    p99 = median(pair[0]["p99_ms"] for pair in found)
    return {
        "name": name,
        "ours": round(mine),
        "reference": round(theirs),
        "ratio": round(median(rate[0] / rate[1] for rate in rates), 2),
        "unit": unit,
        "note": f"bare FastAPI + kafka-python, acks=all; at least 0.6; p99 {p99:.0f} ms; "
        f"load generator {share:.0%} of a core",
    }


def _load(arguments: tuple[object, ...]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.http_load", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"load generator: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _skeleton(bootstrap: str, topic: str, port: int) -> subprocess.Popen[bytes]:
    module = "tests.benchmarks.gateway_skeleton"
    process = subprocess.Popen([sys.executable, "-m", module, bootstrap, topic, str(port)])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.get(f"http://127.0.0.1:{port}/openapi.json", trust_env=False)
            return process
        except httpx2.TransportError:
            time.sleep(0.05)
    process.kill()
    raise RuntimeError("the skeleton does not start")
