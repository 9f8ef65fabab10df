-- Every event of the question once, as it counts.
WITH
-- include in_force
SELECT *
FROM in_force
WHERE standing IN ('counts', 'replacement')
