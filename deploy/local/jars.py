"""The broker's Java libraries: exactly the jars of ``jgo.lock.toml``, each checked by its SHA-256.

``jgo.toml`` names every jar, so no version is ever resolved: jgo finds and fetches one artifact at
a time. Its environment builder is not used: it sorts jars into a class path and a module path with
the help of a second Java, which it downloads, and the broker runs from the class path alone.
"""

import argparse
import hashlib
import os
import shutil
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SPEC = HERE / "jgo.toml"
LOCK = HERE / "jgo.lock.toml"
PROJECT = HERE.parents[1]
HOME = PROJECT / "var" / "kafka"

_PARALLEL_DOWNLOADS = 8
_ATTEMPTS = 3


class JarsUnavailable(RuntimeError):
    """The libraries are neither here nor in Maven's cache, and could not be fetched."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock: where the jar is in a Maven repository, and what is in it."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def coordinate(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @property
    def repository_path(self) -> str:
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file_name}"


def locked(lock: Path = LOCK) -> tuple[Jar, ...]:
    """Return the jars of the lock, in the order of ``jgo.toml``."""
    table = tomllib.loads(lock.read_text("utf-8"))
    return tuple(
        Jar(line["groupId"], line["artifactId"], line["version"], line["sha256"])
        for line in table["dependencies"]
    )


def folder(home: Path = HOME, lock: Path = LOCK) -> Path:
    """Return the folder of the lock's jars, named after the lock: another never mixes with it."""
    return home / f"jars-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"


def ensure(
    home: Path = HOME, lock: Path = LOCK, progress: Callable[[str], None] = lambda line: None
) -> Path:
    """Return a folder that holds exactly the locked jars, fetching what is missing.

    Costs one ``stat`` when all is there. What an interrupted call left behind is used if it is
    whole and replaced if not; two calls at the same time wait for each other.

    Raises ``JarsUnavailable``.
    """
    target = folder(home, lock)
    done = target / "complete"
    if done.exists():
        return target
    with _alone(home):
        if done.exists():
            return target
        jars = locked(lock)
        target.mkdir(parents=True, exist_ok=True)
        wanted = {jar.file_name for jar in jars}
        for stray in target.iterdir():
            if stray.name not in wanted:
                stray.unlink()
        missing = [jar for jar in jars if not _is(target / jar.file_name, jar.sha256)]
        for count, jar in enumerate(_fetch_all(missing, target, home), start=1):
            progress(f"{count}/{len(missing)} {jar.file_name}")
        done.touch()
    return target


def _fetch_all(jars: Sequence[Jar], target: Path, home: Path) -> Iterator[Jar]:
    if not jars:
        return
    # not needed, and half a second to import, when the jars are there
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext, PythonResolver

    settings = GlobalSettings.load()
    # jgo downloads in place, under the final name: a kill would leave half a jar in Maven's cache
    private = home / "downloads"
    shutil.rmtree(private, ignore_errors=True)
    remotes = settings.repositories or None
    context = MavenContext(PythonResolver(), private, remote_repos=remotes, timeout=60)
    cache = Path(settings.repo_cache)

    def fetch(jar: Jar) -> Jar:
        source = cache / jar.repository_path
        if not _is(source, jar.sha256):
            source = private / jar.repository_path
            _download(context, jar, source)
            with suppress(OSError):  # a cache that cannot be written to is no reason to fail
                _place(source, cache / jar.repository_path)
        _place(source, target / jar.file_name)
        return jar

    with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
        try:
            yield from pool.map(fetch, jars)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    shutil.rmtree(private, ignore_errors=True)


def _download(context: Any, jar: Jar, target: Path) -> None:
    """Leave the jar in ``target``; several attempts: one lost packet in 56 MB is no failure."""
    why = ""
    for attempt in range(_ATTEMPTS):
        target.unlink(missing_ok=True)
        try:
            path: Path = context.create_dependency(jar.coordinate).artifact.resolve()
        except Exception as error:  # jgo lets through whatever requests and the file system raise
            why = f"{type(error).__name__}: {error}"
            time.sleep(attempt)
            continue
        if path == target and _is(path, jar.sha256):
            return
        why = "SHA-256 khác với jgo.lock.toml / differs from jgo.lock.toml"
    raise JarsUnavailable(f"{jar.coordinate}: {why}")


def _place(source: Path, target: Path) -> None:
    """Copy so that ``target`` is either as before or whole, whenever the process dies."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, part)
    part.replace(target)


def _is(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    import fcntl  # POSIX only, like the rest of the local stack

    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_lock() -> None:
    """Write ``jgo.lock.toml``: fetches every jar of ``jgo.toml`` and records its SHA-256."""
    from jgo.config import GlobalSettings
    from jgo.env import EnvironmentSpec, LockedDependency, LockFile
    from jgo.maven import MavenContext, PythonResolver

    settings = GlobalSettings.load()
    remotes = settings.repositories or None
    context = MavenContext(PythonResolver(), settings.repo_cache, remote_repos=remotes, timeout=60)
    spec = EnvironmentSpec.load(SPEC)
    wanted = [context.create_dependency(coordinate) for coordinate in spec.coordinates]
    with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
        dependencies = list(pool.map(LockedDependency.from_dependency, wanted))
    LockFile(
        dependencies,
        environment_name=spec.name,
        java_version=spec.java_version,
        spec_hash=hashlib.sha256(SPEC.read_bytes()).hexdigest()[:16],
        jgo_version=version("jgo"),
    ).save(LOCK)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.jars", description=__doc__)
    parser.add_argument("what", choices=["sync", "lock"])
    what = parser.parse_args(arguments).what
    if what == "lock":
        write_lock()
        return 0
    try:
        ensure(progress=lambda line: print(line, flush=True))  # noqa: T201 - the caller shows it
    except JarsUnavailable as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
