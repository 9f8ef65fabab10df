-- Dossiers of the period for a list that is taken home, in the order of unit and code, after one.
-- The population and the two bits that need a moment are those of figures.sql.
--   scope, hit   bits; side «scope»: those counted in a; «hit»: in b as well; «missed»: in a alone
--   answers      level that answers for the indicator; empty: every level
SELECT
    unit, dossier, level, procedure, officer, received_at, due_at, closed_at, waiting_since, bits_at_moment
FROM
(
    SELECT
        *,
        ifNull(closed_day BETWEEN {first:Date32} AND {last:Date32}, 0) AS closed_in_period,
        ifNull(received_day BETWEEN {first:Date32} AND {last:Date32}, 0) AS received_in_period,
        {carried_over:Bool} AND ifNull(received_day < {first:Date32}, 0)
            AND ifNull(closed_day >= {first:Date32}, 1) AS carried,
        due_known AND coalesce(closed_at, waiting_since, {as_of:DateTime64(3, 'UTC')}) <= assumeNotNull(due_at) AS in_time,
        bits + bitShiftLeft(toUInt64(in_time), 56) + bitShiftLeft(toUInt64(NOT supplemented_again), 57) AS bits_at_moment
    FROM {dossiers:Identifier}
    WHERE unit IN {units:Array(String)}
      AND (unit, dossier) > ({after_unit:String}, {after_dossier:String})
      AND (empty({officers:Array(String)})
           OR (officer IN {officers:Array(String)} AND (received OR isNotNull(closed_at))))
)
WHERE (if({population:String} = 'received', received_in_period, closed_in_period) OR carried)
  AND bitAnd(bits_at_moment, {scope:UInt64}) = {scope:UInt64}
  AND ({answers:String} = '' OR level = {answers:String})
  AND multiIf({side:String} = 'hit', bitAnd(bits_at_moment, {hit:UInt64}) = {hit:UInt64},
              {side:String} = 'missed', bitAnd(bits_at_moment, {hit:UInt64}) != {hit:UInt64}, 1)
ORDER BY unit, dossier
LIMIT {page:UInt32}
