"""Events as an emitter would send them, and a gateway without Kafka."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import orjson
from starlette.applications import Starlette

from schemas.calendar import load_calendar
from services.gateway.app import build_gateway
from services.gateway.credentials import Keys, add_emitter, credentials_file
from services.gateway.due import CatalogueDue
from services.gateway.kafka_log import LogUnavailable, Record
from services.metrics import Metrics
from services.reread import registry_of
from services.settings import Settings
from streams.core.working_time import WorkingTime

NOW = datetime(2023, 2, 10, 9, 0, tzinfo=UTC)
UNITS = ("23500", "23503")
OWED = CatalogueDue(WorkingTime(load_calendar()))
SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def received(**changes: Any) -> dict[str, Any]:
    """A valid event; a change of None takes the attribute away."""
    return _changed(
        {
            "specversion": "1.0",
            "id": "e-1",
            "source": "https://motcua.example.vn",
            "type": "motcua.dossier.received.v1",
            "subject": "23500-230210-0001",
            "time": "2023-02-10T08:30:00+07:00",
            "unit": "23500",
            "data": {
                "procedure": "1.001193",
                "channel": "online",
                "paperless": True,
                "due_at": "2023-02-13T17:00:00+07:00",
                "officer": "CB01",
            },
        },
        changes,
    )


def received_with(**changes: Any) -> dict[str, Any]:
    """A valid event with changes in its data."""
    return received(data=_changed(received()["data"], changes))


def paid_with(**changes: Any) -> dict[str, Any]:
    """A valid payment with changes in its data."""
    data = {"payment_id": "TT-1", "amount_vnd": 8000, "way": "national_portal"}
    return received(type="motcua.dossier.paid.v1", data=_changed(data, changes))


def withdrawn_with(**changes: Any) -> dict[str, Any]:
    """A valid withdrawal with changes in its data."""
    data = _changed({"reason": "hồ sơ nộp trùng"}, changes)
    return received(type="motcua.dossier.withdrawn.v1", data=data)


def corrected_with(**changes: Any) -> dict[str, Any]:
    """A valid correction, of the reception above, with changes in its data."""
    data = {
        "corrects": {"source": "https://motcua.example.vn", "id": "e-1"},
        "replacement": {name: received()[name] for name in ("type", "time", "data")},
        "reason": "nhập sai hạn trả",
        "approved_by": "LD01",
    }
    return received(id="e-2", type="motcua.dossier.corrected.v1", data=_changed(data, changes))


def replaced_with(**changes: Any) -> dict[str, Any]:
    """A valid correction with changes in the data of the reception that it puts in place."""
    replacement = corrected_with()["data"]["replacement"]
    data = _changed(replacement["data"], changes)
    return corrected_with(replacement={**replacement, "data": data})


def _changed(whole: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


@dataclass
class FakeLog:
    """A log in memory; ``away`` makes it unavailable."""

    records: list[Record] = field(default_factory=list)
    away: bool = False
    waiting: int = 0

    async def append(self, records: Sequence[Record]) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise LogUnavailable("away")
        self.records += records

    def values(self, topic: str) -> list[dict[str, Any]]:
        """What was appended to ``motcua.<topic>``."""
        return [orjson.loads(r.value) for r in self.records if r.topic == f"motcua.{topic}"]


@dataclass
class Gateway:
    """A gateway over ASGI, its log, its metrics and a key for ``UNITS``."""

    app: Starlette
    http: httpx2.AsyncClient
    log: FakeLog
    key: str
    data: Path

    async def post(
        self, content: object, kind: str = SINGLE, key: str | None = None, **headers: str
    ) -> httpx2.Response:
        body = content if isinstance(content, bytes) else orjson.dumps(content)
        key = self.key if key is None else key
        return await self.http.post(
            "/v1/events",
            content=body,
            headers={"content-type": kind, "authorization": f"Bearer {key}", **headers},
        )


def gateway(folder: Path, clock: Callable[[], datetime] = lambda: NOW, **settings: Any) -> Gateway:
    """A gateway on a data folder, with an emitter «dakha» for ``UNITS``."""
    key = add_emitter(credentials_file(folder), "dakha", UNITS)
    log = FakeLog()
    routes = build_gateway(
        Settings(data=folder, **settings),
        log=log,
        keys=Keys(credentials_file(folder)),
        registry=registry_of(folder),
        metrics=Metrics(),
        clock=clock,
    )
    app = Starlette(routes=routes)
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://gateway")
    return Gateway(app, http, log, key, folder)
