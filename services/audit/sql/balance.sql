-- The balance by unit; the terms are those of streams.core.balance. Stocks are counted dossier by
-- dossier. A dossier came back when it lies there at the opening as known now, and was closed on the eve.
WITH
    ifNull(received_day BETWEEN {first:Date32} AND {last:Date32}, 0) AS received_in_period,
    ifNull(closed_day BETWEEN {first:Date32} AND {last:Date32}, 0) AS closed_in_period,
    received AND NOT closed_before_received AS orderly,
    orderly AND received_day < {first:Date32} AND ifNull(closed_day >= {first:Date32}, 1) AS there_at_opening,
    (unit, dossier) IN
    (
        SELECT unit, dossier
        FROM facts(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
                   known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {eve:DateTime64(3, 'UTC')})
        WHERE isNotNull(closed_day)
          AND (unit, dossier) IN
          (
              -- only these can undo a closing, and they are few
              SELECT unit, dossier FROM events
              WHERE unit IN {units:Array(String)} AND kind IN ('reopened', 'corrected')
          )
    ) AS closed_on_the_eve
SELECT
    unit,
    countIf(there_at_opening AND NOT closed_on_the_eve) AS opening,
    countIf(there_at_opening AND closed_on_the_eve) AS came_back,
    countIf(received_in_period) AS received_in_all,
    countIf(closed_in_period AND closed_before_received) AS closed_first,
    countIf(closed_in_period AND reception_unknown) AS never_received,
    countIf(closed_in_period AND resolved) AS with_result,
    countIf(closed_in_period AND rejected AND received) AS rejected_later,
    countIf(closed_in_period AND withdrawn) AS taken_back,
    countIf(closed_in_period AND stopped) AS given_up,
    countIf(received_in_period AND closed_before_received) AS received_after_closing,
    countIf(orderly AND received_day <= {last:Date32} AND ifNull(closed_day > {last:Date32}, 1)) AS in_process,
    countIf(closed_in_period AND rejected AND NOT received) AS rejected_at_submission
FROM facts(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
           known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
WHERE empty({officers:Array(String)})
   OR (officer IN {officers:Array(String)} AND (received OR isNotNull(closed_at)))
GROUP BY unit
ORDER BY unit
