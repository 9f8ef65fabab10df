-- For each partition when the newest of its records was recorded.
SELECT partition, max(recorded_at) AS newest
FROM log
WHERE unit != '' AND recorded_at <= {not_after:DateTime64(3, 'UTC')}
GROUP BY partition
