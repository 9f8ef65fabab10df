"""A district's dossiers by the thousand, as records of ``motcua.events`` in time order."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from schemas import events
from schemas.admitted import FrozenProcedure, admit
from schemas.words import (
    Channel,
    DossierPart,
    DueBasis,
    Outcome,
    PaymentWay,
    ResultForm,
    ReturnWay,
    ServiceLevel,
)

_FIRST_DAY = datetime(2023, 1, 3, 1, 0, tzinfo=UTC)
_SOURCE = "urn:test:one-stop"
_PROCEDURES = tuple(f"1.{number:06d}" for number in range(4850, 4890))
_OFFICERS = tuple(f"CB{number:02d}" for number in range(6))
_TYPES: dict[Any, str] = {kind.model: kind.type for kind in events.EVENTS}
_WAYS = (PaymentWay.NATIONAL_PORTAL, PaymentWay.LOCAL_GATEWAY, PaymentWay.CASH)


JUNK = [
    b"",
    b"{",
    b"\xff\xfe\x00",
    b"[1,2]",
    b"null",
    b'{"id":"zz","unit":"U001","subject":"s"}',
    b"\x00" * 50_000,
    b"[" * 50_000,
]


@dataclass(frozen=True, slots=True)
class Record:
    """One record of ``motcua.events``: its key and its value."""

    unit: str
    value: bytes


def unit_codes(count: int) -> list[str]:
    """Codes of the first ``count`` units; every third is of the district's level."""
    return [f"U{number:03d}" for number in range(count)]


def level_of(unit: str) -> str:
    """Level of a unit of :func:`unit_codes`."""
    return "commune" if int(unit[1:]) % 3 else "district"


def district(dossiers: int, units: int = 24, seed: int = 1, days: int = 60) -> list[Record]:
    """The events of so many dossiers (about seven each) over so many days, in time order."""
    rnd = random.Random(seed)
    codes = unit_codes(units)
    found: list[tuple[datetime, int, Record]] = []
    for number in range(dossiers):
        unit = rnd.choice(codes)
        for event, frozen in _Dossier(rnd, unit, f"{unit}-23-{number:07d}", days).history():
            value = admit(
                event,
                recorded_at=event.time + timedelta(seconds=rnd.randrange(1, 90)),
                level=level_of(unit),
                emitter="one-stop",
                frozen=frozen,
            )
            found.append((event.time, len(found), Record(unit, value)))
    found.sort()
    return [record for _, _, record in found]


_Better = events.Replacement[Literal["motcua.dossier.digitized.v1"], events.DigitizedData]
_Happened = tuple[events.LifecycleEvent, FrozenProcedure | None]


def messy(records: list[Record], seed: int, poison: int = 0) -> list[Record]:
    """The same events late, repeated and contradicted, with what is no event among them."""
    rnd = random.Random(seed)
    arrivals = [(number + rnd.random() * 200, record) for number, record in enumerate(records)]
    for number, record in enumerate(records):
        if rnd.random() < 0.08:
            arrivals.append((number + rnd.random() * 1500, record))
        if rnd.random() < 0.02:
            arrivals.append((number + rnd.random() * 300, _contradicted(record, rnd)))
    units = sorted({record.unit for record in records})
    for _ in range(poison):
        junk = Record(rnd.choice(units), rnd.choice(JUNK))
        arrivals.append((rnd.random() * len(records), junk))
    return [record for _, record in sorted(arrivals, key=lambda pair: pair[0])]


def _contradicted(record: Record, rnd: random.Random) -> Record:
    """Same identity, another moment, recorded a minute earlier or later."""
    event = json.loads(record.value)
    event["time"] = event["time"][:-4] + f"{rnd.randrange(1000):03d}Z"
    event["contenthash"] = f"{rnd.getrandbits(64):016x}"
    day, _, _ = event["recordedat"].partition("T")
    event["recordedat"] = f"{day}T{rnd.choice(('00:00:00.000Z', '23:59:59.999Z'))}"
    return Record(record.unit, json.dumps(event).encode())


class _Dossier:
    """One dossier's way through the office; ``at`` is the moment of the next event."""

    def __init__(self, rnd: random.Random, unit: str, code: str, days: int) -> None:
        self.rnd, self.unit, self.code = rnd, unit, code
        self.at = _FIRST_DAY + timedelta(milliseconds=rnd.randrange(days * 86_400_000))
        self.officer = rnd.choice(_OFFICERS)
        self.count = 0

    def history(self) -> Iterator[_Happened]:
        rnd = self.rnd
        online = rnd.random() < 0.25
        channel = Channel.ONLINE if online else Channel.COUNTER
        yield self.happened(events.Submitted, 6, channel=channel)
        yield self.received(channel)
        yield self.digitized(DossierPart.APPLICATION, 24)
        if rnd.random() < 0.05:
            yield self.happened(events.FeeWaived, 1, reason="hộ nghèo")
        yield from self.money()
        if rnd.random() < 0.4:
            where = {"room": None, "step": "thẩm định", "step_due_at": None}
            yield self.happened(events.Forwarded, 12, officer=rnd.choice(_OFFICERS), **where)
        if rnd.random() < 0.12:
            yield from self.moves()
        fate = rnd.random()
        if fate < 0.03:
            why = {"reason": "theo đơn", "officer": self.officer}
            model = rnd.choice((events.Rejected, events.Withdrawn, events.Stopped))
            yield self.happened(model, 24, **why)
            if fate > 0.01:
                return
            yield self.happened(events.Reopened, 12, **why)
        if fate > 0.97:
            return
        yield self.happened(
            events.Resolved,
            2,
            outcome=Outcome.APPROVED,
            result_form=ResultForm.ELECTRONIC if rnd.random() < 0.4 else ResultForm.PAPER,
            claims_on_time=rnd.choice((None, True)),
            officer=self.officer if rnd.random() < 0.5 else None,
        )
        result = self.digitized(DossierPart.RESULT, 24)
        yield result
        yield self.happened(events.Returned, 1, way=ReturnWay.COUNTER)
        if rnd.random() < 0.03:
            yield self.corrected(result[0])

    def received(self, channel: Channel) -> _Happened:
        rnd = self.rnd
        fee = rnd.random() < 0.6
        frozen = FrozenProcedure(
            known=rnd.random() < 0.99,
            service=rnd.choice(tuple(ServiceLevel)),
            has_fee=fee,
            payment_online=fee and rnd.random() < 0.7,
        )
        due = self.at + timedelta(days=rnd.randrange(1, 9)) if rnd.random() < 0.97 else None
        event, _ = self.happened(
            events.Received,
            12,
            procedure=rnd.choice(_PROCEDURES),
            channel=channel,
            paperless=channel is Channel.ONLINE and rnd.random() < 0.6,
            due_at=due,
            officer=self.officer,
            applicant_kind=None,
        )
        return event, frozen

    def moves(self) -> Iterator[_Happened]:
        """Papers are asked for, or another due moment is named."""
        rnd = self.rnd
        new_due = self.at + timedelta(days=rnd.randrange(2, 12))
        if rnd.random() < 0.3:
            basis = rnd.choice(tuple(DueBasis))
            yield self.happened(
                events.DueChanged, 24, new_due_at=new_due, basis=basis, document="12/TB"
            )
            return
        request = {"reason": "thiếu giấy tờ", "items": ("giấy chứng sinh",)}
        yield self.happened(
            events.SupplementRequested,
            60,
            officer=self.officer,
            beyond_list=rnd.random() < 0.1,
            **request,
        )
        if rnd.random() < 0.8:
            named = new_due if rnd.random() < 0.5 else None
            yield self.happened(events.SupplementReceived, 24, new_due_at=named)

    def corrected(self, original: Any) -> _Happened:
        """What was said of the result was wrong: say it better, or take it back."""
        better = _Better.model_construct(
            type=original.type,
            time=original.time,
            data=original.data.model_copy(update={"items_digitized": original.data.items_total}),
        )
        return self.happened(
            events.Corrected,
            1,
            corrects=events.CorrectedEvent(source=original.source, id=original.id),
            replacement=better if self.rnd.random() < 0.7 else None,
            reason="nhập nhầm",
            approved_by="LD01",
        )

    def digitized(self, part: DossierPart, pause_h: float) -> _Happened:
        total = self.rnd.randrange(1, 5)
        done = total if self.rnd.random() < 0.73 else total - 1
        return self.happened(
            events.Digitized,
            pause_h,
            part=part,
            items_total=total,
            items_digitized=done,
            exemption=None,
        )

    def money(self) -> Iterator[_Happened]:
        amount_vnd = self.rnd.randrange(1, 60) * 1000
        payment = {"payment_id": f"P{self.code}", "way": self.rnd.choice(_WAYS)}
        yield self.happened(events.Paid, 60, amount_vnd=amount_vnd, **payment)
        if self.rnd.random() < 0.04:
            back = self.rnd.choice((amount_vnd, 500))
            yield self.happened(events.Refunded, 60, amount_vnd=back, **payment)

    def happened(self, model: Any, pause_h: float, **data: Any) -> _Happened:
        # built without validation: what is invented here is valid, and there are many of them
        self.count += 1
        made = model.model_construct(
            specversion="1.0",
            id=f"{self.code}/{self.count}",
            source=_SOURCE,
            type=_TYPES[model],
            subject=self.code,
            time=self.at.replace(microsecond=self.at.microsecond // 1000 * 1000),
            unit=self.unit,
            data=model.model_fields["data"].annotation.model_construct(**data),
        )
        self.at += timedelta(milliseconds=1 + int(self.rnd.random() * pause_h * 3_600_000))
        return made, None
