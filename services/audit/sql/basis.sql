-- What dossiers are judged by: the newest migration and the calendar in force.
SELECT concat((SELECT argMax(name, number) FROM migrations), ' ', (SELECT argMax(calendar, loaded_at) FROM calendars))
