"""The table of faults: what is done, how often, and what must hold. A row is data."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults import brokers, contents, kills, laws, replays
from tests.faults.case import Case
from tests.faults.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Row:
    """One fault or attack. Without ``run`` it is open: nobody has done it yet."""

    number: int
    what: str
    holds: str
    counts: str = ""
    """What ``done`` counts."""
    run: Callable[[Case], Outcome] | None = None
    quick: int = 0
    full: int = 0
    brokers: int = 1
    """Of the installation that it is done to."""


ROWS = (
    Row(
        1,
        "any permutation and duplication of events",
        "the same facts and counters",
        "histories",
        laws.any_order,
        1_000,
        100_000,
    ),
    Row(
        2,
        "any events, repeated, crashes and replays, step by step",
        "model = counters after each step",
        "walks of 30 / 80 steps",
        laws.model,
        100,
        5_000,
    ),
    Row(
        3,
        "core against ClickHouse on random histories, at random moments",
        "equal",
        "histories",
        laws.both_engines,
        200,
        10_000,
    ),
    Row(
        4,
        "`kill -9` gateway under load",
        "every 202 is in the log",
        "kills",
        kills.gateway,
        3,
        50,
    ),
    Row(
        5,
        "`kill -9` worker under load: one of two, the other, both",
        "counters exact after the drain",
        "kills",
        kills.worker,
        3,
        100,
    ),
    Row(
        6,
        "`kill -9` history mid-insert, every second time at the rename of a part",
        "every event there once; the answer for the past unchanged",
        "kills",
        kills.history,
        3,
        100,
    ),
    Row(
        7,
        "broker frozen 0.6–1.5 s under load, `kill -9` worker meanwhile",
        "no event skipped",
        "stalls with a kill",
        kills.stalled_broker,
        1,
        20,
    ),
    Row(
        8,
        "folding raises for a share of the events (1 % / 5 %), each once",
        "no event lost, order kept",
        "events",
        replays.transient_errors,
        2_000,
        50_000,
    ),
    Row(
        9,
        "broker killed, stopped, frozen (quick 8 s, full 30–60 s) under load",
        "nothing lost; caught up within 60 s, without a hand",
        "bounces",
        brokers.bounced_broker,
        1,
        20,
    ),
    Row(
        10,
        "a second worker joins and leaves under load",
        "no double, no skip",
        "times joined and left",
        kills.rebalance,
        3,
        100,
    ),
    Row(
        11,
        "consumer group set back to 0 (full replay)",
        "nothing changes anywhere",
        "events",
        replays.full_replay,
        20_000,
        1_000_000,
    ),
    Row(
        12,
        "changelog and local state deleted",
        "counters rebuilt from the events, equal",
        "times",
        replays.state_deleted,
        1,
        3,
    ),
    Row(
        13,
        "ClickHouse's folder deleted",
        "rebuilt from Kafka, same hash of all rows",
        "times",
        replays.history_deleted,
        1,
        3,
    ),
    Row(14, "backup, restore, tail replayed", "equal; how old and how long printed"),
    Row(15, "disk full under Kafka or ClickHouse", "503, no crash, nothing lost, heals"),
    Row(16, "a ClickHouse part truncated or zeroed", "found at start, re-read from Kafka"),
    Row(
        17,
        "host clock ± 1 h, ± 1 day",
        "rates unchanged; an event of the far future is refused and kept",
        "shifts",
        replays.wrong_clock,
        4,
        20,
    ),
    Row(
        18,
        "duplicate storm: each event 1–20 times (quick 1–5) from three emitters",
        "exact",
        "events",
        contents.duplicates,
        2_000,
        100_000,
    ),
    Row(
        19,
        "same (source, id), other content",
        "the first counts, the other is in `rejected`",
        "contradictions",
        contents.contradictions,
        50,
        5_000,
    ),
    Row(
        20,
        "late, in any order, corrections before their originals",
        "exact; answers for a past moment unchanged",
        "events",
        contents.late,
        2_000,
        50_000,
    ),
    Row(
        21,
        "poison straight into Kafka: no JSON, wrong schema, 1 MB, NUL, depth, NaN, wrong partition",
        "`rejected`, the others flow; the breaker stops at its limit",
        "records of poison",
        contents.poison,
        500,
        100_000,
    ),
    Row(
        22,
        "ClickHouse frozen (quick 6 s, full 2 min), then killed",
        "live side unaffected, lag visible, caught up",
        "times",
        kills.history_away,
        1,
        3,
    ),
    Row(
        23, "wall loses the server, a frozen stream, a wrong build", "says so; never an old number"
    ),
    Row(
        24,
        "one wrong counter planted in `motcua.units`",
        "`verify` finds it in one cycle and names a dossier behind it",
        "plants",
        replays.planted_counter,
        3,
        50,
    ),
    Row(25, "no key, wrong key, wrong signature, replay, stale time", "401, in the access log"),
    Row(26, "role × endpoint × unit", "exactly the table of rights"),
    Row(27, "emitter A writes for a unit of B, over HTTP and into Kafka", "403 / `rejected`"),
    Row(28, "injection through every parameter of every query", "the bound literal's answer"),
    Row(29, "`file()`, `url()`, `INTO OUTFILE`, stacked statements", "canaries untouched"),
    Row(30, "schemathesis on the whole API", "no 5xx, answers fit the schema"),
    Row(31, "10× rate, 10 MB body, slow client, widest query", "429 / 413; others' p99 ≤ 2×"),
    Row(32, "personal data canaries in every field", "422; nothing stored or logged"),
    Row(33, "stored event edited, deleted, inserted, reordered", "`verify` names the first"),
    Row(34, "new code on the previous release's data folder", "equal"),
    Row(
        35,
        "of three brokers: leader killed, all restarted in turn, two frozen, under load",
        "nothing lost; 202 with one away, 503 with two, caught up within 60 s",
        "faults",
        brokers.three_brokers,
        1,
        7,
        brokers=3,
    ),
)
