"""The dossiers of a period that show an anomaly, page by page."""

from datetime import datetime
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from schemas.books import Period
from services.audit.questions.of import Of, aware, days
from services.audit.settled import NOW, Clocks, Settled, extent
from streams.core.facts import Fact


class AnomalousDossier(NamedTuple):
    """A dossier of the period that shows an anomaly."""

    unit: str
    dossier: str
    received_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    officer: str


def anomalous(
    client: Client,
    settled: Settled,
    anomaly: Fact,
    period: Period,
    unit: str | None,
    *,
    after: tuple[str, str],
    page: int,
    population: str = "closed",
    clocks: Clocks = NOW,
) -> list[AnomalousDossier]:
    """The next ``page`` dossiers after (unit, dossier), in the order of unit and code."""
    asked = extent(client, settled, unit)
    if not asked.offsets:
        return []
    with settled.dossiers(client, asked, clocks, fresh=True) as dossiers:
        rows = Of(client, dossiers, asked).query(
            "anomalies",
            **days(period),
            population=population,
            anomaly=1 << anomaly.bit,
            after_unit=after[0],
            after_dossier=after[1],
            page=page,
        )
    return [
        AnomalousDossier(
            code, dossier, aware(received_at), aware(closed_at), aware(due_at), officer
        )
        for code, dossier, received_at, closed_at, due_at, officer in rows
    ]
