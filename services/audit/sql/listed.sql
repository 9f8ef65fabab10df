-- Dossiers of one case of an indicator, in the order of unit and code, after one.
--   has, lacks   bits that hold, and bits none of which does
--   not_all      unless 0: at least one of these bits does not hold
--   paid         only those whose procedure counts as paid by them
SELECT unit, dossier, level, procedure, officer, step, received_at, closed_at, due_at, waiting_since, bits_at_moment
FROM
(
    -- include counted
)
WHERE (unit, dossier) > ({after_unit:String}, {after_dossier:String})
  AND if({overdue:Bool}, overdue, {paid:Bool} OR in_population OR ({also_carried_over:Bool} AND carried_over))
  AND (NOT {paid:Bool} OR paid_in_period)
  AND ({level:String} = '' OR level = {level:String})
  AND ({procedure:String} = '' OR procedure = {procedure:String})
  AND bitAnd(bits_at_moment, {has:UInt64}) = {has:UInt64}
  AND bitAnd(bits_at_moment, {lacks:UInt64}) = 0
  AND ({not_all:UInt64} = 0 OR bitAnd(bits_at_moment, {not_all:UInt64}) != {not_all:UInt64})
ORDER BY unit, dossier
LIMIT {page:UInt32}
