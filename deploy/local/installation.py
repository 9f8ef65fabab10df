"""A data folder in use: one supervisor at a time, nothing left behind, known to the tools."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from deploy.local import pids, ports
from deploy.local.processes import PROJECT, Stack

RUNNING = PROJECT / "var" / "running"
_BROKERS = "kafka-brokers"


class CannotStart(Exception):
    """The operator can change it; the message says how, in Vietnamese and English."""


@contextlib.contextmanager
def claimed(stack: Stack, running: Path = RUNNING) -> Iterator[list[str]]:
    """Hold the data folder; yield the names of processes of an earlier supervisor that were ended.

    Raises ``CannotStart`` when another supervisor holds it, a port is taken, or the folder's data
    is of the other kind (invented or real).
    """
    stack.data.mkdir(parents=True, exist_ok=True)
    with _locked(stack.data / "lock", stack):
        _keep_brokers(stack)
        ended = pids.end_left_behind(stack.data / "pids")
        _check_ports(stack)
        _mark_invented(stack)
        announcement = running / f"{stack.port}.json"
        _announce(announcement, stack)
        try:
            yield ended
        finally:
            announcement.unlink(missing_ok=True)


def is_invented(data: Path) -> bool:
    """Whether the folder holds a demonstration's data."""
    return (data / "invented").exists()


def brokers_of(data: Path) -> int | None:
    """How many brokers the folder's data was written with; None: nothing was written yet."""
    file = data / _BROKERS
    if file.exists():
        return int(file.read_text("ascii"))
    return 1 if (data / "kafka" / "storage").exists() else None


@contextlib.contextmanager
def _locked(file: Path, stack: Stack) -> Iterator[None]:
    # never deleted: a lock on a deleted file would hold nothing
    with file.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "?"
            raise CannotStart(
                f"Thư mục dữ liệu {stack.data} đang được dùng bởi tiến trình {owner}. "
                f"Dừng tiến trình đó (kill {owner}) hoặc chọn thư mục khác: --data DIR\n"
                f"Data folder {stack.data} is in use by process {owner}. "
                f"Stop that process (kill {owner}) or choose another folder: --data DIR"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _check_ports(stack: Stack) -> None:
    taken = ports.in_use(stack.addresses)
    if not taken:
        return
    named = ", ".join(f"{port} ({name})" for name, port in taken.items())
    other = ports.suggestion(stack.port, stack.host)
    example = f": --port {other}" if other else ""
    raise CannotStart(
        f"Cổng {named} đang được chương trình khác sử dụng. "
        f"Chọn cổng khác bằng --port P (dùng P … P+{len(stack.addresses) - 1}){example}\n"
        f"Port {named} is in use by another program. "
        f"Choose another with --port P (takes P … P+{len(stack.addresses) - 1}){example}"
    )


def _keep_brokers(stack: Stack) -> None:
    """One broker does not become three on the same data: copies and voters are part of it."""
    there = brokers_of(stack.data)
    if there is None:
        (stack.data / _BROKERS).write_text(f"{stack.brokers}\n", "ascii")
    elif there != stack.brokers:
        raise CannotStart(
            f"Dữ liệu trong {stack.data} được ghi với {there} broker: chạy với --brokers {there}, "
            f"hoặc chọn thư mục khác: --data DIR\n"
            f"The data in {stack.data} was written with {there} brokers: run with "
            f"--brokers {there}, or choose another folder: --data DIR"
        )


def _mark_invented(stack: Stack) -> None:
    """Keep invented and real data apart: a folder is of one kind for ever."""
    if not stack.demo or is_invented(stack.data):
        return
    if (stack.data / "kafka").exists():
        raise CannotStart(
            f"Thư mục {stack.data} chứa dữ liệu thật: không chạy demo trên đó. "
            f"Chọn thư mục khác: --data DIR\n"
            f"Folder {stack.data} holds real data: no demonstration on it. "
            f"Choose another folder: --data DIR"
        )
    (stack.data / "invented").touch()


def _announce(file: Path, stack: Stack) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    line = {"port": stack.port, "data": str(stack.data), "pid": os.getpid()}
    part.write_text(json.dumps(line), "utf-8")
    part.replace(file)
