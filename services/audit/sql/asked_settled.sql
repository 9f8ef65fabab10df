-- The dossiers that the question sees as they are settled.
INSERT INTO {asked:Identifier}
SELECT *
FROM settled_dossiers
WHERE unit IN {units:Array(String)}
  AND ({dossier:String} = '' OR dossier = {dossier:String})
  AND (
    -- include fits
  )
