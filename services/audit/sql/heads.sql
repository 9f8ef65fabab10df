-- How far the history goes: for each unit the first offset of the log that is not in here.
SELECT unit, max(offset) + 1 AS next_offset
FROM log
WHERE unit != '' AND ({unit:String} = '' OR unit = {unit:String})
GROUP BY unit
ORDER BY unit
