"""``./run`` before anything is installed: what it says, and to whom it hands over."""

import ast
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
RUN = PROJECT / "run"


def run_with(setup: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the script in a process of its own after ``setup`` has bent its Python."""
    program = (
        f"import runpy, sys, os\n{setup}\nsys.argv = ['run', *{arguments!r}]\n"
        f"runpy.run_path({str(RUN)!r}, run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False
    )


def test_an_old_python_can_read_it():
    """It could not say that it is too old otherwise."""
    ast.parse(RUN.read_text("utf-8"), feature_version=(3, 6))


def test_it_needs_nothing_that_must_be_installed():
    tree = ast.parse(RUN.read_text("utf-8"))
    nodes = list(ast.walk(tree))
    imported = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    imported |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
    assert len(imported) > 5
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 10, 13)])
def test_a_python_that_is_too_old_says_what_to_install(version):
    found = run_with(f"os.environ['PATH'] = ''; sys.version_info = {version}", "demo")
    assert found.returncode != 0
    assert "sudo apt install python3.11 python3.11-venv" in found.stderr
    assert "Cần Python 3.11 trở lên" in found.stderr


def test_a_python_that_is_too_old_names_a_newer_one_that_is_there(tmp_path):
    newer = tmp_path / "python3.12"
    newer.write_text("#!/bin/sh\nexit 0\n")
    newer.chmod(0o755)
    setup = f"os.environ['PATH'] = {str(tmp_path)!r}; sys.version_info = (3, 9, 1)"
    found = run_with(setup, "demo", "--seed", "3")
    assert found.returncode != 0
    assert found.stderr.count("python3.12 run demo --seed 3") == 2


def test_a_python_without_venv_says_what_to_install():
    """Debian's python3 comes without it."""
    setup = "sys.modules['ensurepip'] = None"
    program = f"m = runpy.run_path({str(RUN)!r}); m['need_venv']()"
    found = run_with(f"{setup}\n{program}")
    assert found.returncode != 0
    wanted = "apt install python{}.{}-venv".format(*sys.version_info[:2])
    assert found.stderr.rstrip().endswith(wanted)


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_installs_nothing_and_names_the_commands(arguments):
    found = run_with("import subprocess; subprocess.Popen = None", *arguments)
    assert found.returncode == 0
    for command in ("demo", "up", "test", "bench", "motcua"):
        assert f"./run {command}" in found.stdout


def test_what_was_compiled_once_is_kept(monkeypatch):
    """Where the environment forbids it, every process would take seconds longer to start."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    script: dict[str, Any] = runpy.run_path(str(RUN))
    monkeypatch.setattr("os.execv", lambda path, command: None)
    monkeypatch.setitem(script["main"].__globals__, "complete", lambda: True)
    script["main"](["test"])
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ


def test_words_come_out_in_every_locale():
    found = run_with("sys.stdout.reconfigure(encoding='ascii')")
    assert "theo dõi chỉ tiêu" in found.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["test", "-k", "x"], ["-m", "tests", "-k", "x"]),
        (["bench"], ["-m", "tests.benchmarks"]),
        (["up", "--port", "9"], ["-m", "deploy.local", "up", "--port", "9"]),
        (["demo"], ["-m", "deploy.local", "demo"]),
        (["motcua", "units", "--json"], ["-m", "services.cli", "units", "--json"]),
        (["units", "--json"], ["-m", "services.cli", "units", "--json"]),
    ],
)
def test_words_go_to_the_program_they_are_for(words, expected, monkeypatch):
    script: dict[str, Any] = runpy.run_path(str(RUN))
    called: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda path, command: called.append(command))
    monkeypatch.setitem(script["main"].__globals__, "complete", lambda: True)
    script["main"](words)
    assert called == [[str(script["PYTHON"]), *expected]]


def test_no_host_is_named_where_packages_come_from():
    """Where to fetch is the machine's setting, not the project's."""
    for name in ("run", "requirements.lock"):
        text = (PROJECT / name).read_text("utf-8")
        assert "://" not in text
        assert not re.search(r"index-url|find-links|trusted-host", text)


def test_every_package_is_locked_with_a_hash():
    lock = (PROJECT / "requirements.lock").read_text("utf-8")
    blocks = re.findall(r"^\S+==.*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 50
    assert all("--hash=sha256:" in block for block in blocks)


def test_continuous_integration_runs_the_same_command():
    text = (PROJECT / ".ci" / "run").read_text("utf-8")
    assert "set -euo pipefail" in text
    assert "./run test" in text
