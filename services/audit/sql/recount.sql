-- The counters of the live side, recounted from the record at each unit's own offset.
SELECT unit, measure, toString(day) AS day, level, procedure, officer, bits, n
FROM cells(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
           known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
