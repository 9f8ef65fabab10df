"""From POST to pixels: how long, and where the time goes.

Each event is followed by what is there anyway: the answer 202, the moment that the worker wrote
into the snapshot's record, a delta on an event stream, and the figure that a page has painted.
"""

import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from statistics import quantiles
from typing import Any

import httpx2
import orjson
from kafka import KafkaConsumer, TopicPartition

from schemas.snapshots import now_key
from schemas.topics import UNITS
from streams.worker import partition_of_unit
from tests.support.browser import FULL_HD, chromium
from tests.support.stack import LocalStack

EVENTS_A_SECOND = 50
_UNIT = "23500"
_INDICATOR = "on_time_commune"
_HANOI = timezone(timedelta(hours=7))
_KAFKA = 2
"""Its port, counted from the stack's."""

# counts every change of the figure on the page, with the moment at which it was painted
_WATCH = """() => {
  const seen = window.seen = [];
  const look = () => {
    const found = document.querySelector('#tile-on_time_commune dl dt').textContent;
    seen.push([Number(found.split('/')[1].replaceAll('.', '')), Date.now()]);
    requestAnimationFrame(look);
  };
  look();
}"""

Steps = Sequence[tuple[float, int]]
"""(milliseconds since the epoch, how many of the events were there then), ascending."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds. ``parts``: (p50, p99) of each part of the way; they need not add up."""

    p50: float
    p99: float
    parts: Mapping[str, tuple[float, float]]


@dataclass
class _Seen:
    """What two listeners beside the page have noted."""

    offsets: list[tuple[float, int]] = field(default_factory=list)
    """(when written, offset) of the unit's snapshots."""
    deltas: list[tuple[float, int]] = field(default_factory=list)
    """(when it came, resolved dossiers of the communes) on the stream."""
    stop: threading.Event = field(default_factory=threading.Event)


def measured(stack: LocalStack, seconds: int) -> Latency:
    """One event after the other into one unit, watched on its district's page."""
    added = stack.motcua("emitter", "add", "bench", "--unit", _UNIT, "--data", str(stack.data))
    assert added.returncode == 0, added.stderr
    key = added.stdout.strip()
    now = datetime.now(_HANOI)
    number = EVENTS_A_SECOND * seconds
    with (
        chromium() as browser,
        httpx2.Client(headers={"Authorization": f"Bearer {key}"}, trust_env=False) as client,
    ):
        for n in range(0, number, 500):
            batch = [_event("received", i, now, _RECEIVED) for i in range(n, min(n + 500, number))]
            client.post(f"{stack.url}/v1/events", json=batch).raise_for_status()
        page = browser.new_page(viewport=FULL_HD, bypass_csp=True)
        page.goto(f"{stack.url}/wall?pages=A")
        resolved = page.locator(f"#tile-{_INDICATOR} dl dt").first
        resolved.wait_for()
        with _listening(stack) as seen:
            time.sleep(1)  # until all that was received is shown
            base = int(resolved.inner_text().split("/")[1].replace(".", ""))
            offset = seen.offsets[-1][1]
            page.evaluate(_WATCH)
            sent, answered = _send(client, stack, number, now)
            page.wait_for_function(
                "target => window.seen.length && window.seen.at(-1)[0] >= target", arg=base + number
            )
            painted: list[tuple[float, int]] = [(at, n) for n, at in page.evaluate("window.seen")]
    written = _reached(((at, n - offset) for at, n in seen.offsets), number)
    streamed = _reached(((at, n - base) for at, n in seen.deltas), number)
    shown = _reached(((at, n - base) for at, n in painted), number)
    whole = _percentiles(sent, shown)
    parts = {
        "gateway: POST to 202": _percentiles(sent, answered),
        "worker: 202 to the snapshot written": _percentiles(answered, written),
        "wall: snapshot to the stream": _percentiles(written, streamed),
        "screen: stream to pixels": _percentiles(streamed, shown),
    }
    return Latency(*whole, parts)


def _send(
    client: httpx2.Client, stack: LocalStack, number: int, now: datetime
) -> tuple[list[float], list[float]]:
    """When each event was sent, and when it was answered."""
    sent: list[float] = []
    answered: list[float] = []
    began = time.monotonic()
    for n in range(number):
        time.sleep(max(0.0, began + n / EVENTS_A_SECOND - time.monotonic()))
        sent.append(time.time() * 1000)
        event = _event("resolved", n, now, _RESOLVED)
        client.post(f"{stack.url}/v1/events", json=event).raise_for_status()
        answered.append(time.time() * 1000)
    return sent, answered


def _reached(steps: Iterable[tuple[float, int]], number: int) -> list[float]:
    """For the n-th of the events the first moment at which at least n were there."""
    moments: list[float] = []
    for at, n in steps:
        moments += [at] * (min(n, number) - len(moments))
    assert len(moments) == number, f"{len(moments)} of {number} events were seen"
    return moments


def _percentiles(since: Sequence[float], until: Sequence[float]) -> tuple[float, float]:
    cuts = quantiles((b - a for a, b in zip(since, until, strict=True)), n=100)
    return cuts[49], cuts[98]


@contextmanager
def _listening(stack: LocalStack) -> Any:
    seen = _Seen()
    threads = [
        threading.Thread(target=_read_snapshots, args=(stack, seen), daemon=True),
        threading.Thread(target=_read_stream, args=(stack, seen), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        seen.stop.set()
        for thread in threads:
            thread.join(10)


def _read_snapshots(stack: LocalStack, seen: _Seen) -> None:
    consumer = KafkaConsumer(
        bootstrap_servers=f"127.0.0.1:{stack.port + _KAFKA}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    consumer.assign([TopicPartition(UNITS.full_name("motcua"), partition_of_unit(_UNIT))])
    consumer.seek_to_beginning()
    wanted = now_key(_UNIT).encode()
    while not seen.stop.is_set():
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                if record.key == wanted:
                    offset = orjson.loads(record.value)["offset"]
                    seen.offsets.append((float(record.timestamp), offset))
    consumer.close(autocommit=False)


def _read_stream(stack: LocalStack, seen: _Seen) -> None:
    counted = re.compile(rf'"code":"{_INDICATOR}".*?"a":(\d+)')
    with (
        httpx2.Client(trust_env=False, timeout=10) as client,
        client.stream("GET", f"{stack.url}/api/wall/stream") as answer,
    ):
        for line in answer.iter_lines():
            at = time.time() * 1000
            if line.startswith("data:") and (found := counted.search(line)):
                seen.deltas.append((at, int(found[1])))
            if seen.stop.is_set():
                return


_RECEIVED = {"procedure": "1.001193", "channel": "counter", "paperless": False}
_RESOLVED = {"outcome": "approved", "electronic_result": True}


def _event(kind: str, number: int, when: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"bench/{number}/{kind}",
        "source": "urn:motcua:bench",
        "type": f"motcua.dossier.{kind}.v1",
        "subject": f"bench-{number}",
        "time": when.isoformat(),
        "unit": _UNIT,
        "data": data,
    }
