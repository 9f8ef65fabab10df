-- Dossiers closed in the period (population «closed») or received in it («received») that show an
-- anomaly, in the order of unit and code, after one.
SELECT unit, dossier, received_at, closed_at, due_at, officer
FROM {dossiers:Identifier}
WHERE unit IN {units:Array(String)}
  AND bitAnd(bits, {anomaly:UInt64}) != 0
  AND if({population:String} = 'received', received_day, closed_day) BETWEEN {first:Date32} AND {last:Date32}
  AND (unit, dossier) > ({after_unit:String}, {after_dossier:String})
ORDER BY unit, dossier
LIMIT {page:UInt32}
