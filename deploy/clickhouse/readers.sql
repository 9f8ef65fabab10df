-- Read-only SQL for people, on a ClickHouse server. Run by an administrator of the server, once, and
-- again after an upgrade of motcua (every statement may be run again):
--
--     clickhouse client --database motcua --multiquery < deploy/clickhouse/readers.sql
--
-- where «motcua» is the database of MOTCUA_CLICKHOUSE. A rebuilt history may live in another database
-- (SELECT name FROM history_databases): run this there, too. People are added as in people.sql.
-- The embedded ClickHouse has no users: there is no SQL for people on it.

-- Three roles. All: what is there, read only. Of units: rows of some units. Masked: no officers' codes,
-- and so no events, whose body has them.
CREATE ROLE IF NOT EXISTS motcua_reader;
CREATE ROLE IF NOT EXISTS motcua_of_units;
CREATE ROLE IF NOT EXISTS motcua_masked;

-- 2 and not 1: drivers set a few harmless settings; the limits below cannot be raised by them.
CREATE SETTINGS PROFILE OR REPLACE motcua_readers SETTINGS
    readonly = 2 CONST,
    allow_ddl = 0 CONST,
    allow_introspection_functions = 0 CONST,
    max_execution_time = 60 MAX 60,
    max_memory_usage = 4000000000 MAX 4000000000,
    max_result_rows = 1000000 MAX 1000000,
    max_threads = 4 MAX 4,
    max_concurrent_queries_for_user = 3 MAX 3,
    result_overflow_mode = 'throw' CONST
TO motcua_reader, motcua_of_units, motcua_masked;

CREATE QUOTA OR REPLACE motcua_readers KEYED BY user_name
    FOR INTERVAL 1 HOUR MAX queries = 1000, errors = 200, execution_time = 1800, result_rows = 10000000
TO motcua_reader, motcua_of_units, motcua_masked;

-- Nothing but these tables: no other database, no file(), url(), remote() or INTO OUTFILE of the server
-- (table functions need grants of their own, which nobody has here).
REVOKE ALL ON *.* FROM motcua_reader, motcua_of_units, motcua_masked;
GRANT SELECT ON settled TO motcua_reader, motcua_of_units;
GRANT SELECT ON events TO motcua_reader, motcua_of_units;
GRANT SELECT ON log TO motcua_reader, motcua_of_units;
GRANT SELECT(unit, dossier, level, procedure, received_at, closed_at, due_at, waiting_since, received_day,
             closed_day, paid_days, bits, next_offset) ON settled TO motcua_masked;

-- Whose rows: SQL_motcua_units of the user, codes between commas. Who has the role and no such setting
-- gets an error and no row. Servers take settings with this prefix by default (custom_settings_prefixes).
-- Everybody else, the product itself included, sees every row as before.
CREATE ROW POLICY OR REPLACE motcua_of_units ON settled, events, log
    USING has(splitByChar(',', getSetting('SQL_motcua_units')), unit) TO motcua_of_units;
CREATE ROW POLICY OR REPLACE motcua_everybody_else ON settled, events, log
    USING 1 TO ALL EXCEPT motcua_of_units;
