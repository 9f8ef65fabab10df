"""One dossier taken apart: every copy of every event, and what follows from them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import orjson
from clickhouse_connect.driver.client import Client

from services.audit.questions.of import Of, aware
from services.audit.settled import NOW, Clocks, Settled, extent, sql
from streams.core.facts import FACTS


class DossierEvent(NamedTuple):
    """One copy of an event of a dossier."""

    kind: str
    occurred_at: datetime
    recorded_at: datetime
    emitter: str
    source: str
    id: str
    partition: int
    offset: int
    content_hash: str
    event: dict[str, Any]
    """As it stands in Kafka."""
    counts: bool
    """False: a later copy, or another content under the same identity."""


class DossierFacts(NamedTuple):
    """What follows from the events of a dossier."""

    level: str
    procedure: str
    officer: str
    received_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    paid_days: tuple[date, ...]
    facts: tuple[str, ...]
    """Names of those that hold."""


class DossierHistory(NamedTuple):
    """A dossier taken apart."""

    events: tuple[DossierEvent, ...]
    known: DossierFacts | None
    """None: it has no event at these clocks."""


def dossier_history(
    client: Client, settled: Settled, unit: str, dossier: str, *, clocks: Clocks = NOW
) -> DossierHistory | None:
    """Every copy of every event of the dossier, and what follows; None when there is none."""
    rows = client.query(sql("timeline"), {"unit": unit, "dossier": dossier}).result_rows
    if not rows:
        return None
    events = tuple(_event(row) for row in rows)
    asked = extent(client, settled, unit)
    with settled.dossiers(client, asked, clocks, dossier, fresh=True) as dossiers:
        found = Of(client, dossiers, asked).query("dossier", dossier=dossier)
    return DossierHistory(events, _facts(found[0]) if found else None)


def _event(row: Sequence[Any]) -> DossierEvent:
    kind, occurred_at, recorded_at, *where, content_hash, body, counts = row
    emitter, source, event_id, partition, offset = where
    return DossierEvent(
        kind,
        occurred_at.replace(tzinfo=UTC),
        recorded_at.replace(tzinfo=UTC),
        emitter,
        source,
        event_id,
        partition,
        offset,
        content_hash,
        orjson.loads(body),
        bool(counts),
    )


def _facts(row: Sequence[Any]) -> DossierFacts:
    level, procedure, officer, received_at, closed_at, due_at, paid_days, bits = row
    return DossierFacts(
        level,
        procedure,
        officer,
        aware(received_at),
        aware(closed_at),
        aware(due_at),
        tuple(paid_days),
        tuple(fact.name for fact in FACTS if bits >> fact.bit & 1),
    )
