-- The others, or every dossier, judged for this question; those that had no event then are not there.
INSERT INTO {asked:Identifier}
WITH
-- include facts
SELECT *, 0, toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC')
FROM facts
