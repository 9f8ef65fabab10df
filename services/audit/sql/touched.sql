-- The dossiers of these units that got an event: the first offset of the log behind the last of each.
INSERT INTO {chosen:Identifier}
SELECT dossier_key, max(offset) + 1 AS next_offset, max(log.recorded_at) AS last_recorded_at
FROM log
WHERE unit IN {units:Array(String)}
  AND offset >= arrayMin({begins:Array(UInt64)})
  AND offset >= transform(partition, {partitions:Array(UInt16)}, {begins:Array(UInt64)}, 0)
  AND offset < transform(partition, {partitions:Array(UInt16)}, {ends:Array(UInt64)}, 0)
GROUP BY dossier_key
