"""Runs a module of the product with a clock that is some hours off; time goes on from there.

python -m tests.faults.warped HOURS MODULE
"""

import runpy
import sys
import time
from datetime import UTC, datetime, timedelta

import time_machine


def main() -> None:
    hours, module = sys.argv[1:]
    sys.argv = [module]
    there = datetime.now(UTC) + timedelta(hours=int(hours))
    with time_machine.travel(there, tick=True):
        # the wall clock only: what measures durations does not jump on a real host either
        assert abs(time.time() - there.timestamp()) < 60
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
