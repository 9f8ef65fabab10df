"""The balance of each unit, from the events themselves."""

from clickhouse_connect.driver.client import Client

from schemas.books import Period
from services.audit.questions.of import Of, midnight_ms
from services.audit.settled import NOW, Clocks, Extent, Settled
from streams.core.days import DAY_MS

# the columns of ``balance.sql`` after the unit, as terms of ``streams.core.balance``
_TERMS = (
    "opening",
    "came_back",
    "received",
    "closed_before_received",
    "reception_unknown",
    "resolved",
    "rejected",
    "withdrawn",
    "stopped",
    "received_after_closing",
    "in_process",
    "rejected_at_submission",
)


def balances(
    client: Client,
    settled: Settled,
    asked: Extent,
    period: Period,
    *,
    clocks: Clocks = NOW,
    officer: str | None = None,
) -> dict[str, dict[str, int]]:
    """The balance of each unit that has a dossier then, from the events themselves.

    ``officer`` None: all; empty: the dossiers of which nobody knows the officer.
    """
    with settled.dossiers(client, asked, clocks) as dossiers:
        return balances_of(Of(client, dossiers, asked, officer), period)


def balances_of(of: Of, period: Period) -> dict[str, dict[str, int]]:
    """The same of a table of dossiers that is there already."""
    if not of.asked.offsets:
        return {}
    begin, end = midnight_ms(period.first), midnight_ms(period.last) + DAY_MS
    return {
        unit: dict(zip(_TERMS, map(int, counted), strict=True))
        for unit, *counted in of.query("balance", begin=begin, end=end)
    }
