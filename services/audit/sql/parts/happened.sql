-- Every event of the question once, as it counts.
SELECT *
FROM in_force(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
              known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
WHERE standing IN ('counts', 'replacement')
