"""``./run demo`` as a whole: real Kafka, worker, front and history, filled, compared, stopped."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.kafka import free_ports

PROJECT = Path(__file__).parents[2]
WITHIN_S = 240


@pytest.mark.timeout(300)
def test_a_demonstration_fills_shows_compares_and_stops(tmp_path: Path) -> None:
    """The first thing that anybody does with this product, on a machine without Java."""
    commands = tmp_path / "commands"
    commands.mkdir()
    # what a fresh machine has; neither java nor mvn
    for name in ("sh", "env"):
        (commands / name).symlink_to(f"/bin/{name}")
    output = tmp_path / "output"
    with output.open("w") as stream:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "deploy.local", "demo", "--exit-when-done"),
                *("--dossiers", "500", "--speed", "1000000", "--seed", "3"),
                *("--data", tmp_path / "data", "--port", str(free_ports(5))),
                *("--running", tmp_path / "running"),
            ],
            cwd=PROJECT,
            env={**_without_motcua(), "PATH": str(commands)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            code = process.wait(WITHIN_S)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(output.read_text("utf-8")) from late
        finally:
            # it ends its children when it ends, whatever ends it
            process.terminate()
            process.wait(30)
    said = output.read_text("utf-8")

    assert code == 0, said
    assert "before 0, nay / now 500" in said
    assert "live equals history" in said
    rows = re.findall(r"^(I\.1|I\.2|II|III\.1|III\.2|IV\.1|IV\.2) ", said, re.MULTILINE)
    assert rows == ["I.1", "I.2", "II", "III.1", "III.2", "IV.1", "IV.2"]
    assert said.index("live equals history") < said.index("Stopped")
    assert "Traceback" not in said


def _without_motcua() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MOTCUA_")}
