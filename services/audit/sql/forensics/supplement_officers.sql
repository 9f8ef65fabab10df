SELECT unit, officer, countIf(kind = 'received') AS received_dossiers,
       countIf(kind = 'supplement_requested') AS requests,
       countIf(kind = 'supplement_requested' AND beyond_list) AS beyond,
       round(100 * requests / nullIf(received_dossiers, 0), 1) AS per_100
FROM
(
    -- include happened
)
WHERE kind IN ('received', 'supplement_requested') AND officer != ''
  AND occurred_at >= {begin:DateTime64(3, 'UTC')} AND occurred_at < {end:DateTime64(3, 'UTC')}
GROUP BY unit, officer
HAVING requests >= {least_requests:Int64}
ORDER BY beyond DESC, requests DESC, unit, officer
LIMIT {page:UInt32}
