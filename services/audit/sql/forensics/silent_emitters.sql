SELECT unit, emitter, max(events.recorded_at) AS last_recorded, uniqExact(toDate(addHours(events.recorded_at, 7))) AS active_days,
       dateDiff('day', last_recorded, {at:DateTime64(3, 'UTC')}) AS silent_days
FROM events
WHERE unit IN {units:Array(String)}
  AND events.recorded_at <= {at:DateTime64(3, 'UTC')}
  AND events.recorded_at > {at:DateTime64(3, 'UTC')} - toIntervalDay({looking_back_days:Int64})
GROUP BY unit, emitter
HAVING silent_days > {silent_days:Int64}
ORDER BY silent_days DESC, unit, emitter
LIMIT {page:UInt32}
