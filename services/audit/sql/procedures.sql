-- By level and procedure: dossiers of the period, and those by which the procedure counts as paid online.
SELECT level, procedure, countIf(in_population) AS dossiers, countIf(paid_in_period) AS paid
FROM
(
    -- include counted
)
WHERE procedure != ''
GROUP BY level, procedure
