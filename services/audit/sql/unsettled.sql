-- Units with records that are not settled: the first offset of the log behind them, how many, of how many dossiers.
SELECT unit, max(offset) + 1 AS head, count() AS records, uniqExact(dossier_key) AS dossiers
FROM log
WHERE unit != ''
  AND offset >= arrayMin({begins:Array(UInt64)})
  AND offset >= transform(partition, {partitions:Array(UInt16)}, {begins:Array(UInt64)}, 0)
  AND offset < transform(partition, {partitions:Array(UInt16)}, {ends:Array(UInt64)}, 0)
GROUP BY unit
ORDER BY unit
