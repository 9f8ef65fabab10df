-- Judge the dossiers that got an event, by all their events.
INSERT INTO settled
WITH
    -- a copy that a merge dropped says nothing that the one that is left does not say
    told AS
    (
        SELECT
            dossier_key,
            min(events.recorded_at) AS first_recorded_at,
            max(events.recorded_at) AS last_recorded_at,
            min(least(occurred_at, coalesce(new_at, occurred_at))) AS first_occurred_at,
            max(greatest(occurred_at, coalesce(new_at, occurred_at))) AS last_occurred_at
        FROM events
        WHERE unit IN {units:Array(String)} AND dossier_key IN (SELECT dossier_key FROM {chosen:Identifier})
        GROUP BY dossier_key
    ),
-- include facts
SELECT
    facts.*,
    touched.next_offset AS next_offset,
    greatest(touched.last_recorded_at, told.last_recorded_at) AS last_recorded_at,
    told.last_occurred_at AS last_occurred_at,
    told.first_recorded_at AS first_recorded_at,
    told.first_occurred_at AS first_occurred_at
FROM facts
INNER JOIN {chosen:Identifier} AS touched ON touched.dossier_key = facts.dossier_key
INNER JOIN told ON told.dossier_key = facts.dossier_key
