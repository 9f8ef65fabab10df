-- The others, or «anew» all, judged for this question; those that had no event then are not there.
INSERT INTO {asked:Identifier}
SELECT *, 0, toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC')
FROM facts(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
           known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
WHERE {anew:Bool} OR dossier_key IN
(
    SELECT dossier_key
    FROM settled_dossiers
    WHERE unit IN {units:Array(String)}
      AND ({dossier:String} = '' OR dossier = {dossier:String})
      AND NOT (next_offset <= transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
           AND last_recorded_at <= {known_at:DateTime64(3, 'UTC')}
           AND last_occurred_at <= {as_of:DateTime64(3, 'UTC')})
)
