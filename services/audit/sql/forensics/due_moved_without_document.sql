SELECT unit, dossier, moved_at, due_before, due_after, document
FROM
(
    -- include due_moves
) AS moves
LEFT JOIN
(
    -- include documents
) AS documents USING (dossier_key, event_key)
WHERE NOT match(document, {document_pattern:String})
  AND (unit, dossier) > ({after_unit:String}, {after_key:String})
ORDER BY unit, dossier, moved_at
LIMIT 1 BY unit, dossier
LIMIT {page:UInt32}
