-- The balance by unit; the terms are those of streams.core.balance. The period is from the moment
-- «begin» until before «end», in milliseconds. Stocks are counted dossier by dossier. A dossier came
-- back when it lies there at the opening as known now, and was closed on the eve.
WITH
    toUnixTimestamp64Milli(received_at) AS received_ms,
    isNotNull(closed_at) AS closed,
    toUnixTimestamp64Milli(closed_at) AS closed_ms,
    received AND received_ms < {begin:Int64} AS received_before,
    received AND received_ms >= {begin:Int64} AND received_ms < {end:Int64} AS received_within,
    closed AND closed_ms < {begin:Int64} AS closed_before,
    closed AND closed_ms >= {begin:Int64} AND closed_ms < {end:Int64} AS closed_within,
    received AND closed AND closed_ms < received_ms AS closed_first,
    received_before AND NOT closed_before AS there_at_opening,
    arrayLastIndex((at, reopens) -> at < {begin:Int64} AND NOT reopens, closings.at, closings.reopens)
        > arrayLastIndex((at, reopens) -> at < {begin:Int64} AND reopens, closings.at, closings.reopens)
        AS closed_on_the_eve
SELECT
    unit,
    countIf(there_at_opening AND NOT closed_first AND NOT closed_on_the_eve) AS opening,
    countIf(there_at_opening AND NOT closed_first AND closed_on_the_eve) AS came_back,
    countIf(received_within) AS received_in_all,
    countIf(closed_within AND closed_first) AS closed_before_received,
    countIf(closed_within AND NOT received AND NOT dossiers.rejected) AS reception_unknown,
    countIf(closed_within AND dossiers.resolved) AS resolved,
    countIf(closed_within AND dossiers.rejected AND received) AS rejected,
    countIf(closed_within AND dossiers.withdrawn) AS withdrawn,
    countIf(closed_within AND dossiers.stopped) AS stopped,
    countIf(received_within AND closed_first) AS received_after_closing,
    countIf((received_before OR received_within) AND NOT closed_first AND NOT closed_before AND NOT closed_within)
        AS in_process,
    countIf(closed_within AND dossiers.rejected AND NOT received) AS rejected_at_submission
FROM {dossiers:Identifier} AS dossiers
WHERE unit IN {units:Array(String)}
  AND (empty({officers:Array(String)}) OR (officer IN {officers:Array(String)} AND (received OR closed)))
GROUP BY unit
ORDER BY unit
