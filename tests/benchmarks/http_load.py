"""A load generator in a process of its own: keep-alive HTTP/1.1 straight on asyncio's protocols.

Prints one JSON line: how many requests were answered 202 in how many seconds, latencies, and how
much of a core the generator itself took (above 0.9 it would be measuring itself).

    python -m tests.benchmarks.http_load PORT PATH KEY CONNECTIONS REQUESTS BATCH
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator

import uvloop

UNITS = tuple(str(code) for code in (23500, 23503, 23504, 23506, 23509, 23510, 23512, 23515, 23518))


def bodies(run: str, batch: int) -> Iterator[bytes]:
    """Valid events, every one new, of several units so that the partitions share the work."""
    units = UNITS
    n = 0
    while True:
        events = []
        for _ in range(batch):
            n += 1
            unit = units[n % len(units)]
            events.append(
                f'{{"specversion":"1.0","id":"{run}-{n}","source":"https://motcua.example.vn",'
                f'"type":"motcua.dossier.received.v1","subject":"{unit}-230210-{n:06}",'
                f'"time":"2023-02-10T08:30:00+07:00","unit":"{unit}",'
                f'"data":{{"procedure":"1.001193","channel":"online","paperless":true,'
                f'"due_at":"2023-02-13T17:00:00+07:00","officer":"CB01"}}}}'
            )
        yield (events[0] if batch == 1 else "[" + ",".join(events) + "]").encode()


class Sender(asyncio.Protocol):
    """One connection: the next request leaves when the last is answered."""

    def __init__(self, requests: "Iterator[bytes]", latencies: list[float]) -> None:
        self.requests, self.latencies = requests, latencies
        self.finished = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.next()

    def next(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.transport.close()
            self.finished.set_result(None)
            return
        self.began = time.perf_counter()
        self.transport.write(request)  # type: ignore[attr-defined]  # a write transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        if not head.startswith(b"HTTP/1.1 202"):
            self.finished.set_exception(AssertionError((head + b"\n" + rest)[:500].decode()))
            self.transport.abort()  # type: ignore[attr-defined]  # a write transport
            return
        self.buffer = b""
        self.latencies.append(time.perf_counter() - self.began)
        self.next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_exception(error or ConnectionError("closed by the server"))


async def load(port: int, requests: list[bytes], connections: int) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    left = iter(requests)
    began, worked = time.perf_counter(), time.process_time()
    senders = [
        (await loop.create_connection(lambda: Sender(left, latencies), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*[sender.finished for sender in senders])
    took, worked = time.perf_counter() - began, time.process_time() - worked
    latencies.sort()
    return {
        "requests": len(latencies),
        "seconds": took,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
        "generator_share": worked / took,
    }


def main() -> None:
    port, path, key, connections, count, batch = sys.argv[1:]
    kind = "application/json" if "skeleton" in key else "application/cloudevents+json"
    if int(batch) > 1:
        kind = kind.replace("events+", "events-batch+")
    made = bodies(str(time.time_ns()), int(batch))
    requests = [
        (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        + body
        for body in (next(made) for _ in range(int(count)))
    ]
    result = uvloop.run(load(int(port), requests, int(connections)))
    print(json.dumps(result))  # noqa: T201 - its output


if __name__ == "__main__":
    main()
