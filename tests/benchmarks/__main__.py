"""``./run bench [NAME…] [--quick] [--json FILE]``: runs the benchmarks and prints one table.

A benchmark is a module ``bench_<name>.py`` with ``rows(quick) -> list[Row]``. Each runs in a
process of its own, so that none measures what another left behind.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TypedDict

FOLDER = Path(__file__).resolve().parent


class Row(TypedDict):
    """One figure. ``ratio`` is ours against the reference; None where there is none."""

    name: str
    ours: float
    reference: float | None
    ratio: float | None
    unit: str
    note: str


def main(arguments: list[str]) -> int:
    """Exit code 0 when every benchmark gave its rows."""
    known = sorted(file.stem.removeprefix("bench_") for file in FOLDER.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(known)}")
    parser.add_argument("--quick", action="store_true", help="shorter runs, rougher figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here as well")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(known):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(known)}")

    rows: list[Row] = []
    failed: list[str] = []
    for name in options.names or known:
        print(f"… {name} (load {os.getloadavg()[0]:.1f})", file=sys.stderr, flush=True)
        found = _run(name, quick=options.quick)
        if found is None:
            failed.append(name)
        else:
            rows += found
    _print(rows)
    if options.json:
        options.json.write_text(json.dumps({"rows": rows}, ensure_ascii=False, indent=2) + "\n")
    for name in failed:
        print(f"FAILED: {name}", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, *, quick: bool) -> list[Row] | None:
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        code = (
            "import json, pathlib, sys; "
            f"from tests.benchmarks.bench_{name} import rows; "
            f"pathlib.Path(sys.argv[1]).write_text(json.dumps(rows({quick})))"
        )
        done = subprocess.run([sys.executable, "-c", code, result.name], check=False)
        if done.returncode:
            return None
        rows: list[Row] = json.loads(Path(result.name).read_text())
        return rows


def _print(rows: list[Row]) -> None:
    width = max((len(row["name"]) for row in rows), default=0)
    print(f"{'':<{width}}  {'ours':>12}  {'reference':>12}  {'ratio':>7}")
    for row in rows:
        reference = "–" if row["reference"] is None else f"{row['reference']:,.1f}"
        ratio = "–" if row["ratio"] is None else f"{row['ratio']:.2f} ×"
        print(
            f"{row['name']:<{width}}  {row['ours']:>12,.1f}  {reference:>12}  {ratio:>7}"
            f"  {row['unit']}{'; ' + row['note'] if row['note'] else ''}"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
