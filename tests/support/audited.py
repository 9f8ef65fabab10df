"""A small history with one dossier for each thing that an auditor looks for, and its audit."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from schemas.registry import load_registry
from services.audit.app import audit_router
from services.audit.settled import Settled
from services.clickhouse import Pool
from services.settings import Settings
from tests.support.histories import (
    admitted,
    corrected,
    digitized,
    extended,
    paid,
    received,
    resolved,
    supplement_received,
    supplement_requested,
)

NOW = datetime(2023, 6, 1, 3, tzinfo=UTC)


def audit_app(pool: Pool) -> FastAPI:
    """The audit of this history, all of which has been read; nobody verifies it."""
    app = FastAPI(docs_url=None, redoc_url=None)
    app.include_router(
        audit_router(
            Settings(data=Path("unused")),
            pool,
            Settled(),
            load_registry,
            lambda: pytest.fail("nobody verifies"),
            lambda: None,
            lambda: NOW,
            lambda: {0: 0},
        )
    )
    return app


def said() -> list[bytes]:
    """One dossier for each check, one that a correction moved, and one by another unit."""
    was = received(dossier="moved", due="2023-02-13T17:00")
    better = received(dossier="moved", due="2023-02-10T17:00")
    night = [f"2023-02-10T22:0{n}" for n in range(6)]
    return [
        *(admitted(one) for one in [was, resolved("2023-02-13T09:00", dossier="moved")]),
        admitted(corrected(was, better, "2023-03-01T09:00", dossier="moved")),
        *map(
            admitted,
            [
                received(dossier="extended", due="2023-02-10T17:00"),
                extended("2023-02-10T16:00", new_due="2023-02-14T17:00", dossier="extended",
                         document="theo đề nghị"),
                extended("2023-02-14T16:00", new_due="2023-02-20T17:00", dossier="extended"),
                resolved("2023-02-15T09:00", dossier="extended", claims_on_time=False),
                received(dossier="asked", due="2023-02-20T17:00"),
                supplement_requested("2023-02-10T09:00", dossier="asked", beyond_list=True),
                supplement_received("2023-02-13T09:00", dossier="asked"),
                supplement_requested("2023-02-13T10:00", dossier="asked"),
                received("2023-02-10T10:00", dossier="early"),
                resolved("2023-02-10T09:00", dossier="early"),
                received(dossier="late-papers", procedure="1.004873"),
                resolved("2023-02-10T10:00", dossier="late-papers"),
                paid("2023-02-11T10:00", dossier="late-papers"),
                digitized("2023-02-11T10:00", dossier="late-papers"),
                received(dossier="1", unit="23503"),
                resolved(dossier="1", unit="23503"),
            ],
        ),
        *(admitted(received(dossier=f"night-{n}", officer="cb9")) for n in range(6)),
        *(
            admitted(resolved(at, dossier=f"night-{n}", officer="cb9"))
            for n, at in enumerate(night)
        ),
        admitted(received("2023-01-05T09:00", dossier="sent-late"), "2023-01-09T09:00"),
    ]  # fmt: skip
