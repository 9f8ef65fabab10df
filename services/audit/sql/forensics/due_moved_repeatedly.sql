SELECT unit, dossier, count() AS times, min(moved_at) AS first_moved, max(moved_at) AS last_moved,
       argMax(due_after, moved_at) AS due_now
FROM
(
    -- include due_moves
)
WHERE (unit, dossier) > ({after_unit:String}, {after_key:String})
GROUP BY unit, dossier
HAVING times > {most_times:Int64}
ORDER BY unit, dossier
LIMIT {page:UInt32}
