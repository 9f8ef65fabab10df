-- The first dossiers, by unit and code, of each anomaly among those closed in the period.
SELECT anomaly, groupArraySorted(20)((unit, dossier)) AS dossiers
FROM
(
    SELECT unit, dossier, arrayJoin({anomalies:Array(UInt64)}) AS anomaly
    FROM facts(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
               known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
    WHERE closed_day BETWEEN {first:Date32} AND {last:Date32}
      AND bitAnd(bits, anomaly) != 0
)
GROUP BY anomaly
