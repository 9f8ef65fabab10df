-- For each partition the first offset of the topic up to which dossiers are settled.
SELECT partition, max(next_offset) AS next_offset
FROM settlements
WHERE basis = {basis:String}
GROUP BY partition
