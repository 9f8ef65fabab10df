"""Every anomaly: one example that shows it, and one near miss that does not."""

import pytest

from schemas.admitted import FrozenProcedure
from streams.core.facts import FACTS
from tests.support.histories import (
    apologised,
    corrected,
    digitized,
    extended,
    paid,
    received,
    refunded,
    rejected,
    reopened,
    resolved,
    returned,
    supplement_received,
    supplement_requested,
    withdrawn,
)
from tests.support.stories import Story, given

_WRONG = paid(id="wrong")
_RIGHT = paid(id="wrong", amount=2000)
_FIRST = corrected(_WRONG, _RIGHT, id="first")

EXAMPLES: dict[str, tuple[Story, Story]] = {
    "closed_before_received": (
        given(received("2023-02-10T08:30")).when(resolved("2023-02-10T08:29")),
        # in one click
        given(received("2023-02-10T08:30")).when(resolved("2023-02-10T08:30")),
    ),
    "closed_again": (
        given(received(), resolved("2023-02-10T11:00")).when(withdrawn("2023-02-10T15:00")),
        given(received(), resolved("2023-02-10T11:00"), reopened("2023-02-10T14:00")).when(
            withdrawn("2023-02-10T15:00")
        ),
    ),
    "reception_unknown": (
        given().when(withdrawn()),
        # refused at submission: rightly never received
        given().when(rejected()),
    ),
    "procedure_unknown": (
        given(frozen=FrozenProcedure(known=False)).when(received()),
        given().when(received()),
    ),
    "claim_differs": (
        given(received()).when(resolved("2023-02-10T17:01", claims_on_time=True)),
        # no due moment, no verdict of ours: nothing to differ from
        given(received(due=None)).when(resolved("2023-02-10T17:01", claims_on_time=True)),
    ),
    "received_again": (
        given(received()).when(received("2023-02-13T08:30")),
        # the same reception, corrected
        given(received()).when(corrected(received(), received("2023-02-13T08:30"))),
    ),
    "paid_before_received": (
        given(received("2023-02-10T08:30")).when(paid("2023-02-10T08:29")),
        given(received("2023-02-10T08:30")).when(paid("2023-02-10T08:30")),
    ),
    "digitized_after_return": (
        given(received(), resolved(), returned("2023-02-10T16:30")).when(
            digitized("2023-02-10T16:31")
        ),
        # the result of a reopened dossier is digitised in its turn
        given(
            received(), resolved(), returned("2023-02-10T16:30"), reopened("2023-02-13T08:00")
        ).when(digitized("2023-02-13T09:00")),
    ),
    "returned_without_result": (
        given(received()).when(returned("2023-02-10T16:30")),
        # withdrawn: the papers go back
        given(received(), withdrawn("2023-02-10T11:00")).when(returned("2023-02-10T16:30")),
    ),
    "reopened_unclosed": (
        given(received()).when(reopened("2023-02-10T14:00")),
        given(received(), withdrawn("2023-02-10T11:00")).when(reopened("2023-02-10T14:00")),
    ),
    "supplement_unasked": (
        given(received()).when(supplement_received("2023-02-10T14:00")),
        given(received(), supplement_requested("2023-02-10T14:00")).when(
            supplement_received("2023-02-10T14:00")
        ),
    ),
    "refund_exceeds_payment": (
        given(received(), paid(amount=8000)).when(refunded(amount=8001)),
        given(received(), paid(amount=8000)).when(refunded(amount=8000)),
    ),
    "correction_of_correction": (
        given(received(), _WRONG, _FIRST).when(corrected(_FIRST, _RIGHT, id="second")),
        given(received(), _WRONG, _FIRST).when(corrected(_WRONG, _RIGHT, id="second")),
    ),
    "correction_without_original": (
        given(received()).when(_FIRST),
        given(received(), _WRONG).when(_FIRST),
    ),
    "calendar_unknown": (
        given(
            received("2026-12-31T08:00", due="2026-12-31T17:00"),
            supplement_requested("2026-12-31T09:00"),
        ).when(supplement_received("2026-12-31T10:00")),
        # another due moment was set: nothing need be counted
        given(
            received("2026-12-31T08:00", due="2026-12-31T17:00"),
            supplement_requested("2026-12-31T09:00"),
        ).when(supplement_received("2026-12-31T10:00", new_due="2027-01-05T17:00")),
    ),
}


def test_every_anomaly_has_its_example() -> None:
    """One that nobody has ever seen may never be seen."""
    assert EXAMPLES.keys() == {fact.name for fact in FACTS if fact.anomaly}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_anomaly_is_shown_and_a_near_miss_is_not(name: str) -> None:
    """Too few hide what is wrong; too many are not looked at."""
    shown, near_miss = EXAMPLES[name]
    anomalies = {fact.name for fact in FACTS if fact.anomaly}

    assert {found for found in anomalies if shown.facts.has(found)} == {name}
    assert not {found for found in anomalies if near_miss.facts.has(found)}


def test_an_ordinary_dossier_with_everything_has_no_anomaly() -> None:
    """Supplement, extension, apology, refund, reopening and correction are no anomalies."""
    wrong = digitized("2023-02-10T08:40", total=3, done=1)
    story = given(
        received(),
        wrong,
        supplement_requested("2023-02-10T09:00"),
        supplement_received("2023-02-10T10:00"),
        paid("2023-02-10T10:30"),
        refunded("2023-02-10T11:00", amount=2000),
        extended("2023-02-10T14:00"),
        resolved("2023-02-13T09:00", claims_on_time=True),
        returned("2023-02-13T09:30"),
        reopened("2023-02-13T10:00"),
        apologised("2023-02-13T10:30"),
        resolved("2023-02-14T09:00", id="second", claims_on_time=True),
        returned("2023-02-14T10:00", id="again"),
    ).when(corrected(wrong, digitized(total=3, done=3)))

    story.then(
        on_time=True, supplemented=True, extended=True, apologised=True, corrected=True,
        application_digitized=True, paid_online=True,
    )  # fmt: skip
    assert not [fact.name for fact in FACTS if fact.anomaly and story.facts.has(fact.name)]
