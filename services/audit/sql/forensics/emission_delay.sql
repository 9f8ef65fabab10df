SELECT unit, '' AS none, count() AS events, round(quantileExact(0.5)(delay_s)) AS median_s,
       round(quantileExact(0.95)(delay_s)) AS nineteen_of_twenty_s,
       countIf(delay_s > {hours:Int64} * 3600) AS late_events, countIf(delay_s < -{ahead_s:Int64}) AS ahead,
       round(min(delay_s)) AS least_s
FROM
(
    SELECT unit, dateDiff('millisecond', occurred_at, recorded_at) / 1000 AS delay_s
    FROM
    (
        -- include happened
    )
    WHERE standing = 'counts'
      AND occurred_at >= {begin:DateTime64(3, 'UTC')} AND occurred_at < {end:DateTime64(3, 'UTC')}
)
GROUP BY unit
HAVING late_events > 0 OR ahead > 0
ORDER BY nineteen_of_twenty_s DESC, unit
LIMIT {page:UInt32}
