"""A further generation of the worker's state on a real broker: equal and in force, or named."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from schemas.snapshots import UnitMonth
from schemas.topics import UNITS
from services.cli import rebuild_live as shell
from services.cli.rebuild_live import Place, Rebuilt, changelogs, rebuild_live
from streams.generations import changelog, generation_in, put_in_force
from tests.support.districts import district, messy
from tests.support.kafka import RunningBroker, eventually
from tests.support.recount import recount, shown
from tests.support.workers import Log, WorkerProcess, last_of

RECORDS = messy(district(300, units=8, seed=6), seed=6, poison=9)
WITHIN_S = 60


class Supervised:
    """A worker that is started again when it ends, as the local supervisor does."""

    def __init__(self, broker: RunningBroker, folder: Path) -> None:
        self.log = Log(broker.bootstrap, broker.fresh_prefix())
        self.worker = WorkerProcess(broker.bootstrap, self.log.prefix, folder)
        self.data = folder / "data"
        self.data.mkdir()
        self.place = Place(
            broker.bootstrap, self.log.prefix, self.data, f"http://127.0.0.1:{self.worker.port + 4}"
        )
        self.codes: list[int] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep)

    def _keep(self) -> None:
        while not self._ending.wait(0.05):
            process = self.worker.process
            if process is not None and process.poll() is not None:
                self.codes.append(process.returncode)
                self.worker.start()

    @contextmanager
    def running(self) -> Iterator[None]:
        with self.worker:
            self.worker.start_and_wait()
            self._thread.start()
            try:
                yield
            finally:
                self._ending.set()
                self._thread.join()

    def rebuild(self, seen: Callable[[Mapping[str, Any]], None] = lambda _: None) -> Rebuilt:
        return rebuild_live(self.place, seen)

    def settle(self) -> dict[str, dict[str, Any]]:
        ends, generation = self.log.ends(), generation_in(self.data)
        eventually(
            lambda: self.log.committed(generation) == ends, WITHIN_S, f"committed up to {ends}"
        )
        return last_of(self.log.units())

    def check_exact(self) -> None:
        """The last snapshots equal a recount of the log that shares no code with the product."""
        snapshots = self.settle()
        wanted = recount(v for values in self.log.by_partition().values() for v in values)
        for unit, cells in wanted.items():
            months = snapshots[f"{unit}|now"]["months"]
            assert shown([snapshots[f"{unit}|{month}"] for month in months]) == cells, unit

    def topics(self) -> set[str]:
        return changelogs(self.place)


@pytest.fixture
def supervised(kafka_broker: RunningBroker, tmp_path: Path) -> Iterator[Supervised]:
    found = Supervised(kafka_broker, tmp_path)
    with found.running():
        found.log.send(RECORDS)
        found.settle()
        yield found


def test_an_equal_state_takes_over_and_the_worker_goes_on(supervised: Supervised):
    """Twice: the second rebuild starts from a generation that was rebuilt itself."""
    for generation in (2, 3):
        steps: list[str] = []
        found = supervised.rebuild(lambda said, steps=steps: steps.append(said["step"]))  # type: ignore[misc]
        assert (found.outcome, found.why) == ("swapped", "")
        assert (found.generation, found.units) == (generation, 8)
        assert found.records >= len(RECORDS)
        assert list(dict.fromkeys(steps)) == ["reading", "writing", "done", "swapping"]
        assert generation_in(supervised.data) == generation
        assert supervised.topics() == {changelog(generation).full_name(supervised.log.prefix)}
        # restored, not read anew: the changelog has no second copy of each dossier
        written = sum(supervised.log.ends(changelog(generation)).values())
        supervised.log.send(district(5, units=8, seed=generation))
        supervised.check_exact()
        assert sum(supervised.log.ends(changelog(generation)).values()) < written * 1.5
    assert supervised.codes == [0, 0]


def test_it_is_equal_while_events_come(supervised: Supervised):
    """Each unit is compared at its snapshot's own offset, so load makes no difference."""
    more = messy(district(300, units=8, seed=7), seed=7)
    sending = threading.Thread(target=supervised.log.send, args=(more, 300))
    sending.start()

    found = supervised.rebuild()

    sending.join()
    assert (found.outcome, found.differences) == ("swapped", ())
    supervised.check_exact()


def test_a_unit_that_shows_something_else_is_named_and_nothing_is_replaced(supervised: Supervised):
    """The wall may have shown it for days: nobody may sweep it away."""
    snapshots = supervised.settle()
    key, month = next((k, v) for k, v in snapshots.items() if v.get("cells"))
    unit = month["unit"]
    *cell, count = month["cells"][0]
    falsified = UnitMonth.model_validate(
        month | {"cells": [[*cell, count + 1], *month["cells"][1:]]}
    )
    producer = KafkaProducer(bootstrap_servers=supervised.place.kafka, acks="all")
    for name, value in (
        (key, falsified.model_dump_json()),
        (f"{unit}|now", json.dumps(snapshots[f"{unit}|now"])),
    ):
        producer.send(
            UNITS.full_name(supervised.log.prefix),
            value.encode(),
            name.encode(),
            partition=month["partition"],
        )
    producer.flush()
    producer.close()

    found = supervised.rebuild()

    assert found.outcome == "different"
    (difference,) = found.differences
    assert difference == f"{unit} {cell}: running {count + 1}, rebuilt {count}"
    assert generation_in(supervised.data) == 1
    assert supervised.topics() == {changelog(1).full_name(supervised.log.prefix)}
    assert supervised.codes == []


def test_killed_at_any_step_one_generation_is_in_force_and_the_next_rebuild_ends(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch
):
    """One life: what a kill left behind is there at the next one, as it is in an office."""

    def in_force(data: Path, generation: int) -> None:
        put_in_force(data, generation)
        raise KeyboardInterrupt

    for at, expected in (("reading", 1), ("writing", 1), ("swapping", 1), ("in force", 2)):

        def seen(said: Mapping[str, Any], at: str = at) -> None:
            if said["step"] == at:
                raise KeyboardInterrupt

        if at == "in force":
            monkeypatch.setattr(shell, "put_in_force", in_force)
        with pytest.raises(KeyboardInterrupt):
            supervised.rebuild(seen)
        assert generation_in(supervised.data) == expected, at
        eventually(
            lambda codes=expected - 1: (  # type: ignore[misc]
                supervised.worker.readiness()[0] == 200 and len(supervised.codes) == codes
            ),
            WITHIN_S,
            "the worker on the generation in force",
        )
        supervised.check_exact()
    monkeypatch.undo()

    found = supervised.rebuild()

    assert (found.outcome, found.why) == ("swapped", "")
    assert supervised.topics() == {changelog(3).full_name(supervised.log.prefix)}
    supervised.check_exact()


def test_without_a_supervisor_it_says_what_to_set_and_deletes_nothing(supervised: Supervised):
    """On a cluster every worker must change, and only its operator can see to that."""
    place = Place(supervised.place.kafka, supervised.log.prefix, supervised.data, worker=None)

    found = rebuild_live(place, lambda _: None)

    assert (found.outcome, found.generation) == ("to_set", 2)
    prefix = supervised.log.prefix
    assert supervised.topics() == {changelog(n).full_name(prefix) for n in (1, 2)}
    assert supervised.codes == []
    # whoever forgets to say which is in force might have it deleted
    again = rebuild_live(place, lambda _: None)
    assert again.outcome == "failed"
    assert "MOTCUA_WORKER_GENERATION" in again.why
