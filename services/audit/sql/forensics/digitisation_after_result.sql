SELECT settled.unit AS unit, settled.dossier AS dossier, settled.closed_at AS closed_at, happened_at, settled.officer AS officer
FROM
(
    SELECT dossier_key, unit, dossier, closed_at, officer
    FROM {dossiers:Identifier}
    WHERE unit IN {units:Array(String)} AND resolved
      AND closed_at >= {begin:DateTime64(3, 'UTC')} AND closed_at < {end:DateTime64(3, 'UTC')}
      AND (unit, dossier) > ({after_unit:String}, {after_key:String})
) AS settled
INNER JOIN
(
    SELECT dossier_key, max(occurred_at) AS happened_at
    FROM
    (
        -- include happened
    )
    WHERE kind = 'digitized' AND part = 'application'
    GROUP BY dossier_key
) AS happened ON happened.dossier_key = settled.dossier_key
WHERE happened_at > settled.closed_at + toIntervalMinute({minutes:Int64})
ORDER BY unit, dossier
LIMIT {page:UInt32}
