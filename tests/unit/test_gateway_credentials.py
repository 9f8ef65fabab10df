"""Keys: found again, kept as hashes only, taken back at once, and not told apart by time."""

import stat
import time
from pathlib import Path
from statistics import median

import pytest

from services.gateway.credentials import (
    EmitterExists,
    EmitterUnknown,
    Keys,
    add_emitter,
    credentials_file,
    read_credentials,
    remove_emitter,
    verify,
)
from services.reread import Reread, stamp_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return credentials_file(tmp_path / "data")


async def test_a_key_is_found_with_its_units(file):
    key = add_emitter(file, "dakha", ["23500", "23503", "23500"])
    keys = Keys(file)
    for _ in range(2):
        emitter = await keys.emitter_of(key)
        assert emitter is not None
        assert (emitter.name, emitter.units) == ("dakha", {"23500", "23503"})


async def test_no_other_key_is(file):
    key = add_emitter(file, "dakha", ["23500"])
    other = add_emitter(file, "other", ["23500"])
    keys = Keys(file)
    swapped = f"{key.rpartition('_')[0]}_{other.rpartition('_')[2]}"
    for wrong in (
        "",
        "x",
        key[:-1],
        f"{key} ",
        key.upper(),
        "mc_000000000000_" + "a" * 43,
        swapped,
    ):
        assert await keys.emitter_of(wrong) is None, wrong


def test_the_file_holds_no_key_and_is_the_owners_alone(file):
    key = add_emitter(file, "dakha", ["23500"])
    text = file.read_text("utf-8")
    assert key.rpartition("_")[2] not in text
    assert "$argon2id$" in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_names_are_unique_and_unknown_ones_are_said(file):
    add_emitter(file, "dakha", ["23500"])
    with pytest.raises(EmitterExists):
        add_emitter(file, "dakha", ["23503"])
    with pytest.raises(EmitterUnknown):
        remove_emitter(file, "nobody")
    assert [c.name for c in read_credentials(file)] == ["dakha"]


async def test_a_removed_key_is_worth_nothing_once_the_file_was_looked_at(file, monkeypatch):
    """A key that was verified is remembered; that must not outlive the emitter."""
    key = add_emitter(file, "dakha", ["23500"])
    now = [0.0]
    keys = Keys(file)
    monkeypatch.setattr(keys._credentials, "_clock", lambda: now[0])
    keys._credentials._look_at = 0
    assert await keys.emitter_of(key) is not None
    remove_emitter(file, "dakha")
    now[0] = 0.5
    assert await keys.emitter_of(key) is not None
    now[0] = 1.1
    assert await keys.emitter_of(key) is None


def test_an_unknown_id_takes_as_long_as_a_wrong_secret(file):
    """Else whoever guesses learns which ids exist."""
    key = add_emitter(file, "dakha", ["23500"])
    credentials = read_credentials(file)
    wrong_secret = f"{key.rpartition('_')[0]}_{'a' * 43}"
    unknown_id = f"mc_000000000000_{'a' * 43}"
    took: dict[str, list[float]] = {wrong_secret: [], unknown_id: [], "nonsense": []}
    verify(credentials, "nonsense")  # the hash that stands for nobody is made once
    for _ in range(15):
        for wrong, times in took.items():
            began = time.perf_counter()
            assert verify(credentials, wrong) is None
            times.append(time.perf_counter() - began)
    medians = [median(times) for times in took.values()]
    assert max(medians) < 1.5 * min(medians) + 0.002


def test_a_file_that_became_unreadable_takes_nothing_away(tmp_path):
    """Half an edit by hand must not lock every emitter out."""
    file, now = tmp_path / "n", [0.0]
    file.write_text("1")
    number = Reread(lambda: int(file.read_text()), lambda: stamp_of(file), lambda: now[0])
    assert number() == 1
    file.write_text("nonsense")
    now[0] = 2
    assert number() == 1
    file.write_text("23")
    now[0] = 4
    assert number() == 23
