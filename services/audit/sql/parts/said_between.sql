-- What was recorded of each dossier between two moments, and the one thing that explains most: the first
-- in the order of «telling», where «corrected» stands for any correction.
SELECT
    dossier_key,
    min(recorded_at) AS first_recorded_at,
    max(recorded_at) AS last_recorded_at,
    groupUniqArray(toString(kind)) AS said,
    arraySort(groupUniqArrayIf(concat('corrected:', ifNull(toString(new_kind), 'void')), kind = 'corrected')) AS corrections,
    arrayFirst(what -> has(said, what), {telling:Array(String)}) AS most_telling,
    if(most_telling = 'corrected', corrections[1], most_telling) AS reason
FROM events
WHERE unit IN {units:Array(String)}
  AND recorded_at > {known_before:DateTime64(3, 'UTC')}
  AND recorded_at <= {known_after:DateTime64(3, 'UTC')}
GROUP BY dossier_key
