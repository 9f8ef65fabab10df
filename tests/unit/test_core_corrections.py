"""The laws of corrections and of older versions: what counts in the place of what was said."""

from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import strategies as st

from schemas.events import EVENTS
from schemas.upcasting import STEPS, lift
from streams.core.dossier import (
    AnyEntry,
    Corrected,
    Dossier,
    UnreadableEvent,
    corrections,
    effective,
    read,
)
from streams.core.facts import BIT, Facts
from tests.support.histories import (
    DATA,
    admitted,
    corrected,
    entries,
    entry,
    event,
    facts_of,
    fold,
    for_all,
    ms,
    paid,
    received,
    refunded,
    resolved,
    resolved_v1,
    submitted,
    supplement_requested,
)
from tests.support.stories import given

_KINDS = [kind.name for kind in EVENTS if kind.name != "corrected"]


@st.composite
def originals(draw: st.DrawFn) -> AnyEntry:
    """An event that is no correction, with an identity of its own."""
    kind = draw(st.sampled_from(_KINDS))
    at = draw(st.sampled_from(("2023-02-09T08:00", "2023-02-10T17:00", "2023-02-20T09:00")))
    return entry(event(kind, at, draw(DATA[kind]), id="the-original"))


def correction(
    original: AnyEntry, by: AnyEntry | None, *, recorded: int = 2**41, id: int = 1, content: int = 0
) -> Corrected:
    """A correction of the entry; recorded after everything that is drawn when nothing is said."""
    if by is not None:
        by = msgspec.structs.replace(by, id=original.id, recorded=recorded, content=content)
    return Corrected(original.at, id, recorded, content, original.level, original.id, by)  # type: ignore[arg-type]  # no correction


def but_for(found: Facts, *names: str) -> Facts:
    """The facts without these."""
    for name in names:
        found = found._replace(bits=found.bits & ~BIT[name])
    return found


def uncorrected(history: list[AnyEntry], original: AnyEntry) -> list[AnyEntry]:
    """The history without corrections of the event, and without any event of its identity."""
    return [
        e
        for e in history
        if e.id != original.id and not (type(e) is Corrected and e.target == original.id)
    ]


@for_all(history=entries(min_size=1), original=originals())
def test_a_void_event_was_never_sent(history: list[AnyEntry], original: AnyEntry) -> None:
    """Whoever typed into the wrong dossier must be able to leave no trace in the figures."""
    without = uncorrected(history, original) or [entry(submitted())]
    void = correction(original, None)

    assert but_for(facts_of([*without, original, void]), "corrected") == but_for(
        facts_of(without), "corrected"
    )


@for_all(history=entries(), original=originals(), by=originals())
def test_a_corrected_event_counts_as_if_it_had_said_so_at_once(
    history: list[AnyEntry], original: AnyEntry, by: AnyEntry
) -> None:
    """A replacement has its own kind, moment and content, under the identity of the original."""
    without = uncorrected(history, original)
    at_once = msgspec.structs.replace(by, id=original.id)

    assert but_for(
        facts_of([*without, original, correction(original, by)]), "corrected"
    ) == but_for(facts_of([*without, at_once]), "corrected")


@for_all(history=entries(), original=originals(), by=st.none() | originals())
def test_a_correction_may_come_before_its_original(
    history: list[AnyEntry], original: AnyEntry, by: AnyEntry | None
) -> None:
    """Offices sync in any order: until the original comes only the anomaly is different."""
    without = uncorrected(history, original)
    early = [*without, correction(original, by)]
    late = [*early, original]

    assert effective(fold(early)) == effective(fold(late))
    assert facts_of(early).has("correction_without_original")
    there = fold(late)
    others = any(type(e) is Corrected and e.target not in {o.id for o in there} for e in there)
    assert facts_of(late).has("correction_without_original") == others
    assert but_for(facts_of(early), "correction_without_original") == but_for(
        facts_of(late), "correction_without_original"
    )


@for_all(history=entries(), original=originals(), by=originals(), again=st.none() | originals())
def test_a_correction_of_a_correction_changes_nothing_but_is_listed(
    history: list[AnyEntry], original: AnyEntry, by: AnyEntry, again: AnyEntry | None
) -> None:
    """Otherwise the state would depend on how deep one looks: correct the original again."""
    first = correction(original, by, id=1)
    second = correction(first, again, id=2)
    found = [*uncorrected(history, original), original, first]

    assert facts_of([*found, second]).has("correction_of_correction")
    assert but_for(facts_of([*found, second]), "correction_of_correction") == but_for(
        facts_of(found), "correction_of_correction"
    )


@for_all(
    history=entries(),
    original=originals(),
    by=st.lists(st.none() | originals(), min_size=2, max_size=3),
    noise=st.randoms(use_true_random=False),
    same_moment=st.booleans(),
)
def test_of_several_corrections_the_latest_is_in_force_in_every_order(
    history: list[AnyEntry],
    original: AnyEntry,
    by: list[AnyEntry | None],
    noise: Any,
    same_moment: bool,
) -> None:
    """Two clerks mend the same mistake; a tie of the recording is decided by the content."""
    made = [
        correction(original, one, id=n, content=n, recorded=2**41 + (0 if same_moment else n))
        for n, one in enumerate(by)
    ]
    without = uncorrected(history, original)
    last_alone = facts_of([*without, original, made[-1]])
    everything = [*without, original, *made]
    noise.shuffle(everything)

    assert corrections(fold(everything))[original.id] == made[-1]
    assert facts_of(everything) == last_alone


@for_all(history=entries(min_size=1))
def test_what_is_in_force_holds_no_correction_and_each_identity_once(
    history: list[AnyEntry],
) -> None:
    """Every rule behind may forget that corrections exist."""
    in_force: Dossier = effective(fold(history))

    assert all(type(e) is not Corrected for e in in_force)
    assert len({e.id for e in in_force}) == len(in_force)
    assert list(in_force) == sorted(in_force, key=lambda e: (e.at, e.kind, e.id))


def test_a_reception_in_the_wrong_month_moves() -> None:
    """The day and the procedure of the correction count, and so does its frozen catalogue."""
    wrong = received("2023-02-10T08:30", procedure="1.001193")
    right = received("2023-01-10T08:30", procedure="2.000635", due="2023-01-11T17:00")
    given(wrong).when(corrected(wrong, right)).then(
        received_at=ms("2023-01-10T08:30"),
        due_at=ms("2023-01-11T17:00"),
        procedure="2.000635",
        fee_owed=True,
        procedure_unknown=False,
        corrected=True,
    )


def test_a_void_result_leaves_the_dossier_open() -> None:
    """The result was filed under another dossier by mistake."""
    result = resolved()
    given(received(), result).when(corrected(result)).then(
        resolved=False, on_time=False, closed_at=None, corrected=True
    )


def test_a_void_refund_gives_the_payment_back() -> None:
    """A wrong refund must not cost the office its online payment."""
    back = refunded()
    given(received(), paid(), back).then(paid_online=False)
    given(received(), paid(), back).when(corrected(back)).then(paid_online=True)


def test_an_event_may_be_corrected_into_another_kind() -> None:
    """The clerk took «payment» for «supplement»: the original's kind does not bind."""
    wrong = paid()
    given(received(), wrong).when(corrected(wrong, supplement_requested("2023-02-10T10:00"))).then(
        paid_online=False, supplemented=True, waiting_since=ms("2023-02-10T10:00")
    )


def test_a_correction_can_be_corrected_back_by_correcting_the_original_again() -> None:
    """The one way there is, and it works."""
    result = resolved("2023-02-10T18:00")
    first = corrected(result, resolved("2023-02-10T16:00"), at="2023-02-20T09:00")
    again = corrected(result, resolved("2023-02-10T18:00"), at="2023-02-21T09:00")
    given(received(), result, first).then(on_time=True)
    given(received(), result, first).when(again).then(on_time=False, late=True)


def test_a_void_event_does_not_name_the_level() -> None:
    """Sent by mistake on a day when the unit had another level, and taken back."""
    before = entry(submitted("2023-02-09T08:00"), level="district")
    after = entry(resolved("2023-02-10T16:00"), level="commune")
    void = correction(before, None)

    assert facts_of([before, after]).level == "district"
    assert facts_of([before, after, void]).level == "commune"
    assert facts_of([before, void]).level == "district"


# -- older versions


@for_all(
    history=entries(),
    outcome=st.sampled_from(("approved", "refused")),
    electronic=st.booleans(),
    claim=st.none() | st.booleans(),
    officer=st.none() | st.just("cb02"),
)
def test_an_old_result_is_read_as_the_new_one(
    history: list[AnyEntry], outcome: str, electronic: bool, claim: bool | None, officer: str | None
) -> None:
    """An office's software is upgraded once in ten years, and its records are never rewritten."""
    said = {"outcome": outcome, "electronic": electronic, "officer": officer, "id": "the-result"}
    old = entry(resolved_v1(claims_on_time=claim, **said))  # type: ignore[arg-type]  # a mapping of any
    new = entry(resolved(claims_on_time=claim, **said))  # type: ignore[arg-type]  # a mapping of any

    assert msgspec.structs.replace(old, content=0) == msgspec.structs.replace(new, content=0)
    assert facts_of([*history, old]) == facts_of([*history, new])


def test_an_old_result_inside_a_correction_is_lifted_too() -> None:
    """Corrections are as old as the software that sends them."""
    result = resolved("2023-02-10T18:00")
    old = resolved_v1("2023-02-10T16:00", electronic=True)
    given(received(), result).when(corrected(result, old)).then(
        on_time=True, result_electronic=True
    )


def test_both_forms_of_a_result_count_as_electronic() -> None:
    """What v1 could not say."""
    given(received()).when(resolved(form="both")).then(result_electronic=True)
    given(received()).when(resolved(form="paper")).then(result_electronic=False)


def test_lifting_ends_at_todays_version_and_leaves_it_alone() -> None:
    """Whoever reads a lifted event knows one version."""
    today = {kind.type for kind in EVENTS}
    assert {t for kind in EVENTS for t in kind.types} - today == set(STEPS)
    for old in STEPS:
        assert lift(old, {})[0] in today
    for said, form in ((True, "electronic"), (False, "paper")):
        _, data = lift("motcua.dossier.resolved.v1", {"electronic_result": said, "outcome": "x"})
        assert data == {"result_form": form, "outcome": "x"}
    for event_type in today:
        data = {"electronic_result": True}
        assert lift(event_type, data) == (event_type, data)


# -- from the record


@pytest.mark.parametrize("kind", ["corrected.v1", "teleported.v1", "received.v2"])
def test_a_replacement_of_no_known_kind_is_unreadable(kind: str) -> None:
    """A correction by a correction cannot be said, and what is not known is not guessed."""
    record = orjson.loads(admitted(corrected(paid(), paid(amount=2000))))
    record["data"]["replacement"]["type"] = f"motcua.dossier.{kind}"
    with pytest.raises(UnreadableEvent, match="a correction by"):
        read(orjson.dumps(record))


def test_a_correction_that_names_nothing_is_unreadable() -> None:
    record = orjson.loads(admitted(corrected(paid())))
    del record["data"]["corrects"]
    with pytest.raises(UnreadableEvent, match="names no event"):
        read(orjson.dumps(record))
