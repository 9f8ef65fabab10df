-- Dossiers with an event, by unit. Copies and corrections make none: each event is of one dossier.
SELECT unit, uniqExact(dossier_key) AS dossiers
FROM events
WHERE unit IN {units:Array(String)}
  AND offset < transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
GROUP BY unit
