-- What follows from the events: the same facts as streams/core/facts.py, computed on their own.
--
-- A question is always asked of given units, each up to an offset of the log, with two clocks:
--   units, offsets   codes of units, and for each the first offset that is not asked about any more
--   known_at         as we knew it then: only events recorded until this moment
--   as_of            as it was then: only events that had happened until this moment
-- From the record to the counters it is four steps, each a view on the one before:
--   first_copies   every event once
--   histories      one row for each dossier: its events gathered
--   facts          one row for each dossier: what follows from them
--   cells          how many dossiers share a day, codes and facts
-- A day is a day in Việt Nam: UTC+7, without daylight saving.

-- Events that stand in the record more than once, or of which a copy lies beyond the offsets: a
-- merge may have kept that one. These few go the exact way below; all others need no care. Two
-- 64-bit hashes joined tell events apart; should two ever collide, both go the exact way.
CREATE OR REPLACE VIEW repeated AS
SELECT bitXor(dossier_key, event_key) AS identity
FROM events
WHERE unit IN {units:Array(String)}
GROUP BY identity
HAVING count() > 1
UNION ALL
SELECT bitXor(dossier_key, event_key) AS identity
FROM log
WHERE unit IN {units:Array(String)}
  AND offset >= transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0);

-- Of each repeated event the content that counts: the first recorded, of equal ones the smallest.
CREATE OR REPLACE VIEW first_contents AS
SELECT dossier_key, event_key, argMin(content_hash, (recorded_at, content_hash)) AS content_hash
FROM log
WHERE unit IN {units:Array(String)}
  AND offset < transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
  AND recorded_at <= {known_at:DateTime64(3, 'UTC')}
  AND bitXor(dossier_key, event_key) IN (
      SELECT identity
      FROM repeated(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)}))
GROUP BY dossier_key, event_key;

-- Every event of the question once, as it was first recorded.
CREATE OR REPLACE VIEW first_copies AS
SELECT * EXCEPT (source, id, emitter, topic, body), dossier_key
FROM events
WHERE unit IN {units:Array(String)}
  AND offset < transform(unit, {units:Array(String)}, {offsets:Array(UInt64)}, 0)
  AND recorded_at <= {known_at:DateTime64(3, 'UTC')}
  AND occurred_at <= {as_of:DateTime64(3, 'UTC')}
  AND bitXor(dossier_key, event_key) NOT IN (
      SELECT identity
      FROM repeated(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)}))
UNION ALL
SELECT *
FROM
(
    SELECT * EXCEPT (source, id, emitter, topic, body), dossier_key
    FROM events
    WHERE unit IN {units:Array(String)}
      AND (dossier_key, event_key, content_hash) IN (
          SELECT dossier_key, event_key, content_hash
          FROM first_contents(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
                              known_at = {known_at:DateTime64(3, 'UTC')}))
    ORDER BY recorded_at
    LIMIT 1 BY dossier_key, event_key
)
WHERE occurred_at <= {as_of:DateTime64(3, 'UTC')};

-- One row for each dossier: what its events say, gathered, not yet judged.
--   receptions  (there should be one)
--   turns       what closes a dossier or opens it again
--   payments    online payments and their refunds, signed
CREATE OR REPLACE VIEW histories AS
SELECT
    any(unit) AS unit,
    any(dossier) AS dossier,
    argMin(level, place) AS first_level,
    arraySort(CAST(
        groupArrayIf((place, occurred_at, day, level, procedure, officer, due_at, channel = 'online', paperless,
                      service, procedure_known, has_fee, payment_online), kind = 'received'),
        'Array(Tuple(place UInt128, at DateTime64(3, \'UTC\'), day Date32, level String, procedure String, officer String,
                     due_at Nullable(DateTime64(3, \'UTC\')), filed_online Bool, paperless Bool,
                     service String, procedure_known Bool, has_fee Bool, payment_online Bool))')) AS receptions,
    arraySort(CAST(
        groupArrayIf((place, occurred_at, day, toString(kind), officer, electronic_result, claims_on_time),
                     kind IN ('resolved', 'rejected', 'withdrawn', 'stopped', 'reopened')),
        'Array(Tuple(place UInt128, at DateTime64(3, \'UTC\'), day Date32, kind String, officer String,
                     electronic Bool, claims_on_time Nullable(Bool)))')) AS turns,
    CAST(
        groupArrayIf((kind = 'paid', payment_id, if(kind = 'paid', amount_vnd, -amount_vnd), day),
                     kind IN ('paid', 'refunded') AND way IN ('national_portal', 'local_gateway')),
        'Array(Tuple(is_payment Bool, payment_id String, amount_vnd Int64, day Date32))') AS payments,
    max(kind = 'digitized' AND part = 'application' AND complete) AS application_digitized,
    max(kind = 'digitized' AND part != 'application' AND complete) AS result_digitized,
    max(kind = 'fee_waived') AS fee_waived
FROM
(
    SELECT
        *,
        -- the total order of a dossier's events in one number: moment, then kind, then key
        bitShiftLeft(toUInt128(toUnixTimestamp64Milli(occurred_at)), 72)
            + bitShiftLeft(toUInt128(toUInt8(kind)), 64)
            + toUInt128(event_key) AS place,
        toDate32(addHours(occurred_at, 7), 'UTC') AS day,
        items_total > 0 AND items_digitized >= items_total AS complete
    FROM first_copies(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
                      known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
)
GROUP BY dossier_key;

-- One row for each dossier with every fact of streams/core/facts.py:FACTS under its name, as 0 or 1.
CREATE OR REPLACE VIEW facts AS
WITH
    receptions[1] AS reception,
    -- the first closing after the last reopening decides
    arrayLastIndex(turn -> turn.kind = 'reopened', turns) + 1 AS closing_index,
    turns[closing_index] AS closing,
    length(turns) >= closing_index AS closed
SELECT
    unit,
    dossier,

    notEmpty(receptions) AS received,
    closed AND closing.kind = 'resolved' AS resolved,
    closed AND closing.kind = 'rejected' AS rejected,
    closed AND closing.kind = 'withdrawn' AS withdrawn,
    closed AND closing.kind = 'stopped' AS stopped,

    if(received, reception.level, first_level) AS level,
    substring(reception.procedure, 1, 8) AS procedure,
    if(resolved AND closing.officer != '', closing.officer, reception.officer) AS officer,
    if(received, reception.at, NULL) AS received_at,
    if(received, reception.day, NULL) AS received_day,
    if(closed, closing.at, NULL) AS closed_at,
    if(closed, closing.day, NULL) AS closed_day,
    reception.due_at AS due_at,

    application_digitized,
    result_digitized OR (resolved AND closing.electronic) AS result_electronic,

    -- what the catalogue said when the dossier was received
    reception.service IN ('partial', 'full') AS offered_online,
    reception.service = 'full' AS fully_online_service,
    reception.filed_online AS filed_online,
    reception.paperless AS paperless,
    reception.has_fee AND NOT fee_waived AS fee_owed,
    fee_waived,
    reception.payment_online AS payment_deployed,

    -- a refund undoes a payment
    arrayExists(payment -> payment.is_payment, payments) AS has_payment,
    arraySum(payment -> payment.amount_vnd, payments) > 0 AS money_left,
    has_payment AND money_left AS paid_online,
    has_payment AND NOT money_left AS payment_undone,
    arraySort(arrayDistinct(arrayMap(payment -> payment.day, arrayFilter(
        payment -> payment.is_payment
            AND arraySum(other -> if(other.payment_id = payment.payment_id, other.amount_vnd, 0), payments) > 0,
        payments)))) AS paid_days,

    -- a due moment that nobody knows is never met: leaving it out must not pay
    isNotNull(due_at) AS due_known,
    resolved AND due_known AND closing.at <= assumeNotNull(due_at) AS on_time,

    closed AND received AND closing.at < reception.at AS closed_before_received,
    arrayExists((turn, next_turn) -> turn.kind != 'reopened' AND next_turn.kind != 'reopened',
                arrayPopBack(turns), arrayPopFront(turns)) AS closed_again,
    closed AND NOT received AS reception_unknown,
    received AND NOT reception.procedure_known AS procedure_unknown,
    resolved AND due_known AND ifNull(closing.claims_on_time != on_time, 0) AS claim_differs,

    -- the same facts as the bits that the live counters carry
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
    + bitShiftLeft(toUInt64(closed_before_received), 32)
    + bitShiftLeft(toUInt64(closed_again), 33)
    + bitShiftLeft(toUInt64(reception_unknown), 34)
    + bitShiftLeft(toUInt64(procedure_unknown), 35)
    + bitShiftLeft(toUInt64(claim_differs), 36) AS bits
FROM histories(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
               known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')});

-- The counters of the live side (streams/core/cells.py), recounted from the record.
CREATE OR REPLACE VIEW cells AS
SELECT unit, measure_day.1 AS measure, measure_day.2 AS day, level, procedure, officer, bits, count() AS n
FROM
(
    SELECT
        unit, level, procedure, officer, bits,
        arrayConcat(
            if(received, [('received', assumeNotNull(received_day))], []),
            if(isNotNull(closed_day), [('closed', assumeNotNull(closed_day))], []),
            arrayMap(day -> ('paid', day), paid_days)) AS measures
    FROM facts(units = {units:Array(String)}, offsets = {offsets:Array(UInt64)},
               known_at = {known_at:DateTime64(3, 'UTC')}, as_of = {as_of:DateTime64(3, 'UTC')})
)
ARRAY JOIN measures AS measure_day
GROUP BY unit, measure, day, level, procedure, officer, bits;
