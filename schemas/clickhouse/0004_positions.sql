-- How far the history goes, as a table of its own. It is written last: what lies before a position is in
-- the other tables, so these need no order among each other, and `log` can be filled by the server.
CREATE TABLE IF NOT EXISTS positions
(
    topic               LowCardinality(String),
    partition           UInt16,
    next_offset         UInt64 COMMENT 'the first that is not in here'
)
ENGINE = ReplacingMergeTree(next_offset)
ORDER BY (topic, partition)
SETTINGS non_replicated_deduplication_window = 0, fsync_after_insert = 1, fsync_part_directory = 1;

INSERT INTO positions SELECT topic, partition, max(offset) + 1 FROM log GROUP BY topic, partition;

CREATE MATERIALIZED VIEW IF NOT EXISTS log_of_events TO log AS
SELECT topic, partition, offset, unit, sipHash64(unit, dossier) AS dossier_key, event_key, content_hash, recorded_at
FROM events;

CREATE MATERIALIZED VIEW IF NOT EXISTS log_of_unreadable TO log AS
SELECT topic, partition, offset, '' AS unit, sipHash64('', '') AS dossier_key, 0 AS event_key, 0 AS content_hash,
       toDateTime64(0, 3, 'UTC') AS recorded_at
FROM unreadable;
