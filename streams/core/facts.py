"""What follows from a dossier's events: moments, codes, and yes/no facts with stable names.

Books name these facts; ClickHouse computes the same ones in SQL (schemas/clickhouse), and both
engines are compared all the time. A fact's bit never changes its meaning; new facts take new bits.
"""

from collections.abc import Iterable
from typing import NamedTuple

from streams.core.days import local_day
from streams.core.dossier import (
    AnyEntry,
    Digitized,
    Dossier,
    FeeWaived,
    Paid,
    Received,
    ReceptionFlag,
    Refunded,
    Rejected,
    Reopened,
    Resolved,
    Returned,
    Stopped,
    Submitted,
    Withdrawn,
)


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
    Fact(32, "closed_before_received", "kết thúc trước khi tiếp nhận", anomaly=True),
    Fact(33, "closed_again", "kết thúc nhiều lần mà không mở lại", anomaly=True),
    Fact(34, "reception_unknown", "kết thúc mà không có tiếp nhận", anomaly=True),
    Fact(35, "procedure_unknown", "TTHC không có trong danh mục khi tiếp nhận", anomaly=True),
    Fact(36, "claim_differs", "phần mềm báo đúng hạn/trễ khác kết quả tính", anomaly=True),
)

BIT: dict[str, int] = {fact.name: 1 << fact.bit for fact in FACTS}


def mask(names: Iterable[str]) -> int:
    """The bits of these facts together; ``KeyError`` names an unknown one."""
    bits = 0
    for name in names:
        bits |= BIT[name]
    return bits


class Facts(NamedTuple):
    """What is known of a dossier. Moments are milliseconds since the epoch."""

    level: str
    """Of the receiving unit: from the reception, else from the first event."""
    procedure: str
    """Empty without a reception."""
    officer: str
    """Who gave the result, else who received it; empty when unknown."""
    received_at: int | None
    closed_at: int | None
    """The first closing after the last reopening; None: open."""
    due_at: int | None
    paid_days: tuple[int, ...]
    """Local days with an online payment that is not fully refunded, ascending."""
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
_CLOSED_BEFORE_RECEIVED = BIT["closed_before_received"]
_CLOSED_AGAIN = BIT["closed_again"]
_RECEPTION_UNKNOWN = BIT["reception_unknown"]
_CLAIM_DIFFERS = BIT["claim_differs"]

# what a reception's flags say, as facts; the procedure's own fee is settled with the waivers
_RECEPTION = (
    (ReceptionFlag.ONLINE, BIT["filed_online"]),
    (ReceptionFlag.PAPERLESS, BIT["paperless"]),
    (ReceptionFlag.OFFERED_ONLINE, BIT["offered_online"]),
    (ReceptionFlag.FULLY_ONLINE, BIT["fully_online_service"]),
    (ReceptionFlag.PAYMENT_ONLINE, BIT["payment_deployed"]),
)
_OF_RECEPTION = tuple(
    sum(bit for flag, bit in _RECEPTION if flags & flag)
    | (0 if flags & ReceptionFlag.PROCEDURE_KNOWN else BIT["procedure_unknown"])
    for flags in range(128)
)


def facts(dossier: Dossier) -> Facts:
    """Everything that follows from these events; the same for every order of arrival.

    The dossier must not be empty.
    """
    received: Received | None = None
    closing: AnyEntry | None = None
    bits = 0
    payments: list[Paid | Refunded] = []
    # Events come ordered by (moment, kind, id): «first» and «last» are positions. Exact types are
    # compared, the frequent ones first: this runs twice for every event.
    for entry in dossier:
        kind = type(entry)
        if kind is Submitted or kind is Returned:
            continue
        if kind is Digitized:
            if entry.complete:  # type: ignore[union-attr]  # kind says so
                bits |= (
                    _APPLICATION_DIGITIZED
                    if entry.application  # type: ignore[union-attr]  # kind says so
                    else _RESULT_ELECTRONIC
                )
        elif kind is Received:
            received = received or entry  # type: ignore[assignment]  # kind says so
            bits |= _RECEIVED
        elif kind is Paid or kind is Refunded:
            payments.append(entry)  # type: ignore[arg-type]  # kind says so
        elif kind in _CLOSED:
            if closing is None:
                closing = entry
            else:
                bits |= _CLOSED_AGAIN
        elif kind is Reopened:
            closing = None
        elif kind is FeeWaived:
            bits |= _FEE_WAIVED

    paid_days: tuple[int, ...] = ()
    if payments:
        paid_bits, paid_days = _payments(payments)
        bits |= paid_bits
    if received is not None:
        bits |= _OF_RECEPTION[received.flags]
        if received.flags & ReceptionFlag.FEE and not bits & _FEE_WAIVED:
            bits |= _FEE_OWED
        if received.due is not None:
            bits |= _DUE_KNOWN
    if closing is not None:
        bits |= _CLOSED[type(closing)] | _closing_facts(closing, received)
    officer = closing.officer if type(closing) is Resolved else ""
    closed_at = closing.at if closing else None
    if received is None:
        return Facts(dossier[0].level, "", officer, None, closed_at, None, paid_days, bits)
    known = (
        received.level,
        received.procedure,
        officer or received.officer,
        received.at,
        closed_at,
        received.due,
        paid_days,
        bits,
    )
    # a NamedTuple's own constructor takes twice the time
    return tuple.__new__(Facts, known)


def _closing_facts(closing: AnyEntry, received: Received | None) -> int:
    bits = 0
    if received is None:
        bits |= _RECEPTION_UNKNOWN
    elif closing.at < received.at:
        bits |= _CLOSED_BEFORE_RECEIVED
    if type(closing) is not Resolved:
        return bits
    if closing.electronic:
        bits |= _RESULT_ELECTRONIC
    # a due moment that nobody knows is never met: leaving it out must not pay
    due = received.due if received else None
    on_time = due is not None and closing.at <= due
    if on_time:
        bits |= _ON_TIME
    if closing.claim is not None and due is not None and closing.claim != on_time:
        bits |= _CLAIM_DIFFERS
    return bits


def _payments(payments: list[Paid | Refunded]) -> tuple[int, tuple[int, ...]]:
    """(bits, local days with an online payment that is not fully refunded)."""
    if len(payments) == 1:
        # nearly every dossier that pays at all: the same as below, told shorter
        only = payments[0]
        if type(only) is not Paid or not only.online:
            return 0, ()
        return (_PAID_ONLINE, (local_day(only.at),)) if only.amount else (_PAYMENT_UNDONE, ())
    left: dict[str, int] = {}
    net, online = 0, False
    for entry in payments:
        if entry.online:
            signed = entry.amount if type(entry) is Paid else -entry.amount
            net += signed
            left[entry.payment] = left.get(entry.payment, 0) + signed
            online = online or type(entry) is Paid
    if not online:
        return 0, ()
    days = {
        local_day(entry.at)
        for entry in payments
        if type(entry) is Paid and entry.online and left[entry.payment] > 0
    }
    return (_PAID_ONLINE if net > 0 else _PAYMENT_UNDONE), tuple(sorted(days))
