-- The dossiers of one unit that are counted on a day under a measure, and in which cell.
SELECT dossier, level, procedure, officer, bits
FROM {dossiers:Identifier}
WHERE unit IN {units:Array(String)}
  AND multiIf({measure:String} = 'received', ifNull(received_day = {day:Date32}, 0),
              {measure:String} = 'closed', ifNull(closed_day = {day:Date32}, 0),
              has(paid_days, {day:Date32}))
ORDER BY dossier
LIMIT 1000
