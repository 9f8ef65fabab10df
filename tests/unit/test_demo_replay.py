"""A day passes faster than life, in order and complete; what is remembered of a demonstration."""

import json
import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.registry import load_registry
from services.emitter.client import GatewayAway, Refusal
from services.emitter.demo_story import (
    EDITION,
    VIET_NAM,
    Story,
    Told,
    begin,
    finish,
    memory_file,
    remembered,
    story_of,
)
from services.emitter.demo_units import invented
from services.emitter.replay import (
    LONGEST_PAUSE_S,
    Sent,
    replay,
    send_all,
    speed_for,
    timeline,
    walk_ins,
)
from services.emitter.simulate import EventDict, simulate_day

REGISTRY = invented(load_registry())
FIRST, DAY = date(2026, 1, 1), date(2026, 10, 30)


class Clock:
    """Time that passes only when somebody waits or something takes long."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.at += seconds

    def local(self) -> datetime:
        return datetime(2026, 11, 2, 9, tzinfo=VIET_NAM) + timedelta(seconds=self.at)


class Gateway:
    """Takes everything but what a test wants refused; knows when it got what."""

    def __init__(self, clock: Clock, takes_s: float = 0.0) -> None:
        self.clock, self.takes_s = clock, takes_s
        self.got: list[tuple[float, EventDict]] = []
        self.refuses: frozenset[str] = frozenset()
        self.batches: list[int] = []
        self.away = 0

    def send(self, events: Sequence[EventDict]) -> list[Refusal]:
        self.clock.at += self.takes_s
        if self.away:
            self.away -= 1
            raise GatewayAway("Kafka")
        self.batches.append(len(events))
        self.got += [(self.clock.at, event) for event in events]
        wrong = [n for n, event in enumerate(events) if event["id"] in self.refuses]
        return [Refusal(n, ({"rule": "missing", "field": "x"},)) for n in wrong]


def happened(*moments: str) -> list[EventDict]:
    """Events of which only the moment matters."""
    return [
        {"id": f"e{n}", "time": f"2026-10-30T{moment}+07:00"} for n, moment in enumerate(moments)
    ]


def test_everything_is_sent_once_in_order_in_batches() -> None:
    """Five hundred at a time is what a gateway likes best."""
    clock = Clock()
    gateway, sent = Gateway(clock), Sent()
    events = happened(*(["08:00:00"] * 1234))
    told: list[str] = []
    send_all(iter(events), gateway, sent, lambda last: told.append(last["id"]))

    assert [event for _, event in gateway.got] == events
    assert gateway.batches == [500, 500, 234]
    assert told == ["e499", "e999", "e1233"]
    assert (sent.events, sent.accepted) == (1234, 1234)


def test_what_is_refused_is_counted_by_its_reason() -> None:
    """The demonstration says what the gateway did not take, and fails for it."""
    clock = Clock()
    gateway, sent, other = Gateway(clock), Sent(), Sent()
    gateway.refuses = frozenset({"e1", "e2"})
    send_all(happened("08:00:00", "08:00:01", "08:00:02"), gateway, sent)
    send_all(happened("08:00:00", "08:00:01"), gateway, other)
    sent.add_all(other)

    assert (sent.events, sent.accepted, sent.refused) == (5, 2, {"missing": 3})


def test_each_event_is_sent_when_its_moment_has_come() -> None:
    """Twenty minutes of an office are two at ten times its speed."""
    clock = Clock()
    gateway = Gateway(clock)
    replay(
        happened("08:00:00", "08:05:00", "08:05:00", "08:10:00"),
        10.0,
        gateway,
        Sent(),
        clock=clock,
        sleep=clock.sleep,
    )

    assert [round(at - 1000) for at, _ in gateway.got] == [0, 30, 30, 60]
    assert gateway.batches == [1, 2, 1]


def test_noon_is_cut_short() -> None:
    """Nobody watches an empty office."""
    events = happened("11:20:00", "13:40:00", "13:41:00")

    assert [at for at, _ in timeline(events)] == [0, LONGEST_PAUSE_S, LONGEST_PAUSE_S + 60]


def test_a_slow_gateway_delays_but_never_loses() -> None:
    """What became due meanwhile goes in one batch."""
    clock = Clock()
    gateway, sent = Gateway(clock, takes_s=5.0), Sent()
    events = happened(*(f"08:00:{second:02d}" for second in range(20)))
    replay(events, 1.0, gateway, sent, clock=clock, sleep=clock.sleep)

    assert [event for _, event in gateway.got] == events
    assert max(gateway.batches) >= 5
    assert sent.events == 20


@given(seed=st.integers(0, 100), seconds=st.floats(1, 100))
def test_a_replay_takes_as_long_as_it_was_given(seed: int, seconds: float) -> None:
    """A person gives it a minute, a script some seconds."""
    events = list(simulate_day(REGISTRY, DAY, date(2026, 10, 1), 200, seed))
    clock = Clock()
    speed = speed_for(events, seconds)
    replay(events, speed, Gateway(clock), Sent(), clock=clock, sleep=clock.sleep)

    assert clock.at - 1000 == pytest.approx(seconds, abs=0.2)


def test_a_day_on_which_nothing_happened_takes_no_time() -> None:
    """With a handful of dossiers the last day may be empty."""
    clock = Clock()
    speed = speed_for([], 60)
    replay([], speed, Gateway(clock), Sent(), clock=clock, sleep=clock.sleep)

    assert clock.at == 1000


def test_somebody_walks_in_every_few_seconds_and_nothing_is_sent_early() -> None:
    """The trickle of a running demonstration, for a hundred seconds; the gateway hiccups."""
    clock = Clock()
    gateway = Gateway(clock)
    gateway.away = 1

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.at > 1100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        walk_ins(REGISTRY, gateway, clock.local, random.Random(1), sleep)
    codes = {event["subject"] for _, event in gateway.got}
    resolved = [event for _, event in gateway.got if ".resolved." in event["type"]]

    assert 15 <= len(codes) <= 50
    assert len(resolved) >= len(codes) / 2
    for at, event in gateway.got:
        moment = datetime.fromisoformat(event["time"])
        sent_at = datetime(2026, 11, 2, 9, tzinfo=VIET_NAM) + timedelta(seconds=at)
        assert timedelta(0) <= sent_at - moment < timedelta(seconds=2)


# -- which days, and what is remembered


@pytest.mark.parametrize(
    ("now", "first", "day"),
    [
        ("2026-11-24T13:00:00+07:00", "2026-01-01", "2026-11-23"),
        # a working day in progress is not over
        ("2026-11-25T16:59:00+07:00", "2026-01-01", "2026-11-23"),
        # in Việt Nam it is tomorrow already
        ("2026-11-25T18:00:00+00:00", "2026-01-01", "2026-11-25"),
        # no working day of the year is over yet
        ("2027-01-02T10:00:00+07:00", "2026-01-01", "2026-12-31"),
    ],
)
def test_the_story_ends_with_the_last_working_day_that_is_over(
    now: str, first: str, day: str
) -> None:
    """And begins with its year."""
    story = story_of(datetime.fromisoformat(now), 6000, 1)

    assert (story.first.isoformat(), story.day.isoformat()) == (first, day)
    assert story.before == story.day - timedelta(days=1)


def test_a_data_folder_remembers_what_was_told(tmp_path: Path) -> None:
    """So that a second demonstration can say so, and another seed is stopped."""
    story = Story(FIRST, DAY, 6000, 7)
    assert remembered(tmp_path) is None
    begin(tmp_path, story)
    broken_off = remembered(tmp_path)
    finish(tmp_path, story)
    whole = remembered(tmp_path)

    assert broken_off is not None and not broken_off.covers(story)
    assert whole == Told(seed=7, dossiers=6000, day="2026-10-30", runs=1)
    assert whole.covers(story)
    assert not whole.covers(Story(FIRST, DAY, 7000, 7))
    assert not whole.covers(Story(FIRST, DAY + timedelta(days=3), 6000, 7))
    begin(tmp_path, story)
    again = remembered(tmp_path)
    assert again is not None and (again.runs, again.day) == (2, "2026-10-30")


def test_a_folder_of_the_first_edition_says_so(tmp_path: Path) -> None:
    """Its dossiers were told otherwise: the same ids with another content would be conflicts."""
    old = {"seed": 1, "dossiers": 6000, "day": "2026-10-30", "runs": 1}
    memory_file(tmp_path).write_text(json.dumps(old))
    told = remembered(tmp_path)
    assert told is not None and told.edition == 1 < EDITION


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seed": 1}', '{"unknown": 1}'])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, text: Any) -> None:
    """Events count once anyway; a demonstration need not fail for a file."""
    memory_file(tmp_path).write_text(text)

    assert remembered(tmp_path) is None
