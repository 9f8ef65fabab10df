"""What follows from a dossier's events: moments, codes, and yes/no facts with stable names.

Books name these facts; ClickHouse computes the same ones in SQL (schemas/clickhouse), and both
engines are compared all the time. A fact's bit never changes its meaning; new facts take new bits.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from streams.core.days import local_day
from streams.core.dossier import (
    AnyEntry,
    Corrected,
    Digitized,
    Dossier,
    DueChanged,
    FeeWaived,
    Forwarded,
    Paid,
    PaymentRequested,
    Received,
    ReceptionFlag,
    Refunded,
    Rejected,
    Reopened,
    Resolved,
    Returned,
    Stopped,
    Submitted,
    SupplementReceived,
    SupplementRequested,
    Withdrawn,
    effective,
    order,
)
from streams.core.working_time import UnknownDay, WorkingTime


class Fact(NamedTuple):
    """A line of the table of facts."""

    bit: int
    name: str
    title: str
    """Vietnamese, as screens explain it."""
    anomaly: bool = False
    """It cannot be right: listed and counted apart."""


FACTS: tuple[Fact, ...] = (
    Fact(0, "received", "đã tiếp nhận"),
    Fact(1, "resolved", "đã có kết quả (chấp thuận hoặc từ chối có lý do)"),
    Fact(2, "rejected", "không tiếp nhận"),
    Fact(3, "withdrawn", "người nộp rút hồ sơ"),
    Fact(4, "stopped", "dừng giải quyết"),
    Fact(5, "application_digitized", "thành phần hồ sơ được số hóa đủ"),
    Fact(6, "result_electronic", "kết quả điện tử được cấp"),
    Fact(7, "offered_online", "TTHC cung cấp trực tuyến (toàn trình hoặc một phần)"),
    Fact(8, "fully_online_service", "TTHC trực tuyến toàn trình"),
    Fact(9, "filed_online", "nộp trực tuyến"),
    Fact(10, "paperless", "xử lý không dùng bản giấy"),
    Fact(11, "fee_owed", "TTHC có phí, lệ phí và hồ sơ không được miễn"),
    Fact(12, "fee_waived", "được miễn phí, lệ phí"),
    Fact(13, "payment_deployed", "TTHC đã triển khai thanh toán trực tuyến"),
    Fact(14, "paid_online", "có thanh toán trực tuyến, số tiền sau hoàn trả lớn hơn 0"),
    Fact(15, "payment_undone", "thanh toán trực tuyến đã hoàn trả hết"),
    Fact(16, "due_known", "biết hạn trả"),
    Fact(17, "on_time", "có kết quả không muộn hơn hạn trả"),
    Fact(18, "late", "có kết quả muộn hơn hạn trả"),
    Fact(19, "due_computed", "hạn trả tính theo danh mục, phần mềm không báo"),
    Fact(20, "supplemented", "có yêu cầu bổ sung hồ sơ"),
    Fact(21, "supplemented_again", "có hơn một lần yêu cầu bổ sung"),
    Fact(22, "supplement_beyond_list", "có yêu cầu bổ sung ngoài thành phần hồ sơ quy định"),
    Fact(23, "extended", "được gia hạn theo quy định"),
    Fact(24, "apologised", "có văn bản xin lỗi và hẹn lại"),
    Fact(25, "corrected", "có đính chính"),
    Fact(32, "closed_before_received", "kết thúc trước khi tiếp nhận", anomaly=True),
    Fact(33, "closed_again", "kết thúc nhiều lần mà không mở lại", anomaly=True),
    Fact(34, "reception_unknown", "kết thúc mà không có tiếp nhận", anomaly=True),
    Fact(35, "procedure_unknown", "TTHC không có trong danh mục khi tiếp nhận", anomaly=True),
    Fact(36, "claim_differs", "phần mềm báo đúng hạn/trễ khác kết quả tính", anomaly=True),
    Fact(37, "received_again", "tiếp nhận nhiều lần", anomaly=True),
    Fact(38, "paid_before_received", "thanh toán trước khi tiếp nhận", anomaly=True),
    Fact(39, "digitized_after_return", "số hóa sau khi đã trả kết quả", anomaly=True),
    Fact(40, "returned_without_result", "trả kết quả khi chưa có kết quả", anomaly=True),
    Fact(41, "reopened_unclosed", "mở lại khi chưa kết thúc", anomaly=True),
    Fact(42, "supplement_unasked", "nhận bổ sung khi không có yêu cầu", anomaly=True),
    Fact(43, "refund_exceeds_payment", "hoàn tiền nhiều hơn đã thanh toán", anomaly=True),
    Fact(44, "correction_of_correction", "đính chính một đính chính", anomaly=True),
    Fact(45, "correction_without_original", "đính chính sự kiện không có", anomaly=True),
    Fact(46, "calendar_unknown", "lịch làm việc chưa có năm cần tính hạn", anomaly=True),
)

BIT: dict[str, int] = {fact.name: 1 << fact.bit for fact in FACTS}


def mask(names: Iterable[str], of: Mapping[str, int] = BIT) -> int:
    """The bits of these facts together; ``KeyError`` names an unknown one."""
    bits = 0
    for name in names:
        bits |= of[name]
    return bits


class Facts(NamedTuple):
    """What is known of a dossier. Moments are milliseconds since the epoch."""

    level: str
    """Of the receiving unit: from the reception, else from the first event."""
    procedure: str
    """Empty without a reception."""
    officer: str
    """Who gave the result, else who has it, else who received it; empty when unknown."""
    received_at: int | None
    closed_at: int | None
    """The first closing after the last reopening; None: open."""
    due_at: int | None
    """The due moment in force, with every pause that has ended (or that the closing ended)."""
    waiting_since: int | None
    """Papers were asked for then and have not come: the clock stands still. None once closed."""
    paid_days: tuple[int, ...]
    """Local days with an online payment that is not fully refunded, ascending."""
    step: str
    """Where the dossier was forwarded to last; empty when unknown."""
    bits: int

    def has(self, name: str) -> bool:
        """True when the fact with this name holds."""
        return bool(self.bits & BIT[name])


_RECEIVED = BIT["received"]
_CLOSED = {
    Resolved: BIT["resolved"],
    Rejected: BIT["rejected"],
    Withdrawn: BIT["withdrawn"],
    Stopped: BIT["stopped"],
}
_APPLICATION_DIGITIZED = BIT["application_digitized"]
_RESULT_ELECTRONIC = BIT["result_electronic"]
_FEE_OWED = BIT["fee_owed"]
_FEE_WAIVED = BIT["fee_waived"]
_PAID_ONLINE = BIT["paid_online"]
_PAYMENT_UNDONE = BIT["payment_undone"]
_DUE_KNOWN = BIT["due_known"]
_ON_TIME = BIT["on_time"]
_LATE = BIT["late"]
_SUPPLEMENTED = BIT["supplemented"]
_SUPPLEMENTED_AGAIN = BIT["supplemented_again"]
_SUPPLEMENT_BEYOND_LIST = BIT["supplement_beyond_list"]
_EXTENDED = BIT["extended"]
_APOLOGISED = BIT["apologised"]
_CORRECTED = BIT["corrected"]
_CLOSED_BEFORE_RECEIVED = BIT["closed_before_received"]
_CLOSED_AGAIN = BIT["closed_again"]
_RECEPTION_UNKNOWN = BIT["reception_unknown"]
_CLAIM_DIFFERS = BIT["claim_differs"]
_RECEIVED_AGAIN = BIT["received_again"]
_PAID_BEFORE_RECEIVED = BIT["paid_before_received"]
_DIGITIZED_AFTER_RETURN = BIT["digitized_after_return"]
_RETURNED_WITHOUT_RESULT = BIT["returned_without_result"]
_REOPENED_UNCLOSED = BIT["reopened_unclosed"]
_SUPPLEMENT_UNASKED = BIT["supplement_unasked"]
_REFUND_EXCEEDS_PAYMENT = BIT["refund_exceeds_payment"]
_CORRECTION_OF_CORRECTION = BIT["correction_of_correction"]
_CORRECTION_WITHOUT_ORIGINAL = BIT["correction_without_original"]
_CALENDAR_UNKNOWN = BIT["calendar_unknown"]

# what a reception's flags say, as facts; a fee is owed unless it is waived
_RECEPTION = (
    (ReceptionFlag.ONLINE, BIT["filed_online"]),
    (ReceptionFlag.PAPERLESS, BIT["paperless"]),
    (ReceptionFlag.OFFERED_ONLINE, BIT["offered_online"]),
    (ReceptionFlag.FULLY_ONLINE, BIT["fully_online_service"]),
    (ReceptionFlag.FEE, BIT["fee_owed"]),
    (ReceptionFlag.PAYMENT_ONLINE, BIT["payment_deployed"]),
    (ReceptionFlag.DUE_COMPUTED, BIT["due_computed"]),
)
_OF_RECEPTION = tuple(
    sum(bit for flag, bit in _RECEPTION if flags & flag)
    | (0 if flags & ReceptionFlag.PROCEDURE_KNOWN else BIT["procedure_unknown"])
    for flags in range(256)
)

Move: TypeAlias = SupplementRequested | SupplementReceived | DueChanged
"""What stops the clock, lets it run again, or moves the due moment."""


def facts(dossier: Dossier, work: WorkingTime) -> Facts:
    """Everything that follows from these events; the same for every order of arrival.

    The dossier must not be empty.
    """
    return _facts(dossier, work, dossier[0].level, 0)


def facts_as_of(dossier: Dossier, at: int, work: WorkingTime) -> Facts | None:
    """What follows from what had happened by ``at``, as it is known now; None: nothing had.

    The moment is that of what is in force: a correction that is known now counts for then,
    whenever it was made. The dossier must not be empty.
    """
    happened = tuple(entry for entry in dossier if entry.at <= at)
    in_force = tuple(entry for entry in effective(dossier) if entry.at <= at)
    if not happened and not in_force:
        return None
    level = (in_force or happened)[0].level
    return _facts(in_force, work, level, _correction_facts(dossier, happened))


def _corrected_facts(dossier: Dossier, work: WorkingTime) -> Facts:
    in_force = effective(dossier)
    # what is void was never sent: it does not name the level either
    level = (in_force or dossier)[0].level
    return _facts(in_force, work, level, _correction_facts(dossier, dossier))


def _correction_facts(dossier: Dossier, happened: Dossier) -> int:
    """What the corrections that happened say; they are right or wrong by the whole dossier."""
    own = {entry.id for entry in dossier if type(entry) is Corrected}
    originals = {entry.id for entry in dossier} - own
    bits = 0
    for entry in happened:
        if type(entry) is not Corrected:
            continue
        if entry.target in own:
            bits |= _CORRECTION_OF_CORRECTION
        elif entry.target in originals:
            bits |= _CORRECTED
        else:
            bits |= _CORRECTED | _CORRECTION_WITHOUT_ORIGINAL
    return bits


def _facts(dossier: Dossier, work: WorkingTime, first_level: str, bits: int) -> Facts:
    """``dossier`` may be empty, when it is what corrections have left in force."""
    received: Received | None = None
    forwarded: Forwarded | None = None
    closing: AnyEntry | None = None
    returned = False
    payments: list[Paid | Refunded] = []
    moves: list[Move] = []
    # Events come ordered by (moment, kind, id): «first» and «last» are positions. Exact types are
    # compared, the frequent ones first: this runs twice for every event.
    for entry in dossier:
        kind = type(entry)
        if kind is Submitted or kind is PaymentRequested:
            continue
        if kind is Digitized:
            bits |= _digitized(entry, returned)  # type: ignore[arg-type]  # kind says so
        elif kind is Received:
            bits |= _RECEIVED if received is None else _RECEIVED_AGAIN
            received = received or entry  # type: ignore[assignment]  # kind says so
        elif kind is Forwarded:
            forwarded = entry  # type: ignore[assignment]  # kind says so
        elif kind is Paid or kind is Refunded:
            payments.append(entry)  # type: ignore[arg-type]  # kind says so
        elif kind in _CLOSED:
            if closing is None:
                closing = entry
            else:
                bits |= _CLOSED_AGAIN
        elif kind is Returned:
            returned = True
            if closing is None:
                bits |= _RETURNED_WITHOUT_RESULT
        elif kind is Reopened:
            if closing is None:
                bits |= _REOPENED_UNCLOSED
            closing, returned = None, False
        elif kind is FeeWaived:
            bits |= _FEE_WAIVED
        elif kind is Corrected:
            return _corrected_facts(dossier, work)
        else:
            moves.append(entry)  # type: ignore[arg-type]  # the kinds that are left

    paid_days: tuple[int, ...] = ()
    if payments:
        paid_bits, paid_days = _payments(payments, received)
        bits |= paid_bits
    due = waiting_since = None
    if moves:
        moved_bits, due, waiting_since = _due(received, moves, closing, work)
        bits |= moved_bits
    elif received is not None:
        due = received.due
    if due is not None:
        bits |= _DUE_KNOWN
    if received is not None:
        bits |= _OF_RECEPTION[received.flags]
        if bits & _FEE_WAIVED:
            bits &= ~_FEE_OWED
    officer = closing.officer if type(closing) is Resolved else ""
    closed_at = None
    if closing is not None:
        closed_at = closing.at
        bits |= _CLOSED[type(closing)] | _closing_facts(closing, received, due)
    step = ""
    if forwarded is not None:
        officer, step = officer or forwarded.officer, forwarded.step
    if received is None:
        level, procedure, received_at = first_level, "", None
    else:
        level, procedure, received_at = received.level, received.procedure, received.at
        officer = officer or received.officer
    known = (
        level,
        procedure,
        officer,
        received_at,
        closed_at,
        due,
        waiting_since,
        paid_days,
        step,
        bits,
    )
    # a NamedTuple's own constructor takes twice the time
    return tuple.__new__(Facts, known)


def _digitized(entry: Digitized, returned: bool) -> int:
    bits = _DIGITIZED_AFTER_RETURN if returned else 0
    if entry.complete:
        bits |= _APPLICATION_DIGITIZED if entry.application else _RESULT_ELECTRONIC
    return bits


def _closing_facts(closing: AnyEntry, received: Received | None, due: int | None) -> int:
    bits = 0
    if received is None:
        # a dossier refused at submission was never received, and rightly so
        bits |= _RECEPTION_UNKNOWN if type(closing) is not Rejected else 0
    elif closing.at < received.at:
        bits |= _CLOSED_BEFORE_RECEIVED
    if type(closing) is not Resolved:
        return bits
    if closing.electronic:
        bits |= _RESULT_ELECTRONIC
    if due is None:
        # a due moment that nobody knows is never met: leaving it out must not pay
        return bits
    on_time = closing.at <= due
    bits |= _ON_TIME if on_time else _LATE
    if closing.claim is not None and closing.claim != on_time:
        bits |= _CLAIM_DIFFERS
    return bits


def _due(
    received: Received | None, moves: list[Move], closing: AnyEntry | None, work: WorkingTime
) -> tuple[int, int | None, int | None]:
    """(bits, due moment, waiting since) of what was asked for, answered and moved.

    Moves count up to the closing; a pause still open then ends there. A due moment that somebody
    set knows of every pause before it, so only what was waited after it is given back. An apology
    moves nothing.
    """
    bits, until = 0, None if closing is None else closing.at
    due, set_at = (received.due, received.at) if received else (None, None)
    waiting: int | None = None
    asked = False
    pauses: list[tuple[int, int]] = []
    for move in moves:
        counts = until is None or move.at <= until
        if type(move) is SupplementRequested:
            bits |= _SUPPLEMENTED_AGAIN if bits & _SUPPLEMENTED else _SUPPLEMENTED
            bits |= _SUPPLEMENT_BEYOND_LIST if move.beyond_list else 0
            if counts and not asked:
                waiting = move.at
            asked = True
        elif type(move) is SupplementReceived:
            bits |= 0 if asked else _SUPPLEMENT_UNASKED
            if counts and waiting is not None:
                pauses.append((waiting, move.at))
                waiting = None
            asked = False
        else:
            bits |= _EXTENDED if move.extension else _APOLOGISED  # type: ignore[union-attr]
        if counts and _sets_due(move) and (received is None or order(move) > order(received)):
            due, set_at = move.due, move.at  # type: ignore[union-attr]
    if until is not None and waiting is not None:
        pauses.append((waiting, until))
        waiting = None
    if due is None or set_at is None or not pauses:
        return bits, due, waiting
    try:
        return bits, _after_pauses(due, set_at, pauses, work), waiting
    except UnknownDay:
        return bits | _CALENDAR_UNKNOWN, None, waiting


def _after_pauses(due: int, set_at: int, pauses: list[tuple[int, int]], work: WorkingTime) -> int:
    """The due moment once what was waited after ``set_at`` is given back, pause by pause.

    It cannot pass while the clock stands still: a pause moves it by its working time, and at
    least to the pause's end. Papers that are asked for once it has passed excuse nothing.
    """
    for start, end in pauses:
        begun = max(start, set_at)
        if begun < end and begun <= due:
            due = max(work.later(due, work.worked(end) - work.worked(begun)), end)
    return due


def _sets_due(move: Move) -> bool:
    if type(move) is SupplementReceived:
        return move.due is not None
    return type(move) is DueChanged and move.extension


def _payments(
    payments: list[Paid | Refunded], received: Received | None
) -> tuple[int, tuple[int, ...]]:
    """(bits, local days with an online payment that is not fully refunded)."""
    if len(payments) == 1 and type(payments[0]) is Paid and payments[0].amount:
        # nearly every dossier that pays at all: the same as below, told shorter
        only = payments[0]
        bits = _PAID_BEFORE_RECEIVED if received and only.at < received.at else 0
        return (bits | _PAID_ONLINE, (local_day(only.at),)) if only.online else (bits, ())
    left: dict[str, int] = {}
    left_online: dict[str, int] = {}
    bits, net, online = 0, 0, False
    for entry in payments:
        paid = type(entry) is Paid
        signed = entry.amount if paid else -entry.amount
        left[entry.payment] = left.get(entry.payment, 0) + signed
        if paid and received and entry.at < received.at:
            bits |= _PAID_BEFORE_RECEIVED
        if entry.online:
            net += signed
            left_online[entry.payment] = left_online.get(entry.payment, 0) + signed
            online = online or paid
    if min(left.values()) < 0:
        bits |= _REFUND_EXCEEDS_PAYMENT
    if not online:
        return bits, ()
    days = {
        local_day(entry.at)
        for entry in payments
        if type(entry) is Paid and entry.online and left_online[entry.payment] > 0
    }
    return bits | (_PAID_ONLINE if net > 0 else _PAYMENT_UNDONE), tuple(sorted(days))
