"""``docs/faults.md``, made from figures that were measured; nothing in it is written by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults.table import ROWS, Row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"

_HEAD = """\
# Faults and attacks, with their numbers

Made by `./run faults --json FILE --page`; what is not measured is «chưa làm / open». Every fault
hits the product's own processes on a real Kafka, Faust and ClickHouse while events come in over
HTTP. A judge that shares no code with the product then compares what was answered 202 with Kafka,
with ClickHouse, with the live counters and with its own recount. An emitter that gets no answer
sends again with the same id.

*lost*: acknowledged, and missing somewhere. *duplicated*: counted more than once. *wrong*: counted
elsewhere than it should be, or anything else that should hold and does not. *outage*: the longest
time until what was broken did its work again; starts of the processes are most of it, so it
depends on the machine and on what else runs there. *size*: that of the test command (quick), of the
full suite, or another. A plus behind a commit: files under work differed from it.

"""
_COLUMNS = (
    *("#", "fault or attack", "what must hold", "size", "done", "lost", "duplicated", "wrong"),
    *("outage", "seed", "also", "measured"),
)


def page(found: dict[int, dict[str, Any]]) -> str:
    """The page's text, from the rows of a JSON file by their number."""
    rows = [_cells(row, found.get(row.number)) for row in ROWS]
    return _HEAD + "".join(map(_line, (_COLUMNS, ("---",) * len(_COLUMNS), *rows)))


def _cells(row: Row, one: dict[str, Any] | None) -> tuple[str, ...]:
    said = [str(row.number), row.what, row.holds]
    if one is None:
        said += ["chưa làm / open", *["–"] * 8]
    else:
        said += [
            one["size"],
            f"{one['done']:,} {one['counts']}",
            str(one["lost"]),
            str(one["duplicated"]),
            str(one["wrong"]),
            f"{one['longest_outage_s']:.1f} s" if one["longest_outage_s"] else "–",
            str(one["seed"]),
            one["failed"].replace("\n", " ")[:300] or one["note"] or "–",
            f"{one['on']}, `{one['commit']}`",
        ]
    return tuple(said)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
