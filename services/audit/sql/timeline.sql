-- Every copy of the events of one dossier, as admitted, in the order in which they happened.
SELECT kind, occurred_at, recorded_at, emitter, source, id, partition, offset,
       lower(hex(content_hash_number)) AS content_hash, body,
       (recorded_at, content_hash_number) = min((recorded_at, content_hash_number)) OVER (PARTITION BY event_key) AS counts
FROM
(
    SELECT *, content_hash AS content_hash_number
    FROM events
    WHERE unit = {unit:String} AND dossier = {dossier:String}
    LIMIT 1 BY event_key, content_hash, recorded_at
)
ORDER BY occurred_at, kind, event_key, recorded_at
LIMIT 10000
