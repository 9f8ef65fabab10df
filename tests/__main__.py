"""Everything that the test command runs: lint, types, imports, tests. ``./run test``.

Each step runs even when an earlier one failed, so that one run shows all there is to mend. Options
after ``./run test`` go to pytest: ``./run test tests/unit -k order``.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("run", "schemas", "streams", "services", "deploy", "tests")
PYTHON = sys.executable
# Much of the time goes by in waiting for processes to start. A file's tests stay together, for they
# share brokers and databases; the long ones, end to end, come first.
SIDE_BY_SIDE = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "--durations=10"]


def main(arguments: list[str]) -> int:
    """Exit code 0 when every step passed."""
    chromium_problem = _install_chromium()
    if chromium_problem:
        print(chromium_problem, file=sys.stderr)
        return 2
    steps = {
        "lint": [PYTHON, "-m", "ruff", "check", *SOURCES],
        "format": [PYTHON, "-m", "ruff", "format", "--check", *SOURCES],
        "types": [PYTHON, "-m", "mypy"],
        "imports": [str(Path(PYTHON).with_name("lint-imports"))],
        "tests": [PYTHON, "-m", "pytest", *(arguments or SIDE_BY_SIDE)],
    }
    if arguments:
        steps = {"tests": steps["tests"]}
    outcome: dict[str, tuple[int, float]] = {}
    for name, command in steps.items():
        print(f"\n== {name}", flush=True)
        started = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        outcome[name] = code, time.monotonic() - started
    print("\n== summary")
    for name, (code, seconds) in outcome.items():
        print(f"{'ok    ' if code == 0 else 'FAILED'} {name:<8} {seconds:6.1f} s")
    return 0 if all(code == 0 for code, _ in outcome.values()) else 1


def _install_chromium() -> str | None:
    """Nothing when Chromium is there (now); else what a person has to do."""
    if shutil.which("chromium"):
        return None
    advice = "Chromium is missing: install it (Debian, Ubuntu: sudo apt install chromium)"
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return advice
    print("installing Debian's Chromium for the browser tests …", flush=True)
    quiet = {"stdout": subprocess.DEVNULL, "check": False}
    subprocess.run(["apt-get", "update", "-qq"], **quiet)  # type: ignore[call-overload]  # a plain dict
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], env=environment, **quiet)  # type: ignore[call-overload]  # a plain dict
    return None if shutil.which("chromium") else advice


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
