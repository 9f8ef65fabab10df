-- The dossiers of one unit that are counted on a day under a measure, and in which cell.
SELECT dossier, level, procedure, officer, bits
FROM facts(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
           known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
WHERE multiIf({measure:String} = 'received', ifNull(received_day = {day:Date32}, 0),
              {measure:String} = 'closed', ifNull(closed_day = {day:Date32}, 0),
              has(paid_days, {day:Date32}))
ORDER BY dossier
LIMIT 1000
