-- Each dossier with whether it belongs to the period, and the facts that hold at the moment.
--   population   «closed»: dossiers closed on a day of the period; «received»: received on one, and
--                judged in their state at as_of
--   opening      the period's days are its first ones: what was carried over into it is counted here
--   overdue      in process at «at» (no later than as_of) although its due moment had passed by then
-- The two bits that need a moment are those of streams.core.receptions.
SELECT
    *,
    ifNull(closed_day BETWEEN {first:Date32} AND {last:Date32}, 0) AS closed_in_period,
    ifNull(received_day BETWEEN {first:Date32} AND {last:Date32}, 0) AS received_in_period,
    if({population:String} = 'received', received_in_period, closed_in_period) AS in_population,
    {opening:Bool} AND ifNull(received_day < {first:Date32}, 0)
        AND ifNull(closed_day >= {first:Date32}, 1) AS carried_over,
    if({population:String} = 'received', received_in_period AND paid_online,
       arrayExists(day -> day BETWEEN {first:Date32} AND {last:Date32}, paid_days)) AS paid_in_period,
    -- what ends the counting: the closing, else that papers are awaited, else the moment itself
    due_known AND coalesce(closed_at, waiting_since, {as_of:DateTime64(3, 'UTC')}) <= assumeNotNull(due_at) AS in_time,
    bits + bitShiftLeft(toUInt64(in_time), 56) + bitShiftLeft(toUInt64(NOT supplemented_again), 57)
        AS bits_at_moment,
    received AND due_known AND isNull(waiting_since) AND assumeNotNull(due_at) < {at:DateTime64(3, 'UTC')}
        AND assumeNotNull(received_at) <= {at:DateTime64(3, 'UTC')}
        AND ifNull(closed_at > {at:DateTime64(3, 'UTC')}, 1) AS overdue
FROM {dossiers:Identifier}
WHERE unit IN {units:Array(String)}
  AND (empty({officers:Array(String)})
       OR (officer IN {officers:Array(String)} AND (received OR isNotNull(closed_at))))
