-- Which database is the history.
SELECT currentDatabase()
