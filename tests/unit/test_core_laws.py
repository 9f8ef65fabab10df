"""The laws of the core: what holds for every history, and worked examples of each rule.

A law that fails here would show an office a wrong number that nobody could explain.
"""

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import example
from hypothesis import strategies as st

from schemas.books import Indicator, Period, load_book
from schemas.registry import Unit, load_registry
from streams.core.cells import Cell, UnitCounters, cells, from_rows, is_open, month_of, rows
from streams.core.days import day_number, local_day, to_date
from streams.core.days import moment as utc_moment
from streams.core.dossier import (
    AnyEntry,
    Dossier,
    UnreadableEvent,
    add,
    decode,
    encode,
    merge,
    order,
    read,
)
from streams.core.facts import BIT, FACTS, Facts, facts, mask
from streams.core.indicators import Count, anomalies, count_cells, in_period, row
from tests.support.histories import (
    CATALOGUE,
    WORK,
    admitted,
    digitized,
    dossiers,
    entries,
    entry,
    facts_of,
    fee_waived,
    fold,
    for_all,
    forwarded,
    histories,
    ms,
    paid,
    received,
    records,
    refunded,
    rejected,
    reopened,
    resolved,
    returned,
    stopped,
    submitted,
    withdrawn,
)
from tests.support.stories import given
from tests.support.tables import counts_by_unit, rows_of

BOOK = load_book("dak-ha-2023")
REGISTRY = load_registry()
YEAR = Period(first="2023-01-01", last="2023-12-31")


# -- a dossier is a set


@for_all(history=entries(), noise=st.randoms(use_true_random=False))
def test_order_and_redelivery_never_change_a_dossier(history: list[AnyEntry], noise: Any) -> None:
    """Kafka redelivers, emitters retry, offices sync late: the wall must not notice."""
    delivered = history + noise.choices(history, k=len(history)) if history else []
    noise.shuffle(delivered)

    assert fold(delivered) == fold(history)


@for_all(history=entries(), cut=st.integers(0, 16))
def test_two_halves_merge_to_the_whole(history: list[AnyEntry], cut: int) -> None:
    """State may be rebuilt from any parts, in any number of steps."""
    assert merge(fold(history[:cut]), fold(history[cut:])) == fold(history)


@for_all(one=entries(max_size=6), two=entries(max_size=6), three=entries(max_size=6))
def test_merging_is_a_union_of_sets(
    one: list[AnyEntry], two: list[AnyEntry], three: list[AnyEntry]
) -> None:
    """Commutative, associative, idempotent: nobody needs to know who merged what first."""
    a, b, c = fold(one), fold(two), fold(three)

    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, a) == a
    assert merge(a, ()) == a == merge((), a)


@for_all(history=entries(), noise=st.randoms(use_true_random=False))
def test_an_earlier_state_is_never_taken_back(history: list[AnyEntry], noise: Any) -> None:
    """A replay from an old offset over a newer state changes nothing: merging it in is free."""
    whole = fold(history)
    part = fold(noise.sample(history, k=len(history) // 2))

    assert merge(whole, part) == whole


@for_all(history=entries(min_size=1))
def test_what_is_known_gives_back_the_same_object(history: list[AnyEntry]) -> None:
    """The worker takes «the same object» for «nothing to write»: redelivery must cost nothing."""
    dossier = fold(history)

    for known in dossier:
        again, loser = add(dossier, known)
        assert again is dossier
        assert loser is None


@for_all(history=entries())
def test_a_dossier_is_ordered_and_holds_each_identity_once(history: list[AnyEntry]) -> None:
    """«First» and «last» in every rule mean positions in this order."""
    dossier = fold(history)

    assert list(dossier) == sorted(dossier, key=order)
    assert {e.id for e in dossier} == {e.id for e in history}
    assert len({e.id for e in dossier}) == len(dossier)


@for_all(history=entries(), noise=st.randoms(use_true_random=False))
def test_of_conflicting_copies_the_first_recorded_counts_in_every_order(
    history: list[AnyEntry], noise: Any
) -> None:
    """Two contents under one identity: whoever sends later cannot rewrite what was admitted."""
    noise.shuffle(history)

    for kept in fold(history):
        copies = [(e.recorded, e.content) for e in history if e.id == kept.id]
        assert (kept.recorded, kept.content) == min(copies)


@for_all(history=entries())
def test_the_copy_that_loses_is_handed_out_exactly_when_contents_differ(
    history: list[AnyEntry],
) -> None:
    """A conflict is evidence: it goes to the rejected events instead of vanishing."""
    dossier: Dossier = ()
    for arriving in history:
        known = next((e for e in dossier if e.id == arriving.id), None)
        dossier, loser = add(dossier, arriving)

        if known is None or known.content == arriving.content:
            assert loser is None
        else:
            first, other = sorted((known, arriving), key=lambda e: (e.recorded, e.content))
            assert loser is other
            assert first in dossier


def test_a_tie_of_the_recording_is_decided_by_the_content() -> None:
    """Two gateways may stamp the same millisecond; the winner must still be one and the same."""
    one, other = (
        entry(paid(amount=amount, id="same"), recorded_at="2023-02-10T09:00:01")
        for amount in (2000, 8000)
    )
    winner = min(one, other, key=lambda e: e.content)

    assert fold([one, other]) == fold([other, one]) == (winner,)


def test_the_earliest_recording_of_a_retry_is_kept() -> None:
    """As-of questions ask when we knew it first."""
    early, late = (entry(paid(), recorded_at=f"2023-02-10T09:00:0{second}") for second in (1, 7))

    assert fold([late, early]) == fold([early, late]) == (early,)


# -- bytes


@for_all(history=entries(), noise=st.randoms(use_true_random=False))
def test_equal_sets_are_equal_bytes_and_come_back(history: list[AnyEntry], noise: Any) -> None:
    """The changelog is compared byte by byte, and a restored worker must know what it knew."""
    value = encode(fold(history))
    noise.shuffle(history)

    assert encode(fold(history)) == value
    assert decode(value) == fold(history)
    assert [type(e) for e in decode(value)] == [type(e) for e in fold(history)]


@for_all(value=st.binary(max_size=60))
def test_bytes_that_are_no_dossier_are_refused(value: bytes) -> None:
    """A damaged state must stop the worker, not become an odd dossier."""
    with contextlib.suppress(msgspec.DecodeError):
        assert encode(decode(value))


_DAMAGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**63),
    st.floats(),
    st.text("aé0-\x00", max_size=20),
    st.sampled_from(
        ("2023-02-10T08:30:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "é" * 16)
    ),
    st.just([]),
    st.just({}),
)


def _paths(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return [path]
    return [path, *(p for key, inner in value.items() for p in _paths(inner, (*path, key)))]


@st.composite
def damaged_records(draw: st.DrawFn) -> bytes:
    """A record with one value in it replaced or removed."""
    record = orjson.loads(draw(records()))
    *above, key = draw(st.sampled_from([p for p in _paths(record) if p]))
    holder = record
    for step in above:
        holder = holder[step]
    if draw(st.booleans()):
        del holder[key]
    else:
        holder[key] = draw(_DAMAGE)
    return msgspec.json.encode(record)


@for_all(200, value=st.binary(max_size=80) | damaged_records())
@example(b"[" * 100_000)
@example(b'{"id":"\xff"}')
def test_a_record_is_read_or_unreadable_and_nothing_else(value: bytes) -> None:
    """The worker keeps an unreadable record apart and goes on; any other error would stop it.

    What is readable can be stored, and comes back.
    """
    try:
        _, _, one = read(value)
    except UnreadableEvent:
        return
    assert decode(encode((one,))) == (one,)
    assert facts((one,), WORK).bits >= 0


@pytest.mark.parametrize(
    "event_type",
    [
        "motcua.dossier.teleported.v1",
        "motcua.dossier.received.v2",
        "motcua.dossier.received",
        "other.dossier.received.v1",
        "received.v1",
    ],
)
def test_a_type_that_this_code_does_not_know_is_unreadable(event_type: str) -> None:
    """An older worker must not count half of what a newer gateway admitted."""
    record = {**orjson.loads(admitted(received())), "type": event_type}

    with pytest.raises(UnreadableEvent, match="unknown event type"):
        read(orjson.dumps(record))


@pytest.mark.parametrize("path", [("time",), ("recordedat",), ("data", "due_at")])
def test_a_moment_without_a_zone_is_unreadable(path: tuple[str, ...]) -> None:
    """It would mean another moment on every machine with another clock setting."""
    record = orjson.loads(admitted(received()))
    *above, key = path
    holder = record
    for step in above:
        holder = holder[step]
    holder[key] = "2023-02-10T08:30:00.000"

    with pytest.raises(UnreadableEvent):
        read(orjson.dumps(record))


# -- days


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2023-02-10T00:00", "2023-02-10"),
        ("2023-02-10T23:59:59.999", "2023-02-10"),
        ("2023-02-09T17:00:00.000+00:00", "2023-02-10"),
        ("2023-02-09T16:59:59.999+00:00", "2023-02-09"),
    ],
)
def test_a_day_begins_at_midnight_in_viet_nam(at: str, day: str) -> None:
    """A dossier resolved at 6 in the morning belongs to that day, whatever UTC says."""
    assert to_date(local_day(ms(at))).isoformat() == day


@for_all(at=st.integers(0, ms("2100-01-01T00:00")))
def test_moments_and_days_come_back(at: int) -> None:
    """Integers inside, calendar outside, and nothing lost between them."""
    day = local_day(at)

    assert day_number(to_date(day)) == day
    assert ms(utc_moment(at).isoformat()) == at


# -- facts


@for_all(history=entries(min_size=1))
def test_facts_never_contradict_each_other(history: list[AnyEntry]) -> None:
    """Scope and hit are conjunctions of facts: a contradiction would count where none looks."""
    known = facts_of(history)
    closings = ("resolved", "rejected", "withdrawn", "stopped")

    assert sum(known.has(name) for name in closings) == (known.closed_at is not None)
    assert known.has("received") == (known.received_at is not None)
    assert known.has("due_known") == (known.due_at is not None)
    assert not known.has("on_time") or (known.has("resolved") and known.has("due_known"))
    assert known.has("on_time") + known.has("late") == (
        known.has("resolved") and known.has("due_known")
    )
    assert not known.has("supplemented_again") or known.has("supplemented")
    assert not known.has("calendar_unknown") or known.due_at is None
    assert not known.has("correction_without_original") or known.has("corrected")
    assert known.waiting_since is None or known.closed_at is None
    assert not (known.has("fee_owed") and known.has("fee_waived"))
    assert not (known.has("paid_online") and known.has("payment_undone"))
    assert not known.has("fully_online_service") or known.has("offered_online")
    assert not known.has("reception_unknown") or known.received_at is None
    assert not known.has("paid_online") or known.paid_days
    assert list(known.paid_days) == sorted(set(known.paid_days))


@for_all(history=entries(min_size=1))
def test_a_dossier_without_a_due_moment_is_never_on_time(history: list[AnyEntry]) -> None:
    """An office must not gain by leaving due moments out."""
    known = facts_of(history)

    if known.due_at is None:
        assert not known.has("on_time")
        assert not known.has("claim_differs")


def test_the_bits_of_facts_are_distinct_and_each_has_its_place() -> None:
    """A bit stands in snapshots and in ClickHouse for ever; two facts on one would merge."""
    assert len({fact.bit for fact in FACTS}) == len({fact.name for fact in FACTS}) == len(FACTS)
    assert all((fact.bit >= 32) == fact.anomaly for fact in FACTS)
    assert max(BIT.values()).bit_length() <= 63


def test_a_book_may_only_name_facts_that_exist() -> None:
    """A typing error in a book must not make an empty scope of it."""
    with pytest.raises(KeyError, match="resolvd"):
        mask(["resolvd"])


@pytest.mark.parametrize(
    ("due", "at", "on_time"),
    [
        ("2023-02-10T17:00", "2023-02-10T16:59:59.999", True),
        ("2023-02-10T17:00", "2023-02-10T17:00", True),
        ("2023-02-10T17:00", "2023-02-10T17:00:00.001", False),
        ("2023-02-10T17:00", "2023-02-10T17:01", False),
        (None, "2023-02-10T09:00", False),
    ],
)
def test_lateness_is_decided_by_the_moment_not_by_the_day(
    due: str | None, at: str, on_time: bool
) -> None:
    """Due at 17:00 and finished at 17:01 is late."""
    given(received(due=due)).when(resolved(at)).then(on_time=on_time, due_known=due is not None)


def test_refused_with_a_reason_is_a_result() -> None:
    """Resolved means that a result was issued, approved or refused."""
    given(received()).when(resolved(outcome="refused")).then(resolved=True, on_time=True)


@pytest.mark.parametrize(
    ("closing", "name"),
    [(rejected, "rejected"), (withdrawn, "withdrawn"), (stopped, "stopped")],
)
def test_closed_without_a_result_is_out_of_every_scope(closing: Any, name: str) -> None:
    """Withdrawn and stopped dossiers neither improve nor spoil a rate."""
    story = given(received(), paid(), digitized()).when(closing())

    story.then(**{name: True}, resolved=False, on_time=False)
    assert is_open(story.facts) is False
    for indicator in BOOK.indicators:
        if indicator.counts == "dossiers":
            assert _count(indicator, [story.facts]).a == 0


def test_the_first_closing_after_the_last_reopening_decides() -> None:
    """A dossier that was reopened for a mistake is judged by its second result."""
    given(received(), resolved("2023-02-10T11:00"), reopened("2023-02-10T14:00")).when(
        resolved("2023-02-10T18:00")
    ).then(on_time=False, closed_at=ms("2023-02-10T18:00"), closed_again=False)


def test_a_reopened_dossier_is_open_again() -> None:
    """It is in process, and in no denominator."""
    story = given(received(), resolved("2023-02-10T11:00")).when(reopened("2023-02-10T14:00"))

    story.then(resolved=False, on_time=False, closed_at=None)
    assert is_open(story.facts)


def test_a_second_closing_without_a_reopening_changes_nothing_but_is_listed() -> None:
    """The first one decides: closing again late must not make it late, nor a withdrawal undo it."""
    given(received(), resolved("2023-02-10T11:00")).when(withdrawn("2023-02-13T09:00")).then(
        resolved=True,
        withdrawn=False,
        on_time=True,
        closed_at=ms("2023-02-10T11:00"),
        closed_again=True,
    )


def test_at_equal_moments_the_kind_decides() -> None:
    """Systems that know only the day write the same moment for everything: the order is fixed."""
    given(reopened("2023-02-10T11:00"), resolved("2023-02-10T11:00")).when(received()).then(
        resolved=False, closed_at=None
    )
    given(rejected("2023-02-10T11:00"), resolved("2023-02-10T11:00")).when(received()).then(
        resolved=True, rejected=False, closed_again=True
    )


def test_a_result_before_the_reception_is_counted_and_listed() -> None:
    """It cannot be right, but leaving it out would hide it."""
    given(received("2023-02-10T08:30")).when(resolved("2023-02-09T10:00")).then(
        resolved=True, on_time=True, closed_before_received=True
    )
    given(received("2023-02-10T08:30")).when(resolved("2023-02-10T08:30")).then(
        closed_before_received=False
    )


def test_a_result_without_a_reception_is_counted_and_listed() -> None:
    """The balance of a unit shows it as a term of its own."""
    given().when(resolved()).then(
        resolved=True, received=False, reception_unknown=True, on_time=False, procedure=""
    )


def test_the_first_reception_decides() -> None:
    """The clock starts once; a second reception does not start it anew."""
    given(received("2023-02-10T08:30", due="2023-02-10T17:00")).when(
        received("2023-02-13T08:30", due="2023-02-20T17:00")
    ).then(received_at=ms("2023-02-10T08:30"), due_at=ms("2023-02-10T17:00"))


@pytest.mark.parametrize(
    ("total", "done", "complete"), [(2, 2, True), (2, 3, True), (2, 1, False), (0, 0, False)]
)
def test_digitised_means_every_item(total: int, done: int, complete: bool) -> None:
    """An application of which nothing is digitised must not count because nothing was listed."""
    given(received()).when(digitized(total=total, done=done)).then(application_digitized=complete)


def test_an_electronic_result_comes_with_the_result_or_as_its_own_event() -> None:
    """One-stop systems report it either way."""
    given(received()).when(resolved(electronic=True)).then(result_electronic=True)
    given(received(), resolved()).when(digitized(part="result")).then(result_electronic=True)
    given(received()).when(resolved()).then(result_electronic=False)


def test_an_electronic_result_of_a_closing_that_does_not_decide_does_not_count() -> None:
    """After a reopening only the result that stands is judged."""
    given(
        received(), resolved("2023-02-10T10:00", electronic=True), reopened("2023-02-10T11:00")
    ).when(resolved("2023-02-10T12:00")).then(result_electronic=False)


def test_a_refund_of_everything_undoes_the_payment_and_its_day() -> None:
    """Otherwise a procedure would count as paid online by money that was given back."""
    given(received(), paid(amount=8000)).when(refunded(amount=8000)).then(
        paid_online=False, payment_undone=True, paid_days=()
    )


def test_a_refund_of_a_part_keeps_the_payment() -> None:
    """Net amount above zero: it was paid online."""
    given(received(), paid(amount=10_000)).when(refunded(amount=2_000)).then(
        paid_online=True, payment_undone=False, paid_days=(local_day(ms("2023-02-10T09:00")),)
    )


def test_only_the_days_of_payments_that_stand_are_kept() -> None:
    """Row III.1 asks for a payment in the period that was not refunded."""
    given(
        received(),
        paid("2023-02-10T09:00", payment="p1"),
        paid("2023-02-13T09:00", payment="p2"),
    ).when(refunded("2023-02-14T09:00", payment="p1")).then(
        paid_online=True, paid_days=(local_day(ms("2023-02-13T09:00")),)
    )


@pytest.mark.parametrize(
    ("way", "online"),
    [("national_portal", True), ("local_gateway", True), ("transfer", False), ("cash", False)],
)
def test_only_portal_and_gateway_are_online_payments(way: str, online: bool) -> None:
    """A plain bank transfer is none (parameter ``online_payment`` of the book)."""
    given(received()).when(paid(way=way)).then(paid_online=online, paid_days=_days(online))


def test_a_waived_fee_is_not_owed() -> None:
    """The poor do not spoil an office's rate of online payment."""
    given(received()).when(fee_waived()).then(fee_owed=False, fee_waived=True)
    given(received()).then(fee_owed=True, fee_waived=False)


def test_the_catalogue_at_the_reception_counts() -> None:
    """Admission froze it: a later change of the catalogue does not rewrite the past."""
    free = CATALOGUE.model_copy(update={"has_fee": False, "payment_online": False})
    given(received(), frozen=free).then(
        fee_owed=False, payment_deployed=False, fully_online_service=True, procedure_unknown=False
    )
    unknown = type(CATALOGUE)(known=False)
    given(received(), frozen=unknown).then(
        fee_owed=False, offered_online=False, fully_online_service=False, procedure_unknown=True
    )


def test_handled_online_needs_the_channel_and_no_paper() -> None:
    """Row II: filed online, and no paper on the way."""
    given(received(channel="online", paperless=True)).then(filed_online=True, paperless=True)
    given(received(channel="online")).then(filed_online=True, paperless=False)
    given(received(channel="postal", paperless=True)).then(filed_online=False, paperless=True)


@pytest.mark.parametrize(
    ("claim", "at", "differs"),
    [
        (True, "2023-02-10T16:00", False),
        (False, "2023-02-10T16:00", True),
        (True, "2023-02-10T17:01", True),
        (None, "2023-02-10T17:01", False),
    ],
)
def test_a_claim_that_differs_from_our_verdict_is_listed(
    claim: bool | None, at: str, differs: bool
) -> None:
    """A disagreement is something to look at, not an error, and never decides."""
    given(received()).when(resolved(at, claims_on_time=claim)).then(claim_differs=differs)


def test_the_officer_who_gave_the_result_answers_for_it() -> None:
    """Else the one who has it, else the one who received it; else nobody is named."""
    handed_on = given(received(officer="cb01"), forwarded(officer="cb03", step="trình ký"))
    handed_on.then(officer="cb03", step="trình ký")
    handed_on.when(resolved()).then(officer="cb03")
    handed_on.when(resolved(officer="cb02")).then(officer="cb02")
    given(received(officer="cb01")).when(resolved(officer="cb02")).then(officer="cb02")
    given(received(officer="cb01")).when(resolved()).then(officer="cb01")
    given(received()).when(resolved()).then(officer="")


def test_a_local_suffix_of_a_procedure_is_cut() -> None:
    """Else one procedure would count as several in row III.1."""
    given(received(procedure="1.001193.000.00.00.H36")).then(procedure="1.001193")


def test_submission_and_return_start_and_stop_nothing() -> None:
    """The clock runs from reception to result; handing in and handing out lie outside."""
    given(submitted("2023-02-09T20:00")).and_(received()).when(returned("2023-02-20T08:00")).then(
        resolved=False, closed_at=None, received_at=ms("2023-02-10T08:30")
    )


# -- counters


def _recount(
    found: Mapping[str, Dossier],
) -> tuple[dict[str, Counter[Cell]], int, dict[str, Facts]]:
    months: dict[str, Counter[Cell]] = {}
    known = {code: facts(dossier, WORK) for code, dossier in found.items()}
    for cell in (cell for one in known.values() for cell in cells(one)):
        months.setdefault(month_of(cell.day), Counter())[cell] += 1
    still_open = {
        code: one
        for code, one in known.items()
        if one.received_at is not None and one.closed_at is None
    }
    return months, len(known), still_open


@for_all(history=histories(dossiers_each=3))
def test_counting_by_difference_equals_recounting_after_every_event(history: list[bytes]) -> None:
    """The worker never recounts a unit; its counters must be what a recount would give."""
    state: dict[tuple[str, str], Dossier] = {}
    counters: dict[str, UnitCounters] = {}
    for record in history:
        unit, code, one = read(record)
        before = state.get((unit, code))
        after = state[unit, code] = add(before or (), one)[0]
        touched = counters.setdefault(unit, UnitCounters()).replace(
            code, facts(before, WORK) if before else None, facts(after, WORK)
        )

        own = {c: d for (u, c), d in state.items() if u == unit}
        months, count, still_open = _recount(own)
        ours = counters[unit]
        assert {month: cells for month, cells in ours.months.items() if cells} == months
        assert (ours.dossiers, ours.open_dossiers) == (count, still_open)
        assert ours.open == len(still_open)
        assert touched <= set(ours.months)


@for_all(history=histories())
def test_the_months_touched_are_all_that_changed(history: list[bytes]) -> None:
    """Only touched months are published: a change outside them would stay invisible."""
    state: dict[tuple[str, str], Dossier] = {}
    counters = UnitCounters()
    for record in history:
        unit, code, one = read(record)
        before = state.get((unit, code))
        after = state[unit, code] = add(before or (), one)[0]
        was = {month: dict(counted) for month, counted in counters.months.items()}
        touched = counters.replace(
            code, facts(before, WORK) if before else None, facts(after, WORK)
        )

        changed = {m for m, c in counters.months.items() if was.get(m, {}) != dict(c)}
        assert changed <= touched


@for_all(history=histories())
def test_cells_come_back_from_their_rows(history: list[bytes]) -> None:
    """The wall counts from snapshots what the worker counted from dossiers."""
    counted = _cells(history)
    written = rows(counted)

    assert from_rows(written) == counted
    assert written == sorted(written)
    assert from_rows(orjson.loads(orjson.dumps(written))) == counted


@for_all(history=entries(min_size=1))
def test_a_dossier_is_counted_once_where_it_belongs(history: list[AnyEntry]) -> None:
    """One reception, one closing, one for each day that was paid on."""
    known = facts_of(history)
    measures = Counter(cell.measure for cell in cells(known))

    assert measures["received"] == known.has("received")
    assert measures["closed"] == (known.closed_at is not None)
    assert measures["paid"] == len(known.paid_days)


# -- indicators


def _cells(history: list[bytes]) -> Counter[Cell]:
    return Counter(cell for d in dossiers(history).values() for cell in cells(facts(d, WORK)))


def _count(indicator: Indicator, known: Iterable[Any]) -> Count:
    counted = Counter(cell for one in known for cell in cells(one))
    return count_cells(indicator, counted.items(), frozenset())


@for_all(history=histories())
def test_the_hits_are_a_part_of_the_scope(history: list[bytes]) -> None:
    """b ≤ a: no rate is above 100 %."""
    catalogue = frozenset({("district", "1.001612"), ("commune", "2.000635")})
    counted = in_period(_cells(history), YEAR)
    for indicator in BOOK.indicators:
        count = count_cells(indicator, counted, catalogue)

        assert 0 <= count.b <= count.a
        assert 0 <= count.due_unknown <= count.a


@for_all(history=histories())
def test_cells_count_what_looking_at_every_dossier_would(history: list[bytes]) -> None:
    """The counters forget the dossiers; the figures must be as if somebody had looked at each."""
    counted = in_period(_cells(history), YEAR)
    known = [facts(d, WORK) for d in dossiers(history).values()]
    closed = [
        one
        for one in known
        if one.closed_at is not None
        and YEAR.first <= to_date(local_day(one.closed_at)) <= YEAR.last
    ]
    for indicator in BOOK.indicators:
        if indicator.counts == "procedures":
            continue
        scope = [
            one
            for one in closed
            if indicator.level in (None, one.level) and all(map(one.has, indicator.scope))
        ]
        hit = [one for one in scope if all(map(one.has, indicator.hit))]
        assert count_cells(indicator, counted, frozenset())[:2] == (len(scope), len(hit))


@for_all(history=histories())
def test_the_parts_of_a_district_add_up_but_procedures_unite(history: list[bytes]) -> None:
    """Dossiers of units add up; a procedure paid in three communes counts once."""
    by_unit: dict[str, list[tuple[Cell, int]]] = {}
    found = dossiers(history)
    for unit in {unit for unit, _ in found}:
        own = Counter(c for (u, _), d in found.items() if u == unit for c in cells(facts(d, WORK)))
        by_unit[unit] = in_period(own, YEAR)
    counts = counts_by_unit(BOOK, REGISTRY, YEAR, by_unit)

    for indicator in BOOK.indicators:
        total = counts[None][indicator.code]
        each = [own[indicator.code] for unit, own in counts.items() if unit is not None]
        if indicator.counts == "dossiers":
            assert total == tuple(map(sum, zip(*each, strict=True))) if each else (0, 0, 0)
        else:
            catalogue = REGISTRY.payment_procedures(YEAR)
            paid_for = {
                (c.level, c.procedure)
                for own in by_unit.values()
                for c, _ in own
                if c.measure == "paid"
            }
            codes = {code for _, code in catalogue}
            assert total == (len(codes), len({code for _, code in catalogue & paid_for}), 0)
            assert max((c.b for c in each), default=0) <= total.b


def test_one_procedure_paid_in_three_communes_counts_once() -> None:
    """Row III.1 counts procedures, never payments and never units."""
    indicator = BOOK.indicator("payment_procedures")
    same = [facts_of(entry(e) for e in (received(procedure="2.000635"), paid())) for _ in range(3)]
    counted = Counter(cell for one in same for cell in cells(one))

    catalogue = frozenset({("commune", "2.000635"), ("commune", "2.000815")})
    assert count_cells(indicator, counted.items(), catalogue) == (2, 1, 0)


def test_a_procedure_counts_for_the_level_of_the_unit_that_was_paid() -> None:
    """A commune's payment does not use the district's procedure of the same code."""
    indicator = BOOK.indicator("payment_procedures")
    counted = Counter(cells(given(received(procedure="2.000635")).when(paid()).facts))
    of_district = frozenset({("district", "2.000635")})
    of_both = of_district | {("commune", "2.000635")}

    assert count_cells(indicator, counted.items(), of_district) == (1, 0, 0)
    assert count_cells(indicator, counted.items(), of_both) == (1, 1, 0)


def test_a_payment_for_a_procedure_without_deployed_payment_does_not_count() -> None:
    """b is a part of a, whatever the emitters report."""
    known = facts_of(entry(e) for e in (received(procedure="1.001193"), paid()))
    counted = Counter(cells(known))

    catalogue = frozenset({("commune", "2.000635")})
    indicator = BOOK.indicator("payment_procedures")
    assert count_cells(indicator, counted.items(), catalogue) == (1, 0, 0)


def test_both_ends_of_a_period_belong_to_it() -> None:
    """«From 1 January to 31 December» means both days."""
    story = given(received("2023-01-01T00:00", due=None)).when(resolved("2023-12-31T23:59:59.999"))
    counted = Counter(cells(story.facts))

    assert len(in_period(counted, YEAR)) == 2
    january = Period(first="2023-01-01", last="2023-01-01")
    assert [c.measure for c, _ in in_period(counted, january)] == ["received"]


def test_a_unit_answers_only_for_its_level() -> None:
    """A commune does not have the rows of the departments, and the other way round."""
    found = rows_of(BOOK, REGISTRY, YEAR, {"23500": [], "dh-tp": []})

    assert [r.row for r in found if r.unit is None] == [i.row for i in BOOK.indicators]
    assert [r.row for r in found if r.unit == "23500"] == ["I.2", "II", "III.1", "III.2", "IV.2"]
    assert [r.row for r in found if r.unit == "dh-tp"] == ["I.1", "II", "III.1", "III.2", "IV.1"]
    assert all((r.met is None, r.rate is None) == (r.a == 0, r.a == 0) for r in found)


def test_a_level_that_was_abolished_keeps_its_dossiers() -> None:
    """The level of a dossier is the one at its reception, not the one of today's registry."""
    known = facts_of(entry(e, level="district") for e in (received(), resolved()))

    assert _count(BOOK.indicator("on_time_district"), [known]).a == 1
    assert _count(BOOK.indicator("on_time_commune"), [known]).a == 0


@for_all(history=histories())
def test_anomalies_are_counted_apart_and_never_change_a_rate(history: list[bytes]) -> None:
    """What cannot be right is shown next to the figures that contain it."""
    counted = in_period(_cells(history), YEAR)
    closed = sum(n for cell, n in counted if cell.measure == "closed")

    for found in anomalies(counted):
        assert 0 < found.dossiers <= closed
        without = sum(
            n for c, n in counted if c.measure == "closed" and not c.bits & BIT[found.code]
        )
        assert without + found.dossiers == closed


# -- exactly


_ON_TIME = BOOK.indicator("on_time_commune")
_ONLINE = BOOK.indicator("full_online")
_TARGETS = st.fractions(0, 100, max_denominator=200)


@pytest.mark.parametrize(
    ("a", "b", "target", "met"),
    [
        (20, 19, 95, True),
        (19, 18, 95, False),
        # shown as 95.0 % and not reached: rounding first would have said otherwise
        (25_000, 23_749, 95, False),
        (100_000, 94_996, 95, False),
        (2**53 + 1, 2**53, 100, False),
        # 2 of 3 is not 66.67 %, and 3.3 is no binary fraction
        (3, 2, Fraction("66.67"), False),
        (3, 2, Fraction("66.66"), True),
        (1000, 33, Fraction("3.3"), True),
        (1, 1, 100, True),
        (5, 0, 0, True),
        (0, 0, 95, None),
    ],
)
def test_met_is_decided_in_whole_numbers(
    a: int, b: int, target: int | Fraction, met: bool | None
) -> None:
    """95 % of 20 is 19. A rate that only looks like the target has missed it."""
    assert row(_ON_TIME, Fraction(target), Count(a, b), None).met is met


@for_all(a=st.integers(1, 10**9), share=st.fractions(0, 1), target=_TARGETS)
def test_met_never_depends_on_rounding(a: int, share: Fraction, target: Fraction) -> None:
    """The verdict is about people's work: it must be the exact one."""
    b = int(a * share)

    assert row(_ONLINE, target, Count(a, b), None).met is (Fraction(100 * b, a) >= target)


@for_all(a=st.integers(1, 10_000), share=st.fractions(0, 1), target=_TARGETS)
def test_still_needed_is_the_smallest_number_that_would_do(
    a: int, share: Fraction, target: Fraction
) -> None:
    """«Còn thiếu n»: with n more the target is met, with one less it is not."""
    b = int(a * share)
    needed = row(_ONLINE, target, Count(a, b), None).still_needed

    assert needed is not None and needed >= 0
    assert 100 * (b + needed) >= target * a
    assert needed == 0 or 100 * (b + needed - 1) < target * a


@for_all(a=st.integers(1, 10_000), share=st.fractions(0, 1), target=_TARGETS.filter(bool))
def test_late_ones_allowed_is_the_largest_number_that_the_target_bears(
    a: int, share: Fraction, target: Fraction
) -> None:
    """«Được trễ thêm n»: n more late ones are borne, one more is not."""
    b = int(a * share)
    allowed = row(_ON_TIME, target, Count(a, b), None).late_allowed

    assert allowed is not None
    assert 100 * b >= target * (a + allowed)
    assert 100 * b < target * (a + allowed + 1)


def test_nothing_to_count_is_neither_met_nor_missed() -> None:
    """«Chưa phát sinh»: an office without dossiers is not a bad one."""
    found = row(_ON_TIME, Fraction(95), Count(0, 0), Unit(code="x", name="X", level="commune"))

    assert (found.met, found.rate, found.gap_points, found.late_allowed) == (None,) * 4


def test_resolved_without_a_due_moment_stays_in_the_denominator_and_is_shown() -> None:
    """A real city counted them as on time, and looked better than it was."""
    known = [
        given(received(due=due)).when(resolved()).facts for due in ("2023-02-10T17:00", None, None)
    ]

    count = _count(_ON_TIME, known)
    assert count == Count(a=3, b=1, due_unknown=2)
    assert row(_ON_TIME, Fraction(95), count, None).due_unknown == 2


def _days(online: bool) -> tuple[int, ...]:
    return (local_day(ms("2023-02-10T09:00")),) if online else ()
