-- The dossiers of one unit that are counted on some days under some measures, and in which cell.
SELECT wanted.1 AS measure, toString(wanted.2) AS day, dossier, level, procedure, officer, bits
FROM
(
    SELECT
        dossier, level, procedure, officer, bits,
        arrayFilter(
            wanted -> multiIf(wanted.1 = 'received', ifNull(received_day = wanted.2, 0),
                              wanted.1 = 'closed', ifNull(closed_day = wanted.2, 0),
                              has(paid_days, wanted.2)),
            arrayZip({measures:Array(String)}, {days:Array(Date32)})) AS all_wanted
    FROM {dossiers:Identifier}
    WHERE unit IN {units:Array(String)}
)
ARRAY JOIN all_wanted AS wanted
ORDER BY measure, day, dossier
LIMIT 1000 BY measure, day
