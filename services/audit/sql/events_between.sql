-- The events of some dossiers that were recorded between two moments.
SELECT unit, dossier, kind, toString(new_kind) AS replaced_by, occurred_at, recorded_at, emitter, source, id, partition, offset
FROM events
WHERE unit IN {units:Array(String)}
  AND dossier_key IN (SELECT sipHash64(pair.1, pair.2)
                      FROM (SELECT arrayJoin(arrayZip({of_units:Array(String)}, {of_dossiers:Array(String)})) AS pair))
  AND recorded_at > {known_before:DateTime64(3, 'UTC')}
  AND recorded_at <= {known_after:DateTime64(3, 'UTC')}
ORDER BY unit, dossier, recorded_at, kind, id
LIMIT 1 BY unit, dossier, event_key, content_hash, recorded_at
LIMIT 10000
