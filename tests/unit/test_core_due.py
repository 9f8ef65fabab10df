"""The due moment in force: pauses, extensions, apologies, and calendars that end.

``streams.core.working_time`` is tested for itself; here is what moves a dossier's due moment.
"""

from datetime import UTC
from typing import Any

import pytest
from hypothesis import strategies as st

from schemas.admitted import FrozenProcedure
from schemas.events import LifecycleEvent
from streams.core.cells import is_open
from streams.core.days import moment as utc_moment
from streams.core.dossier import AnyEntry
from streams.core.facts import BIT, Facts
from tests.support.histories import (
    CATALOGUE,
    WORK,
    apologised,
    entries,
    entry,
    extended,
    facts_of,
    for_all,
    moment,
    ms,
    received,
    reopened,
    resolved,
    supplement_received,
    supplement_requested,
    withdrawn,
)
from tests.support.stories import given

FRIDAY = "2023-02-10T17:00"


def asked(at: str, **said: Any) -> LifecycleEvent:
    return supplement_requested(at, **said)


def brought(at: str, **said: Any) -> LifecycleEvent:
    return supplement_received(at, **said)


@pytest.mark.parametrize(
    ("due", "moves", "moved", "why"),
    [
        (
            "2023-02-13T17:00",
            [asked("2023-02-10T16:00"), brought("2023-02-13T09:00")],
            "2023-02-14T10:00",
            "over a weekend: one hour of Friday, two of Monday",
        ),
        (
            "2023-01-19T17:00",
            [asked("2023-01-19T16:00"), brought("2023-01-27T08:00")],
            "2023-01-27T09:00",
            "over Tết Quý Mão (20/01-26/01): an hour before, an hour after",
        ),
        (
            FRIDAY,
            [asked("2023-02-10T11:30"), brought("2023-02-10T13:30")],
            FRIDAY,
            "over lunch: no working time to give back",
        ),
        (
            FRIDAY,
            [asked("2023-02-08T09:00"), brought("2023-02-20T09:00", new_due="2023-02-22T17:00")],
            "2023-02-22T17:00",
            "whoever sets a due moment knows of the time waited",
        ),
        (
            FRIDAY,
            [
                asked("2023-02-10T10:00", id="a"),
                asked("2023-02-10T11:00", id="b"),
                brought("2023-02-10T14:00"),
            ],
            "2023-02-13T09:00",
            "asked again while waiting: one pause from the first request",
        ),
        (
            FRIDAY,
            [
                asked("2023-02-10T09:00", id="a"),
                brought("2023-02-10T10:00", id="c"),
                asked("2023-02-10T14:00", id="b"),
                brought("2023-02-10T15:00", id="d"),
            ],
            "2023-02-13T09:00",
            "two pauses add up",
        ),
        (
            FRIDAY,
            [
                asked("2023-02-10T16:00", id="a"),
                brought("2023-02-13T08:00", id="c"),
                asked("2023-02-13T08:30", id="b"),
                brought("2023-02-13T09:30", id="d"),
            ],
            "2023-02-13T10:00",
            "asked again after the first due moment, but before the moved one (09:00)",
        ),
        (
            FRIDAY,
            [asked("2023-02-13T09:00"), brought("2023-02-14T09:00")],
            FRIDAY,
            "asked for once it was late: excuses nothing",
        ),
        (
            FRIDAY,
            [asked("2023-02-10T17:30"), brought("2023-02-13T09:00")],
            FRIDAY,
            "asked for half an hour late, out of hours: excuses nothing either",
        ),
        (
            "2023-02-10T23:59",
            [asked("2023-02-10T18:00"), brought("2023-02-11T10:00")],
            "2023-02-11T10:00",
            "asked in time, no working time passed: not late before the papers are there",
        ),
        (
            FRIDAY,
            [
                asked("2023-02-10T09:00"),
                brought("2023-02-10T10:00"),
                extended("2023-02-10T15:00", new_due="2023-02-14T17:00"),
            ],
            "2023-02-14T17:00",
            "a pause before an extension is in it already",
        ),
        (
            FRIDAY,
            [
                asked("2023-02-10T14:00"),
                extended("2023-02-10T15:00", new_due="2023-02-14T17:00"),
                brought("2023-02-10T16:00"),
            ],
            "2023-02-15T08:00",
            "of a pause across an extension only what comes after it",
        ),
        (
            FRIDAY,
            [
                extended("2023-02-10T09:00", new_due="2023-02-20T17:00", id="a"),
                extended("2023-02-10T10:00", new_due="2023-02-15T17:00", id="b"),
            ],
            "2023-02-15T17:00",
            "the last one set is in force, even when it is earlier",
        ),
        (
            FRIDAY,
            [extended("2023-02-09T10:00", new_due="2023-02-15T17:00")],
            FRIDAY,
            "set before the reception: the reception's is the later word",
        ),
        (
            FRIDAY,
            [brought("2023-02-10T14:00")],
            FRIDAY,
            "papers that nobody asked for give nothing",
        ),
        (
            None,
            [extended("2023-02-10T15:00", new_due="2023-02-14T17:00")],
            "2023-02-14T17:00",
            "an extension makes an unknown due moment known",
        ),
        (
            None,
            [asked("2023-02-10T09:00"), brought("2023-02-10T10:00")],
            None,
            "waiting does not",
        ),
    ],
)  # fmt: skip
def test_the_due_moment_in_force(
    due: str | None, moves: list[LifecycleEvent], moved: str | None, why: str
) -> None:
    """At the due moment a result is on time, a millisecond later it is late."""
    start = "2023-01-19T08:00" if due and due < "2023-02" else "2023-02-10T08:00"
    story = given(received(start, due=due)).and_(*moves)
    assert story.facts.due_at == (None if moved is None else ms(moved)), why
    if moved is None:
        story.when(resolved("2023-03-01T09:00")).then(on_time=False, late=False)
        return
    last = max(ms(moved), max(int(m.time.timestamp() * 1000) for m in moves) + 1)
    if last == ms(moved):
        story.when(resolved(_text(last))).then(on_time=True, late=False)
    story.when(resolved(_text(last + 1))).then(on_time=False, late=True)


@pytest.mark.parametrize(
    ("due", "asked_at", "at", "on_time", "why"),
    [
        (FRIDAY, "2023-02-10T10:00", "2023-02-15T10:00", True, "asked in time"),
        (FRIDAY, "2023-02-10T17:00", "2023-02-15T23:00", True, "asked at the last moment"),
        (FRIDAY, "2023-02-10T17:00:00.001", "2023-02-13T09:00", False, "a millisecond late"),
        (FRIDAY, "2023-02-10T17:30", "2023-02-13T09:00", False, "after closing time"),
        ("2023-02-10T23:59", "2023-02-10T18:00", "2023-02-11T10:00", True, "due at midnight"),
        ("2023-02-10T23:59", "2023-02-10T18:00", "2023-02-13T18:00", True, "and resolved late"),
    ],
)
def test_resolved_while_waiting_for_papers_asked_for_in_time(
    due: str, asked_at: str, at: str, on_time: bool, why: str
) -> None:
    """The pause ends with the result; asking when it is late already helps nobody."""
    given(received("2023-02-10T08:00", due=due), asked(asked_at)).when(resolved(at)).then(
        on_time=on_time, late=not on_time, waiting_since=None
    )


def test_an_open_pause_ends_at_the_result() -> None:
    """Five hours of Friday, Monday, Tuesday, and three hours of Wednesday are given back."""
    given(received(due=FRIDAY), asked("2023-02-10T10:00")).when(resolved("2023-02-15T10:00")).then(
        due_at=ms("2023-02-15T17:00"), on_time=True
    )


def test_an_open_dossier_says_since_when_it_waits() -> None:
    """The clock stands still: its due moment is not moved before the papers come."""
    waiting = given(received(due=FRIDAY)).when(asked("2023-02-10T10:00"))
    waiting.then(waiting_since=ms("2023-02-10T10:00"), due_at=ms(FRIDAY), supplemented=True)
    waiting.when(asked("2023-02-10T11:00")).then(
        waiting_since=ms("2023-02-10T10:00"), supplemented_again=True
    )
    waiting.when(brought("2023-02-10T14:00")).then(waiting_since=None)
    waiting.when(withdrawn("2023-02-10T14:00")).then(waiting_since=None)
    waiting.when(withdrawn("2023-02-10T14:00"), reopened("2023-02-13T09:00")).then(
        waiting_since=ms("2023-02-10T10:00")
    )


def test_an_extension_makes_on_time_and_an_apology_does_not() -> None:
    """The law's own extension moves the due moment; a letter of apology is counted and listed."""
    base = given(received(due=FRIDAY))
    base.and_(extended(new_due="2023-02-14T17:00")).when(resolved("2023-02-14T17:00")).then(
        on_time=True, extended=True, apologised=False, due_at=ms("2023-02-14T17:00")
    )
    base.and_(apologised(new_due="2023-02-14T17:00")).when(resolved("2023-02-14T17:00")).then(
        on_time=False, late=True, extended=False, apologised=True, due_at=ms(FRIDAY)
    )


def test_moves_after_the_result_come_too_late_and_after_a_reopening_they_count() -> None:
    """Until the closing that decides: a reopened dossier is judged by its second result."""
    late = given(received(due=FRIDAY), resolved("2023-02-13T09:00"))
    late.when(extended("2023-02-13T10:00", new_due="2023-02-20T17:00")).then(
        on_time=False, due_at=ms(FRIDAY)
    )
    late.and_(
        reopened("2023-02-13T09:30"), extended("2023-02-13T10:00", new_due="2023-02-20T17:00")
    ).when(resolved("2023-02-15T09:00", id="second")).then(
        on_time=True, due_at=ms("2023-02-20T17:00")
    )


def test_a_due_moment_that_nobody_named_is_the_catalogues() -> None:
    """Leaving the due moment out must not pay; where it came from is said."""
    by_catalogue = CATALOGUE.model_copy(
        update={"due_at": moment("2023-02-13T17:00").astimezone(UTC)}
    )
    given(received(due=None), frozen=by_catalogue).then(
        due_at=ms("2023-02-13T17:00"), due_known=True, due_computed=True
    )
    given(received(due=FRIDAY), frozen=by_catalogue).then(due_at=ms(FRIDAY), due_computed=False)
    given(received(due=None), frozen=FrozenProcedure(known=False)).then(
        due_at=None, due_known=False, due_computed=False
    )


def test_asking_beyond_the_list_is_a_fact() -> None:
    """Article 2 asks to catch who demands papers beyond the regulations."""
    given(received()).when(asked("2023-02-10T10:00", beyond_list=True)).then(
        supplement_beyond_list=True
    )
    given(received()).when(asked("2023-02-10T10:00")).then(supplement_beyond_list=False)


# -- laws

_HOUR = 3_600_000
_moments = st.integers(ms("2022-06-01T00:00"), ms("2023-12-31T23:59"))
_spans = st.integers(0, 24 * 20).map(lambda hours: hours * _HOUR) | st.integers(0, 30 * 24 * _HOUR)


def _text(at: int) -> str:
    return utc_moment(at).isoformat()


def _story(due: int, *events: LifecycleEvent) -> Facts:
    reception = received(_text(due - 5 * 24 * _HOUR), due=_text(due))
    return given(reception, *events).facts


@for_all(100, due=_moments, before=_spans, after=_spans)
def test_whoever_waits_for_papers_asked_for_in_time_is_not_late(
    due: int, before: int, after: int
) -> None:
    """The citizen has the dossier's fate in hand, not the office."""
    start = due - before
    found = _story(due, asked(_text(start)), resolved(_text(start + after)))

    assert found.has("on_time")
    assert found.due_at is not None and found.due_at >= due


@for_all(100, due=_moments, late=st.integers(1, 30 * 24 * _HOUR), wait=_spans, rest=_spans)
def test_papers_asked_for_when_it_is_late_excuse_nothing(
    due: int, late: int, wait: int, rest: int
) -> None:
    """Or every late dossier could be made on time by asking for something."""
    request, answer = asked(_text(due + late)), brought(_text(due + late + wait))
    result = resolved(_text(due + late + wait + rest))

    for events in ([request, result], [request, answer, result]):
        found = _story(due, *events)
        assert found.has("late")
        assert found.due_at == due


@for_all(100, due=_moments, before=_spans, wait=_spans, rest=_spans)
def test_a_pause_gives_back_its_working_time_and_never_takes_any(
    due: int, before: int, wait: int, rest: int
) -> None:
    """The office has as much working time as it had before, to the millisecond."""
    start = due - before
    found = _story(due, asked(_text(start)), brought(_text(start + wait)))
    begun = max(start, due - 5 * 24 * _HOUR)

    assert found.due_at is not None and found.due_at >= due
    if start + wait > begun:
        paused = WORK.worked(start + wait) - WORK.worked(begun)
        assert WORK.worked(found.due_at) == WORK.worked(due) + paused


@for_all(60, history=entries(), new_due=_moments, at=_moments)
def test_an_apology_moves_nothing(history: list[AnyEntry], new_due: int, at: int) -> None:
    """It is counted, with its number; the verdict stays what it was."""
    letter = entry(apologised(_text(at), new_due=_text(new_due), id="the-letter"))
    history = [*history, entry(received(id="a-reception"))]
    before, after = facts_of(history), facts_of([*history, letter])

    assert after == before._replace(bits=before.bits | BIT["apologised"])


@for_all(60, history=entries(), new_due=_moments, later=st.integers(1, 10**9))
def test_no_move_after_the_closing_changes_the_verdict(
    history: list[AnyEntry], new_due: int, later: int
) -> None:
    """What was late stays late, whatever is written into the file afterwards."""
    history = [*history, entry(received(id="a-reception")), entry(resolved(id="a-result"))]
    before = facts_of(history)
    if before.closed_at is None:
        assert is_open(before)
        return
    at = _text(before.closed_at + later)
    for move in (
        extended(at, new_due=_text(new_due), id="move"),
        asked(at, id="move"),
        brought(at, new_due=_text(new_due), id="move"),
    ):
        after = facts_of([*history, entry(move)])
        verdict = BIT["on_time"] | BIT["late"] | BIT["due_known"] | BIT["claim_differs"]
        assert after.bits & verdict == before.bits & verdict
        assert (after.due_at, after.closed_at, after.waiting_since) == (
            before.due_at,
            before.closed_at,
            before.waiting_since,
        )


@for_all(60, history=entries(min_size=1))
def test_a_calendar_that_ends_is_an_anomaly_and_never_an_exception(
    history: list[AnyEntry],
) -> None:
    """One dossier with a moment in an unlisted year must not stop a partition of the worker."""
    found = facts_of(history)

    if found.has("calendar_unknown"):
        assert found.due_at is None and not found.has("on_time") and not found.has("late")


@pytest.mark.parametrize(
    ("due", "start", "end", "unknown"),
    [
        ("2026-12-31T17:00", "2026-12-31T09:00", "2026-12-31T10:00", True),
        ("2026-12-30T17:00", "2026-12-30T09:00", "2026-12-30T10:00", False),
        ("2026-12-30T17:00", "2026-12-30T09:00", "2027-01-04T10:00", True),
        ("2027-01-05T17:00", "2026-12-30T09:00", "2026-12-30T10:00", True),
        ("2026-12-30T17:00", "2027-01-04T09:00", "2027-01-04T10:00", False),
    ],
    ids=["due beyond", "within", "pause beyond", "due unknown itself", "asked late: not needed"],
)
def test_an_unlisted_year_leaves_the_due_moment_unknown(
    due: str, start: str, end: str, unknown: bool
) -> None:
    """A guessed holiday would be a wrong verdict; not to know is said."""
    given(received("2026-12-28T09:00", due=due)).when(asked(start), brought(end)).then(
        calendar_unknown=unknown,
        due_known=not unknown,
        supplemented=True,
    )
    given(received("2026-12-28T09:00", due=due)).then(calendar_unknown=False, due_at=ms(due))
