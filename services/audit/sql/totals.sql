-- Dossiers with an event, and those received and not closed, by unit.
SELECT unit, count() AS dossiers, countIf(received AND isNull(closed_at)) AS open
FROM facts(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
           known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
GROUP BY unit
