-- The partition in which the records of each unit lie.
SELECT unit, any(partition) AS in_partition
FROM log
WHERE unit != ''
GROUP BY unit
