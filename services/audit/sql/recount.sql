-- The counters of the live side (streams/core/cells.py), recounted from the record at each unit's own offset.
SELECT unit, measure_day.1 AS measure, toString(measure_day.2) AS day, level, procedure, officer, bits, count() AS n
FROM
(
    SELECT
        unit, level, procedure, officer, bits,
        arrayConcat(
            if(received, [('received', assumeNotNull(received_day))], []),
            if(isNotNull(closed_day), [('closed', assumeNotNull(closed_day))], []),
            arrayMap(day -> ('paid', day), paid_days)) AS measures
    FROM {dossiers:Identifier}
    WHERE unit IN {units:Array(String)}
)
ARRAY JOIN measures AS measure_day
GROUP BY unit, measure, day, level, procedure, officer, bits
