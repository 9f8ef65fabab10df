"""A history rebuilt from a real Kafka beside the running one: equal, swapped in, or told apart."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from schemas.topics import EVENTS
from services.audit.questions import recount
from services.audit.settled import Settled, extent
from services.clickhouse import Pool, migrate
from services.historian import ClickHouseHistory, Historian
from services.history.databases import Databases
from services.history.rebuild import Rebuilding, RebuildState
from tests.support import kafka, services
from tests.support.clickhouse import Database
from tests.support.districts import district, messy
from tests.support.kafka import eventually
from tests.support.workers import Log

WITHIN_S = 90
STEPS = ("reading", "settling", "comparing", "swapping", "finished")
TABLES = ("positions", "log", "unreadable", "events", "settled")
YEAR = {"from": "2023-01-01", "to": "2023-12-31"}
RECORDS = messy(district(150, units=6, seed=5), seed=5, poison=7)


@dataclass
class Running:
    """What the process ``history`` is made of, and what tests ask it."""

    log: Log
    databases: Databases
    pool: Pool
    settled: Settled
    historian: Historian
    rebuilding: Rebuilding
    database: Database

    def caught_up(self) -> None:
        """Return when everything that is in Kafka is in the history."""
        ends = self.log.ends()

        def there() -> bool:
            progress = self.historian.progress
            return (
                progress is not None and {p: n for p, n in progress.positions.items() if n} == ends
            )

        eventually(there, 30, f"the history at {ends}")

    def rebuild(self, *, keep: bool = False, replace: bool = False) -> RebuildState:
        """From the start to the end."""
        assert self.rebuilding.start(keep=keep, replace=replace)
        eventually(lambda: not self.rebuilding.state.under_way, WITHIN_S, "the rebuild")
        return self.rebuilding.state

    def answers(self) -> Any:
        """Every cell of every unit, as the audit counts it."""
        with self.pool.lend() as client:
            return recount(client, self.settled, extent(client, self.settled))

    def ask(self, statement: str) -> Any:
        """Of the history in force."""
        with self.pool.lend() as client:
            return client.query(statement).result_rows

    def tell(self, statement: str) -> None:
        """To the history in force."""
        with self.pool.lend() as client:
            client.command(statement, settings={"mutations_sync": 1})

    def names(self) -> set[str]:
        """Of this test's databases, in force or not."""
        found = self.ask(
            f"SELECT name FROM system.databases WHERE match(name, '^{self.database.name}(_|$)')"
        )
        return {name for (name,) in found}


Start = Callable[[], Running]


@pytest.fixture
def start(kafka_broker: kafka.RunningBroker, database: Database) -> Iterator[Start]:
    """Each call is a new life of the process ``history`` on the same folder and topics."""
    prefix = kafka_broker.fresh_prefix()
    log = Log(kafka_broker.bootstrap, prefix)
    topic = EVENTS.full_name(prefix)
    ends = ExitStack()

    def begin() -> Running:
        ends.close()
        databases = Databases(database.address, database.name)
        with closing(databases.connect()) as client:
            migrate(client)
            databases.drop_left_behind()
        pool = Pool(databases.connect, 3)
        settled = Settled()
        historian = Historian(
            kafka_broker.bootstrap, topic, lambda: ClickHouseHistory(databases.connect, topic)
        )
        rebuilding = Rebuilding(kafka_broker.bootstrap, topic, databases, pool, settled, historian)
        historian.start()
        ends.callback(pool.close)
        ends.callback(historian.stop)
        ends.callback(rebuilding.stop)
        return Running(log, databases, pool, settled, historian, rebuilding, database)

    yield begin
    ends.close()


def test_after_duplicates_corrections_and_poison_it_is_equal_and_takes_over(start: Start):
    """Kafka is the record: what ClickHouse holds can be lost and comes back the same."""
    running = start()
    parts = [RECORDS[n::3] for n in range(3)]
    for part in parts:
        running.log.send(part)
        running.caught_up()
        # settled in several steps: the rebuilt one is settled in one
        running.answers()
    before = running.answers()
    assert len(before) == 6

    state = running.rebuild()

    assert (state.step, state.outcome, state.why) == ("finished", "swapped", None)
    assert state.records == state.total == sum(running.log.ends().values())
    assert [c.table for c in state.compared if c.running_rows] == list(TABLES)
    assert running.databases.in_force == f"{running.database.name}_rebuilt_2"
    assert running.answers() == before
    assert running.ask(
        "SELECT count() FROM system.tables WHERE name = 'events' AND"
        f" match(database, '^{running.database.name}(_|$)')"
    ) == [(1,)]

    # the historian goes on in the new one, and so does a new life of the process
    running.log.send(district(5, units=6, seed=99))
    running.caught_up()
    after = running.answers()
    assert after != before
    again = start()
    again.caught_up()
    assert again.answers() == after
    assert again.rebuild().outcome == "swapped"
    assert again.answers() == after


def test_records_and_questions_go_on_meanwhile(start: Start):
    """A rebuild of a nation takes an hour; nobody may notice."""
    running = start()
    running.log.send(RECORDS)
    running.caught_up()
    more = iter(district(200, units=6, seed=8))

    assert running.rebuilding.start(keep=False, replace=False)
    while running.rebuilding.state.under_way:
        running.log.send([next(more)])
        assert len(running.answers()) == 6
    state = running.rebuilding.state

    assert (state.outcome, state.why) == ("swapped", None)
    running.caught_up()
    assert running.rebuild(keep=True).outcome == "equal"


def test_it_is_compared_and_swapped_while_the_running_history_stands_still(start: Start):
    """Both at one position, whatever comes; and no answer goes back in time."""
    running = start()
    running.log.send(RECORDS)
    running.caught_up()
    really_held, stood_at = running.historian.held, []

    def position() -> int:
        with closing(running.databases.connect()) as client:
            return int(client.query("SELECT sum(next_offset) FROM positions FINAL").first_row[0])

    @contextmanager
    def held() -> Iterator[None]:
        with really_held():
            stood_at.append(position())
            running.log.send(district(10, units=6, seed=11 + len(stood_at)))
            yield
            # the swap may have happened: the other one stands where this one stood
            assert position() == stood_at[-1]

    running.historian.held = held  # type: ignore[method-assign]
    state = running.rebuild()
    running.historian.held = really_held  # type: ignore[method-assign]

    assert (state.outcome, state.why, len(stood_at)) == ("swapped", None, 2)
    running.caught_up()
    assert position() == sum(running.log.ends().values())
    assert running.rebuild(keep=True).outcome == "equal"


FALSIFIED = (
    ("events", "ALTER TABLE events DELETE WHERE (unit, dossier) = ('{unit}', '{dossier}')"),
    (
        "events",
        "ALTER TABLE events UPDATE amount_vnd = amount_vnd + 1"
        " WHERE (unit, dossier) = ('{unit}', '{dossier}')",
    ),
    (
        "settled",
        "ALTER TABLE settled UPDATE bits = bitXor(bits, 1)"
        " WHERE (unit, dossier) = ('{unit}', '{dossier}')",
    ),
    ("log", "ALTER TABLE log DELETE WHERE (partition, offset) = ({partition}, {offset})"),
    (
        "log",
        "ALTER TABLE log UPDATE content_hash = 7"
        " WHERE (partition, offset) = ({partition}, {offset})",
    ),
)
"""Each for a dossier of its own, or for a record of it."""


def test_a_falsified_row_is_found_named_and_replaced_only_when_told_so(start: Start):
    """A history that differs from its record is no small thing: a person decides."""
    running = start()
    running.log.send(RECORDS)
    running.caught_up()
    before = running.answers()
    dossiers = running.ask(
        "SELECT unit, dossier, argMin(partition, offset), min(offset) FROM events"
        " GROUP BY unit, dossier ORDER BY min(offset)"
    )
    wanted: dict[str, set[str]] = {}
    for row, (table, statement) in zip(dossiers, FALSIFIED, strict=False):
        one = dict(zip(("unit", "dossier", "partition", "offset"), row, strict=True))
        running.tell(statement.format(**one))
        place = "{partition}/{offset}" if table == "log" else "{unit}/{dossier}"
        wanted.setdefault(table, set()).add(place.format(**one))

    state = running.rebuild()

    assert state.outcome == "different"
    assert running.databases.in_force == running.database.name
    assert {c.table: set(c.different) for c in state.compared if not c.equal} == wanted
    assert state.kept_database in running.names()

    # it stays for examination over a restart, and the next rebuild throws it away
    again = start()
    again.caught_up()
    assert state.kept_database in again.names()
    taken = again.rebuild(replace=True)
    assert taken.outcome == "replaced"
    assert again.answers() == before
    assert again.names() == {running.database.name, again.databases.in_force}
    assert again.rebuild(keep=True).outcome == "equal"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("at", ["before", "after"])
def test_a_kill_at_the_swap_leaves_one_complete_history(start: Start, at: str):
    """The row is written or it is not: there is nothing between."""
    running = start()
    running.log.send(RECORDS)
    running.caught_up()
    before = running.answers()
    put_in_force = running.databases.put_in_force

    def killed(name: str) -> None:
        if at == "after":
            put_in_force(name)
        raise SystemExit

    running.databases.put_in_force = killed  # type: ignore[method-assign]
    assert running.rebuilding.start(keep=False, replace=False)
    assert running.rebuilding._thread is not None
    running.rebuilding._thread.join(WITHIN_S)
    assert running.rebuilding.state.step == "swapping"

    again = start()
    again.caught_up()

    expected = running.database.name + ("_rebuilt_2" if at == "after" else "")
    assert again.databases.in_force == expected
    assert again.answers() == before
    assert again.names() == {running.database.name, expected}
    assert again.rebuild().outcome == "swapped"
    assert again.answers() == before


def test_kafka_without_its_first_records_is_not_rebuilt_from(
    kafka_broker: kafka.RunningBroker, start: Start
):
    """With --replace the history would lose what Kafka has lost."""
    running = start()
    running.log.send(RECORDS)
    running.caught_up()
    before = running.answers()
    kafka.delete_below(
        kafka_broker.bootstrap, running.log.events, dict.fromkeys(running.log.ends(), 1)
    )

    state = running.rebuild(replace=True)

    assert state.step == "failed"
    assert "no longer has the first records" in (state.why or "")
    assert running.answers() == before


@pytest.mark.timeout(300)
def test_the_process_is_killed_while_it_rebuilds_and_starts_with_all_answers(
    kafka_broker: kafka.RunningBroker, tmp_path: Path
):
    """``kill -9`` comes when it comes; the next rebuild starts anew, at last from the shell."""
    prefix, port = kafka_broker.fresh_prefix(), kafka.free_ports(5)
    Log(kafka_broker.bootstrap, prefix).send(RECORDS)
    http = httpx2.Client(base_url=f"http://127.0.0.1:{port + 1}", trust_env=False, timeout=60)
    life = (tmp_path, port, kafka_broker.bootstrap, prefix)

    def report() -> Any:
        said = http.get("/api/v1/report", params=YEAR).json()
        return {name: part for name, part in said.items() if name != "computed_at"}

    def reached(wanted: tuple[str, ...]) -> bool:
        return http.get("/api/v1/rebuild").json()["step"] in wanted

    with http:
        before = None
        for at in (0, 3):
            with services.running("services.history", *life, answers_at=1):
                before = before or report()
                assert report() == before
                assert http.post("/api/v1/rebuild").status_code == 202
                assert http.post("/api/v1/rebuild").status_code == 409
                eventually(partial(reached, STEPS[at:]), WITHIN_S, STEPS[at])
        with services.running("services.history", *life, answers_at=1):
            assert report() == before
            command = [sys.executable, "-m", "services.cli", "rebuild", "history", "--json"]
            shell = subprocess.run(
                [*command, "--url", f"http://127.0.0.1:{port + 1}"],
                capture_output=True,
                text=True,
                timeout=WITHIN_S,
                check=True,
            )
            assert json.loads(shell.stdout)["outcome"] == "swapped"
            assert report() == before
