-- The dossiers behind it, in the order of unit and code, after one.
SELECT changed.unit AS unit, changed.dossier AS dossier, before[{place:UInt32}] AS standing_before,
       after[{place:UInt32}] AS standing_after, reason
FROM
(
    -- include changed
) AS changed
LEFT JOIN
(
    -- include said_between
) AS said_between ON said_between.dossier_key = changed.dossier_key
WHERE before[{place:UInt32}] != after[{place:UInt32}]
  AND ({reason:String} = '' OR reason = {reason:String})
  AND (changed.unit, changed.dossier) > ({after_unit:String}, {after_dossier:String})
ORDER BY unit, dossier
LIMIT {page:UInt32}
