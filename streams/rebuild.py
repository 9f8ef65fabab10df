"""``python -m streams.rebuild N``: builds generation N of the worker's state from the record.

Runs beside the worker and touches nothing of it. It folds every record of ``motcua.events`` from
offset 0 as the worker does, and at the offset of each unit's snapshot on ``motcua.units`` it
compares every cell, exactly. Then it writes its state and position into the changelog of generation
N, which must be there and empty, and what came meanwhile, until little is missing. Putting N in
force is its caller's.

Progress goes to stdout, one JSON object a line. Exit code 0: equal and written; 1: something
differs, and the changelog is of no use; 70: it failed, with the reason on stderr.
"""

import gc
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from kafka import KafkaProducer
from kafka.errors import KafkaError

from schemas.admitted import rfc3339_ms
from schemas.calendar import load_calendar
from schemas.topics import EVENTS
from streams.batches.fatal import EXIT_CODE
from streams.batches.part import MARKER
from streams.core.cells import Cell, rows
from streams.core.days import moment
from streams.core.working_time import WorkingTime
from streams.counters import PartitionCounters, TooManyUnreadable
from streams.generations import changelog
from streams.live import LiveUnits, UnitState
from streams.reading import close_reader, open_reader, read_between
from streams.settings import StreamSettings
from streams.worker import MAX_BATCH_BYTES, partition_of_unit

_NEAR = 10_000
"""So few records are left for the worker that takes over."""
_SNAPSHOTS_WITHIN_S = 60.0
_LOOK_S = 0.1
_MOST_NAMED = 20

Tell = Callable[[Mapping[str, Any]], None]


class Building:
    """The state of all partitions as it grows. No I/O."""

    def __init__(self, unreadable_in_a_row: int) -> None:
        work = WorkingTime(load_calendar())
        self._counters = {
            p: PartitionCounters(p, {}, partition_of_unit, unreadable_in_a_row, work)
            for p in range(EVENTS.partitions)
        }
        self.positions = dict.fromkeys(self._counters, 0)
        self.changed: dict[int, dict[bytes, bytes]] = {p: {} for p in self._counters}
        """Entries that are not in the changelog yet."""

    def fold(
        self, partition: int, records: Sequence[Any], units: Mapping[int, list[str]]
    ) -> Iterator[str]:
        """Fold them; yields each of ``units``, by offset, when the state stands right there.

        Raises ``TooManyUnreadable``, as the worker does.
        """
        ends = {records[-1].offset + 1}
        stops = sorted(ends | {o for o in units if self.positions[partition] < o < max(ends)})
        start = 0
        for stop in stops:
            end = start
            while end < len(records) and records[end].offset < stop:
                end += 1
            folded = self._counters[partition].fold(records[start:end])
            self.changed[partition].update(folded.changed)
            self.positions[partition] = stop
            start = end
            yield from units.get(stop, ())

    def units(self) -> dict[str, int]:
        """The partition of each unit that has a dossier."""
        return {u: p for p, c in self._counters.items() for u, of in c.units.items() if of.dossiers}

    def differences(self, unit: str, state: UnitState) -> Iterator[str]:
        """What the running worker says otherwise of the unit, in words; nothing: equal."""
        counters = self._counters[state.now.partition].units.get(unit)
        if counters is None:
            yield f"{unit}: running {state.now.dossiers} dossiers, rebuilt none"
            return
        recorded = counters.last_recorded
        for name, ours, theirs in (
            ("dossiers", counters.dossiers, state.now.dossiers),
            ("open", counters.open, state.now.open),
            (
                "last_recorded_at",
                rfc3339_ms(moment(recorded)) if recorded else None,
                state.now.last_recorded_at,
            ),
        ):
            if ours != theirs:
                yield f"{unit} {name}: running {theirs}, rebuilt {ours}"
        rebuilt: Counter[Cell] = Counter()
        for month in counters.months.values():
            rebuilt.update(month)
        running = state.cells()
        for cell in sorted(rebuilt.keys() | running.keys()):
            if rebuilt[cell] != running[cell]:
                ((*named, _),) = rows({cell: 1})
                yield f"{unit} {named}: running {running[cell]}, rebuilt {rebuilt[cell]}"


class Rebuild:
    """Reads, compares, writes; ``tell`` hears of the progress."""

    def __init__(self, settings: StreamSettings, generation: int, tell: Tell) -> None:
        self._settings = settings
        self._source = EVENTS.full_name(settings.topic_prefix)
        self._target = changelog(generation).full_name(settings.topic_prefix)
        self._tell = tell
        self._reading_s = 0.0
        self.building = Building(settings.unreadable_in_a_row)
        self.compared: set[str] = set()
        self.differences: list[str] = []

    def run(self) -> bool:
        """Whether all was equal; only then the changelog has the state."""
        live = LiveUnits(self._settings.kafka, self._settings.topic_prefix)
        live.start()
        try:
            _wait_for(lambda: live.not_ready() is None, live.not_ready)
            # from offset 0, so past the offset of every snapshot that there is
            self.read(live.units())
            while not self.differences and self.read(live.units()) > _NEAR:
                pass
            self.differences += [
                f"{unit}: not known to the running worker" for unit in self._unknown(live)
            ]
            if self.differences:
                return False
            self.write()
            while self.read(live.units()) > _NEAR:
                self.write()
            self.write()
            return not self.differences
        finally:
            live.stop()

    def read(self, states: Mapping[str, UnitState]) -> int:
        """Fold to the present end, comparing on the way; how many records that were."""
        stops: dict[int, dict[int, list[str]]] = {p: {} for p in self.building.positions}
        for unit, state in states.items():
            stops[state.now.partition].setdefault(state.now.offset, []).append(unit)
        ends, began = self._ends(), dict(self.building.positions)
        since = time.monotonic()
        for batch in read_between(self._settings.kafka, self._source, began, ends):
            for partition, records in _by_partition(batch):
                for unit in self.building.fold(partition, records, stops[partition]):
                    self.compared.add(unit)
                    if len(self.differences) < _MOST_NAMED:
                        self.differences += self.building.differences(unit, states[unit])
            self._report("reading", ends, time.monotonic() - since)
        self._reading_s += time.monotonic() - since
        return sum(self.building.positions.values()) - sum(began.values())

    def write(self) -> None:
        """Have in the changelog what changed, and behind it the position that it speaks of."""
        self._report("writing", self.building.positions, 0)
        failed: list[BaseException] = []
        producer = KafkaProducer(
            bootstrap_servers=self._settings.kafka,
            client_id="motcua-rebuild",
            acks="all",
            enable_idempotence=True,
            linger_ms=20,
            batch_size=MAX_BATCH_BYTES,
        )
        try:
            for partition, changed in self.building.changed.items():
                position = b"%d" % self.building.positions[partition]
                for key, value in (*changed.items(), (MARKER, position)):
                    sent = producer.send(self._target, value, key, partition=partition)
                    sent.add_errback(failed.append)
                changed.clear()
            producer.flush()
        finally:
            producer.close()
        if failed:
            raise failed[0]

    def _unknown(self, live: LiveUnits) -> list[str]:
        """Units that the running worker has not published within a while."""

        def missing() -> list[str]:
            return sorted(self.building.units().keys() - live.units().keys())

        _wait_for(lambda: not missing(), lambda: None, fails=False)
        return missing()[:_MOST_NAMED]

    def _ends(self) -> dict[int, int]:
        consumer = open_reader(self._settings.kafka, self._source, "motcua-rebuild")
        try:
            found = consumer.end_offsets(list(consumer.assignment()))
            return {tp.partition: end for tp, end in found.items()}
        finally:
            close_reader(consumer)

    def _report(self, step: str, ends: Mapping[int, int], more_s: float) -> None:
        records = sum(self.building.positions.values())
        self._tell(
            {
                "step": step,
                "records": records,
                "total": max(records, sum(ends.values())),
                "records_per_s": round(records / max(self._reading_s + more_s, 0.001), 1),
            }
        )


def _by_partition(batch: Sequence[Any]) -> list[tuple[int, Sequence[Any]]]:
    found: dict[int, list[Any]] = {}
    for record in batch:
        found.setdefault(record.partition, []).append(record)
    return list(found.items())


def _wait_for(holds: Callable[[], bool], why: Callable[[], str | None], fails: bool = True) -> None:
    deadline = time.monotonic() + _SNAPSHOTS_WITHIN_S
    while not holds():
        if time.monotonic() > deadline:
            if fails:
                raise KafkaError(why() or "")
            return
        time.sleep(_LOOK_S)


def main(arguments: Sequence[str]) -> int:
    """See the module."""

    def tell(said: Mapping[str, Any]) -> None:
        sys.stdout.buffer.write(orjson.dumps(said) + b"\n")
        sys.stdout.buffer.flush()

    # as the worker: millions of objects that hold no cycles
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    rebuild = Rebuild(StreamSettings(), int(arguments[0]), tell)
    try:
        equal = rebuild.run()
    except (KafkaError, TooManyUnreadable, OSError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return EXIT_CODE
    tell({"step": "done", "units": len(rebuild.compared), "differences": rebuild.differences})
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
