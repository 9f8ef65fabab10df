"""One row for each dossier with what follows from its events, kept from one question to the next.

What the history says of a dossier changes only when an event of the dossier comes. So the query
that judges dossiers by their events is asked for those alone that got an event since they were
settled last, and for those that a question sees otherwise than they are settled: at an earlier
moment, as known earlier, or below an offset. Every figure is then a sum over rows.
"""

import hashlib
import re
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from clickhouse_connect.driver.client import Client

from schemas.events import END_OF_TIME
from services.audit.kept import Kept, Key, drop

_SETTLED = "settled_dossiers"
_ASKED = "asked_"
_INCLUDE = re.compile(r"^ *-- include (?P<part>\w+)(?: as (?P<name>\w+))?$", re.MULTILINE)
_MOST_RECORDS = 1_000_000
"""Of so many records dossiers are judged at a time; a few hundred MB."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The two clocks of a question; without them: everything that is here."""

    as_of: datetime = END_OF_TIME
    """As it was then: events that had happened until this moment."""
    known_at: datetime = END_OF_TIME
    """As we knew it then: events recorded until this moment."""
    final: bool = False
    """Every event that was recorded until ``known_at`` is here."""


NOW = Clocks()


@dataclass(frozen=True, slots=True)
class Extent:
    """Units, and for each the first offset of the log that is not asked about any more."""

    offsets: Mapping[str, int]
    open_ended: bool = False
    """What comes in while the question is answered may count as well."""

    def bound(self, clocks: Clocks) -> dict[str, Any]:
        """The parameters of the parts ``in_force`` and ``facts``, for every dossier."""
        return {
            "units": list(self.offsets),
            "offsets": list(self.offsets.values()),
            "as_of": bound_moment(clocks.as_of),
            "known_at": bound_moment(clocks.known_at),
            "every": True,
            "chosen": "settled",  # no table is chosen from when every dossier is asked about
        }


def bound_moment(moment: datetime) -> str:
    """The moment as a parameter of type ``DateTime64(3, 'UTC')``."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%d %H:%M:%S}.{utc.microsecond // 1000:03d}"


class Settled:
    """The settled dossiers of one database; one for each process that asks it."""

    def __init__(self) -> None:
        self._turns = _Turns()
        self._kept = Kept()

    def settle(self, client: Client) -> int:
        """Judge every dossier that got an event; how many did.

        Killed in the middle it begins again where it was: what is judged twice is stored once.
        """
        with self._turns.alone():
            judged_by = basis(client)
            begins = _offsets(client, "settlements", {"basis": judged_by})
            ends = {
                partition: end
                for partition, end in _offsets(client, "positions").items()
                if end > begins.get(partition, 0)
            }
            if not ends:
                return 0
            window = {
                "partitions": list(ends),
                "begins": [begins.get(partition, 0) for partition in ends],
                "ends": list(ends.values()),
            }
            waiting = client.query(sql("unsettled"), window).result_rows
            if not begins:
                # judged by other rules or another calendar
                client.command("TRUNCATE TABLE settled")
            for group in _groups(waiting):
                heads = Extent({unit: head for unit, head, _, _ in group})
                bound = {**heads.bound(NOW), **window, "every": not begins}
                with _chosen(client, "touched", bound) as touched:
                    client.command(sql("settle"), {**bound, "chosen": touched})
            client.insert(
                "settlements",
                [[judged_by, partition, end] for partition, end in ends.items()],
                column_names=["basis", "partition", "next_offset"],
            )
            return sum(dossiers for *_, dossiers in waiting)

    @contextmanager
    def dossiers(
        self,
        client: Client,
        asked: Extent,
        clocks: Clocks,
        dossier: str | None = None,
        *,
        anew: bool = False,
        fresh: bool = False,
    ) -> Iterator[str]:
        """The name of a table with a row for each dossier of these units, or for one alone.

        It may hold other units as well. It is there, and says the same, until the context ends.
        ``anew``: every dossier is judged by its events now, nothing is taken from what is settled.
        ``fresh``: what has come in was settled for this question a moment ago (:func:`extent`).
        """
        with self.tables(client, asked, [clocks], dossier, anew=anew, fresh=fresh) as (table,):
            yield table

    @contextmanager
    def tables(
        self,
        client: Client,
        asked: Extent,
        several: Sequence[Clocks],
        dossier: str | None = None,
        *,
        anew: bool = False,
        fresh: bool = False,
    ) -> Iterator[list[str]]:
        """The same for several clocks at once, in their order."""
        if not fresh:
            self.settle(client)
        with ExitStack() as held:
            turn = held.enter_context(ExitStack())
            turn.enter_context(self._turns.together())
            names = [self._table(client, asked, clocks, dossier, anew, held) for clocks in several]
            if _SETTLED not in names:
                turn.close()
            yield names

    def _table(
        self,
        client: Client,
        asked: Extent,
        clocks: Clocks,
        dossier: str | None,
        anew: bool,
        held: ExitStack,
    ) -> str:
        if asked.open_ended and clocks == NOW and not anew:
            return _SETTLED
        key = None
        if asked.open_ended and clocks != NOW and not anew and dossier is None:
            key = self._key(client, asked, clocks)
            if (kept := self._kept.take(key)) is not None:
                held.callback(self._kept.give_back, client, key)
                return kept
        bound = {**asked.bound(clocks), "dossier": dossier or ""}
        if anew:
            table, rows = self._judge(client, bound)
        else:
            if not client.query(sql("unfit"), bound).result_rows[0][0]:
                return _SETTLED
            with _chosen(client, "seen_otherwise", bound) as chosen:
                table, rows = self._judge(client, {**bound, "every": False, "chosen": chosen})
        if key is None:
            held.callback(drop, client, table)
        else:
            self._kept.put(key, table, rows)
            held.callback(self._kept.give_back, client, key, table)
        return table

    def _judge(self, client: Client, bound: Mapping[str, Any]) -> tuple[str, int]:
        """Make the table that the question sees: its name, and how many dossiers are in it."""
        table = _new_name()
        bound = {**bound, "asked": table}
        client.command("CREATE TABLE {asked:Identifier} AS settled ENGINE = Memory", bound)
        try:
            if not bound["every"]:
                client.command(sql("asked_settled"), bound)
            client.command(sql("asked_anew"), bound)
            return table, _count(client, table)
        except BaseException:
            drop(client, table)
            raise

    def _key(self, client: Client, asked: Extent, clocks: Clocks) -> Key:
        # what comes in after a final moment was recorded later, and the question does not see it
        offsets = () if clocks.final else tuple(asked.offsets.values())
        judged_by = basis(client)
        # a rebuilt history has the same basis and none of these tables
        ((database,),) = client.query(sql("database")).result_rows
        return database, judged_by, tuple(asked.offsets), offsets, clocks.as_of, clocks.known_at


def extent(client: Client, settled: Settled, unit: str | None = None) -> Extent:
    """Everything that is in the history now, of one unit or of all; units without events: not."""
    settled.settle(client)
    rows = client.query(sql("heads"), {"unit": unit or ""}).result_rows
    return Extent({code: int(offset) for code, offset in rows}, open_ended=True)


def forget_asked(client: Client) -> None:
    """Drop what a killed process left of its questions; nobody else may be asking."""
    for (name,) in client.query(
        "SELECT name FROM system.tables"
        " WHERE database = currentDatabase() AND startsWith(name, {begin:String})",
        {"begin": _ASKED},
    ).result_rows:
        client.command("DROP TABLE {name:Identifier}", {"name": name})


@cache
def sql(name: str) -> str:
    """The statement in ``sql/<name>.sql``, with the parts that it includes.

    ``-- include part`` stands for ``sql/parts/part.sql``; with ``as name`` the part's table of
    dossiers is the parameter ``name``, and its moment the parameter ``as_of_name``.
    """
    folder = resources.files("services.audit") / "sql"

    def part(found: re.Match[str]) -> str:
        text = (folder / "parts" / f"{found['part']}.sql").read_text(encoding="utf-8")
        if name := found["name"]:
            text = text.replace("{dossiers:", f"{{{name}:").replace("{as_of:", f"{{as_of_{name}:")
        return _INCLUDE.sub(part, text)

    return _INCLUDE.sub(part, (folder / f"{name}.sql").read_text(encoding="utf-8"))


def basis(client: Client) -> str:
    """What dossiers are judged by: rules, a space, the calendar's version."""
    return str(client.query(sql("basis"), {"rules": _rules()}).result_rows[0][0])


@cache
def _rules() -> str:
    """A hash of what judges a dossier, comments aside."""
    rules = re.sub(r"^\s*--.*$", "", sql("parts/facts"), flags=re.MULTILINE)
    return hashlib.sha256(rules.encode()).hexdigest()[:16]


@contextmanager
def _chosen(client: Client, which: str, bound: Mapping[str, Any]) -> Iterator[str]:
    """The name of a table of dossiers that ``sql/<which>.sql`` fills, until the context ends."""
    bound = {**bound, "chosen": _new_name()}
    client.command(
        "CREATE TABLE {chosen:Identifier}"
        " (dossier_key UInt64, next_offset UInt64, last_recorded_at DateTime64(3, 'UTC'))"
        " ENGINE = Memory",
        bound,
    )
    try:
        client.command(sql(which), bound)
        yield bound["chosen"]
    finally:
        drop(client, bound["chosen"])


def _new_name() -> str:
    return f"{_ASKED}{uuid.uuid4().hex}"


def _count(client: Client, table: str) -> int:
    found = client.query("SELECT count() FROM {asked:Identifier}", {"asked": table})
    return int(found.result_rows[0][0])


def _offsets(client: Client, question: str, parameters: Any = None) -> dict[int, int]:
    return {int(p): int(n) for p, n in client.query(sql(question), parameters).result_rows}


def _groups(waiting: Sequence[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    group: list[Sequence[Any]] = []
    records = 0
    for row in waiting:
        _, _, of_unit, _ = row
        if group and records + of_unit > _MOST_RECORDS:
            yield group
            group, records = [], 0
        group.append(row)
        records += of_unit
    yield group


class _Turns:
    """Many may read together; who writes is alone, and is let in before further readers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._reading = 0
        self._writers = 0
        self._writing = False

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._writers)
            self._reading += 1
        try:
            yield
        finally:
            with self._changed:
                self._reading -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._changed:
            self._writers += 1
            self._changed.wait_for(lambda: not self._reading and not self._writing)
            self._writing = True
        try:
            yield
        finally:
            with self._changed:
                self._writers -= 1
                self._writing = False
                self._changed.notify_all()
