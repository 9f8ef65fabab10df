-- The document that each change of a due moment names.
SELECT
    dossier_key,
    if(kind = 'corrected', corrects_key, event_key) AS event_key,
    any(if(kind = 'corrected', JSONExtractString(body, 'data', 'replacement', 'data', 'document'),
           JSONExtractString(body, 'data', 'document'))) AS document
FROM events
WHERE unit IN {units:Array(String)} AND (kind = 'due_changed' OR new_kind = 'due_changed')
GROUP BY dossier_key, event_key
