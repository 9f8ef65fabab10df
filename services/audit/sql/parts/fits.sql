-- Whether the question sees the dossier as it is settled: all its events, and none beyond.
next_offset <= transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
AND last_recorded_at <= {known_at:DateTime64(3, 'UTC')}
AND last_occurred_at <= {as_of:DateTime64(3, 'UTC')}
