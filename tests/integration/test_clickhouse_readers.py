"""The SQL for readers of a ClickHouse server, as far as an engine without users can try it.

The embedded engine parses every statement, knows the columns, and evaluates the row policy's
filter. Roles, grants, quotas and policies are kept by a server alone: they are not tried here.
"""

import re
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from services.clickhouse import Migration
from tests.support.clickhouse import Database, numbered
from tests.support.histories import admitted, received

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "clickhouse"


def _statements(name: str) -> list[str]:
    return Migration(0, name, (FOLDER / name).read_text(encoding="utf-8")).statements


@pytest.mark.parametrize("name", ["readers.sql", "people.sql"])
def test_every_statement_is_one_that_the_engine_reads(database: Database, name: str):
    """A typing error would show up at the worst moment: on the ministry's server."""
    client = database.connect()
    for statement in _statements(name):
        client.query("SELECT formatQuery({sql:String})", {"sql": statement})
    with pytest.raises(ClickHouseError):
        client.query("SELECT formatQuery({sql:String})", {"sql": "CREATE ROLE IF EXISTS x"})
    client.close()


def test_every_table_and_column_that_is_granted_is_there(database: Database):
    """A migration that renames a column must rename it here; officers are for nobody masked."""
    client = database.connect()
    granted = [s for s in _statements("readers.sql") if s.startswith("GRANT SELECT")]
    for statement in granted:
        found = re.fullmatch(r"GRANT SELECT(?:\((.+)\))? ON (\w+) TO .+", statement, re.DOTALL)
        assert found is not None
        client.query(f"SELECT {found[1] or '*'} FROM {found[2]} LIMIT 0")
        if "motcua_masked" in statement:
            assert found[2] == "settled" and "officer" not in found[1]
    assert len(granted) == 4
    client.close()


@pytest.mark.parametrize(
    ("units", "seen"),
    [("23500", ["23500"]), ("23500,23509", ["23500", "23509"]), ("", []), ("2350", []),
     ("23500' OR '1'='1", [])],
)  # fmt: skip
def test_the_filter_of_the_row_policy_lets_through_these_units_alone(
    database: Database, units: str, seen: list[str]
):
    """The expression of the policy as a condition; the engine here takes the setting's value as a
    parameter, for it knows no settings of users.
    """
    codes = ("23500", "23503", "23509")
    database.store(numbered(admitted(received(unit=unit)) for unit in codes))
    policy = next(s for s in _statements("readers.sql") if "motcua_of_units ON settled" in s)
    condition = re.search(r"USING (.+) TO motcua_of_units", policy, re.DOTALL)
    assert condition is not None
    client = database.connect()
    setting = "getSetting('SQL_motcua_units')"
    assert setting in condition[1]
    bound = condition[1].replace(setting, "{units:String}")
    asked = f"SELECT DISTINCT unit FROM events WHERE {bound} ORDER BY unit"

    rows = client.query(asked, {"units": units}).result_rows

    assert [unit for (unit,) in rows] == seen
    client.close()


def test_nobody_gets_more_than_reading(database: Database):
    """Every grant is one of SELECT on a table, or of one of these roles to a person."""
    for name in ("readers.sql", "people.sql"):
        for statement in _statements(name):
            if statement.startswith("GRANT"):
                assert re.match(r"GRANT (SELECT|motcua_(reader|of_units|masked) TO)", statement)
