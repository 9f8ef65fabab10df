-- From the record to the events that count, and from there (facts.sql) to what follows of each dossier:
--   in_force      every event once, as it counts now that corrections are heeded
--   histories     one row for each dossier: its events gathered
--   readings      … the reception and the closing that decide
--   waits         … the due moment that was set, and the pauses of the clock
--   due_moments   … the due moment in force
--   facts         … what follows
-- `as_of` is about the moment in force: a replacement has its own. Of the units' dossiers those count that
-- are `chosen`, or `every` one.
--
-- One query and no views: planning a chain of views takes three times as long.

-- Events that cannot be taken as they stand, by identity: those that stand in the record more than once
-- or of which a copy lies beyond the offsets (a merge may have kept that one), corrections and what they
-- correct. These few go the exact way below; all others need no care. Two 64-bit hashes joined tell events
-- apart; should two ever collide, both go the exact way.
careful AS
(
    SELECT bitXor(dossier_key, event_key) AS identity
    FROM events
    WHERE unit IN {units:Array(String)}
      AND ({every:Bool} OR dossier_key IN (SELECT dossier_key FROM {chosen:Identifier}))
    GROUP BY identity
    HAVING count() > 1
    UNION ALL
    SELECT bitXor(dossier_key, event_key) AS identity
    FROM log
    WHERE unit IN {units:Array(String)}
      AND ({every:Bool} OR dossier_key IN (SELECT dossier_key FROM {chosen:Identifier}))
      AND offset >= transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
    UNION ALL
    SELECT bitXor(dossier_key, arrayJoin([event_key, corrects_key])) AS identity
    FROM events
    WHERE unit IN {units:Array(String)} AND kind = 'corrected'
      AND ({every:Bool} OR dossier_key IN (SELECT dossier_key FROM {chosen:Identifier}))
),

-- Of each such event the content that counts: the first recorded, of equal ones the smallest.
first_contents AS
(
    SELECT
        dossier_key,
        event_key,
        argMin(log.content_hash, (log.recorded_at, log.content_hash)) AS content_hash,
        min(log.recorded_at) AS recorded_at
    FROM log
    WHERE unit IN {units:Array(String)}
      AND offset < transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
      AND log.recorded_at <= {known_at:DateTime64(3, 'UTC')}
      AND bitXor(dossier_key, event_key) IN (SELECT identity FROM careful)
    GROUP BY dossier_key, event_key
),

-- Each such event once, as it was first recorded.
first_copies AS
(
    SELECT copies.* EXCEPT (source, id, emitter, topic, body, recorded_at), contents.recorded_at AS recorded_at
    FROM
    (
        SELECT *, dossier_key
        FROM events
        WHERE unit IN {units:Array(String)}
          AND ({every:Bool} OR dossier_key IN (SELECT dossier_key FROM {chosen:Identifier}))
    ) AS copies
    INNER JOIN first_contents AS contents USING (dossier_key, event_key, content_hash)
    ORDER BY copies.recorded_at
    LIMIT 1 BY dossier_key, event_key
),

-- The careful ones with what the dossier's corrections do to each. Of several corrections of one event the
-- latest (recorded, content) is in force; a correction of a correction changes nothing. A replacement has
-- the identity of the original, its own moment, and counts also where the original has not come.
corrected_copies AS
(
    SELECT
        * EXCEPT (corrections, originals, targets, latest, standings, name)
          REPLACE (
              if(name = 'replacement', corrects_key, event_key) AS event_key,
              if(name = 'replacement', assumeNotNull(new_kind), kind) AS kind,
              if(name = 'replacement', assumeNotNull(new_at), occurred_at) AS occurred_at),
        motcua_standing(name) AS standing
    FROM
    (
        SELECT
            *,
            multiIf(
                kind != 'corrected', [if(has(targets, event_key), 'replaced', 'counts')],
                has(corrections, corrects_key), ['correction_of_correction'],
                arrayConcat(
                    [if(has(originals, corrects_key), 'correction', 'correction_without_original')],
                    if(latest AND isNotNull(new_kind), ['replacement'], []))) AS standings
        FROM
        (
            SELECT
                *,
                groupArrayIf(event_key, kind = 'corrected') OVER (PARTITION BY dossier_key) AS corrections,
                groupArrayIf(event_key, kind != 'corrected') OVER (PARTITION BY dossier_key) AS originals,
                groupArrayIf(corrects_key, kind = 'corrected') OVER (PARTITION BY dossier_key) AS targets,
                row_number() OVER (PARTITION BY dossier_key, kind, corrects_key
                                   ORDER BY recorded_at DESC, content_hash DESC, occurred_at, event_key) = 1 AS latest
            FROM first_copies
        )
    )
    ARRAY JOIN standings AS name
),

-- Every event of the question once, as it counts.
in_force AS
(
    SELECT * EXCEPT (source, id, emitter, topic, body, recorded_at), dossier_key, recorded_at,
           motcua_standing('counts') AS standing
    FROM events
    WHERE unit IN {units:Array(String)}
      AND ({every:Bool} OR dossier_key IN (SELECT dossier_key FROM {chosen:Identifier}))
      AND offset < transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
      AND recorded_at <= {known_at:DateTime64(3, 'UTC')}
      AND occurred_at <= {as_of:DateTime64(3, 'UTC')}
      AND bitXor(dossier_key, event_key) NOT IN (SELECT identity FROM careful)
    UNION ALL
    SELECT *
    FROM
    corrected_copies
    WHERE occurred_at <= {as_of:DateTime64(3, 'UTC')}
)
