-- Dossiers by code, procedure, officer and state at a moment, in the order of unit and code, after one.
SELECT unit, dossier, level, procedure, officer, step, received_at, closed_at, due_at, waiting_since, bits
FROM {dossiers:Identifier}
WHERE unit IN {units:Array(String)}
  AND (unit, dossier) > ({after_unit:String}, {after_dossier:String})
  AND ({code:String} = '' OR positionCaseInsensitiveUTF8(dossier, {code:String}) > 0)
  AND ({procedure:String} = '' OR procedure = {procedure:String})
  AND (empty({officers:Array(String)}) OR officer IN {officers:Array(String)})
  AND bitAnd(bits, {has:UInt64}) = {has:UInt64}
  AND ({state:String} = ''
       OR ({state:String} = 'open' AND received AND isNull(closed_at))
       OR ({state:String} = 'waiting' AND received AND isNull(closed_at) AND isNotNull(waiting_since))
       OR ({state:String} = 'overdue' AND received AND isNull(closed_at) AND isNull(waiting_since)
           AND ifNull(due_at < {at:DateTime64(3, 'UTC')}, 0))
       OR ({state:String} = 'closed' AND isNotNull(closed_at)))
ORDER BY unit, dossier
LIMIT {page:UInt32}
