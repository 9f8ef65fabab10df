"""The worker with a fold that raises once for each event of a given share.

    python -m tests.faults.flaky_worker FILE SHARE MODULE

FILE remembers across lives of the process which events have raised already.
"""

import runpy
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streams.batches import Write
from streams.worker import Counting


def main() -> None:
    file, share, module = sys.argv[1:]
    sys.argv = [module]
    seen = Path(file)
    raised = set(seen.read_text().split()) if seen.exists() else set()
    fold = Counting.fold

    def flaky(self: Counting, partition: int, start: int, records: Sequence[Any]) -> Write:
        chosen = {
            place
            for place in (f"{partition}/{record.offset}" for record in records)
            if zlib.crc32(place.encode()) % 10_000 < float(share) * 10_000
        }
        if new := chosen - raised:
            with seen.open("a") as out:
                out.write("".join(f"{place}\n" for place in sorted(new)))
            raise OSError("injected: this will be over in a moment")
        return fold(self, partition, start, records)

    Counting.fold = flaky  # type: ignore[method-assign]  # the fault
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
