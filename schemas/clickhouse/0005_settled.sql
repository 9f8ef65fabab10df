-- Settled dossiers: what follows from a dossier's events is kept until a further event comes.
--
-- The views of 0003 take a dossier's key along, so that a question about a few dossiers reads their
-- events alone.
CREATE OR REPLACE VIEW histories AS
SELECT
    dossier_key,
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

-- One row for each dossier with every fact of streams/core/facts.py:FACTS under its name, as 0 or 1.
--   closings    what closed the dossier or opened it again, in its order
CREATE OR REPLACE VIEW named_facts AS
SELECT
    dossier_key,
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
    CAST(arrayMap(turn -> (turn.at, turn.kind = 'reopened'), arrayFilter(turn -> turn.kind != 'returned', turns)),
         'Array(Tuple(at Int64, reopens Bool))') AS closings,

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

-- One row for each dossier as the views above judged it, with all columns of `facts` and with what tells
-- whether the row answers a question: it does when the question asks about all events of the dossier up
-- to the row's and about none beyond. Of several rows of a dossier the one that knows most counts.
CREATE TABLE IF NOT EXISTS settled
ENGINE = ReplacingMergeTree(next_offset)
ORDER BY (unit, dossier)
SETTINGS non_replicated_deduplication_window = 0
EMPTY AS SELECT
    * REPLACE (toLowCardinality(unit) AS unit, toLowCardinality(level) AS level,
               toLowCardinality(procedure) AS procedure, toLowCardinality(officer) AS officer,
               toLowCardinality(step) AS step),
    toUInt64(0) AS next_offset,                             -- beyond the last of its records
    toDateTime64(0, 3, 'UTC') AS last_recorded_at,          -- when the last of its events was recorded
    toDateTime64(0, 3, 'UTC') AS last_occurred_at           -- … happened, or what took its place
FROM facts(units = [''], offsets = [0], known_at = '2199-01-01', as_of = '2199-01-01');

-- How far of each partition dossiers are settled. `basis` names the migration and the calendar that they
-- were judged by: under others nothing is settled.
CREATE TABLE IF NOT EXISTS settlements
(
    basis               String,
    partition           UInt16,
    next_offset         UInt64,
    settled_at          DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(next_offset)
ORDER BY (basis, partition)
SETTINGS non_replicated_deduplication_window = 0;

-- Each dossier once.
CREATE OR REPLACE VIEW settled_dossiers AS SELECT * FROM settled FINAL;

-- Views that nothing asks any more: `recount.sql` counts over settled dossiers.
DROP VIEW IF EXISTS cells;
