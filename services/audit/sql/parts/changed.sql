-- Dossiers with an event that was recorded between two moments (or «every» dossier), and whose contribution
-- to a book differs between the table «before» and the table «after». A contribution is, for each indicator: 0 not in a,
-- 1 in a, 2 in a and b.
SELECT
    dossier_key,
    any(unit) AS unit,
    any(dossier) AS dossier,
    arrayResize(anyIf(standings, side = 'before'), length({scopes:Array(UInt64)})) AS before,
    arrayResize(anyIf(standings, side = 'after'), length({scopes:Array(UInt64)})) AS after
FROM
(
    SELECT
        side, dossier_key, unit, dossier,
        arrayMap(
            (scope, hit, answers, also_carried_over) -> toUInt8(
                (in_population OR (also_carried_over AND carried_over)) AND (answers = '' OR answers = level)
                AND bitAnd(bits_at_moment, scope) = scope) * (1 + (bitAnd(bits_at_moment, hit) = hit)),
            {scopes:Array(UInt64)}, {hits:Array(UInt64)}, {levels:Array(String)}, {carried_over:Array(Bool)})
            AS standings
    FROM
    (
        SELECT 'before' AS side, dossier_key, unit, dossier, level, in_population, carried_over, bits_at_moment
        FROM
        (
            -- include counted as before
        )
        UNION ALL
        SELECT 'after' AS side, dossier_key, unit, dossier, level, in_population, carried_over, bits_at_moment
        FROM
        (
            -- include counted as after
        )
    )
    WHERE {every:Bool} OR dossier_key IN
    (
        SELECT dossier_key
        FROM events
        WHERE unit IN {units:Array(String)}
          AND recorded_at > {known_before:DateTime64(3, 'UTC')}
          AND recorded_at <= {known_after:DateTime64(3, 'UTC')}
    )
)
GROUP BY dossier_key
HAVING before != after
