-- What follows from the events of one dossier.
SELECT level, procedure, officer, received_at, closed_at, due_at, paid_days, bits
FROM {dossiers:Identifier}
WHERE unit IN {units:Array(String)}
  AND dossier = {dossier:String}
