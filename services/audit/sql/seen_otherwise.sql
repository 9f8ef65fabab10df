-- The dossiers that the question sees, and otherwise than they are settled.
INSERT INTO {chosen:Identifier} (dossier_key)
SELECT dossier_key
FROM settled_dossiers
WHERE unit IN {units:Array(String)}
  AND ({dossier:String} = '' OR dossier = {dossier:String})
  AND NOT (
    -- include fits
  )
  AND first_recorded_at <= {known_at:DateTime64(3, 'UTC')}
  AND first_occurred_at <= {as_of:DateTime64(3, 'UTC')}
