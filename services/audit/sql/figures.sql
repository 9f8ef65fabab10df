-- The figures of a book, by unit. An indicator comes as the bits of its scope, the bits of scope and
-- hit, and the level that answers for it (empty: every level). Dossiers with the same facts are judged
-- together, n at a time.
SELECT
    unit,
    sum(n) AS dossiers,
    sumIf(n, closed_in_period AND resolved) AS resolved_in_period,
    sumForEach(arrayMap(
        (scope, answers) -> n * (
            closed_in_period AND bitAnd(bits, scope) = scope AND (answers = '' OR answers = level)),
        {scopes:Array(UInt64)}, {levels:Array(String)})) AS a,
    sumForEach(arrayMap(
        (hit, answers) -> n * (
            closed_in_period AND bitAnd(bits, hit) = hit AND (answers = '' OR answers = level)),
        {hits:Array(UInt64)}, {levels:Array(String)})) AS b,
    sumForEach(arrayMap(
        (scope, answers) -> n * (
            closed_in_period AND NOT due_known
            AND bitAnd(bits, scope) = scope AND (answers = '' OR answers = level)),
        {scopes:Array(UInt64)}, {levels:Array(String)})) AS due_unknown,
    groupUniqArrayArray(paid) AS paid_procedures,
    sumForEach(arrayMap(
        anomaly -> n * (closed_in_period AND bitAnd(bits, anomaly) != 0),
        {anomalies:Array(UInt64)})) AS with_anomaly,
    arrayMap(codes -> arraySlice(arraySort(codes), 1, 20), groupArrayArrayForEach(arrayMap(
        anomaly -> if(bitAnd(bits, anomaly) != 0, first_codes, []), {anomalies:Array(UInt64)}))) AS anomalous
FROM
(
    SELECT
        unit, level, bits, resolved, due_known, closed_in_period,
        count() AS n,
        groupUniqArrayIf((level, procedure), paid_in_period) AS paid,
        groupArraySortedIf(20)(
            dossier,
            closed_in_period AND arrayExists(anomaly -> bitAnd(bits, anomaly) != 0, {anomalies:Array(UInt64)}))
            AS first_codes
    FROM
    (
        SELECT
            *,
            ifNull(closed_day BETWEEN {first:Date32} AND {last:Date32}, 0) AS closed_in_period,
            arrayExists(day -> day BETWEEN {first:Date32} AND {last:Date32}, paid_days) AS paid_in_period
        FROM {dossiers:Identifier}
        WHERE unit IN {units:Array(String)}
          AND (empty({officers:Array(String)})
               OR (officer IN {officers:Array(String)} AND (received OR isNotNull(closed_at))))
    )
    GROUP BY unit, level, bits, resolved, due_known, closed_in_period
)
GROUP BY unit
ORDER BY unit
