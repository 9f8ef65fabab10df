-- The figures of a book, by unit. An indicator comes as the bits of its scope, the bits of scope and
-- hit, and the level that answers for it (empty: every level).
SELECT
    unit,
    count() AS dossiers,
    countIf(closed_in_period AND resolved) AS resolved_in_period,
    sumForEach(arrayMap(
        (scope, answers) -> toUInt64(
            closed_in_period AND bitAnd(bits, scope) = scope AND (answers = '' OR answers = level)),
        {scopes:Array(UInt64)}, {levels:Array(String)})) AS a,
    sumForEach(arrayMap(
        (hit, answers) -> toUInt64(
            closed_in_period AND bitAnd(bits, hit) = hit AND (answers = '' OR answers = level)),
        {hits:Array(UInt64)}, {levels:Array(String)})) AS b,
    sumForEach(arrayMap(
        (scope, answers) -> toUInt64(
            closed_in_period AND NOT due_known
            AND bitAnd(bits, scope) = scope AND (answers = '' OR answers = level)),
        {scopes:Array(UInt64)}, {levels:Array(String)})) AS due_unknown,
    groupUniqArrayIf((level, procedure), paid_in_period) AS paid_procedures,
    sumForEach(arrayMap(
        anomaly -> toUInt64(closed_in_period AND bitAnd(bits, anomaly) != 0),
        {anomalies:Array(UInt64)})) AS with_anomaly,
    -- the first codes of each anomaly; the byte 255, which no code has, sorts behind all of them
    arrayMap(codes -> arrayFilter(code -> code != char(255), codes), groupArraySortedForEachIf(20)(
        arrayMap(anomaly -> if(bitAnd(bits, anomaly) != 0, dossier, char(255)), {anomalies:Array(UInt64)}),
        closed_in_period AND arrayExists(anomaly -> bitAnd(bits, anomaly) != 0, {anomalies:Array(UInt64)})))
        AS anomalous
FROM
(
    SELECT
        *,
        ifNull(closed_day BETWEEN {first:Date32} AND {last:Date32}, 0) AS closed_in_period,
        arrayExists(day -> day BETWEEN {first:Date32} AND {last:Date32}, paid_days) AS paid_in_period
    FROM facts(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
               known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
)
GROUP BY unit
ORDER BY unit
