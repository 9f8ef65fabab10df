-- Dossiers with an event, by unit: from the log, which has every record, also the copies whose rows in
-- `events` a merge has dropped in favour of one with a greater offset.
SELECT unit, uniqExact(dossier_key) AS dossiers
FROM log
WHERE unit IN {units:Array(String)}
  AND offset < transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
GROUP BY unit
