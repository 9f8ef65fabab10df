-- The balance by unit; the terms are those of streams.core.balance. The period is from the moment
-- «begin» until before «end», in milliseconds. Stocks are counted dossier by dossier. A dossier came
-- back when it lies there at the opening as known now, and was closed on the eve.
WITH
    received AND reception.at < {begin:Int64} AS received_before,
    received AND reception.at >= {begin:Int64} AND reception.at < {end:Int64} AS received_within,
    closed AND closed_ms < {begin:Int64} AS closed_before,
    closed AND closed_ms >= {begin:Int64} AND closed_ms < {end:Int64} AS closed_within,
    received AND closed AND closed_ms < reception.at AS closed_first,
    received_before AND NOT closed_before AS there_at_opening,
    arrayLastIndex((kind, at) -> at < {begin:Int64} AND kind NOT IN ('reopened', 'returned'), turns.kind, turns.at)
        > arrayLastIndex((kind, at) -> at < {begin:Int64} AND kind = 'reopened', turns.kind, turns.at)
        AS closed_on_the_eve,
    -- who answers for the dossier, as in the view of facts
    multiIf(closed AND closed_as = 'resolved' AND closing_officer != '', closing_officer,
            forwarded_to != '', forwarded_to, reception.officer) AS officer
SELECT
    unit,
    countIf(there_at_opening AND NOT closed_first AND NOT closed_on_the_eve) AS opening,
    countIf(there_at_opening AND NOT closed_first AND closed_on_the_eve) AS came_back,
    countIf(received_within) AS received_in_all,
    countIf(closed_within AND closed_first) AS closed_before_received,
    countIf(closed_within AND NOT received AND closed_as != 'rejected') AS reception_unknown,
    countIf(closed_within AND closed_as = 'resolved') AS resolved,
    countIf(closed_within AND closed_as = 'rejected' AND received) AS rejected,
    countIf(closed_within AND closed_as = 'withdrawn') AS withdrawn,
    countIf(closed_within AND closed_as = 'stopped') AS stopped,
    countIf(received_within AND closed_first) AS received_after_closing,
    countIf((received_before OR received_within) AND NOT closed_first AND NOT closed_before AND NOT closed_within)
        AS in_process,
    countIf(closed_within AND closed_as = 'rejected' AND NOT received) AS rejected_at_submission
FROM readings(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
              known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
WHERE empty({officers:Array(String)}) OR (officer IN {officers:Array(String)} AND (received OR closed))
GROUP BY unit
ORDER BY unit
