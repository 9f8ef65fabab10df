"""Reads ``motcua.units`` into memory: the counters of every unit as they are now.

A reader only: it belongs to no group, commits nothing and computes no rate.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Protocol

import msgspec
import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError, UnknownTopicOrPartitionError

from schemas.books import Period
from schemas.snapshots import CellRow, UnitNow
from schemas.topics import UNITS
from schemas.words import Measure
from streams.core.cells import Cell, from_rows
from streams.core.indicators import in_period
from streams.generations import FIRST, worker_group
from streams.live_lag import LagProbe

log = structlog.get_logger()

NOTIFY_EVERY_S = 0.05
"""A burst of snapshots becomes one notification in this time; nobody sees 50 ms."""
_POLL_S = 0.5
_RETRY_S = 1.0
_REQUEST_S = 5.0

Callback = Callable[[frozenset[str]], None]


@dataclass(frozen=True, slots=True, eq=False)
class MonthRecord:
    """One month of a unit. Identity is version: a new snapshot is a new object."""

    month: str
    offset: int
    packed: bytes
    """The rows as JSON: a tenth of what a province's cells take as objects."""

    def cells(self) -> Counter[Cell]:
        """The month's cells, decoded anew at each call."""
        return from_rows(_rows.decode(self.packed))


@dataclass(frozen=True, slots=True, eq=False)
class UnitState:
    """A unit's counters, all exact at ``now.offset``. Identity is version, as with months."""

    now: UnitNow
    months: Mapping[str, MonthRecord]

    def cells(self) -> Counter[Cell]:
        """Every cell of the unit."""
        found: Counter[Cell] = Counter()
        for month in self.months.values():
            found.update(month.cells())
        return found

    def in_period(self, period: Period) -> list[tuple[Cell, int]]:
        """The cells whose day lies in the period."""
        first, last = f"{period.first:%Y-%m}", f"{period.last:%Y-%m}"
        return [
            pair
            for name, month in self.months.items()
            if first <= name <= last
            for pair in in_period(month.cells(), period)
        ]


class LiveSource(Protocol):
    """Where the live counters come from. Every answer is immutable and safe in any thread."""

    def not_ready(self) -> str | None:
        """Why the counters are not all here yet, in words; None when they are."""

    def units(self) -> Mapping[str, UnitState]:
        """The units with at least one dossier event, by code; empty until first ready."""

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Have ``callback`` called with the units that changed; the answer ends it.

        It is called in the source's own thread, at most every ``NOTIFY_EVERY_S``, and must return
        at once.
        """

    def complete_until(self) -> datetime | None:
        """The UTC moment up to which everything admitted is in the counters; None: unknown."""

    def counted_to(self) -> Mapping[int, int]:
        """For each partition of ``motcua.events`` an offset below which everything is in the
        counters that ``units`` gives from now on; empty: unknown.
        """


class Snapshots:
    """The last snapshots by unit, fed record by record in the order of the log.

    A unit changes as a whole, when its ``now`` has come and all months that it names are here:
    a reader never sees new months beside an old ``now``.
    """

    def __init__(self) -> None:
        self.units: dict[str, UnitState] = {}
        self.incomplete: set[str] = set()
        """Units whose ``now`` names months that have not come, or came from a later moment."""
        self.unreadable: dict[str, str] = {}
        """Keys whose last record could not be read, with the reason."""
        self._months: dict[str, dict[str, MonthRecord]] = {}
        self._nows: dict[str, UnitNow] = {}

    def apply(self, key: bytes | None, value: bytes | None) -> str | None:
        """Take one record; the unit that changed by it, if any."""
        name = (key or b"").decode(errors="replace")
        unit, _, part = name.rpartition("|")
        try:
            if value is None:
                return self._forget(unit, part)
            if part == "now":
                self._nows[unit] = UnitNow.model_validate_json(value)
                changed = self._settle(unit)
            else:
                record = _month_record(value)
                months = self._months.setdefault(unit, {})
                before, months[part] = months.get(part), record
                # another record of the same moment: whoever starts to read now would take it, too
                again = before is not None and before.offset == record.offset
                awaited = unit in self.incomplete or (again and self._is_exact(unit))
                changed = self._settle(unit) if awaited else None
        except ValueError as error:
            self.unreadable[name] = str(error)
            return None
        self.unreadable.pop(name, None)
        return changed

    def _is_exact(self, unit: str) -> bool:
        now, months = self._nows.get(unit), self._months.get(unit, {})
        return now is not None and all(
            month in months and months[month].offset <= now.offset for month in now.months
        )

    def _settle(self, unit: str) -> str | None:
        if not self._is_exact(unit):
            self.incomplete.add(unit)
            return None
        self.incomplete.discard(unit)
        now, months = self._nows[unit], self._months.get(unit, {})
        kept = {month: months[month] for month in now.months}
        self._months[unit] = dict(kept)
        self.units[unit] = UnitState(now, MappingProxyType(kept))
        return unit

    def _forget(self, unit: str, part: str) -> str | None:
        if part != "now":
            self._months.get(unit, {}).pop(part, None)
            return None
        self._nows.pop(unit, None)
        self.incomplete.discard(unit)
        return unit if self.units.pop(unit, None) else None


class LiveUnits:
    """The counters of all units, kept up to date by a thread that survives Kafka's absence.

    Nothing is shown before all snapshots that stood in the topic at the start have been read, so
    that nobody sees the past replayed. After an outage reading goes on where it stopped.
    """

    def __init__(
        self,
        bootstrap: str,
        prefix: str = "motcua",
        generation: Callable[[], int] = lambda: FIRST,
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = UNITS.full_name(prefix)
        self._lag = LagProbe(
            bootstrap, prefix, lambda: worker_group(prefix, generation()), self._positions
        )
        self._thread = threading.Thread(target=self._run, name="live-units", daemon=True)
        self._stopping = threading.Event()
        self._callbacks: tuple[Callback, ...] = ()
        self._callbacks_lock = threading.Lock()
        self._start_over()

    def start(self) -> None:
        """Begin to read, in the background."""
        self._thread.start()
        self._lag.start()

    def stop(self) -> None:
        """End the threads; returns within two seconds when Kafka answers."""
        self._stopping.set()
        self._lag.stop()
        if self._thread.ident is not None:
            self._thread.join(_REQUEST_S)

    def not_ready(self) -> str | None:
        """See :class:`LiveSource`."""
        if self._trouble and not self._caught_up:
            return f"cannot read {self._topic}: {self._trouble}"
        if not self._caught_up:
            return f"reading {self._topic}: {self._left} records to go"
        return self._incomplete

    def units(self) -> Mapping[str, UnitState]:
        """See :class:`LiveSource`."""
        return self._units

    def now(self, unit: str) -> UnitNow | None:
        """What holds for the unit as a whole; None when it has no dossier."""
        state = self._units.get(unit)
        return state.now if state else None

    def by_unit(self, period: Period) -> dict[str, list[tuple[Cell, int]]]:
        """The period's cells of each unit with at least one dossier event, perhaps none."""
        return {unit: state.in_period(period) for unit, state in self._units.items()}

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """See :class:`LiveSource`."""
        with self._callbacks_lock:
            self._callbacks += (callback,)

        def unsubscribe() -> None:
            with self._callbacks_lock:
                self._callbacks = tuple(c for c in self._callbacks if c is not callback)

        return unsubscribe

    def complete_until(self) -> datetime | None:
        """See :class:`LiveSource`."""
        return self._lag.complete_until if self.not_ready() is None else None

    def counted_to(self) -> Mapping[int, int]:
        """See :class:`LiveSource`."""
        return self._lag.counted_to if self.not_ready() is None else {}

    def _positions(self) -> Mapping[int, int]:
        return self._read_to

    def _start_over(self) -> None:
        self._snapshots = Snapshots()
        self._units: Mapping[str, UnitState] = MappingProxyType({})
        self._read_to: Mapping[int, int] = {}
        self._caught_up = False
        self._left = 0
        self._trouble: str | None = None
        self._incomplete: str | None = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._read()
            except OffsetOutOfRangeError:
                log.warning("live_units_start_over", topic=self._topic)
                self._start_over()
            except Exception as error:
                # whatever it was: the counters must come back alone, and not_ready says why
                self._trouble = f"{type(error).__name__}: {error}"
                outage = isinstance(error, KafkaError | OSError)
                log.warning("live_units_retry", why=self._trouble, exc_info=not outage)
                self._stopping.wait(_RETRY_S)

    def _read(self) -> None:
        consumer = self._connect()
        try:
            partitions = consumer.assignment()
            ends = consumer.end_offsets(list(partitions), timeout_ms=int(_REQUEST_S * 1000))
            if any(self._read_to.get(tp.partition, 0) > end for tp, end in ends.items()):
                raise OffsetOutOfRangeError("the topic is shorter than what was read of it")
            changed: set[str] = set()
            while not self._stopping.is_set():
                polled = consumer.poll(timeout_ms=int(_POLL_S * 1000), max_records=5000)
                changed |= self._apply(polled)
                read_to = {
                    tp.partition: consumer.position(tp, timeout_ms=int(_REQUEST_S * 1000))
                    for tp in partitions
                }
                self._trouble = None
                if not self._caught_up:
                    self._left = sum(
                        max(0, end - read_to[tp.partition]) for tp, end in ends.items()
                    )
                    if self._left:
                        self._read_to = read_to
                        continue
                    self._caught_up = True
                    changed = set(self._snapshots.units)
                self._hand_over(changed)
                # only now: who sees these positions must find in the counters what is below them
                self._read_to = read_to
                if changed:
                    self._notify(frozenset(changed))
                    changed = set()
                    # what comes meanwhile is collected and told at once afterwards
                    self._stopping.wait(NOTIFY_EVERY_S)
        finally:
            consumer.close(autocommit=False, timeout_ms=500)

    def _connect(self) -> Any:
        consumer = KafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="motcua-live",
            group_id=None,
            enable_auto_commit=False,
            # a position that is gone means another topic: start over instead of jumping
            auto_offset_reset="none",
            isolation_level="read_committed",
            bootstrap_timeout_ms=int(_REQUEST_S * 1000),
            reconnect_backoff_max_ms=1000,
        )
        try:
            found = consumer.partitions_for_topic(self._topic)
            if not found:
                raise UnknownTopicOrPartitionError(self._topic)
            partitions = [TopicPartition(self._topic, number) for number in sorted(found)]
            consumer.assign(partitions)
            for partition in partitions:
                if partition.partition in self._read_to:
                    consumer.seek(partition, self._read_to[partition.partition])
                else:
                    consumer.seek_to_beginning(partition)
        except BaseException:
            consumer.close(autocommit=False, timeout_ms=500)
            raise
        return consumer

    def _apply(self, polled: Mapping[Any, list[Any]]) -> set[str]:
        changed: set[str] = set()
        for records in polled.values():
            for record in records:
                unit = self._snapshots.apply(record.key, record.value)
                if unit is not None:
                    changed.add(unit)
        return changed

    def _hand_over(self, changed: set[str]) -> None:
        found = self._snapshots
        if changed:
            self._units = MappingProxyType(
                {unit: state for unit, state in found.units.items() if state.now.dossiers > 0}
            )
        why = None
        if found.unreadable:
            key, reason = next(iter(found.unreadable.items()))
            why = f"{self._topic}: cannot read the snapshot {key}: {reason}"
        elif found.incomplete:
            names = ", ".join(sorted(found.incomplete)[:5])
            why = f"{self._topic}: months are missing for {len(found.incomplete)} units: {names}"
        if why is not None and why != self._incomplete:
            log.warning("live_units_incomplete", why=why)
        self._incomplete = why

    def _notify(self, changed: frozenset[str]) -> None:
        for callback in self._callbacks:
            callback(changed)


class _MonthHead(msgspec.Struct):
    month: str
    offset: int
    cells: msgspec.Raw


_head = msgspec.json.Decoder(_MonthHead)
_rows = msgspec.json.Decoder(list[CellRow])
_checked = msgspec.json.Decoder(list[tuple[Measure, date, str, str, str, int, int]])
"""The same rows with days that exist."""


def _month_record(value: bytes) -> MonthRecord:
    """Raises ``ValueError`` (msgspec's own is one) for what is not a month's snapshot."""
    head = _head.decode(value)
    packed = bytes(head.cells)
    # read now and thrown away: what cannot be read must be noticed here, with its key. Cells are
    # made when somebody asks, for that takes four times as long, and whoever starts reads thousands
    # of months that are out of date
    _checked.decode(packed)
    return MonthRecord(head.month, head.offset, packed)
