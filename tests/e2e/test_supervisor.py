"""The supervisor with fakes in place of Kafka and the services: order, deaths, stops, leftovers."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local import pids, ports
from tests.support.kafka import eventually, free_ports

WITHIN_S = 20
READY = re.compile(r"sẵn sàng / ready \(")


class Run:
    """One ``up`` or ``demo`` of fakes, with what it wrote."""

    def __init__(self, data: Path, port: int, changes: dict[str, list[str]], *arguments: str):
        self.data, self.port = data, port
        data.mkdir(exist_ok=True)
        for name in changes.pop("hold", ()):
            self._hold(name).touch()
        for name in changes.pop("fails", ()):
            self._fails(name).touch()
        self.output = data.parent / f"output-{len(list(data.parent.glob('output-*')))}"
        arguments = arguments or ("up",)
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.e2e.fake_stack", json.dumps(changes)),
                    *arguments,
                    *("--data", str(data), "--port", str(port)),
                    *("--running", str(data / "running")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self.output.read_text("utf-8")

    def until(self, holds: Callable[[], bool], what: str) -> None:
        try:
            eventually(holds, WITHIN_S, what)
        except AssertionError:
            print(self.text)  # noqa: T201 - pytest shows it with the failure
            raise

    def until_ready(self) -> "Run":
        self.until(lambda: bool(READY.search(self.text)), "ready")
        return self

    def until_says(self, pattern: str) -> None:
        self.until(lambda: bool(re.search(pattern, self.text)), pattern)

    def release(self, name: str) -> None:
        """Let a process be ready that was held."""
        self._hold(name).unlink()

    def repair(self) -> None:
        """Let a process live that was made to fail."""
        for file in self.data.glob("journal.*-fails"):
            file.unlink()

    def journal(self, what: str) -> list[str]:
        """The processes that wrote ``what``, in order."""
        return [line["name"] for line in self._lines() if line["what"] == what]

    def pid(self, name: str, what: str = "started", field: str = "pid") -> int:
        lines = [line for line in self._lines() if (line["name"], line["what"]) == (name, what)]
        return int(lines[-1][field])

    def every_pid(self) -> set[int]:
        return {line.get("child") or line["pid"] for line in self._lines()}

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(WITHIN_S)

    def _hold(self, name: str) -> Path:
        return self.data / f"journal.{name}-waits"

    def _fails(self, name: str) -> Path:
        return self.data / f"journal.{name}-fails"

    def _lines(self) -> list[dict[str, Any]]:
        journal = self.data / "journal"
        if not journal.exists():
            return []
        return [json.loads(line) for line in journal.read_text().splitlines()]


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts runs on one data folder; whatever a test does, nothing survives it."""
    runs: list[Run] = []
    port = free_ports(ports.COUNT)

    def begin(*arguments: str, data: str = "data", port: int = port, **changes: list[str]) -> Run:
        runs.append(Run(tmp_path / data, port, changes, *arguments))
        return runs[-1]

    yield begin
    for run in runs:
        for pid in {run.process.pid, *run.every_pid()} - {0}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_starts_in_order_of_readiness_and_stops_in_order(start, number):
    """Nobody is started before what it needs is ready; nobody is stopped before its writers."""
    run = start(hold=["kafka"])
    run.until_says(r"kafka +đang khởi động")
    run.until(lambda: run.journal("serving") == ["kafka"], "Kafka serves")
    assert run.journal("started") == ["kafka"]
    run.release("kafka")
    run.until_ready()
    assert set(run.journal("started")) == {"kafka", "worker", "history", "front"}
    announced = json.loads((run.data / "running" / f"{run.port}.json").read_text())
    assert announced == {"port": run.port, "data": str(run.data), "pid": run.process.pid}

    assert run.end(number) == 0

    stopped = run.journal("stopped")
    assert (stopped[0], set(stopped[1:3]), stopped[3]) == ("front", {"worker", "history"}, "kafka")
    asked = run.journal("asked")
    assert (asked[0], asked[3]) == ("front", "kafka")
    assert not list((run.data / "pids").iterdir())
    assert not list((run.data / "running").iterdir())


def test_ready_is_said_once_and_only_when_all_are(start):
    """Scripts wait for the line."""
    run = start(hold=["front"])
    run.until(lambda: "front" in run.journal("serving"), "the front serves")
    run.until_says(r"history +đang chạy")
    assert not re.search("sẵn sàng|ready", run.text)
    run.release("front")
    run.until_ready()
    run.end()
    assert len(READY.findall(run.text)) == 1


def test_a_process_that_dies_is_started_again_and_the_reason_is_shown(start):
    run = start().until_ready()
    first = run.pid("worker")
    os.kill(first, signal.SIGKILL)
    run.until_says("worker: .*ended by signal SIGKILL")
    run.until_says("starting again in 0.5 s")
    run.until(lambda: run.pid("worker", "serving") != first, "another worker serves")
    run.until(lambda: run.text.count("worker   đang chạy / up") == 2, "it is up again")
    assert run.journal("started").count("front") == 1
    assert run.end() == 0


def test_one_that_keeps_dying_waits_longer_each_time_and_does_not_stop_the_others(start):
    """A full disk is repaired in hours; a busy loop of restarts would be one more trouble."""
    run = start(history=["--dies", "7"], fails=["history"])
    run.until_says(r"starting again in 1 s")
    assert re.search(r"history: .*ended with exit code 7", run.text)
    assert "    cannot open the database: disk on fire" in run.text
    # of this life only: an old reason would mislead
    assert run.text.count("disk on fire") == run.text.count("ended with exit code 7")
    assert run.text.index("again in 0.5 s") < run.text.index("again in 1 s")
    run.until_says("front +đang chạy")
    assert not READY.search(run.text)
    run.repair()
    run.until_ready()
    assert run.end() == 0


def test_one_that_does_not_stop_is_killed_and_that_is_said(start):
    run = start(worker=["--deaf"]).until_ready()
    assert run.end() == 0
    assert re.search(r"worker: .*did not stop within 0.5 s, killed", run.text)
    assert run.journal("stopped")[-1] == "kafka"


def test_a_second_ctrl_c_does_not_wait(start):
    run = start(front=["--deaf"], patience=["600"]).until_ready()
    run.process.send_signal(signal.SIGINT)
    run.until(lambda: "front" in run.journal("asked"), "the front was asked")
    assert run.end(signal.SIGINT) == 0
    assert pids.identity(run.pid("front")) is None


def test_a_killed_supervisor_takes_everything_with_it_and_the_next_start_works(start):
    """An orphan would hold a port or the database, and the next start would fail."""
    run = start(history=["--with-child"]).until_ready()
    mine = run.every_pid()
    run.process.kill()
    run.process.wait()
    direct = mine - {run.pid("history", "child", "child")}
    run.until(lambda: not any(map(pids.identity, direct)), "all children are gone")

    again = start().until_ready()
    assert again.end() == 0


def test_orphans_that_survived_are_ended_by_the_next_start(start, tmp_path):
    """Where the system cannot tie a child to its parent, the pid files do."""
    port = free_ports(ports.COUNT)
    (tmp_path / "data" / "pids").mkdir(parents=True)
    orphan = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.fake_process", "front", str(port), "/dev/null"],
        start_new_session=True,
    )
    try:
        eventually(lambda: listens(port), WITHIN_S, "the orphan holds the port")
        mine = pids.identity(orphan.pid)
        assert mine is not None
        pids.remember(tmp_path / "data" / "pids" / "front.json", mine)

        run = start(port=port).until_ready()

        assert orphan.wait(WITHIN_S) == 0
        assert "front: " in run.text.splitlines()[0]
        assert "left behind" in run.text.splitlines()[0]
        assert run.end() == 0
    finally:
        orphan.kill()
        orphan.wait()


def test_two_supervisors_never_share_a_data_folder(start):
    first = start().until_ready()
    second = start(port=free_ports(ports.COUNT))
    assert second.process.wait(WITHIN_S) == 2
    for words in (str(first.process.pid), "--data DIR", "is in use by process", "đang được dùng"):
        assert words in second.text
    assert all(pids.identity(pid) for pid in first.every_pid())
    assert first.end() == 0


def test_two_data_folders_run_side_by_side(start):
    one = start().until_ready()
    two = start(data="two", port=free_ports(ports.COUNT)).until_ready()
    assert one.end() == 0
    assert all(pids.identity(pid) for pid in two.every_pid())
    assert two.end() == 0


def test_a_port_in_use_is_named_with_the_option_that_changes_it(start):
    port = free_ports(ports.COUNT)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + 1))
        other.listen()
        run = start(port=port)
        assert run.process.wait(WITHIN_S) == 2
    for words in (f"{port + 1} (history)", "--port P", "đang được chương trình khác", "in use by"):
        assert words in run.text
    assert not run.every_pid()


def test_up_can_stop_as_soon_as_all_is_ready(start):
    run = start("up", "--exit-when-ready")
    assert run.process.wait(WITHIN_S) == 0
    assert READY.search(run.text)
    assert len(run.journal("stopped")) == 4


@pytest.mark.parametrize("code", [0, 3])
def test_the_demonstration_runs_on_a_ready_stack_and_its_code_is_the_answer(start, code):
    run = start("demo", "--exit-when-done", "--seed", "7", demo=[str(code)])
    assert run.process.wait(WITHIN_S) == code
    said = run.text.index(
        f"demo --url http://127.0.0.1:{run.port} --seed 7 --exit-when-done demo=1"
    )
    assert READY.search(run.text).start() < said < run.text.index("Stopping")
    assert "INVENTED" in run.text
    assert (run.data / "invented").exists()
    # the same folder says so for ever, whichever command opens it
    later = start("up", "--exit-when-ready")
    assert later.process.wait(WITHIN_S) == 0
    assert "INVENTED" in later.text


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
