"""A thousand screens of one wall: a process that opens event streams and notes what it sees when.

``python -m tests.benchmarks.wall_screens URL SCREENS SECONDS``; prints JSON: for each screen of all
units, the moments (``time.monotonic``, which all processes share) at which each figure was there.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence

UNITS = ("23500", "23503", "23504", "23506", "23509", "23510", "23512", "23515", "23518", "23521")
_OPEN = re.compile(rb'"open":(\d+)')
_OF_ONE_UNIT = 0.6
"""Share of screens that hang in one unit's office."""


async def main(url: str, screens: int, seconds: float) -> dict[str, object]:
    """Open all streams, then listen."""
    host, port = url.removeprefix("http://").split(":")
    seen: list[list[tuple[float, int]]] = []
    ready = asyncio.Semaphore(50)  # so many connections at a time
    until = time.monotonic() + seconds + 15
    tasks = []
    for number in range(screens):
        own = number < _OF_ONE_UNIT * screens
        scope = f"don-vi:{UNITS[number % len(UNITS)]}" if own else "toan-huyen"
        notes: list[tuple[float, int]] | None = None
        if not own:
            notes = []
            seen.append(notes)
        tasks.append(asyncio.create_task(_screen(host, int(port), scope, ready, until, notes)))
    received = sum(await asyncio.gather(*tasks))
    return {"seen": seen, "received": received}


async def _screen(
    host: str,
    port: int,
    scope: str,
    ready: asyncio.Semaphore,
    until: float,
    notes: list[tuple[float, int]] | None,
) -> int:
    """Bytes of the deltas that came."""
    async with ready:
        reader, writer = await asyncio.open_connection(host, port, limit=2**22)
        writer.write(
            f"GET /api/wall/stream?scope={scope} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        )
        await reader.readuntil(b"retry: ")
    total = 0
    is_delta = False
    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + until - time.monotonic()):
            while line := await reader.readline():
                if line.startswith(b"event: "):
                    is_delta = line.startswith(b"event: delta")
                elif is_delta and line.startswith(b"data: "):
                    total += len(line)
                    if notes is not None and (found := _OPEN.search(line)):
                        notes.append((time.monotonic(), int(found[1])))
    except TimeoutError:
        pass
    writer.close()
    return total


def run(arguments: Sequence[str]) -> None:
    """Print what was seen."""
    url, screens, seconds = arguments
    print(json.dumps(asyncio.run(main(url, int(screens), float(seconds)))))  # noqa: T201  # its output


if __name__ == "__main__":
    run(sys.argv[1:])
