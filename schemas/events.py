"""Lifecycle events of a dossier, as an emitter sends them: CloudEvents 1.0 with typed data.

Adding an event is a class pair here (data and envelope), a line in ``EVENTS``, a golden example
and its place in the fold; tests name what is missing. Events are past tense and immutable; a
mistake is mended by a further event, never by editing one.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
)
from pydantic_core import PydanticCustomError

from schemas.text import DossierCode, EventId, Note, PaymentId, Source, StaffCode, UnitCode
from schemas.words import (
    ApplicantKind,
    Channel,
    DossierPart,
    DueBasis,
    Outcome,
    PaymentWay,
    ResultForm,
    ReturnWay,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(2200, 1, 1, tzinfo=UTC)


def to_millisecond(moment: datetime) -> datetime:
    """The moment in UTC, cut to the millisecond: the precision of every comparison.

    Refuses what lies before 1970, where the history's clock begins, or after 2199, within which
    all of its engines can count.
    """
    # compared before it is converted: the first and last days of the calendar have no UTC
    if not EPOCH <= moment < END_OF_TIME:
        raise PydanticCustomError("moment_out_of_range", "moments lie between 1970 and 2199")
    moment = moment.astimezone(UTC)
    if below := moment.microsecond % 1000:
        return moment.replace(microsecond=moment.microsecond - below)
    return moment


def _written_out(value: Any) -> Any:
    # pydantic would take digits for seconds or milliseconds since 1970, by their size
    if isinstance(value, str):
        if value[10:11] in ("T", "t", " "):
            return value
        raise PydanticCustomError("datetime_parsing", "not an RFC 3339 moment")
    if isinstance(value, datetime):
        return value
    raise PydanticCustomError("datetime_type", "not an RFC 3339 moment")


Moment = Annotated[
    AwareDatetime,
    # what comes out of the check is no longer JSON to pydantic, where strict allows no text
    Field(strict=False),
    BeforeValidator(_written_out),
    AfterValidator(to_millisecond),
]
"""An RFC 3339 moment with its zone; kept in UTC to the millisecond."""

AmountVnd = Annotated[int, Field(gt=0, le=100_000_000_000)]

ProcedureCode = Annotated[
    str, StringConstraints(pattern=r"^[123]\.\d{6}(\.\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2})?$")
]
"""National code of a procedure, perhaps with a local suffix (``.000.00.00.H56``)."""


class _Language(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


# -- data


class SubmittedData(_Language):
    """The applicant handed the dossier in; the clock does not run yet."""

    channel: Channel


class ReceivedData(_Language):
    """The unit accepted the dossier as valid: from here the clock runs."""

    procedure: ProcedureCode
    channel: Channel
    paperless: bool = Field(description="handled online, without any paper")
    due_at: Moment | None = Field(None, description="when the result is owed; none: computed")
    officer: StaffCode | None = None
    applicant_kind: ApplicantKind | None = None


class DigitizedData(_Language):
    """Papers of the application, or the result, were digitised."""

    part: DossierPart
    items_total: Annotated[int, Field(ge=0, le=10_000)]
    items_digitized: Annotated[int, Field(ge=0, le=10_000)]
    exemption: Note | None = Field(None, description="why something need not be digitised")


class SupplementRequestedData(_Language):
    """An officer asked the applicant for more papers; the clock stands still until they come."""

    officer: StaffCode
    reason: Note
    items: Annotated[tuple[Note, ...], Field(min_length=1, max_length=50)] = Field(
        strict=False, description="papers asked for"
    )
    beyond_list: bool = Field(description="some of them are not in the procedure's list")


class SupplementReceivedData(_Language):
    """The papers asked for are there; the clock runs again."""

    new_due_at: Moment | None = Field(
        None, description="the due moment that was set; none: moved by the time waited"
    )


class ForwardedData(_Language):
    """The dossier went on to another officer, room or step."""

    officer: StaffCode
    room: Note | None = None
    step: Note | None = None
    step_due_at: Moment | None = None


class PaymentRequestedData(_Language):
    """The applicant was asked for a fee."""

    payment_id: PaymentId
    amount_vnd: AmountVnd


class PaidData(_Language):
    """Money was received."""

    payment_id: PaymentId
    amount_vnd: AmountVnd
    way: PaymentWay


class RefundedData(_Language):
    """Money of a payment was given back, all of it or a part."""

    payment_id: PaymentId
    amount_vnd: AmountVnd
    way: PaymentWay


class FeeWaivedData(_Language):
    """The applicant owes no fee; the dossier leaves the scope of online payment."""

    reason: Note


class DueChangedData(_Language):
    """Another due moment was promised, by the law's extension or by a letter of apology."""

    new_due_at: Moment
    basis: DueBasis
    document: Note = Field(description="number of the document that says so")


class ResolvedDataV1(_Language):
    """The result was issued (first version: on paper, or electronically)."""

    outcome: Outcome
    electronic_result: bool = Field(description="the result was issued electronically")
    claims_on_time: bool | None = None
    officer: StaffCode | None = None


class ResolvedData(_Language):
    """The result was issued."""

    outcome: Outcome
    result_form: ResultForm
    claims_on_time: bool | None = Field(
        None, description="the emitter's own verdict; ours is computed and compared"
    )
    officer: StaffCode | None = None


class ReturnedData(_Language):
    """The result reached the applicant."""

    way: ReturnWay


class ClosedWithoutResultData(_Language):
    """Why a dossier was rejected, withdrawn, stopped or reopened."""

    reason: Note
    officer: StaffCode | None = None


class CorrectedEvent(_Language):
    """Which event a correction is about."""

    source: Source
    id: EventId


_Type = TypeVar("_Type")
_Content = TypeVar("_Content")


class Replacement(_Language, Generic[_Type, _Content]):
    """What the corrected event should have said: all of it but its identity."""

    type: _Type
    time: Moment
    data: _Content


AnyReplacement = Annotated[
    Replacement[Literal["motcua.dossier.submitted.v1"], SubmittedData]
    | Replacement[Literal["motcua.dossier.received.v1"], ReceivedData]
    | Replacement[Literal["motcua.dossier.digitized.v1"], DigitizedData]
    | Replacement[Literal["motcua.dossier.supplement_requested.v1"], SupplementRequestedData]
    | Replacement[Literal["motcua.dossier.supplement_received.v1"], SupplementReceivedData]
    | Replacement[Literal["motcua.dossier.forwarded.v1"], ForwardedData]
    | Replacement[Literal["motcua.dossier.payment_requested.v1"], PaymentRequestedData]
    | Replacement[Literal["motcua.dossier.paid.v1"], PaidData]
    | Replacement[Literal["motcua.dossier.refunded.v1"], RefundedData]
    | Replacement[Literal["motcua.dossier.fee_waived.v1"], FeeWaivedData]
    | Replacement[Literal["motcua.dossier.due_changed.v1"], DueChangedData]
    | Replacement[Literal["motcua.dossier.resolved.v1"], ResolvedDataV1]
    | Replacement[Literal["motcua.dossier.resolved.v2"], ResolvedData]
    | Replacement[Literal["motcua.dossier.returned.v1"], ReturnedData]
    | Replacement[Literal["motcua.dossier.rejected.v1"], ClosedWithoutResultData]
    | Replacement[Literal["motcua.dossier.withdrawn.v1"], ClosedWithoutResultData]
    | Replacement[Literal["motcua.dossier.stopped.v1"], ClosedWithoutResultData]
    | Replacement[Literal["motcua.dossier.reopened.v1"], ClosedWithoutResultData],
    Field(discriminator="type"),
]
"""Any event but a correction: a correction is mended by correcting the original once more."""


class CorrectedData(_Language):
    """An earlier event of the dossier was wrong; here is what it should have said, or that it
    should not have been sent at all."""

    corrects: CorrectedEvent
    replacement: AnyReplacement | None = Field(None, description="none: the event is void")
    reason: Note
    approved_by: StaffCode


# -- envelopes


class LifecycleEvent(_Language):
    """What every event has: the CloudEvents attributes and the receiving unit.

    Identity is (unit, subject, source, id): sent again, it counts once.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    specversion: Literal["1.0"]
    id: EventId = Field(description="unique within the source; a retry repeats it")
    source: Source = Field(description="URI of the emitting system")
    type: str
    subject: DossierCode = Field(description="dossier code, as the one-stop software writes it")
    time: Moment = Field(description="when it happened")
    unit: UnitCode = Field(description="code of the receiving unit")
    datacontenttype: Literal["application/json"] = "application/json"
    data: Any


class Submitted(LifecycleEvent):
    type: Literal["motcua.dossier.submitted.v1"]
    data: SubmittedData


class Received(LifecycleEvent):
    type: Literal["motcua.dossier.received.v1"]
    data: ReceivedData


class Digitized(LifecycleEvent):
    type: Literal["motcua.dossier.digitized.v1"]
    data: DigitizedData


class SupplementRequested(LifecycleEvent):
    type: Literal["motcua.dossier.supplement_requested.v1"]
    data: SupplementRequestedData


class SupplementReceived(LifecycleEvent):
    type: Literal["motcua.dossier.supplement_received.v1"]
    data: SupplementReceivedData


class Forwarded(LifecycleEvent):
    type: Literal["motcua.dossier.forwarded.v1"]
    data: ForwardedData


class PaymentRequested(LifecycleEvent):
    type: Literal["motcua.dossier.payment_requested.v1"]
    data: PaymentRequestedData


class Paid(LifecycleEvent):
    type: Literal["motcua.dossier.paid.v1"]
    data: PaidData


class Refunded(LifecycleEvent):
    type: Literal["motcua.dossier.refunded.v1"]
    data: RefundedData


class FeeWaived(LifecycleEvent):
    type: Literal["motcua.dossier.fee_waived.v1"]
    data: FeeWaivedData


class DueChanged(LifecycleEvent):
    type: Literal["motcua.dossier.due_changed.v1"]
    data: DueChangedData


class ResolvedV1(LifecycleEvent):
    type: Literal["motcua.dossier.resolved.v1"]
    data: ResolvedDataV1


class Resolved(LifecycleEvent):
    type: Literal["motcua.dossier.resolved.v2"]
    data: ResolvedData


class Returned(LifecycleEvent):
    type: Literal["motcua.dossier.returned.v1"]
    data: ReturnedData


class Rejected(LifecycleEvent):
    type: Literal["motcua.dossier.rejected.v1"]
    data: ClosedWithoutResultData


class Withdrawn(LifecycleEvent):
    type: Literal["motcua.dossier.withdrawn.v1"]
    data: ClosedWithoutResultData


class Stopped(LifecycleEvent):
    type: Literal["motcua.dossier.stopped.v1"]
    data: ClosedWithoutResultData


class Reopened(LifecycleEvent):
    type: Literal["motcua.dossier.reopened.v1"]
    data: ClosedWithoutResultData


class Corrected(LifecycleEvent):
    type: Literal["motcua.dossier.corrected.v1"]
    data: CorrectedData


Event = Annotated[
    Submitted
    | Received
    | Digitized
    | SupplementRequested
    | SupplementReceived
    | Forwarded
    | PaymentRequested
    | Paid
    | Refunded
    | FeeWaived
    | DueChanged
    | ResolvedV1
    | Resolved
    | Returned
    | Rejected
    | Withdrawn
    | Stopped
    | Reopened
    | Corrected,
    Field(discriminator="type"),
]
"""Any event that an emitter may send."""

EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class EventKind(BaseModel):
    """A line of the table of events."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Last word of the type, the key in ClickHouse and in the fold."""
    number: int
    """Stable number; equal moments of one dossier are ordered by it, then by id."""
    title: str
    """Vietnamese, as screens show it."""
    model: type[LifecycleEvent]
    status: str
    """Status number(s) of the national portal, or empty."""
    version: int
    """Of the data as it is written today."""
    older: tuple[type[LifecycleEvent], ...] = ()
    """Earlier versions, by number from 1; read for ever (``schemas.upcasting``)."""

    @property
    def type(self) -> str:
        """The CloudEvents type, e.g. ``motcua.dossier.received.v1``."""
        return f"motcua.dossier.{self.name}.v{self.version}"

    @property
    def types(self) -> tuple[str, ...]:
        """The types of every version, today's last."""
        return tuple(f"motcua.dossier.{self.name}.v{n + 1}" for n in range(self.version))


def _kind(
    name: str,
    number: int,
    title: str,
    model: type[LifecycleEvent],
    status: str = "",
    older: tuple[type[LifecycleEvent], ...] = (),
) -> EventKind:
    return EventKind(
        name=name,
        number=number,
        title=title,
        model=model,
        status=status,
        version=len(older) + 1,
        older=older,
    )


EVENTS: tuple[EventKind, ...] = (
    _kind("submitted", 1, "Nộp hồ sơ", Submitted, "1"),
    _kind("received", 2, "Tiếp nhận", Received, "2"),
    _kind("digitized", 3, "Số hóa", Digitized),
    _kind("supplement_requested", 4, "Yêu cầu bổ sung", SupplementRequested, "5"),
    _kind("supplement_received", 5, "Nhận bổ sung", SupplementReceived),
    _kind("forwarded", 6, "Chuyển xử lý", Forwarded, "4"),
    _kind("payment_requested", 7, "Yêu cầu nộp phí", PaymentRequested, "6"),
    _kind("paid", 8, "Thanh toán", Paid, "6"),
    _kind("refunded", 9, "Hoàn tiền", Refunded),
    _kind("fee_waived", 10, "Miễn phí, lệ phí", FeeWaived),
    _kind("due_changed", 11, "Đổi hạn trả", DueChanged),
    _kind("resolved", 12, "Có kết quả", Resolved, "9", older=(ResolvedV1,)),
    _kind("returned", 13, "Trả kết quả", Returned, "10"),
    _kind("rejected", 14, "Từ chối tiếp nhận", Rejected, "3"),
    _kind("withdrawn", 15, "Rút hồ sơ", Withdrawn, "7"),
    _kind("stopped", 16, "Dừng giải quyết", Stopped, "8"),
    _kind("reopened", 17, "Mở lại", Reopened),
    _kind("corrected", 18, "Đính chính", Corrected),
)

KIND_OF_TYPE: dict[str, EventKind] = {t: kind for kind in EVENTS for t in kind.types}
