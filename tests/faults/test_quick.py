"""Every row of the table in its small size, on one installation that all of them share.

What the rows before have sent stays in the record and is compared again each time. The full sizes
are ``./run faults``.
"""

import sys
from collections.abc import Iterator

import pytest

from tests.faults.case import Case
from tests.faults.stack import Stack, running
from tests.faults.table import ROWS, Row

SEED = 1


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("faults") / "stack") as stack:
        yield stack


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.run], ids=lambda row: f"row-{row.number}"
)
def test_nothing_is_lost_doubled_or_wrong(row: Row, request: pytest.FixtureRequest) -> None:
    """An emitter's 202 is a promise that no fault may break."""

    def lend() -> Stack:
        stack: Stack = request.getfixturevalue("stack")
        return stack

    assert row.run
    case = Case(row.number, row.quick, SEED, quick=True, say=_say, lend=lend)

    outcome = row.run(case)

    again = f"./run faults {row.number} --quick --seed {SEED}"
    assert outcome.done
    assert outcome.holds, f"{outcome}; once more: {again}"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
