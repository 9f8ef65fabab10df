-- include in_force
,
-- One row for each dossier: what its events say, gathered, not yet judged. Moments are milliseconds.
--   receptions  (there should be one)
--   turns       what closes a dossier or opens it again, and the return of its result
--   moves       what stops the clock, lets it run again, or moves the due moment
histories AS
(
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
        FROM in_force
    )
    GROUP BY dossier_key
),

-- … the closing that decides, and what the order of turns shows.
readings AS
(
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
    FROM histories
),

-- … the due moment that was set, and the pauses of the clock. A pause is from the first request for papers
-- that is not answered to the next answer, or to the closing. Moves count up to the closing.
waits AS
(
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
    FROM readings
),

-- … the due moment in force, given back what was waited, pause by pause. It cannot pass while the clock
-- stands still: a pause moves it by its working time, and at least to the pause's end. Papers that are asked
-- for once it has passed excuse nothing. A day that the calendar does not know makes it unknown.
due_moments AS
(
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
        FROM waits
    )
),

-- One row for each dossier with every fact of streams/core/facts.py:FACTS under its name, as 0 or 1.
--   closings    what closed the dossier or opened it again, in its order
named_facts AS
(
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
    FROM due_moments
),

-- … and the same facts as the bits that the live counters carry.
facts AS
(
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
    FROM named_facts
)
