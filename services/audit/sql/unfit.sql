-- How many dossiers the question sees otherwise than they are settled.
SELECT count()
FROM settled_dossiers
WHERE unit IN {units:Array(String)}
  AND ({dossier:String} = '' OR dossier = {dossier:String})
  AND NOT (next_offset <= transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
       AND last_recorded_at <= {known_at:DateTime64(3, 'UTC')}
       AND last_occurred_at <= {as_of:DateTime64(3, 'UTC')})
