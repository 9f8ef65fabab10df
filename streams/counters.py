"""One partition's dossiers and counters in memory: events in, changed entries out. No I/O.

The dossiers are the state; the counters are sums over them, kept by difference and never stored.
"""

import asyncio
import base64
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import orjson

from schemas.problems import FieldError
from streams.core.cells import UnitCounters
from streams.core.dossier import (
    AnyEntry,
    Dossier,
    UnreadableEvent,
    add,
    decode,
    encode,
    merge,
    read,
)
from streams.core.facts import facts
from streams.core.working_time import WorkingTime

MAX_DOSSIER_BYTES = 400_000
"""Some eight thousand events; with another run of them it still fits into one batch (900 kB)."""

_SEPARATOR = "\x1f"
_MONTHS = b"\x00months\x1f"
"""Entry of a unit: every month that it ever had cells in, so that an emptied one is published."""
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_YIELD_EVERY = 2000
_MAX_TEXT_BYTES = 3_000_000


class TooManyUnreadable(Exception):
    """The breaker: a broken stream must stop the worker, not drain into ``motcua.rejected``."""


class DossierFull(Exception):
    """An entry must fit into one batch of the changelog; no real dossier comes near."""


class SourceRecord(Protocol):
    """What is read of a Kafka record."""

    offset: int
    value: bytes | None


@dataclass(slots=True)
class Folded:
    """What a run of events led to."""

    changed: dict[bytes, bytes] = field(default_factory=dict)
    """Entries with their new values, copied from ``PartitionCounters.entries``."""
    rejected: list[tuple[bytes, bytes]] = field(default_factory=list)
    """(key, value) for ``motcua.rejected``; the same again when the run is folded again."""
    touched: dict[str, set[str]] = field(default_factory=dict)
    """Units that changed, with the months whose cells changed."""


_Grown: TypeAlias = tuple[str, str, Dossier, Dossier]
"""A dossier that got events in a run: its unit and code, what stands in the entries, what will."""


class PartitionCounters:
    """The dossiers of one partition with the counters of its units.

    ``partition_of`` says where a unit's events belong; an event found elsewhere is refused, for
    two partitions must never publish the same unit.
    """

    def __init__(
        self,
        partition: int,
        entries: dict[bytes, bytes],
        partition_of: Callable[[str], int],
        unreadable_in_a_row: int,
        work: WorkingTime,
    ) -> None:
        self.units: dict[str, UnitCounters] = {}
        self._partition = partition
        self._entries = entries
        self._partition_of = partition_of
        self._limit = unreadable_in_a_row
        self._work = work
        self._unreadable = 0

    async def restore(self) -> None:
        """Count every dossier of the entries; gives way to others now and then."""
        for number, (key, value) in enumerate(self._entries.items()):
            if key.startswith(_MONTHS):
                counters = self._unit(key.removeprefix(_MONTHS).decode())
                for month in orjson.loads(value):
                    counters.months.setdefault(month, {})
            else:
                unit, _, subject = key.decode().partition(_SEPARATOR)
                counters = self._unit(unit)
                dossier = decode(value)
                counters.replace(subject, None, facts(dossier, self._work))
                recorded = max(entry.recorded for entry in dossier)
                counters.last_recorded = max(counters.last_recorded, recorded)
            if number % _YIELD_EVERY == 0:
                await asyncio.sleep(0)

    def fold(self, records: Iterable[SourceRecord]) -> Folded:
        """Add the events to their dossiers and count the difference; repeated ones change nothing.

        Raises :class:`TooManyUnreadable`; this object is then of no further use.
        """
        folded = Folded()
        grown: dict[bytes, _Grown] = {}
        for record in records:
            try:
                unit, subject, entry = read(record.value or b"")
                counters = self.units.get(unit) or self._checked_unit(unit)
                key = f"{unit}{_SEPARATOR}{subject}".encode()
                known = grown.get(key)
                before = self._stored(key) if known is None else known[2]
            except DossierFull as why:
                folded.rejected.append(_unusable(self._partition, record, "dossier_full", str(why)))
                continue
            except UnreadableEvent as why:
                self._count_unreadable(record, why)
                folded.rejected.append(_unusable(self._partition, record, "unreadable", str(why)))
                continue
            self._unreadable = 0
            dossier = before if known is None else known[3]
            after, loser = add(dossier, entry)
            if loser is not None:
                kept = next(e for e in after if e.id == entry.id)
                conflict = _conflict(self._partition, record, unit, subject, loser, kept)
                folded.rejected.append(conflict)
            if after is not dossier:
                grown[key] = unit, subject, before, after
                if entry.recorded > counters.last_recorded:
                    counters.last_recorded = entry.recorded
        self._count(grown, folded)
        self._entries.update(folded.changed)
        return folded

    def _count(self, grown: dict[bytes, _Grown], folded: Folded) -> None:
        """Each dossier once, however many events it got in this run."""
        work = self._work
        months_before: dict[str, int] = {}
        for key, (unit, subject, before, after) in grown.items():
            counters = self.units[unit]
            if unit not in months_before:
                months_before[unit] = len(counters.months)
                folded.touched[unit] = set()
            # what is in process is at hand: most events come to such a dossier
            was = counters.open_dossiers.get(subject)
            if was is None and before:
                was = facts(before, work)
            folded.touched[unit] |= counters.replace(subject, was, facts(after, work))
            folded.changed[key] = encode(after)
        for unit, count in months_before.items():
            months = self.units[unit].months
            if len(months) > count:
                folded.changed[_MONTHS + unit.encode()] = orjson.dumps(sorted(months))

    def _stored(self, key: bytes) -> Dossier:
        value = self._entries.get(key)
        if value is None:
            return ()
        if len(value) > MAX_DOSSIER_BYTES:
            raise DossierFull("the dossier is full: it has thousands of events")
        return decode(value)

    def _unit(self, unit: str) -> UnitCounters:
        return self.units.setdefault(unit, UnitCounters())

    def _checked_unit(self, unit: str) -> UnitCounters:
        if not _UNIT.fullmatch(unit):
            raise UnreadableEvent(f"not a unit's code: {unit!r}")
        right = self._partition_of(unit)
        if right != self._partition:
            raise UnreadableEvent(f"events of unit {unit} belong in partition {right}")
        return self._unit(unit)

    def _count_unreadable(self, record: SourceRecord, why: UnreadableEvent) -> None:
        self._unreadable += 1
        if self._unreadable > self._limit:
            raise TooManyUnreadable(
                f"partition {self._partition}, offset {record.offset}: {self._unreadable}"
                f" unreadable records in a row; the last one: {why}"
            ) from why


def merge_entries(key: bytes, older: bytes, newer: bytes) -> bytes:
    """The union of two versions of an entry; ``newer`` itself when ``older`` adds nothing."""
    if key.startswith(_MONTHS):
        known, months = set(orjson.loads(older)), set(orjson.loads(newer))
        return newer if known <= months else orjson.dumps(sorted(known | months))
    old, new = decode(older), decode(newer)
    if new[: len(old)] == old:
        return newer
    union = merge(new, old)
    return newer if union == new else encode(union)


# -- what is refused


def _unusable(partition: int, record: SourceRecord, rule: str, why: str) -> tuple[bytes, bytes]:
    reason = FieldError(
        field="",
        rule=rule,
        message=f"not an admitted event that can be counted: {why}",
        message_vi=f"không phải sự kiện đã tiếp nhận đếm được: {why}",
    )
    value = _rejected(reason, record.value, partition=partition, offset=record.offset)
    return b"%d|%d" % (partition, record.offset), value


def _conflict(
    partition: int,
    record: SourceRecord,
    unit: str,
    subject: str,
    loser: AnyEntry,
    kept: AnyEntry,
) -> tuple[bytes, bytes]:
    """The record that lost; of one that was counted until now there is only its hash.

    ``offset`` is the record that showed the conflict.
    """
    reason = FieldError(
        field="id",
        rule="conflicting_copy",
        message="two events share source and id but say different things; the one recorded first"
        " counts. Send the other one under an id of its own",
        message_vi="hai sự kiện trùng source và id nhưng khác nội dung; sự kiện ghi nhận trước"
        " được tính. Hãy gửi lại sự kiện kia với id riêng",
    )
    this_lost = record.value is not None and read(record.value)[2] == loser
    value = _rejected(
        reason,
        record.value if this_lost else None,
        partition=partition,
        offset=record.offset,
        unit=unit,
        subject=subject,
        contenthash=f"{loser.content:016x}",
        kept=f"{kept.content:016x}",
    )
    return f"{unit}|{subject}|{loser.id:016x}|{loser.content:016x}".encode(), value


def _rejected(reason: FieldError, value: bytes | None, **found: str | int) -> bytes:
    """``record`` is the original as text, or base64 where ``encoding`` says so."""
    document = {"stage": "worker", **found, "reasons": [reason.model_dump()]}
    if value is None:
        return orjson.dumps({**document, "record": None})
    try:
        as_text = orjson.dumps({**document, "record": value.decode()})
    except UnicodeDecodeError:
        as_text = b""
    if as_text and len(as_text) <= _MAX_TEXT_BYTES:
        return as_text
    encoded = base64.b64encode(value).decode()
    return orjson.dumps({**document, "record": encoded, "encoding": "base64"})
