-- The dossiers that the question sees as they are settled.
INSERT INTO {asked:Identifier}
SELECT *
FROM settled_dossiers
WHERE unit IN {units:Array(String)}
  AND ({dossier:String} = '' OR dossier = {dossier:String})
  AND (next_offset <= transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
       AND last_recorded_at <= {known_at:DateTime64(3, 'UTC')}
       AND last_occurred_at <= {as_of:DateTime64(3, 'UTC')})
