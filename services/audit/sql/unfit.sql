-- How many dossiers the question sees otherwise than they are settled, or not at all.
SELECT count()
FROM settled_dossiers
WHERE unit IN {units:Array(String)}
  AND ({dossier:String} = '' OR dossier = {dossier:String})
  AND NOT (
    -- include fits
  )
