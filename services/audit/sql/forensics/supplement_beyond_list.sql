SELECT unit, dossier, countIf(beyond_list) AS beyond, count() AS requests,
       arrayStringConcat(arraySort(groupUniqArray(officer)), ', ') AS officers, min(occurred_at) AS first_asked
FROM
(
    -- include happened
)
WHERE kind = 'supplement_requested'
  AND occurred_at >= {begin:DateTime64(3, 'UTC')} AND occurred_at < {end:DateTime64(3, 'UTC')}
  AND (unit, dossier) > ({after_unit:String}, {after_key:String})
GROUP BY unit, dossier
HAVING beyond > 0
ORDER BY unit, dossier
LIMIT {page:UInt32}
