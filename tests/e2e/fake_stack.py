"""``python -m deploy.local`` with fakes in place of the four processes.

``python -m tests.e2e.fake_stack CHANGES up …``: CHANGES is JSON, name -> extra arguments.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace

from deploy.local.__main__ import main
from deploy.local.processes import ProcessSpec, Stack, http_ready

LINES = (  # name, offset of the port, after, stop step
    ("kafka", 2, (), 2),
    ("worker", 4, ("kafka",), 1),
    ("history", 1, ("kafka",), 1),
    ("front", 0, ("kafka",), 0),
)


def table(stack: Stack) -> Sequence[ProcessSpec]:
    changes = json.loads(sys.argv[1])
    specs = []
    for name, offset, after, stop_step in LINES:
        port = stack.port + offset
        log = stack.logs / f"{name}.log"
        ready = http_ready(f"http://127.0.0.1:{port}/readyz")
        command = (
            sys.executable,
            *("-m", "tests.e2e.fake_process", name, str(port), str(stack.data / "journal")),
            *changes.get(name, ()),
        )
        spec = ProcessSpec(
            name, command, stack.environment(), log, log, ready, ready, after, stop_step=stop_step
        )
        patience_s = float(*changes.get("patience", [0.5]))
        specs.append(replace(spec, stop_timeout_s=patience_s))
    return specs


DEMONSTRATION = (  # says what it was asked; its exit code is the first argument
    sys.executable,
    "-c",
    "import os, sys; code, *asked = sys.argv[1:];"
    "print('demo', *asked, 'demo=' + os.environ['MOTCUA_DEMO']); sys.exit(int(code))",
)

if __name__ == "__main__":
    code = json.loads(sys.argv[1]).get("demo", ["0"])
    raise SystemExit(main(sys.argv[2:], table, (*DEMONSTRATION, *code)))
