"""Which generation of the worker's state is in force.

Each generation has a consumer group and a changelog of its own: a worker of the same group would be
handed the topics of the one before. Which one counts is said by ``MOTCUA_WORKER_GENERATION``
where it is set (many machines), else by one small file of the data folder, else it is the first.
The file is replaced as a whole: at every moment exactly one generation is in force.
"""

import os
from dataclasses import replace
from pathlib import Path

from schemas.topics import DOSSIERS_CHANGELOG, TOPICS, Topic

FIRST = 1
_FILE = "worker-generation"


def generation_in(data: Path, told: int = 0) -> int:
    """The generation in force; ``told`` (above 0) is what the settings say."""
    if told:
        return told
    try:
        return int((data / _FILE).read_text("ascii"))
    except FileNotFoundError:
        return FIRST


def put_in_force(data: Path, generation: int) -> None:
    """Have it in force from now on, and after every crash."""
    part = data / f".{_FILE}.{os.getpid()}"
    with part.open("w", encoding="ascii") as file:
        file.write(f"{generation}\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(data / _FILE)
    folder = os.open(data, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def worker_group(prefix: str, generation: int = FIRST) -> str:
    """Consumer group of the worker: it commits what it has counted and published."""
    return f"{prefix}.{_worker(generation)}"


def changelog(generation: int) -> Topic:
    """The topic that holds this generation's state."""
    return replace(DOSSIERS_CHANGELOG, name=f"{_worker(generation)}-dossiers-changelog")


def topics(generation: int) -> tuple[Topic, ...]:
    """The table of topics as it is with this generation in force."""
    return tuple(changelog(generation) if t is DOSSIERS_CHANGELOG else t for t in TOPICS)


def _worker(generation: int) -> str:
    return "worker" if generation == FIRST else f"worker-{generation}"
