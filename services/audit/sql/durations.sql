-- How many working days resolved dossiers took from their reception, pauses included: by whole days, on
-- time or not; and how many they had until their due moment (-1: nobody knows). 60 stands for more, too.
WITH
-- include calendar
SELECT
    least(intDiv(ended - began, greatest(tupleElement(calendar, 'worked_in_day'), 1)), 60) AS working_days,
    if(due_known AND due != motcua_unknown() AND due >= began,
       toInt64(least(intDiv(due - began, greatest(tupleElement(calendar, 'worked_in_day'), 1)), 60)), -1)
        AS days_until_due,
    countIf(on_time) AS on_time_dossiers,
    countIf(late) AS late_dossiers,
    countIf(NOT due_known) AS due_unknown_dossiers
FROM
(
    SELECT
        on_time, late, due_known,
        motcua_worked(calendar, toInt64(toUnixTimestamp64Milli(assumeNotNull(received_at)))) AS began,
        motcua_worked(calendar, toInt64(toUnixTimestamp64Milli(assumeNotNull(closed_at)))) AS ended,
        if(due_known, motcua_worked(calendar, toInt64(toUnixTimestamp64Milli(assumeNotNull(due_at)))), 0) AS due
    FROM
    (
        -- include counted
    )
    WHERE closed_in_period AND resolved AND received AND closed_at >= received_at
      AND ({procedure:String} = '' OR procedure = {procedure:String})
)
WHERE began != motcua_unknown() AND ended != motcua_unknown()
GROUP BY working_days, days_until_due
ORDER BY working_days, days_until_due
