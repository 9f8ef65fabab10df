-- How many dossiers went from one contribution to another, by indicator and by what explains it.
SELECT
    change.1 AS place, change.2 AS standing_before, change.3 AS standing_after, reason,
    count() AS dossiers,
    min(first_recorded_at) AS first_recorded,
    max(last_recorded_at) AS last_recorded,
    uniqExact(unit) AS units,
    groupArraySorted(5)((unit, dossier)) AS examples
FROM
(
    SELECT
        changed.unit AS unit, changed.dossier AS dossier, reason, first_recorded_at, last_recorded_at,
        arrayJoin(arrayFilter(
            change -> change.2 != change.3,
            arrayMap((place, b, a) -> (place, b, a), arrayEnumerate(before), before, after))) AS change
    FROM
    (
        -- include changed
    ) AS changed
    LEFT JOIN
    (
        -- include said_between
    ) AS said_between ON said_between.dossier_key = changed.dossier_key
)
GROUP BY place, standing_before, standing_after, reason
ORDER BY place, dossiers DESC, standing_before, standing_after, reason
