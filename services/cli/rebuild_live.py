"""``motcua rebuild live``: a further generation of the worker's state, put in force when equal.

N is in force, N+1 is built (``streams/rebuild.py``); what is in force is one file of the data
folder (``streams/generations.py``), so a kill at any step leaves exactly one generation in force:

1. the changelogs of all generations but N are deleted, an empty one of N+1 is created: N in force;
2. N+1 is built beside the running worker and compared with it: N in force;
3. different: N+1 is deleted again. N in force; the end;
4. the file is replaced: N+1 in force, the worker still runs on N, which is true as well;
5. the worker sees it, ends, and its supervisor starts it on N+1;
6. once it is ready the changelog of N is deleted. Killed before, the next rebuild's step 1 does it.

Where no supervisor of this machine runs the worker, ``MOTCUA_WORKER_GENERATION`` takes the file's
place: it ends after 2 and says what to set, for the workers and for whoever shows how far they are.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import httpx2
from kafka.admin import KafkaAdminClient

from services.topics import ensure_topics
from streams.generations import changelog, generation_in, put_in_force

_READY_WITHIN_S = 120.0
_LOOK_S = 0.2

Outcome = Literal["swapped", "equal", "different", "failed", "to_set", "not_ready"]


@dataclass(frozen=True, slots=True)
class Place:
    """The worker whose state is rebuilt."""

    kafka: str
    prefix: str
    data: Path
    worker: str | None
    """Address of its health; None: not of this machine's supervisor."""
    told: int = 0
    """``MOTCUA_WORKER_GENERATION``; 0: the data folder says it."""
    copies: int = 1

    @property
    def environment(self) -> dict[str, str]:
        """For processes that work on it."""
        return {
            **os.environ,
            "MOTCUA_KAFKA": self.kafka,
            "MOTCUA_TOPIC_PREFIX": self.prefix,
            "MOTCUA_DATA": str(self.data),
        }


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came of it."""

    outcome: Outcome
    generation: int
    records: int = 0
    records_per_s: float = 0
    units: int = 0
    differences: tuple[str, ...] = ()
    why: str = ""


def rebuild_live(
    place: Place, show: Callable[[Mapping[str, Any]], None], *, keep: bool = False
) -> Rebuilt:
    """All of it; raises ``KafkaError``. ``show`` hears of each step with its records and rate."""
    running = generation_in(place.data, place.told)
    built = running + 1
    if why := _not_sure(place, running):
        return Rebuilt("failed", built, why=why)
    drop_others(place, running)
    ensure_topics(place.kafka, place.prefix, place.copies, [changelog(built)])
    found = _build(place, built, show)
    if found.outcome != "equal" or keep:
        drop_others(place, running)
        return found
    if place.worker is None:
        return replace(found, outcome="to_set")
    show({"step": "swapping"})
    put_in_force(place.data, built)
    if not _worker_on(place.worker, built):
        return replace(found, outcome="not_ready")
    drop_others(place, built)
    return replace(found, outcome="swapped")


def _not_sure(place: Place, running: int) -> str:
    """Why it is not certain that this generation is in force: deleting another could hurt."""
    if place.worker is not None:
        try:
            there = httpx2.get(f"{place.worker}/healthz", trust_env=False, timeout=5).json()
        except (httpx2.TransportError, ValueError):
            return f"worker không trả lời / does not answer: {place.worker}"
        if there.get("generation") != running:
            return (
                f"worker chạy trên bản / runs on generation {there.get('generation')},"
                f" dữ liệu nói / the data folder says {running}"
            )
    elif not place.told and changelogs(place) - {changelog(running).full_name(place.prefix)}:
        return (
            "Có nhiều bản trạng thái: đặt MOTCUA_WORKER_GENERATION như của các worker\n"
            "There are several generations: set MOTCUA_WORKER_GENERATION as the workers have it"
        )
    return ""


def changelogs(place: Place) -> set[str]:
    """The topics of all generations that are there."""
    begin, _, end = changelog(2).full_name(place.prefix).rpartition("2")
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=place.kafka)) as admin:
        return {
            name
            for name in admin.list_topics()
            if name == changelog(1).full_name(place.prefix)
            or (name.startswith(begin) and name.endswith(end))
        }


def drop_others(place: Place, kept: int) -> None:
    """Delete the changelog of every generation but this one."""
    others = changelogs(place) - {changelog(kept).full_name(place.prefix)}
    if not others:
        return
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=place.kafka)) as admin:
        admin.delete_topics(sorted(others))
    # they leave the answers later than they are deleted; made anew before, they would be gone again
    deadline = time.monotonic() + _READY_WITHIN_S
    while others & changelogs(place) and time.monotonic() < deadline:
        time.sleep(_LOOK_S)


def _build(place: Place, generation: int, show: Callable[[Mapping[str, Any]], None]) -> Rebuilt:
    said: dict[str, Any] = {}
    with subprocess.Popen(
        [sys.executable, "-m", "streams.rebuild", str(generation)],
        env=place.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stdout:
                said |= json.loads(line)
                show(said)
            why = process.stderr.read().strip()
            code = process.wait()
        except BaseException:
            process.kill()
            raise
    if code not in (0, 1) or said.get("step") != "done":
        return Rebuilt("failed", generation, why=why[-2000:])
    return Rebuilt(
        "equal" if code == 0 else "different",
        generation,
        said.get("records", 0),
        said.get("records_per_s", 0),
        said["units"],
        tuple(said["differences"]),
    )


def _worker_on(url: str, generation: int) -> bool:
    """Whether the worker runs on this generation and is ready, within a while."""
    deadline = time.monotonic() + _READY_WITHIN_S
    with httpx2.Client(base_url=url, trust_env=False, timeout=5) as http:
        while time.monotonic() < deadline:
            # it does not answer while it is started again
            with contextlib.suppress(httpx2.TransportError, ValueError):
                on = http.get("/healthz").json().get("generation")
                if on == generation and http.get("/readyz").status_code == 200:
                    return True
            time.sleep(_LOOK_S)
    return False
