-- By week or month the procedures with an online payment that stands.
SELECT
    toDate(if({step:String} = 'week', toMonday(day), toStartOfMonth(day))) AS begins,
    groupUniqArray((level, procedure)) AS paid
FROM
(
    SELECT
        level, procedure,
        arrayJoin(if({population:String} = 'received',
                     if(paid_in_period, [assumeNotNull(received_day)], []),
                     arrayFilter(day -> day BETWEEN {first:Date32} AND {last:Date32}, paid_days))) AS day
    FROM
    (
        -- include counted
    )
)
GROUP BY begins
ORDER BY begins
