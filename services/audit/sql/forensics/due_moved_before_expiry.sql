WITH
-- include calendar
SELECT unit, dossier, moved_at, due_before, due_after, document
FROM
(
    -- include due_moves
) AS moves
LEFT JOIN
(
    -- include documents
) AS documents USING (dossier_key, event_key)
WHERE isNotNull(due_before) AND moved_at <= due_before
  AND motcua_worked(calendar, toInt64(toUnixTimestamp64Milli(assumeNotNull(due_before))))
      - motcua_worked(calendar, toInt64(toUnixTimestamp64Milli(moved_at))) <= {working_hours:Int64} * 3600000
  AND (unit, dossier) > ({after_unit:String}, {after_key:String})
ORDER BY unit, dossier, moved_at
LIMIT 1 BY unit, dossier
LIMIT {page:UInt32}
