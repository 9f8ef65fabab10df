"""Rows of the table in their small size, on one installation that all of them share.

What the rows before have sent stays in the record and is compared again each time, so the rows that
send much come last. Rows that take long, and the full sizes, are ``./run faults``.
"""

import sys
from collections.abc import Iterator

import pytest

from tests.faults.case import Case
from tests.faults.checker import check
from tests.faults.emitters import send_all
from tests.faults.ledger import identity
from tests.faults.stack import Stack, running
from tests.faults.stories import some
from tests.faults.table import ROWS, Row

SEED = 1
_HERE = (12, 24, 19, 21, 20)
"""The others are for ``./run faults --quick``, each takes up to a minute; laws (1, 2), the two
engines (3), a killed gateway (4) or worker (5) and repeated events (18) are tested in their own
files as well.
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("faults") / "stack") as stack:
        yield stack


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "row",
    sorted((row for row in ROWS if row.number in _HERE), key=lambda row: _HERE.index(row.number)),
    ids=lambda row: f"row-{row.number}",
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


@pytest.mark.timeout(300)
def test_the_judge_sees_what_is_missing_and_what_is_besides(stack: Stack) -> None:
    """A judge that cannot say no proves nothing: an event that nobody sent is called lost, in
    Kafka, in ClickHouse and in every count; one that it does not know of is called out as well."""
    send_all(stack, some("judge", 60))
    stack.drain()
    acknowledged = stack.ledger.acknowledged
    invented = next(one for one in some("never-sent", 60) if "received" in one["type"])
    acknowledged[identity(invented)] = invented
    known = next(one for one in some("judge", 60) if "resolved" in one["type"])
    del acknowledged[identity(known)]

    found = check(stack, _say, folder=True)

    del acknowledged[identity(invented)]
    acknowledged[identity(known)] = known
    assert found.counted["lost"] >= 3
    assert found.counted["duplicated"] >= 1
    assert found.counted["wrong"] >= 3
    places = " ".join(found.details)
    for said in ("not in Kafka", "never acknowledged", "not counted live"):
        assert said in places


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
