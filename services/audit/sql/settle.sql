-- Judge the dossiers of these units that got an event, by all their events.
INSERT INTO settled
WITH
    touched AS
    (
        SELECT dossier_key, max(offset) + 1 AS next_offset, max(log.recorded_at) AS last_recorded_at
        FROM log
        WHERE unit IN {units:Array(String)}
          AND offset >= arrayMin({begins:Array(UInt64)})
          AND offset >= transform(partition, {partitions:Array(UInt16)}, {begins:Array(UInt64)}, 0)
          AND offset < transform(partition, {partitions:Array(UInt16)}, {ends:Array(UInt64)}, 0)
        GROUP BY dossier_key
    ),
    -- a copy that a merge dropped says nothing that the one that is left does not say
    told AS
    (
        SELECT
            dossier_key,
            max(events.recorded_at) AS last_recorded_at,
            max(greatest(occurred_at, coalesce(new_at, occurred_at))) AS last_occurred_at
        FROM events
        WHERE unit IN {units:Array(String)} AND dossier_key IN (SELECT dossier_key FROM touched)
        GROUP BY dossier_key
    )
SELECT
    judged.*,
    touched.next_offset AS next_offset,
    greatest(touched.last_recorded_at, told.last_recorded_at) AS last_recorded_at,
    told.last_occurred_at AS last_occurred_at
FROM
(
    SELECT *
    FROM facts(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
               known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
    WHERE dossier_key IN (SELECT dossier_key FROM touched)
) AS judged
INNER JOIN touched ON touched.dossier_key = judged.dossier_key
INNER JOIN told ON told.dossier_key = judged.dossier_key
