"""The independent judge: acknowledged = Kafka = ClickHouse = live counters = a recount.

Plain Python that shares no code with the product: its own fold of the events that were sent, its
own reading of Kafka, of the counters in ``motcua.units`` and of ClickHouse's folder.
"""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from tests.faults.ledger import Identity, identity
from tests.faults.outcome import Outcome, Say
from tests.faults.stack import PREFIX, Stack

# bits of a cell, as the published language numbers its facts
_RESOLVED, _WITHDRAWN, _PAID_ONLINE = 1 << 1, 1 << 3, 1 << 14
_DUE_KNOWN, _ON_TIME, _LATE, _CORRECTED = 1 << 16, 1 << 17, 1 << 18, 1 << 25
_CHECKED = _RESOLVED | _WITHDRAWN | _PAID_ONLINE | _DUE_KNOWN | _ON_TIME | _LATE | _CORRECTED
_HANOI = timezone(timedelta(hours=7))
_MOST_DETAILS = 8
POISON = "urn:faults:poison"
"""Source of records that look like events and must be counted nowhere."""

Cell = tuple[str, str, str, str, str, int]
"""(unit, measure, day, procedure, officer, facts)."""


class Recount:
    """Dossiers folded once more from what emitters said and were answered 202."""

    def __init__(self, said: Iterable[dict[str, Any]]) -> None:
        self.cells: Counter[Cell] = Counter()
        self.dossiers: Counter[str] = Counter()
        by_dossier: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for event in said:
            by_dossier[event["unit"], event["subject"]].append(event)
        for (unit, _), told in by_dossier.items():
            self.dossiers[unit] += 1
            for cell in _cells_of(unit, told):
                self.cells[cell] += 1

    def resolved(self) -> dict[str, tuple[int, int]]:
        """(resolved, on time) of each unit: row IV of the decision."""
        found: dict[str, list[int]] = {unit: [0, 0] for unit in self.dossiers}
        for (unit, measure, _, _, _, bits), number in self.cells.items():
            if measure == "closed" and bits & _RESOLVED:
                found[unit][0] += number
                found[unit][1] += number if bits & _ON_TIME else 0
        return {unit: (a, b) for unit, (a, b) in found.items()}


def _cells_of(unit: str, told: list[dict[str, Any]]) -> list[Cell]:
    corrections = {
        event["data"]["corrects"]["id"]: event for event in told if "corrected" in event["type"]
    }
    stands: dict[str, dict[str, Any]] = {}
    for event in told:
        correction = corrections.get(event["id"])
        if "corrected" in event["type"]:
            continue
        if correction is None:
            stands[_kind(event)] = event
    for correction in corrections.values():
        if "replacement" in correction["data"]:
            better = correction["data"]["replacement"]
            stands[_kind(better)] = better
    bits = _CORRECTED if corrections else 0
    received, paid = stands.get("received"), stands.get("paid")
    resolved, withdrawn = stands.get("resolved"), stands.get("withdrawn")
    closed = resolved or withdrawn
    due = received["data"]["due_at"] if received else None
    bits |= _DUE_KNOWN if due else 0
    bits |= _WITHDRAWN if withdrawn else 0
    if resolved:
        bits |= _RESOLVED
        if due:
            bits |= _ON_TIME if _at(resolved["time"]) <= _at(due) else _LATE
    online = paid is not None and paid["data"]["way"] == "national_portal"
    bits |= _PAID_ONLINE if online else 0
    officer = (resolved or {"data": {}})["data"].get("officer") or (
        received["data"]["officer"] if received else ""
    )
    procedure = received["data"]["procedure"] if received else ""
    days = {"received": received, "closed": closed, "paid": paid if online else None}
    return [
        (unit, measure, _day(event["time"]), procedure, officer, bits)
        for measure, event in days.items()
        if event
    ]


def _kind(said: dict[str, Any]) -> str:
    return str(said["type"].split(".")[2])


def _at(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def _day(moment: str) -> str:
    return f"{_at(moment).astimezone(_HANOI):%Y-%m-%d}"


# -- what the engines say


def records(stack: Stack, topic: str) -> list[Any]:
    """Every record of a topic, in order within its partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=stack.bootstrap, enable_auto_commit=False, fetch_max_wait_ms=50
    )
    try:
        name = f"{PREFIX}.{topic}"
        places = [TopicPartition(name, n) for n in sorted(consumer.partitions_for_topic(name))]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        found: list[Any] = []
        while any(consumer.position(place) < ends[place] for place in places):
            for polled in consumer.poll(200).values():
                found += polled
        return found
    finally:
        consumer.close()


def in_kafka(stack: Stack) -> dict[Identity, int]:
    """How often each event stands in ``motcua.events``."""
    found: Counter[Identity] = Counter()
    for record in records(stack, "events"):
        try:
            one = identity(json.loads(record.value))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # poison that an experiment wrote
        if one[2] != POISON:
            found[one] += 1
    return found


def live(stack: Stack) -> tuple[Counter[Cell], Counter[str]]:
    """Cells and dossiers of each unit, from the last snapshots."""
    last = {r.key.decode(): json.loads(r.value) for r in records(stack, "units")}
    cells: Counter[Cell] = Counter()
    dossiers: Counter[str] = Counter()
    for key, said in last.items():
        unit, _, part = key.partition("|")
        if part == "now":
            dossiers[unit] = said["dossiers"]
            continue
        for measure, day, _, procedure, officer, bits, number in said["cells"]:
            cells[unit, measure, day, procedure, officer, bits & _CHECKED] += number
    return cells, dossiers


def in_clickhouse(stack: Stack) -> dict[str, Any]:
    """What stands in the folder of the history, whose process has ended; see ``read_history``."""
    out = stack.folder / "history.json"
    module = "tests.faults.read_history"
    folder = stack.data / "clickhouse"
    subprocess.run([sys.executable, "-m", module, str(folder), str(out)], check=True)
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    out.unlink()
    return found


# -- the comparison


class Differences:
    """What is not as it should be, counted."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.details: list[str] = []

    def add(self, what: str, number: int, detail: object) -> None:
        """``what`` is lost, duplicated or wrong."""
        if number:
            self.counted[what] += number
            if len(self.details) < _MOST_DETAILS:
                self.details.append(f"{number} {what}: {detail}")

    def outcome(self, done: int, longest_outage_s: float = 0.0, note: str = "") -> Outcome:
        """As an experiment's result."""
        said = {name: self.counted[name] for name in ("lost", "duplicated", "wrong")}
        return Outcome(
            done, **said, longest_outage_s=longest_outage_s, note=note, details=tuple(self.details)
        )


def check(stack: Stack, say: Say, *, folder: bool) -> Differences:
    """Compare everything that was ever acknowledged on this stack, which is drained.

    ``folder``: also stop the history and compare every identity in ClickHouse's folder. Without
    it the history is asked over HTTP, for the counts of each unit.
    """
    found = Differences()
    acknowledged = stack.ledger.acknowledged
    expected = Recount(acknowledged.values())
    say(f"checking {len(acknowledged)} events")
    kafka = in_kafka(stack)
    missing = acknowledged.keys() - kafka.keys()
    found.add("lost", len(missing), ("not in Kafka", sorted(missing)[:3]))
    foreign = kafka.keys() - acknowledged.keys()
    found.add("wrong", len(foreign), ("in Kafka, never acknowledged", sorted(foreign)[:3]))
    _check_live(stack, expected, found)
    _check_reports(stack, expected, found)
    verified = stack.verified
    found.add("wrong", int(not verified.get("equal")), ("verify", str(verified)[:500]))
    if folder:
        stack.stop("history")
        try:
            check_folder(stack, kafka, found)
        finally:
            stack.wake("history")
            stack.ready("history")
    return found


def _check_live(stack: Stack, expected: Recount, found: Differences) -> None:
    cells, dossiers = live(stack)
    for unit in expected.dossiers | dossiers:
        gap = expected.dossiers[unit] - dossiers[unit]
        found.add("lost", max(0, gap), ("dossiers of", unit, "not counted live"))
        found.add("duplicated", max(0, -gap), ("dossiers of", unit, "counted besides"))
    short, over = expected.cells - cells, cells - expected.cells
    totals = _totals(short)
    totals.subtract(_totals(over))
    for place, gap in totals.items():
        found.add("lost", max(0, gap), ("not counted live", place))
        found.add("duplicated", max(0, -gap), ("counted live besides", place))
    moved = min(short.total(), over.total())
    found.add("wrong", moved, ("in another cell", list(short)[:2], list(over)[:2]))


def _totals(cells: Counter[Cell]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for (unit, measure, *_), number in cells.items():
        found[unit, measure] += number
    return found


def _check_reports(stack: Stack, expected: Recount, found: Differences) -> None:
    wanted = expected.resolved()
    for name, url in (("live", stack.url), ("history", stack.audit)):
        said = stack.report(url)
        gap = expected.dossiers.total() - said["dossiers"]
        found.add("lost", max(0, gap), (name, "dossiers missing"))
        found.add("duplicated", max(0, -gap), (name, "dossiers besides"))
        rates = {
            row["unit"]: (row["a"], row["b"])
            for row in said["rows"]
            if row["indicator"] == "on_time_commune" and row["unit"] in wanted
        }
        for unit, counts in wanted.items():
            differs = rates.get(unit) != counts
            found.add("wrong", int(differs), (name, unit, rates.get(unit), "not", counts))


def check_folder(stack: Stack, kafka: dict[Identity, int], found: Differences) -> None:
    """Compare every identity and every offset in ClickHouse's folder; its process has ended."""
    stored = in_clickhouse(stack)
    identities = {tuple(one) for one in stored["identities"]}
    missing = stack.ledger.acknowledged.keys() - identities
    found.add("lost", len(missing), ("not in ClickHouse", sorted(missing)[:3]))
    foreign = identities - kafka.keys()
    found.add("wrong", len(foreign), ("in ClickHouse, not in Kafka", sorted(foreign)[:3]))
    for partition, (number, end) in stored["log"].items():
        found.add("lost", end - number, ("holes in the log of partition", partition))
    ends = stack.log.ends()
    read = {int(partition): end for partition, (_, end) in stored["log"].items()}
    found.add("lost", sum(max(0, end - read.get(p, 0)) for p, end in ends.items()), "not read")


def clickhouse_hash(stack: Stack) -> str:
    """One number of everything in the history; equal when two histories hold the same."""
    return str(in_clickhouse(stack)["hash"])
