-- The figures of a book's indicators by week or month of the day that counts, of all units together.
SELECT
    toDate(if({step:String} = 'week', toMonday(assumeNotNull(day)), toStartOfMonth(assumeNotNull(day)))) AS begins,
    sumForEach(arrayMap(
        (scope, answers) -> toUInt64(bitAnd(bits_at_moment, scope) = scope AND (answers = '' OR answers = level)),
        {scopes:Array(UInt64)}, {levels:Array(String)})) AS a,
    sumForEach(arrayMap(
        (hit, answers) -> toUInt64(bitAnd(bits_at_moment, hit) = hit AND (answers = '' OR answers = level)),
        {hits:Array(UInt64)}, {levels:Array(String)})) AS b
FROM
(
    SELECT *, if({population:String} = 'received', received_day, closed_day) AS day
    FROM
    (
        -- include counted
    )
    WHERE in_population
)
GROUP BY begins
ORDER BY begins
