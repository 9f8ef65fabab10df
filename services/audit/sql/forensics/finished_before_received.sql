SELECT unit, dossier, closed_at, received_at, officer
FROM {dossiers:Identifier}
WHERE unit IN {units:Array(String)} AND closed_before_received
  AND closed_at >= {begin:DateTime64(3, 'UTC')} AND closed_at < {end:DateTime64(3, 'UTC')}
  AND (unit, dossier) > ({after_unit:String}, {after_key:String})
ORDER BY unit, dossier
LIMIT {page:UInt32}
