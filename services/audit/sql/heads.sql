-- The units that have events, and for each the first offset of the log behind what is settled.
SELECT unit, max(next_offset) AS next_offset
FROM settled
WHERE {unit:String} = '' OR unit = {unit:String}
GROUP BY unit
ORDER BY unit
