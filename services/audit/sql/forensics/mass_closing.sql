WITH
-- include calendar
SELECT unit, officer, fromUnixTimestamp64Milli(slot_ms, 'UTC') AS slot, count() AS closed,
       arrayStringConcat(groupArraySorted(5)(dossier), ', ') AS some_dossiers
FROM
(
    SELECT unit, dossier, officer, toInt64(toUnixTimestamp64Milli(assumeNotNull(closed_at))) AS closed_ms,
           intDiv(closed_ms, {minutes:Int64} * 60000) * {minutes:Int64} * 60000 AS slot_ms
    FROM {dossiers:Identifier}
    WHERE unit IN {units:Array(String)} AND resolved
      AND closed_at >= {begin:DateTime64(3, 'UTC')} AND closed_at < {end:DateTime64(3, 'UTC')}
)
WHERE NOT (
    tupleElement(calendar, 'works')[intDiv(closed_ms - tupleElement(calendar, 'begins'), 86400000) + 1]
    AND arrayExists((opens, closes) -> (closed_ms + 25200000) % 86400000 BETWEEN opens AND closes,
                    tupleElement(calendar, 'opens'), tupleElement(calendar, 'closes')))
GROUP BY unit, officer, slot_ms
HAVING closed >= {least_dossiers:Int64}
ORDER BY closed DESC, unit, officer, slot
LIMIT {page:UInt32}
