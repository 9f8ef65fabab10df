"""``./run`` installs for real, into a tiny project: once, alone, and again after a kill."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.kafka import eventually

RUN = Path(__file__).resolve().parents[2] / "run"
WITHIN_S = 60

JARS = """\
import os, pathlib, time
with open("var/journal", "a") as journal:
    journal.write(f"{os.getpid()}\\n")
while pathlib.Path("var/hold").exists():
    time.sleep(0.02)
print("1/1 one.jar", flush=True)
"""
CLI = """\
import json, os, sys
import deploy.local
print(json.dumps([sys.argv[1:], os.getcwd(), sys.prefix]))
"""


class Project:
    """A folder with ``run`` and the least it needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stamp = folder / ".venv" / "complete.json"
        for name, text in {
            "requirements.lock": "",
            "deploy/local/jgo.toml": "",
            "deploy/local/jgo.lock.toml": "",
            "deploy/local/jars.py": JARS,
            "services/cli/__main__.py": CLI,
            "var/journal": "",
        }.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        shutil.copy(RUN, folder)

    def start(self, *words: str, cwd: Path | None = None) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, str(self.folder / "run"), *words],
            cwd=cwd or self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def run(self, *words: str, cwd: Path | None = None) -> tuple[int, str]:
        process = self.start(*words, cwd=cwd)
        output, _ = process.communicate(timeout=WITHIN_S)
        return process.returncode, output

    def want_other_jars(self, name: str) -> None:
        (self.folder / "deploy/local/jgo.toml").write_text(f"# {name}\n")

    @property
    def jars_runs(self) -> int:
        return len((self.folder / "var/journal").read_text().splitlines())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A project after its first start, with what that start wrote."""
    # a blank and an accent: folders of real people
    project = Project(tmp_path_factory.mktemp("dự án"))
    code, output = project.run("units", "--json")
    assert code == 0, output
    return project, output


def test_the_first_start_installs_tells_so_and_hands_over(installed):
    project, output = installed
    assert "Môi trường Python / Python environment" in output
    assert "Apache Kafka" in output
    words, cwd, prefix = json.loads(output.splitlines()[-1])
    assert words == ["units", "--json"]
    assert cwd == str(project.folder)
    assert prefix == str(project.folder / ".venv")


def test_the_second_start_only_hands_over(installed, tmp_path):
    """Not even the lock is asked for: an installation elsewhere must not hold up a report."""
    project, _ = installed
    with (project.folder / "var/install.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, output = project.run("motcua", "x", cwd=tmp_path)
    assert code == 0
    assert json.loads(output) == [["x"], str(tmp_path), str(project.folder / ".venv")]
    assert project.jars_runs == 1


def test_a_changed_list_is_installed_and_a_failure_says_what_to_do(installed):
    project, _ = installed
    marker = project.folder / ".venv" / "marker"
    marker.touch()
    before = project.jars_runs
    nothing = f"--no-index\nno-such-package==1 --hash=sha256:{'0' * 64}\n"
    (project.folder / "requirements.lock").write_text(nothing)
    code, output = project.run("units")
    assert code == 1
    assert "no-such-package" in output
    assert "Check the network, proxy" in output
    assert "Kiểm tra mạng" in output
    assert not project.stamp.exists()

    (project.folder / "requirements.lock").write_text("# repaired\n")
    code, output = project.run("units")
    assert code == 0, output
    # what failed halfway is not built upon
    assert not marker.exists()
    marker.touch()
    project.want_other_jars("another")
    code, output = project.run("units")
    assert code == 0, output
    assert marker.exists()
    assert project.jars_runs == before + 2


def test_killed_halfway_the_next_start_heals_and_never_works_beside_an_orphan(installed):
    project, _ = installed
    hold, half = project.folder / "var/hold", project.folder / ".venv/half"
    hold.touch()
    project.want_other_jars("killed")
    before = project.jars_runs
    first, second = project.start("units"), None
    try:
        eventually(lambda: project.jars_runs > before, WITHIN_S, "the first is fetching jars")
        half.touch()
        second = project.start("units")
        first.kill()
        first.wait()
        line = second.stdout.readline()
        assert "waiting for another ./run" in line
        # the killed one's child still writes: nobody may build beside it
        orphan = int((project.folder / "var/journal").read_text().split()[-1])
        os.kill(orphan, 0)
        assert second.poll() is None
        assert half.exists()
        hold.unlink()
        output, _ = second.communicate(timeout=WITHIN_S)
        assert second.returncode == 0, output
        assert json.loads(output.splitlines()[-1])[0] == ["units"]
        assert not half.exists()
        assert project.stamp.exists()
    finally:
        hold.unlink(missing_ok=True)
        for process in filter(None, (first, second)):
            process.kill()
            process.wait()
            process.stdout.close()


def test_ctrl_c_ends_without_a_traceback(installed):
    project, _ = installed
    hold = project.folder / "var/hold"
    hold.touch()
    project.want_other_jars("interrupted")
    before = project.jars_runs
    process = project.start("units")
    try:
        eventually(lambda: project.jars_runs > before, WITHIN_S, "it is fetching jars")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=WITHIN_S)
    finally:
        hold.unlink()
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert "Interrupted; the next run will carry on" in output
    assert "Traceback" not in output
    assert not project.stamp.exists()
