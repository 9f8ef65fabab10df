"""The demonstration against an installation with the real admission and core behind HTTP."""

import io
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from importlib import resources
from pathlib import Path

import pytest

from schemas.registry import load_registry
from services.books import Books
from services.emitter import demo_key
from services.emitter.demo import CannotShow, interrupted, show
from services.emitter.demo_options import Options, options_of
from services.emitter.demo_screen import Screen
from services.emitter.demo_story import memory_file, remembered
from services.emitter.demo_units import registry_of_demo
from services.gateway.credentials import credentials_file, read_credentials, verify
from tests.support.installation import KEY, Installation, installation
from tests.support.kafka import eventually

NOW = datetime.fromisoformat("2026-11-02T10:00:00+07:00")
PROJECT = Path(__file__).parents[2]
PERIOD = ("2026-01-01", "2026-10-30")


@pytest.fixture
def there() -> Iterator[Installation]:
    with installation() as found:
        yield found


@pytest.fixture
def options(there: Installation, tmp_path: Path) -> Options:
    return Options(
        url=there.url,
        data=tmp_path,
        dossiers=120,
        speed=1_000_000,
        seed=1,
        book="dak-ha-2023",
        leave=True,
    )


def told_key(data: Path, units: Sequence[str]) -> str:
    return KEY


def shown(options: Options) -> tuple[int, str]:
    """(exit code, what was said)."""
    output = io.StringIO()
    code = show(options, Screen(output), lambda: NOW, told_key)
    return code, output.getvalue()


def test_it_fills_the_installation_and_says_what_it_did(
    there: Installation, options: Options
) -> None:
    """The seven indicators, the check of history, the addresses, what persists."""
    code, said = shown(options)

    assert code == 0
    assert len(there.dossiers) == 120
    assert "01/01/2026 – 30/10/2026" in said
    assert "INVENTED" in said
    for row in there.report("dak-ha-2023", *PERIOD).rows:
        if row.unit is None:
            assert re.search(rf"^ *{re.escape(row.row)} .* {row.b} / {row.a} ", said, re.MULTILINE)
    assert "live equals history" in said
    assert f"{there.url}/wall" in said
    assert f"rm -r {options.data}" in said


def test_it_shows_the_own_book_that_the_wall_shows(there: Installation, options: Options) -> None:
    """An installation with ``MOTCUA_BOOK`` of its own may be tried out too."""
    folder = options.data / "books"
    folder.mkdir()
    shipped = (resources.files("schemas") / "books_data" / "dak-ha-2023.toml").read_text("utf-8")
    own = shipped.replace('code = "dak-ha-2023"', 'code = "own"')
    own = own.replace('short = "Giải quyết đúng hạn"', 'short = "Không trễ hẹn"')
    (folder / "own.toml").write_text(own, "utf-8")
    there.books = Books(options.data)
    code, said = shown(replace(options, book="own"))
    assert (code, "Không trễ hẹn" in said) == (0, True)

    with pytest.raises(CannotShow, match="dak-ha-2023, own"):
        shown(replace(options, book="other"))


def test_a_second_time_doubles_nothing_and_says_so(there: Installation, options: Options) -> None:
    """Someone will start it twice."""
    shown(options)
    before = dict(there.dossiers)
    first = list(there.batches)
    code, said = shown(options)

    assert code == 0
    assert there.dossiers == before
    assert len(there.batches) > len(first)
    assert "nothing counts twice" in said
    assert "before 120, nay / now 120" in said


def test_it_carries_on_with_more_dossiers(there: Installation, options: Options) -> None:
    """What is there stays as it is."""
    shown(options)
    before = dict(there.dossiers)
    code, _ = shown(replace(options, dossiers=140))

    assert code == 0
    assert all(there.dossiers[identity] == dossier for identity, dossier in before.items())
    assert len(there.dossiers) >= 140


def test_another_seed_is_not_mixed_in(there: Installation, options: Options) -> None:
    """Two districts under the same codes would make nonsense of both."""
    shown(options)
    before = dict(there.dossiers)
    code, said = _main(replace(options, seed=2))

    assert code == 2
    assert "--seed 1" in said
    assert there.dossiers == before


def test_a_folder_of_an_earlier_edition_is_not_mixed_in(
    there: Installation, options: Options
) -> None:
    """Its dossiers have the same codes and another life."""
    memory_file(options.data).write_text('{"seed": 1, "dossiers": 9, "day": "", "runs": 1}')
    code, said = _main(options)

    assert code == 2
    assert "--data DIR" in said
    assert there.batches == []


def test_the_invented_district_goes_on_after_the_real_one_ended(
    there: Installation, options: Options
) -> None:
    """Districts were abolished in 2025; the folder's own registry says that this one was not."""
    shown(options)
    registry = load_registry(options.data / "registry")
    known = {unit.code: unit for unit in registry.units}

    assert {unit for unit, _ in there.dossiers} <= known.keys()
    for code in ("23504", "dh-tp"):
        unit = registry.unit(code, NOW.date())
        assert unit is not None and unit.illustrative
        assert unit.name == load_registry().unit(code, date(2023, 2, 1)).name  # type: ignore[union-attr]  # it is there
    again = registry_of_demo(options.data)
    assert again.units == registry.units


def test_a_gateway_that_reads_another_registry_is_told(
    there: Installation, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--data names another folder than the installation's: every event would be refused."""
    there.registry = load_registry()
    monkeypatch.setattr("services.emitter.demo_units._KNOWN_WITHIN_S", 0.1)

    with pytest.raises(CannotShow, match="--data"):
        shown(options)
    assert there.batches == []


def test_real_data_is_never_touched(there: Installation, options: Options) -> None:
    """An invented event in a real record would stay there for ever."""
    there.demo = False
    code, said = _main(options)

    assert code == 2
    assert "holds real data" in said
    assert there.batches == []
    assert remembered(options.data) is None


def test_a_gateway_that_is_away_for_a_moment_is_waited_for(
    there: Installation, options: Options
) -> None:
    """503 means: send the same again."""
    there.away = 1
    code, said = shown(options)

    assert code == 0
    assert len(there.dossiers) == 120
    assert "Kafka chưa xác nhận" in said


def test_a_difference_between_live_and_history_is_an_error(
    there: Installation, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this product is there to notice."""
    there.equal = False
    monkeypatch.setattr("services.emitter.demo_check._VERIFY_WITHIN_S", 0.1)
    code, said = shown(options)

    assert code == 1
    assert "DIFFERS" in said


def test_without_an_audit_it_says_that_nothing_was_compared(
    there: Installation, options: Options
) -> None:
    """The live side stands for itself."""
    there.audit_answers = False
    code, said = shown(options)

    assert code == 0
    assert "could not verify" in said
    assert "equals history" not in said


def test_dossiers_that_never_reach_the_wall_are_an_error(
    there: Installation, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was accepted must be counted; anything else is what this product is against."""
    there.swallows = 1
    monkeypatch.setattr("services.emitter.demo_check._ARRIVE_WITHIN_S", 0.5)
    code, said = shown(options)

    assert code == 1
    assert "not all dossiers reached the wall" in said


def test_refused_events_are_an_error_and_named_by_their_rule(
    there: Installation, options: Options
) -> None:
    """A demonstration that the gateway refuses demonstrates something else."""
    there.refused_units = frozenset({"23500"})
    code, said = shown(options)

    assert code == 1
    assert "× unit_not_yours" in said


def test_an_address_where_nothing_answers_is_named(options: Options) -> None:
    """With what to do about it."""
    code, said = _main(replace(options, url="http://127.0.0.1:1"))

    assert code == 1
    assert "http://127.0.0.1:1" in said


# -- the key


def test_the_key_is_made_once_and_kept_from_others(there: Installation, options: Options) -> None:
    """It may write for every unit of the installation."""
    made: list[Sequence[str]] = []

    def maker(data: Path, units: Sequence[str]) -> str:
        made.append(units)
        return KEY

    for _ in range(2):
        show(options, Screen(io.StringIO()), lambda: NOW, maker)
    assert [set(units) for units in made] == [{unit.code for unit in there.registry.units}]
    kept = demo_key.key_file(options.data)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def test_a_key_that_the_gateway_does_not_know_any_more_is_replaced(
    there: Installation, options: Options
) -> None:
    """Somebody removed the emitter, or copied the folder."""
    kept = demo_key.key_file(options.data)
    kept.parent.mkdir()
    kept.write_text("mc_000000000000_" + "x" * 43)
    code, _ = shown(options)

    assert code == 0
    assert kept.read_text().strip() == KEY


def test_the_command_line_makes_the_key(tmp_path: Path) -> None:
    """The real one: made, made anew, bound to the units; the file of emitters knows it."""
    first = demo_key.make_key(tmp_path, ["23500", "23503"])
    second = demo_key.make_key(tmp_path, ["23500"])
    known = read_credentials(credentials_file(tmp_path))

    assert verify(known, first) is None
    emitter = verify(known, second)
    assert emitter is not None
    assert (emitter.name, emitter.units) == ("demo", frozenset({"23500"}))


def test_what_the_command_line_says_against_it_is_passed_on(tmp_path: Path) -> None:
    """Else nobody could help."""
    with pytest.raises(demo_key.NoKey, match="no such unit: nowhere"):
        demo_key.make_key(tmp_path, ["nowhere"])


# -- as a program


def test_the_trickle_goes_on_until_it_is_told_to_stop(
    there: Installation, options: Options
) -> None:
    """A terminal's Ctrl-C and the supervisor's signal come together; it ends once, cleanly."""
    with _running(replace(options, leave=False)) as process:
        assert process.stdout is not None
        said = next(line for line in process.stdout if "walks in" in line)
        before = len(there.dossiers)
        eventually(lambda: len(there.dossiers) > before, 20, "somebody walks in")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(10) == 0
    assert "stopped as asked" in rest
    assert "Traceback" not in said + rest


def test_only_the_first_signal_interrupts() -> None:
    """The second one would hit the program while it says goodbye."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted(signal.SIGINT, None)
        assert [signal.getsignal(number) for number in numbers] == [signal.SIG_IGN] * 2
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def test_the_command_line_says_what_it_takes() -> None:
    """Wrong values are refused before anything is sent."""
    chosen = options_of(["--url", "http://127.0.0.1:9/", "--data", "/tmp/x", "--seed", "3"])
    assert (chosen.url, chosen.data, chosen.seed) == ("http://127.0.0.1:9", Path("/tmp/x"), 3)
    assert (chosen.dossiers, chosen.speed, chosen.leave) == (6000, None, False)
    for wrong in (["--dossiers", "0"], ["--speed", "0.5"], ["--seed", "-1"]):
        with pytest.raises(SystemExit, match="2"):
            options_of(wrong)


def _main(options: Options) -> tuple[int, str]:
    """The whole program in a process of its own."""
    with _running(options) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        return process.wait(60), said


@contextmanager
def _running(options: Options) -> Iterator[subprocess.Popen[str]]:
    """The program, with a key that the installation knows; ended with the block."""
    kept = demo_key.key_file(options.data)
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(KEY)
    command = [sys.executable, "-m", "services.emitter.demo", "--url", options.url]
    command += ["--data", str(options.data), "--dossiers", str(options.dossiers)]
    command += ["--seed", str(options.seed), "--speed", str(options.speed)]
    command += ["--exit-when-done"] if options.leave else []
    process = subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        with process:
            yield process
    finally:
        process.kill()
