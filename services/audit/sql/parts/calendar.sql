    assumeNotNull((
        SELECT CAST((begins, ends, works, worked_before_day, opens, closes, worked_in_day),
                    'Tuple(begins Int64, ends Int64, works Array(Bool), worked_before_day Array(Int64),
                           opens Array(Int64), closes Array(Int64), worked_in_day Int64)')
        FROM calendar_in_force)) AS calendar
