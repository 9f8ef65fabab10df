"""Dossiers as the audit answers them, from events in plain words: what the command line tells of.

Admission freezes the shipped catalogue into every reception here, as the gateway does.
"""

from collections.abc import Iterable
from typing import Any

import orjson

from schemas.admitted import AdmittedEvent, FrozenProcedure
from schemas.books import load_book
from schemas.events import KIND_OF_TYPE, Corrected, LifecycleEvent, ReceivedData
from schemas.registry import load_registry
from services.audit.questions import DossierFacts
from services.cli.case import Case, case_of
from streams.core.days import moment, to_date
from streams.core.facts import BIT, Facts, facts
from tests.support.gateway import OWED
from tests.support.histories import WORK, admitted, entry, fold

REGISTRY = load_registry()
BOOK = load_book("dak-ha-2023")


def frozen(said: LifecycleEvent) -> FrozenProcedure:
    """What admission freezes into the event, where it is a reception or replaces one."""
    data, at = said.data, said.time
    if isinstance(said, Corrected) and said.data.replacement is not None:
        data, at = said.data.replacement.data, said.data.replacement.time
    if not isinstance(data, ReceivedData):
        return FrozenProcedure(known=False)
    procedure = REGISTRY.procedure(data.procedure, at.date())
    assert procedure is not None, data.procedure
    return FrozenProcedure(
        known=True,
        service=procedure.service,
        has_fee=procedure.fee_vnd > 0,
        payment_online=procedure.payment_online,
        due_at=OWED(procedure, at),
    )


def records_of(events: Iterable[LifecycleEvent]) -> list[bytes]:
    """The events as they stand in ``motcua.events``."""
    return [admitted(said, frozen=frozen(said), emitter="motcua-dakha") for said in events]


def answer(kept: Iterable[bytes]) -> dict[str, Any]:
    """What ``GET /api/v1/events`` answers for the dossier of these records."""
    kept = list(kept)
    first = AdmittedEvent.model_validate_json(kept[0])
    known = facts(fold(entry(record) for record in kept), WORK)
    found = {
        "unit": first.unit,
        "dossier": first.subject,
        "events": [_event(record) for record in kept],
        "known": _known(known)._asdict(),
    }
    answered: dict[str, Any] = orjson.loads(orjson.dumps(found))
    return answered


def case(*events: LifecycleEvent) -> Case:
    """The dossier of these events, ready to be explained."""
    return case_of(answer(records_of(events)), REGISTRY, WORK)


def _event(record: bytes) -> dict[str, Any]:
    said = AdmittedEvent.model_validate_json(record)
    return {
        "kind": KIND_OF_TYPE[said.type].name,
        "occurred_at": said.time,
        "recorded_at": said.recordedat,
        "emitter": said.emitter,
        "source": said.source,
        "id": said.id,
        "event": orjson.loads(record),
        "counts": True,
    }


def _known(known: Facts) -> DossierFacts:
    moments = (
        None if ms is None else moment(ms)
        for ms in (known.received_at, known.closed_at, known.due_at)
    )
    return DossierFacts(
        known.level,
        known.procedure,
        known.officer,
        *moments,
        tuple(map(to_date, known.paid_days)),
        tuple(name for name in BIT if known.has(name)),
    )
