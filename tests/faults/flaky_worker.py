"""The worker with a fold that raises for a given share of the events: once for each, or always.

    python -m tests.faults.flaky_worker FILE SHARE MODULE

FILE remembers across lives of the process which events have raised already; ``-``: it is forgotten.
"""

import runpy
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streams.batches import Write
from streams.worker import Counting

FORGET = "-"


def is_chosen(partition: int, offset: int, share: float) -> bool:
    """Whether the fold raises for this event."""
    return zlib.crc32(f"{partition}/{offset}".encode()) % 10_000 < share * 10_000


def main() -> None:
    file, share, module = sys.argv[1:]
    sys.argv = [module]
    seen = Path(file)
    raised = set(seen.read_text().split()) if seen.exists() else set()
    ever = file == FORGET
    fold = Counting.fold

    def flaky(self: Counting, partition: int, start: int, records: Sequence[Any]) -> Write:
        chosen = {
            f"{partition}/{record.offset}"
            for record in records
            if is_chosen(partition, record.offset, float(share))
        }
        if new := chosen - raised:
            if not ever:
                raised.update(new)
                with seen.open("a") as out:
                    out.write("".join(f"{place}\n" for place in sorted(new)))
            raise OSError("injected")
        return fold(self, partition, start, records)

    Counting.fold = flaky  # type: ignore[method-assign]  # the fault
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
