SELECT unit, dossier, count() AS requests, countIf(beyond_list) AS beyond,
       arrayStringConcat(arraySort(groupUniqArray(officer)), ', ') AS officers,
       min(occurred_at) AS first_asked, max(occurred_at) AS last_asked
FROM
(
    -- include happened
)
WHERE kind = 'supplement_requested'
  AND occurred_at >= {begin:DateTime64(3, 'UTC')} AND occurred_at < {end:DateTime64(3, 'UTC')}
  AND (unit, dossier) > ({after_unit:String}, {after_key:String})
GROUP BY unit, dossier
HAVING requests > {most_requests:Int64}
ORDER BY unit, dossier
LIMIT {page:UInt32}
