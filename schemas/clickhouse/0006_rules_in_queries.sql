-- Dossiers are judged by one query (services/audit/sql/parts/facts.sql), no longer by a chain of views.
DROP VIEW IF EXISTS facts;
DROP VIEW IF EXISTS named_facts;
DROP VIEW IF EXISTS due_moments;
DROP VIEW IF EXISTS waits;
DROP VIEW IF EXISTS readings;
DROP VIEW IF EXISTS histories;
DROP VIEW IF EXISTS in_force;
DROP VIEW IF EXISTS corrected_copies;
DROP VIEW IF EXISTS first_copies;
DROP VIEW IF EXISTS first_contents;
DROP VIEW IF EXISTS careful;

-- A question about an earlier moment need not look at dossiers that begin after it.
ALTER TABLE settled
    ADD COLUMN IF NOT EXISTS first_recorded_at DateTime64(3, 'UTC') COMMENT 'when the first of its events was recorded',
    ADD COLUMN IF NOT EXISTS first_occurred_at DateTime64(3, 'UTC') COMMENT '… happened, or what took its place';
CREATE OR REPLACE VIEW settled_dossiers AS SELECT * FROM settled FINAL;
