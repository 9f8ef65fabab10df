"""Dossiers received in a period and judged at a moment: cases counted by hand, and laws."""

from datetime import date

import pytest

from schemas.books import Book, Period, load_book
from schemas.events import LifecycleEvent
from schemas.registry import load_registry
from streams.core.dossier import AnyEntry, Dossier
from streams.core.facts import Facts, facts, facts_as_of
from streams.core.indicators import Count
from streams.core.receptions import judged_at, received_counts
from tests.support.histories import (
    WORK,
    admitted,
    apologised,
    corrected,
    digitized,
    entries,
    entry,
    extended,
    fee_waived,
    fold,
    for_all,
    ms,
    paid,
    received,
    refunded,
    rejected,
    reopened,
    resolved,
    stopped,
    supplement_received,
    supplement_requested,
    withdrawn,
)

BOOK = load_book("qd766")
REGISTRY = load_registry()
QUARTER = Period(first=date(2023, 1, 1), last=date(2023, 3, 31))
END = ms("2023-03-31T23:59:59.999")


def counts(
    *histories: tuple[LifecycleEvent, ...],
    period: Period = QUARTER,
    asked: str | None = None,
    known_at: str | None = None,
    book: Book = BOOK,
) -> dict[str, Count]:
    """The figures of these dossiers together; ``asked``: at this moment, if it comes first."""
    at = judged_at(period, *([ms(asked)] if asked else []))
    found: list[Facts] = []
    for history in histories:
        told = [entry(admitted(said)) for said in history]
        dossier = fold(e for e in told if known_at is None or e.recorded <= ms(known_at))
        known = facts_as_of(dossier, at, WORK) if dossier else None
        found += [known] if known else []
    return received_counts(book, REGISTRY, period, None, found, at)


def in_time(*history: LifecycleEvent, **asked: object) -> tuple[int, int]:
    """(a, b) of indicator 2.1 of one dossier."""
    found = counts(history, **asked)["in_time"]  # type: ignore[arg-type]  # as counts takes them
    return found.a, found.b


START = "2023-03-01T09:00"
DUE = "2023-03-10T17:00"
LATER = "2023-04-05T17:00"
RECEIVED = received(START, due=DUE)
DONE = resolved("2023-03-09T16:00")
LATE = resolved("2023-03-13T08:00")

IN, OUT, NONE = (1, 1), (1, 0), (0, 0)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param((RECEIVED, DONE), IN, id="done in time"),
        pytest.param((RECEIVED, resolved(DUE)), IN, id="done at the due moment"),
        pytest.param((RECEIVED, LATE), OUT, id="done late"),
        pytest.param((RECEIVED,), OUT, id="open and late"),
        pytest.param((received(START, due=LATER),), IN, id="open and not late"),
        pytest.param(
            (received(START, due="2023-03-31T23:59:59.999"),), IN, id="due at the last moment"
        ),
        pytest.param(
            (received(START, due="2023-03-31T23:59:59.998"),), OUT, id="due just before it"
        ),
        pytest.param((received(START, due=None),), OUT, id="open, nobody knows when it is due"),
        pytest.param((received(START, due=None), DONE), OUT, id="done, nobody knows"),
        # the portal counts a refusal, a stop and a withdrawal of what was received as an end
        pytest.param((RECEIVED, withdrawn("2023-03-09T08:00")), IN, id="withdrawn in time"),
        pytest.param((RECEIVED, withdrawn("2023-03-11T08:00")), OUT, id="withdrawn late"),
        pytest.param((RECEIVED, stopped("2023-03-09T08:00")), IN, id="stopped in time"),
        pytest.param((RECEIVED, rejected("2023-03-09T08:00")), IN, id="rejected in time"),
        pytest.param((rejected("2023-03-09T08:00"),), NONE, id="never received"),
        pytest.param((DONE,), NONE, id="a result without a reception"),
        # the clock stands still from a request for papers to their coming
        pytest.param(
            (RECEIVED, supplement_requested("2023-03-08T09:00")), IN, id="asked in time, waiting"
        ),
        pytest.param(
            (RECEIVED, supplement_requested("2023-03-11T09:00")), OUT, id="asked once it was late"
        ),
        pytest.param(
            (
                RECEIVED,
                supplement_requested("2023-03-08T09:00"),
                supplement_received("2023-03-20T09:00"),
                resolved("2023-03-22T17:00"),
            ),
            IN,
            id="done when the papers' time is taken off",
        ),
        pytest.param(
            (
                RECEIVED,
                supplement_requested("2023-03-08T09:00"),
                supplement_received("2023-03-20T09:00"),
                resolved("2023-03-22T17:00:00.001"),
            ),
            OUT,
            id="a moment later than that",
        ),
        pytest.param(
            (
                RECEIVED,
                supplement_requested("2023-03-02T09:00"),
                supplement_received("2023-03-03T09:00"),
                supplement_requested("2023-03-06T09:00"),
                supplement_received("2023-03-07T09:00"),
                DONE,
            ),
            OUT,
            id="two requests, done in time",
        ),
        pytest.param(
            (
                received(START, due=LATER),
                supplement_requested("2023-03-02T09:00"),
                supplement_requested("2023-03-03T09:00"),
            ),
            OUT,
            id="two requests, waiting",
        ),
        pytest.param((RECEIVED, extended("2023-03-09T09:00", new_due=LATER)), IN, id="extended"),
        pytest.param((RECEIVED, apologised("2023-03-09T09:00", new_due=LATER)), OUT, id="apology"),
        # what comes after the end is not known to the end
        pytest.param((RECEIVED, DONE, reopened("2023-04-03T08:00")), IN, id="reopened afterwards"),
        pytest.param((RECEIVED, DONE, reopened("2023-03-20T08:00")), OUT, id="reopened, late"),
        pytest.param((RECEIVED, resolved("2023-04-03T08:00")), OUT, id="done late, afterwards"),
        pytest.param(
            (received(START, due=LATER), resolved("2023-05-03T08:00")), IN, id="late afterwards"
        ),
        pytest.param(
            (
                received(START, due=LATER),
                supplement_requested("2023-03-02T09:00"),
                supplement_requested("2023-04-03T09:00"),
            ),
            IN,
            id="second request afterwards",
        ),
        # by the day of reception
        pytest.param((received("2022-12-31T23:59:59.999"), DONE), NONE, id="carried over, done"),
        pytest.param((received("2022-12-20T09:00", due=LATER),), NONE, id="carried over, open"),
        pytest.param((received("2023-01-01T00:00", due=LATER),), IN, id="first moment"),
        pytest.param((received("2023-03-31T23:59:59.999", due=LATER),), IN, id="last moment"),
        pytest.param((received("2023-04-01T00:00", due=LATER),), NONE, id="just after it"),
    ],
)
def test_a_dossier_counted_by_hand(history: tuple[LifecycleEvent, ...], expected: tuple[int, int]):
    assert in_time(*history) == expected


def test_a_correction_made_after_the_end_counts_for_the_end_once_it_is_known():
    """The auditor asks twice: what was true on the day, and what one could know on the day."""
    late = corrected(DONE, resolved("2023-03-13T08:00"), "2023-04-20T09:00")
    void = corrected(DONE, None, "2023-04-20T09:00")
    moved = corrected(RECEIVED, received("2023-04-02T09:00", due=LATER), "2023-04-20T09:00")

    assert in_time(RECEIVED, DONE) == IN
    for correction, expected in ((late, OUT), (void, OUT), (moved, NONE)):
        assert in_time(RECEIVED, DONE, correction) == expected
        assert in_time(RECEIVED, DONE, correction, known_at="2023-04-20T08:59") == IN


def test_a_correction_that_moves_the_result_beyond_the_end_leaves_it_open():
    """What counts is when it happened, not when the correction was written."""
    afterwards = corrected(DONE, resolved("2023-04-03T08:00"), "2023-03-20T09:00")

    assert in_time(RECEIVED, DONE, afterwards) == OUT
    assert in_time(received(START, due=LATER), DONE, afterwards) == IN


def test_the_earlier_of_period_end_and_asked_moment_counts():
    """A quarter that still runs is judged now, and a past one never changes again."""
    open_and_due = received(START, due=DUE)

    assert in_time(open_and_due, asked=DUE) == IN
    assert in_time(open_and_due, asked="2023-03-10T17:00:00.001") == OUT
    assert in_time(open_and_due, LATE, asked="2023-03-10T12:00") == IN
    assert in_time(open_and_due, asked="2023-02-28T12:00") == NONE
    assert in_time(received(START, due=LATER), asked="2023-12-31T12:00") == IN
    assert judged_at(QUARTER) == judged_at(QUARTER, ms("2024-01-01T00:00")) == END
    assert judged_at(QUARTER, ms(START), ms(DUE)) == ms(START)


def test_dossiers_without_a_known_due_moment_are_told():
    """They are in a and never in b: an office must not gain by leaving due moments out."""
    unknown = received(START, due=None)

    found = counts((unknown,), (unknown, DONE), (RECEIVED, DONE))["in_time"]

    assert found == Count(3, 1, due_unknown=2)


def carrying_over() -> Book:
    first = BOOK.indicators[0].model_copy(update={"carried_over": True})
    raw = {name: getattr(BOOK, name) for name in Book.model_fields}
    raw["indicators"] = (first, *BOOK.indicators[1:])
    return Book.model_validate(raw, by_alias=False, by_name=True)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param((received("2022-12-20T09:00", due=LATER),), IN, id="open"),
        pytest.param((received("2022-12-20T09:00", due=DUE),), OUT, id="open and late"),
        pytest.param((received("2022-12-20T09:00", due=DUE), DONE), IN, id="done in the period"),
        pytest.param(
            (received("2022-12-20T09:00", due=DUE), resolved("2022-12-31T23:59:59.999")),
            NONE,
            id="closed on the eve",
        ),
        pytest.param(
            (received("2022-12-20T09:00", due=DUE), resolved("2023-01-01T00:00")),
            IN,
            id="closed on the first day",
        ),
        pytest.param((RECEIVED, DONE), IN, id="received in the period"),
        pytest.param((received("2023-04-01T00:00", due=LATER),), NONE, id="received after it"),
    ],
)
def test_a_book_may_count_what_was_carried_over(history, expected):
    """The text can be read so: an office that does writes one line into a book of its own."""
    assert in_time(*history, book=carrying_over()) == expected


def test_the_other_rows_count_all_that_were_received():
    """Eight dossiers of a quarter, each row counted by hand."""
    full = (RECEIVED, digitized(START), paid("2023-03-02T09:00"), resolved(DUE, electronic=True))
    online = received(START, due=DUE, channel="online", procedure="2.000635")
    found = counts(
        full,
        (online, resolved(DUE, electronic=True)),
        (online, resolved(DUE)),  # filed online, but the result is on paper
        (online, paid("2023-03-02T09:00"), refunded("2023-03-03T09:00")),
        (online, paid("2023-03-02T09:00"), refunded("2023-04-03T09:00")),  # given back afterwards
        (online, paid("2023-03-02T09:00", way="transfer")),
        (RECEIVED, fee_waived("2023-03-02T09:00"), paid("2023-03-02T10:00")),
        (received("2023-04-01T09:00"), digitized("2023-04-01T09:00")),  # of the next quarter
    )

    assert {code: (c.a, c.b) for code, c in found.items() if code != "payment_procedures_766"} == {
        "in_time": (7, 3),
        "online_filing": (7, 1),
        "electronic_results": (7, 2),
        "digitization": (7, 1),
        "payment_dossiers_766": (6, 2),
    }


def test_procedures_are_those_with_a_fee_and_each_counts_once():
    """Birth registration is free: a payment for it is of no procedure with a fee."""
    copies = received(START, due=DUE, procedure="2.000635")
    payment = paid("2023-03-02T09:00")
    found = counts((copies, payment), (copies, payment), (RECEIVED, payment), (copies,))
    with_fee = REGISTRY.fee_procedures(QUARTER)

    assert ("commune", "1.001193") not in with_fee
    row = found["payment_procedures_766"]
    assert (row.a, row.b) == (len({code for _, code in with_fee}), 1)


@for_all(history=entries(min_size=1))
def test_at_the_end_of_time_everything_has_happened(history: list[AnyEntry]):
    """The state at a moment is the state, once nothing comes after it."""
    dossier: Dossier = fold(history)

    assert facts_as_of(dossier, ms("2190-01-01T00:00"), WORK) == facts(dossier, WORK)


@for_all(history=entries(min_size=1))
def test_what_comes_after_the_moment_changes_nothing(history: list[AnyEntry]):
    """A closed quarter's figures stay, whatever is done next: only what is learnt of it counts."""
    dossier = fold(history)
    at = dossier[len(dossier) // 2].at
    known = facts_as_of(dossier, at, WORK)
    later = entry(resolved("2030-01-01T08:00"), recorded_at="2030-01-01T08:01")

    assert facts_as_of(fold([*dossier, later]), at, WORK) == known
