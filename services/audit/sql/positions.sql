-- For each partition the first offset of the topic that is not in here.
SELECT partition, max(next_offset) AS next_offset
FROM positions
GROUP BY partition
ORDER BY partition
