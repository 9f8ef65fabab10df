"""Histories that two engines are compared on: tangles, drawn by chance where rules meet.

Hypothesis draws wide (``tests.support.histories``); a tangle is one dossier where much happens at a
few moments, so that ties, pauses and corrections decide. Thousands of them take a second.
"""

import random
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

from schemas.admitted import FrozenProcedure
from schemas.words import ServiceLevel
from tests.support.histories import (
    PROCEDURES,
    SOURCE,
    UNITS,
    admitted,
    correction_data,
    event,
    moment,
)

_DUE = ("2023-02-10T16:59:59.999", "2023-02-10T17:00", "2023-02-10T17:00:00.001")
PLACES_IN_TIME: tuple[tuple[str, ...], ...] = (
    _DUE,
    # a morning, a noon, an evening
    ("2023-03-14T06:59", "2023-03-14T07:00", "2023-03-14T11:45", "2023-03-14T13:30:00.001",
     "2023-03-14T18:00", "2023-03-15T09:10"),
    # a weekend
    ("2023-02-10T15:00", *_DUE, "2023-02-11T09:00", "2023-02-12T23:59:59.999", "2023-02-13T07:00",
     "2023-02-13T08:30"),
    # Tết
    ("2023-01-18T09:00", "2023-01-19T17:00", "2023-01-20T10:00", "2023-01-26T16:00",
     "2023-01-27T07:00", "2023-01-27T07:00:00.001", "2023-01-30T11:30"),
    # a Saturday on which offices work for a Monday
    ("2024-04-26T16:00", "2024-04-29T10:00", "2024-05-03T16:30", "2024-05-04T10:00",
     "2024-05-06T07:30"),
    # the first and the last days of which the calendar knows
    ("2021-12-31T16:00", "2022-01-01T00:00", "2022-01-04T08:00", "2022-01-04T10:00"),
    ("2026-12-30T16:00", "2026-12-31T09:00", "2026-12-31T17:00", "2027-01-01T00:00",
     "2027-01-04T08:00"),
)  # fmt: skip
"""Each a few moments near one another."""

THEMES: tuple[tuple[str, ...], ...] = (
    # the clock
    ("received", "supplement_requested", "supplement_received", "due_changed", "resolved"),
    ("received", "supplement_requested", "supplement_received", "reopened", "corrected"),
    # money
    ("received", "paid", "paid", "refunded", "refunded", "resolved", "corrected"),
    ("received", "paid", "fee_waived", "payment_requested", "resolved", "corrected"),
    # papers and result digitised
    ("received", "digitized", "digitized", "digitized", "resolved", "resolved.v1"),
    # the order of things
    ("received", "digitized", "returned", "reopened", "resolved", "resolved.v1", "corrected"),
    # all there is, corrections often
    ("received", "submitted", "digitized", "forwarded", "forwarded", "paid", "refunded", "resolved",
     "resolved.v1", "returned", "rejected", "withdrawn", "stopped", "reopened", "fee_waived",
     "supplement_requested", "supplement_received", "due_changed", *("corrected",) * 5),
)  # fmt: skip
"""Each the kinds of events of a tangle: few, so that they meet."""


def tangle(chance: random.Random, dossier: str) -> list[bytes]:
    """The admitted events of one dossier, in the order of their arrival."""
    moments = chance.choice(PLACES_IN_TIME)
    kinds = chance.choice(THEMES)
    unit = chance.choice(UNITS)
    found = []
    begun = chance.random() < 0.6
    for n in range(chance.randrange(2, 10)):
        kind = "received" if begun and n == 0 else chance.choice(kinds)
        said = event(
            kind,
            chance.choice(moments),
            _DATA[kind](chance, moments),
            id=_id(chance),
            unit=unit,
            dossier=dossier,
        )
        recorded_at = said.time + timedelta(milliseconds=chance.choice((0, 1, 1000, 9_000_000)))
        # levels come and go; what is sent again says the same, so admission adds the same
        again = random.Random(said.model_dump_json())
        level, frozen = again.choice(("district", "commune")), _frozen(again, moments)
        for _ in range(chance.choice((1, 1, 1, 2))):
            found.append(admitted(said, recorded_at.astimezone(UTC), level=level, frozen=frozen))
            # sent again: the clock that stamps it may have been set back
            recorded_at += timedelta(milliseconds=chance.choice((-2000, -1, 0, 1, 5000)))
    chance.shuffle(found)
    return found


_HOUR = timedelta(hours=1)
_YEARS = moment("2023-01-01T00:00"), moment("2027-02-01T00:00")


def waited(chance: random.Random, dossier: str) -> list[bytes]:
    """A dossier of any day of four years, or just after, that waits for papers once or twice."""
    first, last = _YEARS
    at = first + timedelta(
        milliseconds=chance.randrange((last - first) // timedelta(milliseconds=1))
    )
    due = at + timedelta(milliseconds=chance.randrange(25 * 86_400_000))
    told = [event("received", at.isoformat(), _received(chance, (due.isoformat(),)), id="r")]
    for n in range(chance.choice((1, 1, 2))):
        for kind in ("supplement_requested", "supplement_received"):
            # hours or days later, sometimes over a weekend or Tết
            at += timedelta(
                milliseconds=chance.randrange(chance.choice((1, 8, 24, 240)) * 3_600_000)
            )
            data = _requested(chance, ()) if kind == "supplement_requested" else {}
            told.append(event(kind, at.isoformat(), data, id=f"{kind}{n}"))
    told.append(event("resolved", at.isoformat(), _DATA["resolved"](chance, ()), id="done"))
    unit = chance.choice(UNITS)
    frozen = FrozenProcedure(known=True, due_at=due.astimezone(UTC))
    return [
        admitted(said.model_copy(update={"unit": unit, "subject": dossier}), frozen=frozen)
        for said in told
    ]


def _up_to(chance: random.Random, hours: int) -> timedelta:
    return timedelta(milliseconds=chance.randrange(hours * 3_600_000))


def _id(chance: random.Random) -> str:
    # few: taken twice with another content, named by corrections, and sometimes never sent
    return f"e{chance.randrange(16)}"


def _correction(chance: random.Random, moments: tuple[str, ...]) -> dict[str, Any]:
    if chance.random() < 0.3:
        return correction_data(SOURCE, _id(chance), None)
    kind = chance.choice(tuple(kind for kind in _DATA if kind != "corrected"))
    replacement = event(kind, chance.choice(moments), _DATA[kind](chance, moments))
    return correction_data(SOURCE, _id(chance), replacement)


def _frozen(chance: random.Random, moments: tuple[str, ...]) -> FrozenProcedure:
    due_at = chance.choice((None, *moments))
    return FrozenProcedure(
        known=chance.random() < 0.8,
        service=chance.choice(tuple(ServiceLevel)),
        has_fee=chance.random() < 0.5,
        payment_online=chance.random() < 0.5,
        due_at=None if due_at is None else moment(due_at).astimezone(UTC),
    )


_Draw = Callable[[random.Random, tuple[str, ...]], dict[str, Any]]


def _when(chance: random.Random, moments: tuple[str, ...]) -> str:
    return moment(chance.choice(moments)).isoformat()


def _received(chance: random.Random, moments: tuple[str, ...]) -> dict[str, Any]:
    return {
        "procedure": chance.choice(PROCEDURES),
        "channel": chance.choice(("counter", "online", "postal")),
        "paperless": chance.random() < 0.5,
        "due_at": chance.choice((None, _when(chance, moments))),
        "officer": chance.choice((None, "cb01", "cb02")),
    }


def _money(chance: random.Random, moments: tuple[str, ...]) -> dict[str, Any]:
    return {
        "payment_id": chance.choice(("p1", "p2")),
        "amount_vnd": chance.choice((2000, 8000, 10_000)),
        "way": chance.choice(("national_portal", "local_gateway", "transfer", "cash")),
    }


def _digitized(chance: random.Random, moments: tuple[str, ...]) -> dict[str, Any]:
    return {
        "part": chance.choice(("application", "result")),
        "items_total": chance.randrange(3),
        "items_digitized": chance.randrange(3),
    }


def _requested(chance: random.Random, moments: tuple[str, ...]) -> dict[str, Any]:
    return {
        "officer": "cb01",
        "reason": "thiếu giấy tờ",
        "items": ["giấy chứng sinh"],
        "beyond_list": chance.random() < 0.3,
    }


def _result(chance: random.Random, moments: tuple[str, ...]) -> dict[str, Any]:
    return {
        "outcome": "approved",
        "claims_on_time": chance.choice((None, True, False)),
        "officer": chance.choice((None, "cb01", "cb02")),
    }


def _because(chance: random.Random, moments: tuple[str, ...]) -> dict[str, Any]:
    return {"reason": "theo yêu cầu"}


_DATA: dict[str, _Draw] = {
    "submitted": lambda chance, moments: {"channel": "online"},
    "received": _received,
    "digitized": _digitized,
    "supplement_requested": _requested,
    "supplement_received": lambda chance, moments: {
        "new_due_at": chance.choice((None, None, _when(chance, moments)))
    },
    "forwarded": lambda chance, moments: {
        "officer": chance.choice(("cb03", "cb04")),
        "step": chance.choice((None, "thẩm định", "trình ký")),
    },
    "payment_requested": lambda chance, moments: {"payment_id": "p1", "amount_vnd": 2000},
    "paid": _money,
    "refunded": _money,
    "fee_waived": _because,
    "due_changed": lambda chance, moments: {
        "new_due_at": _when(chance, moments),
        "basis": chance.choice(("legal_extension", "apology")),
        "document": "12/TB-UBND",
    },
    "resolved": lambda chance, moments: {
        **_result(chance, moments),
        "result_form": chance.choice(("electronic", "paper", "both")),
    },
    "resolved.v1": lambda chance, moments: {
        **_result(chance, moments),
        "electronic_result": chance.random() < 0.5,
    },
    "returned": lambda chance, moments: {"way": "counter"},
    "rejected": _because,
    "withdrawn": _because,
    "stopped": _because,
    "reopened": _because,
    "corrected": _correction,
}
