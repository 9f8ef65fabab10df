-- Dossiers with an event, and those received and not closed, by unit.
SELECT unit, count() AS dossiers, countIf(received AND isNull(closed_at)) AS open
FROM {dossiers:Identifier}
WHERE unit IN {units:Array(String)}
GROUP BY unit
