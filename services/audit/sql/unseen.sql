-- Units of the log that are none of these, each with the partition and offset of its first record.
SELECT unit, any(partition) AS in_partition, min(offset) AS first_offset
FROM log
WHERE unit != '' AND unit NOT IN {units:Array(String)}
GROUP BY unit
ORDER BY unit
