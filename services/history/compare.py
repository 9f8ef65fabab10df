"""Two histories in two databases of one ClickHouse, compared whole: every row, by its content.

The rows have no order: their hashes are added up. Left out is what may differ between equal
histories: when a row was written, which of several equal copies a merge kept, and when the last
copy of a dossier's events was recorded (``last_recorded_at``: dossiers settled in one step and in
many steps differ in it where a copy came late).
"""

from collections.abc import Sequence

from clickhouse_connect.driver.client import Client
from pydantic import BaseModel, ConfigDict

MOST_NAMED = 20

_ROWS = {
    "positions": "SELECT tuple(partition) AS place, max(next_offset) AS content"
    " FROM {database:Identifier}.positions GROUP BY partition",
    "log": "SELECT DISTINCT (partition, offset) AS place,"
    " sipHash64(unit, dossier_key, event_key, content_hash, recorded_at) AS content"
    " FROM {database:Identifier}.log",
    "unreadable": "SELECT (partition, offset) AS place, sipHash64(raw) AS content"
    " FROM {database:Identifier}.unreadable FINAL",
    "events": "SELECT (unit, dossier) AS place, sipHash64(tuple(* EXCEPT (offset))) AS content"
    " FROM {database:Identifier}.events FINAL",
    "settled": "SELECT (unit, dossier) AS place,"
    " sipHash64(tuple(* EXCEPT (last_recorded_at))) AS content"
    " FROM {database:Identifier}.settled FINAL",
}
"""For each table where its rows stand, in words for people, and a hash of what they say."""

# of a nation's dossiers the places do not fit into memory
_SPILL = {"max_bytes_before_external_group_by": 1 << 30}


class Compared(BaseModel):
    """What came out for one table."""

    model_config = ConfigDict(frozen=True)

    table: str
    equal: bool
    running_rows: int
    rebuilt_rows: int
    different: tuple[str, ...] = ()
    """The first places that differ: unit/dossier, or partition/offset."""


def compare(client: Client, running: str, rebuilt: str) -> tuple[Compared, ...]:
    """One verdict for each table; both must stand at the same positions and be settled."""
    return tuple(_compare(client, table, running, rebuilt) for table in _ROWS)


def _compare(client: Client, table: str, running: str, rebuilt: str) -> Compared:
    there, here = _sum(client, table, running), _sum(client, table, rebuilt)
    return Compared(
        table=table,
        equal=there == here,
        running_rows=there[0],
        rebuilt_rows=here[0],
        different=() if there == here else _different(client, table, running, rebuilt),
    )


def _sum(client: Client, table: str, database: str) -> tuple[int, int]:
    rows = f"SELECT count(), sum(sipHash64(place, content)) FROM ({_ROWS[table]})"
    ((count, content),) = client.query(rows, {"database": database}).result_rows
    return int(count), int(content)


def _different(client: Client, table: str, running: str, rebuilt: str) -> tuple[str, ...]:
    there = _ROWS[table].replace("{database:", "{running:")
    here = _ROWS[table].replace("{database:", "{rebuilt:")
    found: Sequence[Sequence[tuple[object, ...]]] = client.query(
        f"SELECT place FROM (SELECT place, content, 1 AS here FROM ({here})"
        f" UNION ALL SELECT place, content, 0 AS here FROM ({there}))"
        " GROUP BY place HAVING sumIf(content, here) != sumIf(content, NOT here)"
        " OR countIf(here) != countIf(NOT here) ORDER BY place LIMIT {most:UInt16}",
        {"running": running, "rebuilt": rebuilt, "most": MOST_NAMED},
        settings=_SPILL,
    ).result_rows
    return tuple("/".join(map(str, place)) for (place,) in found)
