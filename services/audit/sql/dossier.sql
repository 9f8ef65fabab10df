-- What follows from the events of one dossier.
SELECT level, procedure, officer, received_at, closed_at, due_at, paid_days, bits
FROM facts(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
           known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
WHERE dossier = {dossier:String}
