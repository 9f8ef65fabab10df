-- The figures of a book, by unit. An indicator comes as the bits of its scope, the bits of scope and
-- hit, the level that answers for it (empty: every level), and whether what was in process when the
-- period began counts, too. A case comes as bits that hold and bits that do not, of an indicator by its
-- place. Dossiers with the same facts are judged together, n at a time.
SELECT
    unit,
    sum(n) AS dossiers,
    sumIf(n, closed_in_period AND resolved) AS resolved_in_period,
    sumIf(n, overdue) AS overdue_dossiers,
    sumForEach(arrayMap(
        (scope, answers, also_carried_over) -> n * (
            (in_population OR (also_carried_over AND carried_over))
            AND bitAnd(bits_at_moment, scope) = scope AND (answers = '' OR answers = level)),
        {scopes:Array(UInt64)}, {levels:Array(String)}, {carried_over:Array(Bool)})) AS a,
    sumForEach(arrayMap(
        (hit, answers, also_carried_over) -> n * (
            (in_population OR (also_carried_over AND carried_over))
            AND bitAnd(bits_at_moment, hit) = hit AND (answers = '' OR answers = level)),
        {hits:Array(UInt64)}, {levels:Array(String)}, {carried_over:Array(Bool)})) AS b,
    sumForEach(arrayMap(
        (scope, answers, also_carried_over) -> n * (
            (in_population OR (also_carried_over AND carried_over)) AND NOT due_known
            AND bitAnd(bits_at_moment, scope) = scope AND (answers = '' OR answers = level)),
        {scopes:Array(UInt64)}, {levels:Array(String)}, {carried_over:Array(Bool)})) AS due_unknown,
    sumForEach(arrayMap(
        (has, lacks, answers, also_carried_over) -> n * (
            (in_population OR (also_carried_over AND carried_over))
            AND bitAnd(bits_at_moment, has) = has AND bitAnd(bits_at_moment, lacks) = 0
            AND (answers = '' OR answers = level)),
        {cases_have:Array(UInt64)}, {cases_lack:Array(UInt64)},
        arrayMap(place -> ({levels:Array(String)})[place], {cases_of:Array(UInt32)}),
        arrayMap(place -> ({carried_over:Array(Bool)})[place], {cases_of:Array(UInt32)}))) AS of_cases,
    groupUniqArrayArray(paid) AS paid_procedures,
    sumForEach(arrayMap(
        anomaly -> n * (in_population AND bitAnd(bits_at_moment, anomaly) != 0),
        {anomalies:Array(UInt64)})) AS with_anomaly,
    arrayMap(codes -> arraySlice(arraySort(codes), 1, 20), groupArrayArrayForEach(arrayMap(
        anomaly -> if(bitAnd(bits_at_moment, anomaly) != 0, first_codes, []), {anomalies:Array(UInt64)}))) AS anomalous
FROM
(
    SELECT
        unit, level, bits_at_moment, resolved, due_known, closed_in_period, in_population, carried_over, overdue,
        count() AS n,
        groupUniqArrayIf((level, procedure), paid_in_period) AS paid,
        groupArraySortedIf(20)(
            dossier,
            in_population AND bitAnd(bits_at_moment, arrayReduce('groupBitOr', {anomalies:Array(UInt64)})) != 0)
            AS first_codes
    FROM
    (
        -- include counted
    )
    GROUP BY unit, level, bits_at_moment, resolved, due_known, closed_in_period, in_population, carried_over, overdue
)
GROUP BY unit
ORDER BY unit
