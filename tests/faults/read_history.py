"""Reads ClickHouse's folder with plain chDB, in a process of its own: one path for each process.

python -m tests.faults.read_history FOLDER OUTPUT
"""

import json
import sys
from pathlib import Path
from typing import Any

from chdb.session import Session

_IDENTITIES = "SELECT DISTINCT unit, dossier, source, id FROM events"
# every offset once, whatever merges have not joined yet; records without an event are in there too
_LOG = """
    SELECT toString(partition) AS partition, [uniqExact(offset), max(offset) + 1] AS found
    FROM log GROUP BY partition
"""
_HASH = """
    SELECT
        (SELECT sum(cityHash64(unit, dossier, source, id, content_hash, occurred_at, recorded_at,
                               kind, body))
         FROM events FINAL) AS events,
        (SELECT sum(cityHash64(partition, offset, unit, event_key, content_hash, recorded_at))
         FROM log FINAL) AS log,
        (SELECT count() FROM events FINAL) AS events_count,
        (SELECT count() FROM log FINAL) AS log_count
"""


def main() -> None:
    folder, output = sys.argv[1:]
    session = Session(folder)
    found = {
        "identities": _rows(session, _IDENTITIES),
        "log": {
            partition: [int(number) for number in numbers]
            for partition, numbers in _rows(session, _LOG)
        },
        "hash": _rows(session, _HASH),
    }
    session.close()
    Path(output).write_text(json.dumps(found), "utf-8")


def _rows(session: Session, sql: str) -> list[Any]:
    text = str(session.query(sql, "JSONCompactEachRow"))
    return [json.loads(line) for line in text.splitlines()]


if __name__ == "__main__":
    main()
