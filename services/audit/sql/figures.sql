-- The figures of a book, by unit. An indicator comes as the bits of its scope, the bits of scope and
-- hit, the level that answers for it (empty: every level), and whether what was in process when the
-- period began counts, too. Dossiers with the same facts are judged together, n at a time.
--   population   «closed»: dossiers closed on a day of the period; «received»: received on one, and
--                judged in their state at as_of
--   opening      the period's days are its first ones: what was carried over into it is counted here
-- The two bits that need a moment are those of streams.core.receptions.
SELECT
    unit,
    sum(n) AS dossiers,
    sumIf(n, closed_in_period AND resolved) AS resolved_in_period,
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
    groupUniqArrayArray(paid) AS paid_procedures,
    sumForEach(arrayMap(
        anomaly -> n * (in_population AND bitAnd(bits_at_moment, anomaly) != 0),
        {anomalies:Array(UInt64)})) AS with_anomaly,
    arrayMap(codes -> arraySlice(arraySort(codes), 1, 20), groupArrayArrayForEach(arrayMap(
        anomaly -> if(bitAnd(bits_at_moment, anomaly) != 0, first_codes, []), {anomalies:Array(UInt64)}))) AS anomalous
FROM
(
    SELECT
        unit, level, bits_at_moment, resolved, due_known, closed_in_period, in_population, carried_over,
        count() AS n,
        groupUniqArrayIf((level, procedure), paid_in_period) AS paid,
        groupArraySortedIf(20)(
            dossier,
            in_population AND bitAnd(bits_at_moment, arrayReduce('groupBitOr', {anomalies:Array(UInt64)})) != 0)
            AS first_codes
    FROM
    (
        SELECT
            *,
            ifNull(closed_day BETWEEN {first:Date32} AND {last:Date32}, 0) AS closed_in_period,
            ifNull(received_day BETWEEN {first:Date32} AND {last:Date32}, 0) AS received_in_period,
            if({population:String} = 'received', received_in_period, closed_in_period) AS in_population,
            {opening:Bool} AND ifNull(received_day < {first:Date32}, 0)
                AND ifNull(closed_day >= {first:Date32}, 1) AS carried_over,
            if({population:String} = 'received', received_in_period AND paid_online,
               arrayExists(day -> day BETWEEN {first:Date32} AND {last:Date32}, paid_days)) AS paid_in_period,
            -- what ends the counting: the closing, else that papers are awaited, else the moment itself
            due_known AND coalesce(closed_at, waiting_since, {as_of:DateTime64(3, 'UTC')}) <= assumeNotNull(due_at) AS in_time,
            bits + bitShiftLeft(toUInt64(in_time), 56) + bitShiftLeft(toUInt64(NOT supplemented_again), 57)
                AS bits_at_moment
        FROM {dossiers:Identifier}
        WHERE unit IN {units:Array(String)}
          AND (empty({officers:Array(String)})
               OR (officer IN {officers:Array(String)} AND (received OR isNotNull(closed_at))))
    )
    GROUP BY unit, level, bits_at_moment, resolved, due_known, closed_in_period, in_population, carried_over
)
GROUP BY unit
ORDER BY unit
