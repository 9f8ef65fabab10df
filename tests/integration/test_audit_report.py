"""Questions to the history, asked of real events in a real ClickHouse."""

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schemas.admitted import FrozenProcedure
from schemas.books import Period, load_book
from schemas.registry import Registry, load_registry
from schemas.report import Report, ReportRow
from services.audit.questions import (
    ANOMALIES,
    anomalous,
    dossier_history,
    report,
)
from services.audit.settled import NOW, Clocks, Settled
from streams.core.cells import Cell, cells
from streams.core.facts import facts
from streams.core.indicators import anomalies, in_period
from tests.support.clickhouse import Database, numbered
from tests.support.histories import (
    WORK,
    admitted,
    digitized,
    dossiers,
    fee_waived,
    moment,
    paid,
    received,
    refunded,
    reopened,
    resolved,
    stopped,
    withdrawn,
)
from tests.support.tables import rows_of

RECEIPT = Path(__file__).parents[3] / "shared" / "data" / "receipt.csv"
BOOK = load_book("dak-ha-2023")
YEAR = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))
ASKED_AT = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def client(database: Database) -> Iterator[Client]:
    client = database.connect()
    yield client
    client.close()


def ask(
    client: Client,
    period: Period = YEAR,
    unit: str | None = None,
    clocks: Clocks = NOW,
    registry: Registry | None = None,
) -> Report:
    return report(
        client,
        Settled(),
        BOOK,
        registry or load_registry(),
        period,
        unit,
        clocks=clocks,
        demo=False,
        computed_at=ASKED_AT,
    )


def row_of(found: Report, indicator: str, unit: str | None = None) -> ReportRow:
    return next(r for r in found.rows if (r.indicator, r.unit) == (indicator, unit))


def a_district() -> list[bytes]:
    """Every rule of the book in a few dossiers of three units."""
    commune, other, department = "23500", "23503", "dh-tp"
    said = [
        # on time, digitised, paid online
        *(
            (received(dossier="1", unit=commune, procedure="1.004873"), "commune"),
            (digitized(dossier="1", unit=commune), "commune"),
            (paid(dossier="1", unit=commune), "commune"),
            (resolved(dossier="1", unit=commune, electronic=True), "commune"),
        ),
        # late, and its payment was given back
        *(
            (received(dossier="2", unit=commune, procedure="1.004873"), "commune"),
            (paid(dossier="2", unit=commune, payment="p2"), "commune"),
            (refunded(dossier="2", unit=commune, payment="p2"), "commune"),
            (resolved("2023-02-10T17:00:00.001", dossier="2", unit=commune), "commune"),
        ),
        # the fee was waived; closed twice without being reopened
        *(
            (received(dossier="3", unit=other, procedure="1.004873"), "commune"),
            (fee_waived(dossier="3", unit=other), "commune"),
            (resolved(dossier="3", unit=other), "commune"),
            (stopped("2023-02-10T18:00", dossier="3", unit=other), "commune"),
        ),
        # nobody knows when it was due
        (received(dossier="4", unit=department, due=None, procedure="1.001612"), "district"),
        (resolved(dossier="4", unit=department), "district"),
        # withdrawn, resolved after a reopening, never received
        (received(dossier="5", unit=department, procedure="1.001612"), "district"),
        (withdrawn(dossier="5", unit=department), "district"),
        (received(dossier="6", unit=department, procedure="1.001612"), "district"),
        (resolved("2023-02-10T10:00", dossier="6", unit=department), "district"),
        (reopened("2023-02-10T11:00", dossier="6", unit=department), "district"),
        (resolved("2023-02-11T11:00", dossier="6", unit=department), "district"),
        (resolved(dossier="7", unit=department), "district"),
    ]
    return [admitted(one, level=level) for one, level in said]


def test_the_report_from_events_equals_the_report_from_counters(client: Client, database: Database):
    """Scripts compare «motcua report» with «motcua units» line by line."""
    registry = load_registry()
    database.store(numbered(a_district()))
    by_unit: dict[str, list[tuple[Cell, int]]] = {}
    for (unit, _), dossier in dossiers(a_district()).items():
        counted = in_period(dict.fromkeys(cells(facts(dossier, WORK)), 1), YEAR)
        by_unit.setdefault(unit, []).extend(counted)

    found = ask(client)

    assert found.rows == rows_of(BOOK, registry, YEAR, by_unit)
    assert found.dossiers == 7
    assert found.resolved == 6
    everything = [pair for pairs in by_unit.values() for pair in pairs]
    assert [a.model_copy(update={"examples": ()}) for a in found.anomalies] == list(
        anomalies(everything)
    )


def test_a_report_of_one_unit_has_its_rows_alone(client: Client, database: Database):
    """A commune's chairman looks at the commune, and answers only for what communes answer for."""
    database.store(numbered(a_district()))

    found = ask(client, unit="23500")

    assert {row.unit for row in found.rows} == {"23500"}
    assert [row.row for row in found.rows] == ["I.2", "II", "III.1", "III.2", "IV.2"]
    assert found.dossiers == 2


def test_procedures_unite_and_do_not_add(client: Client, database: Database):
    """One procedure paid in two communes counts once for the district (row III.1)."""
    database.store(
        numbered(
            admitted(one)
            for unit in ("23500", "23503")
            for one in (
                received(dossier="x", unit=unit, procedure="1.004873"),
                paid(dossier="x", unit=unit),
            )
        )
    )

    found = ask(client)

    assert row_of(found, "payment_procedures", "23500").b == 1
    assert row_of(found, "payment_procedures", "23503").b == 1
    assert row_of(found, "payment_procedures").b == 1


def test_both_ends_of_a_period_are_included_in_local_time(client: Client, database: Database):
    """The last minute of the year in Việt Nam is 16:59 UTC: it still counts for the year."""
    database.store(
        numbered(
            admitted(one)
            for dossier, at in (
                ("in", "2023-12-31T23:59:59.999"),
                ("out", "2024-01-01T00:00"),
                ("first", "2023-01-01T00:00"),
                ("before", "2022-12-31T23:59:59.999"),
            )
            for one in (
                received("2022-12-01T08:00", dossier=dossier),
                resolved(at, dossier=dossier),
            )
        )
    )

    assert ask(client).resolved == 2


def test_what_was_known_then_never_changes(client: Client, database: Database):
    """An answer for a past moment stays, whatever arrives later; so does «as it was then»."""
    late = admitted(resolved("2023-02-10T16:00"), "2023-03-01T08:00")
    database.store(numbered([admitted(received())]))
    at_the_time = Clocks(known_at=moment("2023-02-28T23:59:59.999"))
    before = ask(client, clocks=at_the_time)

    # the resolution is recorded late, and the reception is sent again with another content
    contradiction = admitted(
        received(id="received-2023-02-10T08:30", due="2023-02-09T17:00"), "2023-03-02T08:00"
    )
    database.store(numbered([admitted(received()), late, contradiction])[1:])

    assert ask(client, clocks=at_the_time) == before
    assert before.resolved == 0
    assert ask(client).resolved == 1
    assert row_of(ask(client), "on_time_commune").b == 1
    assert ask(client, clocks=Clocks(as_of=moment("2023-02-10T15:59"))).resolved == 0
    assert ask(client, clocks=Clocks(as_of=moment("2023-02-10T16:00"))).resolved == 1


def test_anomalies_are_listed_page_by_page(client: Client, database: Database):
    """Whoever follows up a figure needs every dossier behind it, once."""
    database.store(
        numbered(
            admitted(one)
            for n in range(7)
            for one in (
                received(dossier=f"d{n}"),
                resolved(dossier=f"d{n}"),
                stopped("2023-02-10T18:00", dossier=f"d{n}"),
            )
        )
    )
    closed_again = next(fact for fact in ANOMALIES if fact.name == "closed_again")
    seen: list[str] = []
    while page := anomalous(
        client,
        Settled(),
        closed_again,
        YEAR,
        None,
        after=("23500", seen[-1]) if seen else ("", ""),
        page=3,
    ):
        seen += [found.dossier for found in page]

    assert seen == [f"d{n}" for n in range(7)]
    (listed,) = ask(client).anomalies
    assert listed.examples == tuple(f"23500/d{n}" for n in range(7))


def test_a_dossier_is_shown_with_every_copy_and_which_one_counts(
    client: Client, database: Database
):
    """Whom a figure surprises must see what was said twice, and differently."""
    first = admitted(resolved(id="same", claims_on_time=False))
    other = admitted(resolved("2023-02-10T18:00", id="same"), "2023-02-12T08:00")
    database.store(numbered([admitted(received()), other, first]))

    found = dossier_history(client, Settled(), "23500", "23500-230210-0001")

    assert found is not None
    assert [(e.kind, e.counts) for e in found.events] == [
        ("received", True),
        ("resolved", True),
        ("resolved", False),
    ]
    assert found.known is not None
    assert "on_time" in found.known.facts
    assert "claim_differs" in found.known.facts
    assert dossier_history(client, Settled(), "23500", "nobody") is None


def test_nothing_in_a_name_is_ever_run_as_sql(client: Client, database: Database):
    """Codes come from outside; a quote in one must stay a quote."""
    hostile = "x') OR 1=1 --{units:String} \\ '\" ;"
    database.store(numbered([admitted(received(dossier=hostile)), admitted(received(dossier="y"))]))

    found = dossier_history(client, Settled(), "23500", hostile)

    assert found is not None
    assert len(found.events) == 1
    assert found.known is not None
    assert dossier_history(client, Settled(), "' OR '1'='1", hostile) is None
    assert ask(client, unit="' OR unit != '").rows == ()


@pytest.mark.shared
def test_the_real_receipt_log_gives_the_figures_counted_by_hand(client: Client, database: Database):
    """1,434 real permit dossiers: 1,329 have an end, 952 of them no later than their deadline."""
    if not RECEIPT.exists():
        pytest.skip(f"needs {RECEIPT.name} beside the repository ({RECEIPT})")
    database.store(numbered(_receipt_events()))

    found = ask(client, Period(first=date(2010, 1, 1), last=date(2012, 12, 31)))

    row = row_of(found, "on_time_district")
    assert (row.a, row.b) == (1329, 952)
    assert found.dossiers == 1434
    backwards = next(a for a in found.anomalies if a.code == "closed_before_received")
    assert backwards.dossiers == 2
    assert len(backwards.examples) == 2


def _receipt_events() -> Iterator[bytes]:
    cases: dict[str, dict[str, str]] = {}
    with RECEIPT.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            cases[line["case:concept:name"]] = line
    unknown = FrozenProcedure(known=False)
    for code, case in cases.items():
        common = {"unit": case["case:department"].replace(" ", "-"), "dossier": code}
        yield admitted(
            received(
                _iso(case["case:startdate"]),
                due=_iso(case["case:deadline"]),
                procedure="1.000001",
                **common,
            ),
            level="district",
            frozen=unknown,
        )
        if case["case:enddate"]:
            yield admitted(resolved(_iso(case["case:enddate"]), **common), level="district")


def _iso(text: str) -> str:
    return text.replace(" ", "T", 1)
