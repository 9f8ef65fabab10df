-- What dossiers are judged by: the newest migration with the queries' rules, and the calendar in force.
SELECT concat((SELECT argMax(name, number) FROM migrations), '+', {rules:String}, ' ',
              (SELECT argMax(calendar, loaded_at) FROM calendars))
