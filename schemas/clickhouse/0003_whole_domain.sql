-- The whole domain: every kind of event, corrections, due moments by working time.
--
-- Content that the further kinds of events carry; empty, 0 or NULL where a kind has no such field.
-- A row of kind `corrected` has in its columns the content of what it puts in the place of the
-- original, so that it can be counted like any other event.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS frozen_due_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'due moment by the time limit of the catalogue' CODEC(ZSTD(1)) AFTER payment_online,
    ADD COLUMN IF NOT EXISTS result_form LowCardinality(String) AFTER frozen_due_at,
    ADD COLUMN IF NOT EXISTS beyond_list Bool
        COMMENT 'papers were asked for that the procedure does not list' CODEC(ZSTD(1)) AFTER result_form,
    ADD COLUMN IF NOT EXISTS new_due_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)) AFTER beyond_list,
    ADD COLUMN IF NOT EXISTS due_basis LowCardinality(String) AFTER new_due_at,
    ADD COLUMN IF NOT EXISTS step LowCardinality(String) AFTER due_basis,
    ADD COLUMN IF NOT EXISTS corrects_key UInt64
        COMMENT 'event_key of the original' CODEC(ZSTD(1)) AFTER step,
    ADD COLUMN IF NOT EXISTS new_kind Nullable(Enum8(
        'submitted' = 1, 'received' = 2, 'digitized' = 3, 'supplement_requested' = 4, 'supplement_received' = 5,
        'forwarded' = 6, 'payment_requested' = 7, 'paid' = 8, 'refunded' = 9, 'fee_waived' = 10, 'due_changed' = 11,
        'resolved' = 12, 'returned' = 13, 'rejected' = 14, 'withdrawn' = 15, 'stopped' = 16, 'reopened' = 17,
        'corrected' = 18))
        COMMENT 'of what counts in the place of the original; NULL: nothing does' CODEC(ZSTD(1)) AFTER corrects_key,
    ADD COLUMN IF NOT EXISTS new_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'when that happened' CODEC(ZSTD(1)) AFTER new_kind;

-- Working days and office hours, as the history process was given them. The newest line of
-- `calendars` is the one that counts; it is written when the others are there.
CREATE TABLE IF NOT EXISTS calendars
(
    calendar            String COMMENT 'version of the files, and a hash of what they say',
    loaded_at           DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(loaded_at)
ORDER BY calendar
SETTINGS non_replicated_deduplication_window = 0;

CREATE TABLE IF NOT EXISTS calendar_days
(
    calendar            LowCardinality(String),
    day                 Date32,
    works               Bool,
    working_days_before UInt32
)
ENGINE = ReplacingMergeTree
ORDER BY (calendar, day)
SETTINGS non_replicated_deduplication_window = 0;

CREATE TABLE IF NOT EXISTS office_hours
(
    calendar            LowCardinality(String),
    opens_ms            UInt32 COMMENT 'milliseconds of the local day',
    closes_ms           UInt32
)
ENGINE = ReplacingMergeTree
ORDER BY (calendar, opens_ms)
SETTINGS non_replicated_deduplication_window = 0;

-- The calendar that counts, as one row of arrays of milliseconds. Without a calendar they are empty.
CREATE OR REPLACE VIEW calendar_in_force AS
WITH (SELECT argMax(calendar, loaded_at) FROM calendars) AS newest
SELECT
    days.1 * 86400000 - 25200000 AS begins,
    begins + length(works) * 86400000 AS ends,
    days.2 AS works,
    arrayMap(days_before -> days_before * worked_in_day, days.3) AS worked_before_day,
    arrayMap(day -> day * 86400000 - 25200000, days.4) AS working_days,
    hours.1 AS opens,
    hours.2 AS closes,
    -- working time of a day until a shift ends
    arrayCumSum((opening, closing) -> closing - opening, opens, closes) AS worked_until_close,
    arraySum(closes) - arraySum(opens) AS worked_in_day
FROM
(
    SELECT
        (SELECT (toInt64(min(day)), groupArray(works), groupArray(toInt64(working_days_before)),
                 groupArrayIf(toInt64(day), works))
         FROM (SELECT * FROM calendar_days FINAL WHERE calendar = newest ORDER BY day)) AS days,
        (SELECT (groupArray(toInt64(opens_ms)), groupArray(toInt64(closes_ms)))
         FROM (SELECT * FROM office_hours FINAL WHERE calendar = newest ORDER BY opens_ms)) AS hours
);

-- Working time in milliseconds, all integers. `calendar` is the row of `calendar_in_force` as a named tuple.
-- What the calendar does not know is a number behind all others: what is added to it or compared with it
-- stays unknown.
CREATE OR REPLACE FUNCTION motcua_unknown AS () -> 1152921504606846976;

-- Working time from the beginning of the calendar to a moment.
CREATE OR REPLACE FUNCTION motcua_worked AS (calendar, at) ->
    if(at >= tupleElement(calendar, 'begins') AND at < tupleElement(calendar, 'ends'),
       tupleElement(calendar, 'worked_before_day')[intDiv(at - tupleElement(calendar, 'begins'), 86400000) + 1]
           + if(tupleElement(calendar, 'works')[intDiv(at - tupleElement(calendar, 'begins'), 86400000) + 1],
                arraySum((opens, closes) -> least(greatest((at + 25200000) % 86400000 - opens, 0), closes - opens),
                         tupleElement(calendar, 'opens'), tupleElement(calendar, 'closes')),
                0),
       motcua_unknown());

-- The first moment with so much working time before it; the end of a day stays that day's end.
CREATE OR REPLACE FUNCTION motcua_moment_when AS (calendar, worked) ->
    if(intDivOrZero(worked - 1, tupleElement(calendar, 'worked_in_day')) < length(tupleElement(calendar, 'working_days')),
       tupleElement(calendar, 'working_days')[intDivOrZero(worked - 1, tupleElement(calendar, 'worked_in_day')) + 1]
           + arrayFirst((closing_less_worked, until) -> moduloOrZero(worked - 1, tupleElement(calendar, 'worked_in_day')) < until,
                        arrayMap((closing, until) -> closing - until,
                                 tupleElement(calendar, 'closes'), tupleElement(calendar, 'worked_until_close')),
                        tupleElement(calendar, 'worked_until_close'))
           + moduloOrZero(worked - 1, tupleElement(calendar, 'worked_in_day')) + 1,
       motcua_unknown());

-- From the record to the counters, each a view on the one before:
--   in_force      every event once, as it counts now that corrections are heeded
--   histories     one row for each dossier: its events gathered
--   readings      … the reception and the closing that decide
--   waits         … the due moment that was set, and the pauses of the clock
--   due_moments   … the due moment in force
--   facts         … what follows
--   cells         how many dossiers share a day, codes and facts
-- `as_of` is about the moment in force: a replacement has its own.

-- Events that cannot be taken as they stand, by identity: those that stand in the record more than once
-- or of which a copy lies beyond the offsets (a merge may have kept that one), corrections and what they
-- correct. These few go the exact way below; all others need no care. Two 64-bit hashes joined tell events
-- apart; should two ever collide, both go the exact way.
CREATE OR REPLACE VIEW careful AS
SELECT bitXor(dossier_key, event_key) AS identity
FROM events
WHERE unit IN {units:Array(String)}
GROUP BY identity
HAVING count() > 1
UNION ALL
SELECT bitXor(dossier_key, event_key) AS identity
FROM log
WHERE unit IN {units:Array(String)}
  AND offset >= transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
UNION ALL
SELECT bitXor(dossier_key, arrayJoin([event_key, corrects_key])) AS identity
FROM events
WHERE unit IN {units:Array(String)} AND kind = 'corrected';

-- Of each such event the content that counts: the first recorded, of equal ones the smallest.
CREATE OR REPLACE VIEW first_contents AS
SELECT
    dossier_key,
    event_key,
    argMin(log.content_hash, (log.recorded_at, log.content_hash)) AS content_hash,
    min(log.recorded_at) AS recorded_at
FROM log
WHERE unit IN {units:Array(String)}
  AND offset < transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
  AND log.recorded_at <= {known_at:DateTime64(3, 'UTC')}
  AND bitXor(dossier_key, event_key) IN (
      SELECT identity
      FROM careful(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)}))
GROUP BY dossier_key, event_key;

-- Each such event once, as it was first recorded.
CREATE OR REPLACE VIEW first_copies AS
SELECT copies.* EXCEPT (source, id, emitter, topic, body, recorded_at), contents.recorded_at AS recorded_at
FROM (SELECT *, dossier_key FROM events WHERE unit IN {units:Array(String)}) AS copies
INNER JOIN
(
    SELECT *
    FROM first_contents(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
                        known_at = {known_at:DateTime64(3, 'UTC')})
) AS contents USING (dossier_key, event_key, content_hash)
ORDER BY copies.recorded_at
LIMIT 1 BY dossier_key, event_key;

-- Why an event is in a history. The last three count for nothing but what they say of the dossier.
CREATE OR REPLACE FUNCTION motcua_standing AS (name) -> CAST(name, 'Enum8(
    \'counts\' = 1, \'replacement\' = 2, \'replaced\' = 3, \'correction\' = 4,
    \'correction_without_original\' = 5, \'correction_of_correction\' = 6)');

-- The careful ones with what the dossier's corrections do to each. Of several corrections of one event the
-- latest (recorded, content) is in force; a correction of a correction changes nothing. A replacement has
-- the identity of the original, its own moment, and counts also where the original has not come.
CREATE OR REPLACE VIEW corrected_copies AS
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
        FROM first_copies(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
                          known_at = {known_at:DateTime64(3, 'UTC')})
    )
)
ARRAY JOIN standings AS name;

-- Every event of the question once, as it counts.
CREATE OR REPLACE VIEW in_force AS
SELECT * EXCEPT (source, id, emitter, topic, body, recorded_at), dossier_key, recorded_at,
       motcua_standing('counts') AS standing
FROM events
WHERE unit IN {units:Array(String)}
  AND offset < transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
  AND recorded_at <= {known_at:DateTime64(3, 'UTC')}
  AND occurred_at <= {as_of:DateTime64(3, 'UTC')}
  AND bitXor(dossier_key, event_key) NOT IN (
      SELECT identity
      FROM careful(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)}))
UNION ALL
SELECT *
FROM
(
    SELECT *
    FROM corrected_copies(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
                          known_at = {known_at:DateTime64(3, 'UTC')})
)
WHERE occurred_at <= {as_of:DateTime64(3, 'UTC')};

-- One row for each dossier: what its events say, gathered, not yet judged. Moments are milliseconds.
--   receptions  (there should be one)
--   turns       what closes a dossier or opens it again, and the return of its result
--   moves       what stops the clock, lets it run again, or moves the due moment
CREATE OR REPLACE VIEW histories AS
SELECT
    any(unit) AS unit,
    any(dossier) AS dossier,
    argMin(level, place) AS first_level,
    arraySort(CAST(
        groupArrayIf((place, at, level, procedure, officer, due_at, frozen_due_at, channel = 'online', paperless,
                      service, procedure_known, has_fee, payment_online), counts AND kind = 'received'),
        'Array(Tuple(place UInt128, at Int64, level String, procedure String, officer String,
                     due_at Nullable(DateTime64(3, \'UTC\')), frozen_due_at Nullable(DateTime64(3, \'UTC\')),
                     filed_online Bool, paperless Bool, service String, procedure_known Bool, has_fee Bool,
                     payment_online Bool))')) AS receptions,
    argMaxIf(officer, place, counts AND kind = 'forwarded') AS forwarded_to,
    argMaxIf(step, place, counts AND kind = 'forwarded') AS step,
    arraySort(CAST(
        groupArrayIf((place, at, kind, officer, electronic_result, claims_on_time),
                     counts AND kind IN ('resolved', 'returned', 'rejected', 'withdrawn', 'stopped', 'reopened')),
        'Array(Tuple(place UInt128, at Int64, kind Enum8(
        \'submitted\' = 1, \'received\' = 2, \'digitized\' = 3, \'supplement_requested\' = 4, \'supplement_received\' = 5,
        \'forwarded\' = 6, \'payment_requested\' = 7, \'paid\' = 8, \'refunded\' = 9, \'fee_waived\' = 10,
        \'due_changed\' = 11, \'resolved\' = 12, \'returned\' = 13, \'rejected\' = 14, \'withdrawn\' = 15,
        \'stopped\' = 16, \'reopened\' = 17, \'corrected\' = 18),
                     officer String, electronic Bool, claims_on_time Nullable(Bool)))')) AS turns,
    arraySort(CAST(
        groupArrayIf((place, at, kind, beyond_list,
                      if(kind = 'due_changed' AND due_basis != 'legal_extension', NULL, new_due_at), due_basis),
                     counts AND kind IN ('supplement_requested', 'supplement_received', 'due_changed')),
        'Array(Tuple(place UInt128, at Int64, kind Enum8(
        \'submitted\' = 1, \'received\' = 2, \'digitized\' = 3, \'supplement_requested\' = 4, \'supplement_received\' = 5,
        \'forwarded\' = 6, \'payment_requested\' = 7, \'paid\' = 8, \'refunded\' = 9, \'fee_waived\' = 10,
        \'due_changed\' = 11, \'resolved\' = 12, \'returned\' = 13, \'rejected\' = 14, \'withdrawn\' = 15,
        \'stopped\' = 16, \'reopened\' = 17, \'corrected\' = 18), beyond_list Bool,
                     due_at Nullable(DateTime64(3, \'UTC\')), basis String))')) AS moves,
    CAST(
        groupArrayIf((kind = 'paid', way IN ('national_portal', 'local_gateway'), payment_id,
                      if(kind = 'paid', amount_vnd, -amount_vnd), at),
                     counts AND kind IN ('paid', 'refunded')),
        'Array(Tuple(is_payment Bool, online Bool, payment_id String, amount_vnd Int64, at Int64))') AS payments,
    groupArrayIf(place, counts AND kind = 'digitized') AS digitizations,
    max(counts AND kind = 'digitized' AND part = 'application' AND complete) AS application_digitized,
    max(counts AND kind = 'digitized' AND part != 'application' AND complete) AS result_digitized,
    max(counts AND kind = 'fee_waived') AS fee_waived,
    max(standing IN ('correction', 'correction_without_original')) AS corrected,
    max(standing = 'correction_of_correction') AS correction_of_correction,
    max(standing = 'correction_without_original') AS correction_without_original
FROM
(
    SELECT
        *,
        standing IN ('counts', 'replacement') AS counts,
        toInt64(toUnixTimestamp64Milli(occurred_at)) AS at,
        -- the total order of a dossier's events in one number: moment, then kind, then key; behind them all
        -- what does not count
        bitShiftLeft(toUInt128(NOT counts), 127)
            + bitShiftLeft(toUInt128(at), 72)
            + bitShiftLeft(toUInt128(toUInt8(kind)), 64)
            + toUInt128(event_key) AS place,
        items_total > 0 AND items_digitized >= items_total AS complete
    FROM in_force(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
                  known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
)
GROUP BY dossier_key;

-- … the closing that decides, and what the order of turns shows.
CREATE OR REPLACE VIEW readings AS
WITH
    -- of each turn, whether the dossier was closed before it; a return leaves that as it is
    arrayMap(kind -> kind NOT IN ('reopened', 'returned'), turns.kind) AS closes,
    arrayPopBack(arrayFill((closed, kind) -> kind != 'returned',
                           arrayPushFront(closes, false), arrayPushFront(turns.kind, turns.kind[1]))) AS closed_before,
    -- the first closing after the last reopening decides
    arrayLastIndex(kind -> kind = 'reopened', turns.kind) AS reopened_index,
    arrayFirstIndex((closing, index) -> closing AND index > reopened_index, closes, arrayEnumerate(closes)) AS closing_index
SELECT
    *,
    receptions[1] AS reception,
    notEmpty(receptions) AS received,
    length(receptions) > 1 AS received_again,
    closing_index > 0 AS closed,
    turns.kind[closing_index] AS closed_as,
    turns.at[closing_index] AS closed_ms,
    turns.officer[closing_index] AS closing_officer,
    turns.electronic[closing_index] AS closing_electronic,
    turns.claims_on_time[closing_index] AS claims_on_time,
    arrayExists((closing, closed) -> closing AND closed, closes, closed_before) AS closed_again,
    arrayExists((kind, closed) -> kind = 'reopened' AND NOT closed, turns.kind, closed_before) AS reopened_unclosed,
    arrayExists((kind, closed) -> kind = 'returned' AND NOT closed, turns.kind, closed_before) AS returned_without_result,
    -- a dossier that was reopened after the return may well be digitised
    arrayExists(
        place -> turns.kind[arrayLastIndex((turn, kind) -> turn < place AND kind IN ('returned', 'reopened'),
                                           turns.place, turns.kind)] = 'returned',
        digitizations) AS digitized_after_return
FROM histories(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
               known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')});

-- … the due moment that was set, and the pauses of the clock. A pause is from the first request for papers
-- that is not answered to the next answer, or to the closing. Moves count up to the closing.
CREATE OR REPLACE VIEW waits AS
WITH
    arrayFilter((at, kind) -> kind != 'due_changed', moves.at, moves.kind) AS asked_or_answered_at,
    arrayMap(kind -> kind = 'supplement_requested',
             arrayFilter(kind -> kind != 'due_changed', moves.kind)) AS asks,
    arrayPopBack(arrayPushFront(asks, false)) AS asked_before,
    arrayFilter((at, asks, waiting) -> asks AND NOT waiting AND (NOT closed OR at <= closed_ms),
                asked_or_answered_at, asks, asked_before) AS all_asked,
    arrayFilter((at, asks, waiting) -> NOT asks AND waiting AND (NOT closed OR at <= closed_ms),
                asked_or_answered_at, asks, asked_before) AS answered,
    length(all_asked) > length(answered) AS unanswered,
    -- whoever sets a due moment knows of what was before it; the last one wins
    arrayLastIndex((place, at, due_at) -> isNotNull(due_at) AND place > reception.place AND (NOT closed OR at <= closed_ms),
                   moves.place, moves.at, moves.due_at) AS setting
SELECT
    * EXCEPT (moves),
    if(unanswered AND NOT closed, all_asked[-1], NULL) AS waiting_since_ms,
    if(unanswered AND NOT closed, arrayPopBack(all_asked), all_asked) AS asked,
    if(unanswered AND closed, arrayPushBack(answered, closed_ms), answered) AS ended,
    if(setting > 0, moves.at[setting], reception.at) AS set_at_ms,
    toUnixTimestamp64Milli(coalesce(moves.due_at[setting], reception.due_at, reception.frozen_due_at)) AS set_due_ms,
    countEqual(asks, true) AS requests,
    arrayExists((kind, beyond_list) -> kind = 'supplement_requested' AND beyond_list, moves.kind, moves.beyond_list)
        AS supplement_beyond_list,
    arrayExists((kind, basis) -> kind = 'due_changed' AND basis = 'legal_extension', moves.kind, moves.basis) AS extended,
    arrayExists((kind, basis) -> kind = 'due_changed' AND basis != 'legal_extension', moves.kind, moves.basis) AS apologised,
    arrayExists((asks, waiting) -> NOT asks AND NOT waiting, asks, asked_before) AS supplement_unasked
FROM readings(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
              known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')});

-- … the due moment in force, given back what was waited, pause by pause. It cannot pass while the clock
-- stands still: a pause moves it by its working time, and at least to the pause's end. Papers that are asked
-- for once it has passed excuse nothing. A day that the calendar does not know makes it unknown.
CREATE OR REPLACE VIEW due_moments AS
WITH
    assumeNotNull((
        SELECT CAST((begins, ends, works, worked_before_day, working_days, opens, closes, worked_until_close, worked_in_day),
                    'Tuple(begins Int64, ends Int64, works Array(Bool), worked_before_day Array(Int64),
                           working_days Array(Int64), opens Array(Int64), closes Array(Int64),
                           worked_until_close Array(Int64), worked_in_day Int64)')
        FROM calendar_in_force)) AS calendar,
    arrayMap(at -> motcua_worked(calendar, at), begun) AS worked_before,
    arrayMap(at -> motcua_worked(calendar, at), ended) AS worked_after,
    arrayMap((before, after) -> if(before = motcua_unknown(), before, after - before), worked_before, worked_after)
        AS working_time,
    arrayFold(
        (due, begun, ended, paused) -> multiIf(
            begun >= ended OR begun > due, due,
            paused = 0, greatest(due, ended),
            greatest(ended, arrayMap(worked -> motcua_moment_when(calendar, worked + paused),
                                     [motcua_worked(calendar, due)])[1])),
        begun, ended, working_time, toInt64(assumeNotNull(set_due_ms))) AS due_after_pauses
SELECT
    *,
    isNotNull(set_due_ms) AND due_after_pauses = motcua_unknown() AS calendar_unknown,
    if(calendar_unknown OR isNull(set_due_ms), NULL, due_after_pauses) AS due_ms
FROM
(
    SELECT *, arrayMap(at -> greatest(at, set_at_ms), asked) AS begun
    FROM waits(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
               known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
);

-- One row for each dossier with every fact of streams/core/facts.py:FACTS under its name, as 0 or 1.
CREATE OR REPLACE VIEW named_facts AS
SELECT
    unit,
    dossier,

    received,
    closed AND closed_as = 'resolved' AS resolved,
    closed AND closed_as = 'rejected' AS rejected,
    closed AND closed_as = 'withdrawn' AS withdrawn,
    closed AND closed_as = 'stopped' AS stopped,

    if(received, reception.level, first_level) AS level,
    substring(reception.procedure, 1, 8) AS procedure,
    multiIf(resolved AND closing_officer != '', closing_officer,
            forwarded_to != '', forwarded_to,
            reception.officer) AS officer,
    step,
    if(received, fromUnixTimestamp64Milli(reception.at, 'UTC'), NULL) AS received_at,
    toDate32(addHours(received_at, 7), 'UTC') AS received_day,
    if(closed, fromUnixTimestamp64Milli(closed_ms, 'UTC'), NULL) AS closed_at,
    toDate32(addHours(closed_at, 7), 'UTC') AS closed_day,
    fromUnixTimestamp64Milli(due_ms, 'UTC') AS due_at,
    fromUnixTimestamp64Milli(waiting_since_ms, 'UTC') AS waiting_since,

    application_digitized,
    result_digitized OR (resolved AND closing_electronic) AS result_electronic,

    -- what the catalogue said when the dossier was received
    reception.service IN ('partial', 'full') AS offered_online,
    reception.service = 'full' AS fully_online_service,
    reception.filed_online AS filed_online,
    reception.paperless AS paperless,
    reception.has_fee AND NOT fee_waived AS fee_owed,
    fee_waived,
    reception.payment_online AS payment_deployed,

    -- a refund undoes a payment
    arrayExists(payment -> payment.is_payment AND payment.online, payments) AS has_payment,
    arraySum(payment -> if(payment.online, payment.amount_vnd, 0), payments) > 0 AS money_left,
    has_payment AND money_left AS paid_online,
    has_payment AND NOT money_left AS payment_undone,
    arraySort(arrayDistinct(arrayMap(
        payment -> toDate32(addHours(fromUnixTimestamp64Milli(payment.at, 'UTC'), 7), 'UTC'),
        arrayFilter(
            payment -> payment.is_payment AND payment.online AND arraySum(
                other -> if(other.online AND other.payment_id = payment.payment_id, other.amount_vnd, 0), payments) > 0,
            payments)))) AS paid_days,

    -- a due moment that nobody knows is never met: leaving it out must not pay
    isNotNull(due_ms) AS due_known,
    resolved AND due_known AND closed_ms <= assumeNotNull(due_ms) AS on_time,
    resolved AND due_known AND closed_ms > assumeNotNull(due_ms) AS late,
    received AND isNull(reception.due_at) AND isNotNull(reception.frozen_due_at) AS due_computed,
    requests > 0 AS supplemented,
    requests > 1 AS supplemented_again,
    supplement_beyond_list,
    extended,
    apologised,
    corrected,

    closed AND received AND closed_ms < reception.at AS closed_before_received,
    closed_again,
    -- a dossier refused at submission was never received, and rightly so
    closed AND NOT received AND NOT rejected AS reception_unknown,
    received AND NOT reception.procedure_known AS procedure_unknown,
    resolved AND due_known AND ifNull(claims_on_time != on_time, false) AS claim_differs,
    received_again,
    received AND arrayExists(payment -> payment.is_payment AND payment.at < reception.at, payments) AS paid_before_received,
    digitized_after_return,
    returned_without_result,
    reopened_unclosed,
    supplement_unasked,
    arrayExists(
        payment -> arraySum(other -> if(other.payment_id = payment.payment_id, other.amount_vnd, 0), payments) < 0,
        payments) AS refund_exceeds_payment,
    correction_of_correction,
    correction_without_original,
    calendar_unknown
FROM due_moments(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
                 known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')});

-- … and the same facts as the bits that the live counters carry.
CREATE OR REPLACE VIEW facts AS
SELECT
    *,
    bitShiftLeft(toUInt64(received), 0)
    + bitShiftLeft(toUInt64(resolved), 1)
    + bitShiftLeft(toUInt64(rejected), 2)
    + bitShiftLeft(toUInt64(withdrawn), 3)
    + bitShiftLeft(toUInt64(stopped), 4)
    + bitShiftLeft(toUInt64(application_digitized), 5)
    + bitShiftLeft(toUInt64(result_electronic), 6)
    + bitShiftLeft(toUInt64(offered_online), 7)
    + bitShiftLeft(toUInt64(fully_online_service), 8)
    + bitShiftLeft(toUInt64(filed_online), 9)
    + bitShiftLeft(toUInt64(paperless), 10)
    + bitShiftLeft(toUInt64(fee_owed), 11)
    + bitShiftLeft(toUInt64(fee_waived), 12)
    + bitShiftLeft(toUInt64(payment_deployed), 13)
    + bitShiftLeft(toUInt64(paid_online), 14)
    + bitShiftLeft(toUInt64(payment_undone), 15)
    + bitShiftLeft(toUInt64(due_known), 16)
    + bitShiftLeft(toUInt64(on_time), 17)
    + bitShiftLeft(toUInt64(late), 18)
    + bitShiftLeft(toUInt64(due_computed), 19)
    + bitShiftLeft(toUInt64(supplemented), 20)
    + bitShiftLeft(toUInt64(supplemented_again), 21)
    + bitShiftLeft(toUInt64(supplement_beyond_list), 22)
    + bitShiftLeft(toUInt64(extended), 23)
    + bitShiftLeft(toUInt64(apologised), 24)
    + bitShiftLeft(toUInt64(corrected), 25)
    + bitShiftLeft(toUInt64(closed_before_received), 32)
    + bitShiftLeft(toUInt64(closed_again), 33)
    + bitShiftLeft(toUInt64(reception_unknown), 34)
    + bitShiftLeft(toUInt64(procedure_unknown), 35)
    + bitShiftLeft(toUInt64(claim_differs), 36)
    + bitShiftLeft(toUInt64(received_again), 37)
    + bitShiftLeft(toUInt64(paid_before_received), 38)
    + bitShiftLeft(toUInt64(digitized_after_return), 39)
    + bitShiftLeft(toUInt64(returned_without_result), 40)
    + bitShiftLeft(toUInt64(reopened_unclosed), 41)
    + bitShiftLeft(toUInt64(supplement_unasked), 42)
    + bitShiftLeft(toUInt64(refund_exceeds_payment), 43)
    + bitShiftLeft(toUInt64(correction_of_correction), 44)
    + bitShiftLeft(toUInt64(correction_without_original), 45)
    + bitShiftLeft(toUInt64(calendar_unknown), 46) AS bits
FROM named_facts(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
                 known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')});

-- Views that have been replaced.
DROP VIEW IF EXISTS repeated;
