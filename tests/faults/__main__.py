"""``./run faults [ROW…] [--quick] [--seed N] [--json FILE] [--page]``: faults, with numbers.

Exit code 1 when anything was lost, doubled or wrong, or did not come back in time. A row that
fails keeps its folder and says how to run it once more.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.case import Case
from tests.faults.emitters import Refused
from tests.faults.outcome import FIGURES, Outcome, Unsettled
from tests.faults.page import PAGE, page
from tests.faults.stack import Stack
from tests.faults.table import ROWS, Row

_SAY_EVERY_S = 10.0

Found = dict[str, Any]
"""A row's figures, as they stand in the JSON file."""


def main(arguments: list[str]) -> int:
    """Exit code 0 when every row that was run holds."""
    parser = argparse.ArgumentParser(prog="./run faults", description=__doc__)
    parser.add_argument("rows", nargs="*", type=int, metavar="ROW", help="none: all")
    parser.add_argument("--quick", action="store_true", help="small sizes, as in ./run test")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="%(default)s")
    parser.add_argument("--size", type=int, metavar="N", help="instead of the table's")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="put the rows into FILE; others in it stay"
    )
    parser.add_argument(
        "--page", action="store_true", help=f"write {PAGE.name} from what FILE has then"
    )
    parser.add_argument("--none", action="store_true", help="run nothing: with --page")
    options = parser.parse_args(arguments)
    if unknown := set(options.rows) - {row.number for row in ROWS}:
        parser.error(f"no row {', '.join(map(str, sorted(unknown)))}")

    found = _read(options.json)
    chosen = (
        [] if options.none else [r for r in ROWS if r.number in options.rows or not options.rows]
    )
    # what was started must end with us
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stacks = Stacks(shared=options.quick)
    try:
        failed = _run_all(chosen, found, stacks, options)
    finally:
        stacks.close()
    if options.page:
        PAGE.write_text(page(found), "utf-8")
    return 1 if failed else 0


def _run_all(
    chosen: list[Row], found: dict[int, Found], stacks: "Stacks", options: argparse.Namespace
) -> bool:
    """Run the rows, keep ``found`` and the file up to date; whether any failed."""
    failed = False
    for row in chosen:
        if row.run is None:
            print(f"{row.number:>3}  chưa làm / open: {row.what}", flush=True)
            continue
        size = options.size or (row.quick if options.quick else row.full)
        one = _run(row, size, options.seed, stacks, quick=options.quick)
        found[row.number] = one
        failed = failed or not _holds(one)
        if options.json:
            rows = [found[number] for number in sorted(found)]
            text = json.dumps({"rows": rows}, ensure_ascii=False, indent=2)
            options.json.write_text(text + "\n", "utf-8")
    return failed


def _read(file: Path | None) -> dict[int, Found]:
    if file is None or not file.exists():
        return {}
    return {one["row"]: one for one in json.loads(file.read_text("utf-8"))["rows"]}


def _holds(one: Found) -> bool:
    return not (one["failed"] or one["lost"] or one["duplicated"] or one["wrong"])


class Stacks:
    """Makes a stack when a row asks for one; ``shared``: the next row gets the same again.

    A row that fails keeps its folder, and nobody else gets its stack.
    """

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._stack: Stack | None = None

    def lend(self, brokers: int) -> Stack:
        """The stack of the row that is run now."""
        if self._stack is not None and len(self._stack.brokers) != brokers:
            self._end()
        if self._stack is None:
            folder = Path(tempfile.mkdtemp(prefix="motcua-faults-"))
            self._stack = Stack(folder, brokers)
            self._stack.start()
        return self._stack

    def give_back(self, *, holds: bool) -> str:
        """The row is over; where to look when it failed."""
        if self._stack is None or (holds and self._shared):
            return ""
        folder = self._stack.folder
        self._end(keep=not holds)
        return "" if holds else str(folder)

    def close(self) -> None:
        """No further rows."""
        if self._stack is not None:
            self._end()

    def _end(self, *, keep: bool = False) -> None:
        assert self._stack
        self._stack.close()
        if not keep:
            self._stack.remove()
        self._stack = None


def _run(row: Row, size: int, seed: int, stacks: Stacks, *, quick: bool) -> Found:
    print(f"{row.number:>3}  {row.what}", flush=True)
    began = time.monotonic()
    outcome, failed = Outcome(0), ""
    assert row.run
    try:
        outcome = row.run(
            Case(row.number, size, seed, quick, Say(), lambda: stacks.lend(row.brokers))
        )
    except (Unsettled, Refused, AssertionError) as error:
        failed = f"{type(error).__name__}: {error}"
    except Exception:
        failed = traceback.format_exc()
    figures = {name: getattr(outcome, name) for name in FIGURES}
    figures["longest_outage_s"] = round(outcome.longest_outage_s, 2)
    one = {
        "row": row.number,
        "what": row.what,
        **figures,
        "seed": seed,
        "counts": row.counts,
        "size": "quick" if quick else "full" if size == row.full else str(size),
        "took_s": round(time.monotonic() - began),
        "failed": failed,
        "on": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": commit(),
    }
    _print(one, outcome)
    if folder := stacks.give_back(holds=_holds(one)):
        print(f"     folder: {folder}", flush=True)
    if not _holds(one):
        also = " --quick" if quick else ""
        again = f"./run faults {row.number} --seed {seed} --size {size}{also}"
        print(f"     FAILED {failed}\n     again: {again}", flush=True)
    return one


def commit() -> str:
    """What was tested: the commit's short name, with a plus when files differ from it."""
    root = Path(__file__).resolve().parents[2]
    described = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(described, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "?"


def _print(one: Found, outcome: Outcome) -> None:
    print(
        f"     {one['done']:,} {one['counts']}: {one['lost']} lost, {one['duplicated']} duplicated,"
        f" {one['wrong']} wrong; longest outage {one['longest_outage_s']:.2f} s;"
        f" {one['took_s']} s; {one['note']}",
        flush=True,
    )
    for detail in outcome.details:
        print(f"     {detail[:600]}", flush=True)


class Say:
    """Shows how far a long row is: at once on a terminal, now and then in a file."""

    def __init__(self) -> None:
        self._said_at = time.monotonic()

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if sys.stderr.isatty():
            print(f"\r\033[K     {text[:90]}", end="\r", file=sys.stderr, flush=True)
        elif now > self._said_at + _SAY_EVERY_S:
            self._said_at = now
            print(f"     {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
