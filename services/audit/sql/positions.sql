-- For each partition the first offset of the topic that is not in here.
SELECT partition, max(offset) + 1 AS next_offset
FROM log
GROUP BY partition
ORDER BY partition
