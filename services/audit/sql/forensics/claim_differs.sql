SELECT unit, dossier, closed_at, due_at, if(on_time, 'đúng hạn', 'trễ hạn') AS verdict,
       if(on_time, 'trễ hạn', 'đúng hạn') AS claim, officer
FROM {dossiers:Identifier}
WHERE unit IN {units:Array(String)} AND claim_differs
  AND closed_at >= {begin:DateTime64(3, 'UTC')} AND closed_at < {end:DateTime64(3, 'UTC')}
  AND (unit, dossier) > ({after_unit:String}, {after_key:String})
ORDER BY unit, dossier
LIMIT {page:UInt32}
