-- Legal extensions that happened in the period, with the due moment that each replaced.
SELECT
    dossier_key, event_key, unit, dossier, moved_at, due_before, due_after
FROM
(
    SELECT
        dossier_key, event_key, unit, dossier, kind, due_basis, occurred_at AS moved_at,
        multiIf(kind = 'received', coalesce(due_at, frozen_due_at), new_due_at) AS due_after,
        lagInFrame(due_after) OVER (PARTITION BY dossier_key ORDER BY occurred_at, kind, event_key
                                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS due_before
    FROM
    (
        -- include happened
    )
    WHERE (kind = 'received' AND isNotNull(coalesce(due_at, frozen_due_at)))
       OR (kind = 'supplement_received' AND isNotNull(new_due_at))
       OR (kind = 'due_changed' AND due_basis = 'legal_extension')
)
WHERE kind = 'due_changed'
  AND moved_at >= {begin:DateTime64(3, 'UTC')} AND moved_at < {end:DateTime64(3, 'UTC')}
