"""Who may ask the audit: accounts, sessions, guesses, and a log that only grows."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.audit.access import OPEN, RIGHTS, ROLES, OfficersSeen, Person, right_of
from services.audit.access_accounts import (
    AccountExists,
    AccountUnknown,
    add_account,
    by_key,
    by_password,
    read_accounts,
    remove_account,
)
from services.audit.access_log import FIRST, AccessLog, Head, digest_of
from services.audit.access_sessions import LASTS_S, Guesses, Sessions

NOW = datetime(2023, 6, 1, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "accounts.json"


def test_a_password_and_a_key_are_told_once_and_kept_as_hashes(file: Path):
    """Who reads the file of accounts cannot log in with it."""
    made = add_account(file, "thanh-tra", "auditor", ["23500"], NOW)
    (account,) = read_accounts(file)

    assert by_password([account], "thanh-tra", made.password) == account
    assert by_key([account], made.key) == account
    assert made.password not in file.read_text() and made.key[16:] not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert account.person("key").units == {"23500"}


def test_wrong_names_passwords_and_keys_open_nothing(file: Path):
    """A key is no password, a password no key, and nobody is everybody."""
    made = add_account(file, "a", "viewer", now=NOW)
    other = add_account(file, "b", "auditor", now=NOW)
    accounts = read_accounts(file)

    wrong = [("a", ""), ("a", other.password), ("A", made.password), ("", ""), ("a", made.key)]
    for name, password in (*wrong, ("a", made.password + "x"), ("\ud800", "\ud800")):
        assert by_password(accounts, name, password) is None
    for key in ("", "ma_", made.password, made.key[:-1], made.key.replace("ma_", "mc_"), "\ud800"):
        assert by_key(accounts, key) is None
    mixed = made.key[:16] + other.key[16:]
    assert by_key(accounts, mixed) is None


def test_accounts_are_made_and_removed_by_name(file: Path):
    """One name, one person."""
    add_account(file, "a", "viewer")
    with pytest.raises(AccountExists):
        add_account(file, "a", "auditor")
    with pytest.raises(ValidationError):
        add_account(file, "tên có dấu", "auditor")
    remove_account(file, "a")
    assert read_accounts(file) == ()
    with pytest.raises(AccountUnknown):
        remove_account(file, "a")
    file.write_text("{}")
    with pytest.raises(ValueError, match="not a file of accounts"):
        read_accounts(file)


def test_a_session_ends_with_time_with_logging_out_and_with_the_account(file: Path):
    """A cookie that somebody copied is worth no more than its account, and only for half a day."""
    add_account(file, "a", "auditor", now=NOW)
    accounts, time = read_accounts(file), [1000.0]
    sessions = Sessions(lambda: b"secret", lambda: time[0])
    cookie = sessions.begin(accounts[0])
    person = sessions.person(cookie, accounts)
    assert person is not None and (person.name, person.way) == ("a", "session")

    assert sessions.person(cookie, ()) is None
    remove_account(file, "a")
    add_account(file, "a", "administrator", now=NOW)
    assert sessions.person(cookie, read_accounts(file)) is None
    time[0] += LASTS_S
    assert sessions.person(cookie, accounts) is None
    time[0] -= LASTS_S
    sessions.end(person)
    assert sessions.person(cookie, accounts) is None


def test_a_cookie_that_was_not_signed_by_us_is_nobodys(file: Path):
    """Whoever knows the format does not know the secret."""
    add_account(file, "a", "auditor", now=NOW)
    accounts = read_accounts(file)
    ours, theirs = (Sessions(lambda s=s: s, lambda: 1000.0) for s in (b"ours", b"theirs"))
    cookie = ours.begin(accounts[0])
    body, _, signature = cookie.partition(".")

    cut, longer = f"{body}.{signature[:-1]}", f"{body}x.{signature}"
    for forged in ("", ".", "x.y", theirs.begin(accounts[0]), body, f"{body}.", cut, longer):
        assert ours.person(forged, accounts) is None
    person = ours.person(cookie, accounts)
    assert person is not None
    assert ours.fits(person, ours.form_token(person))
    assert not ours.fits(person, theirs.form_token(person))
    assert not ours.fits(person, "")


def test_guessing_gets_slow_and_a_slip_is_forgotten():
    """Five guesses in a quarter of an hour; the right answer wipes the slips away."""
    time = [0.0]
    guesses = Guesses(lambda: time[0])
    for _ in range(5):
        assert guesses.wait_s("here a") == 0
        guesses.wrong("here a")
    assert guesses.wait_s("here a") > 890
    assert guesses.wait_s("here b") == 0
    time[0] = 900
    assert guesses.wait_s("here a") == 0
    for _ in range(4):
        guesses.wrong("here a")
    guesses.right("here a")
    guesses.wrong("here a")
    assert guesses.wait_s("here a") == 0


def test_roles_grow_and_what_nobody_thought_of_is_for_auditors():
    """A new page is not open to viewers because somebody forgot a line of the table."""
    people = [Person("x", role, None, "key") for role in ROLES]
    assert [p.may("viewer") for p in people] == [True, True, True]
    assert [p.may("auditor") for p in people] == [False, True, True]
    assert [p.may("administrator") for p in people] == [False, False, True]
    assert OPEN.may("administrator") and OPEN.role == "auditor"
    unknown = right_of("/of-tomorrow/new")
    assert (unknown.least, unknown.of_unit, unknown.own) == ("auditor", False, False)
    assert right_of("/api/v1/report2").least == "auditor"
    assert {right_of(right.path) for right in RIGHTS} == set(RIGHTS)


def test_a_mask_is_the_same_every_time_and_another_elsewhere():
    """A viewer can follow one officer through a list and cannot learn who it is by trying codes."""
    here, elsewhere = (OfficersSeen(True, lambda s=s: s) for s in (b"1", b"2"))
    assert here("cb-014") == here("cb-014") != here("cb-015")
    assert here("cb-014") != elsewhere("cb-014")
    assert "014" not in here("cb-014")[:6]
    assert OfficersSeen(False, lambda: b"1")("cb-014") == "cb-014"
    assert here("") == ""


# -- the log


@pytest.fixture
def log(tmp_path: Path) -> AccessLog:
    log = AccessLog(tmp_path / "access" / "log.jsonl")
    for n in range(5):
        log.append({"who": f"người {n}", "path": "/"})
    return log


def _lines(tmp_path: Path) -> list[str]:
    return (tmp_path / "access" / "log.jsonl").read_text().splitlines()


def test_lines_are_chained_and_read_from_the_newest(log: AccessLog, tmp_path: Path):
    """Each line names the one before; the file is for its owner alone."""
    found = log.newest(3)

    assert [line["n"] for line in found] == [5, 4, 3]
    assert [line["n"] for line in log.newest(9, before=3)] == [2, 1]
    assert found[0]["before"] == found[1]["sha256"]
    assert json.loads(_lines(tmp_path)[0])["before"] == FIRST
    assert log.examine().broken is None
    assert (tmp_path / "access" / "log.jsonl").stat().st_mode & 0o077 == 0
    assert AccessLog(tmp_path / "none").newest(3) == []
    assert AccessLog(tmp_path / "none").examine().head == Head(0, FIRST)


def _changed(lines: list[str]) -> list[str]:
    return [*lines[:2], lines[2].replace("người 2", "người 9"), *lines[3:]]


def _rehashed(lines: list[str]) -> list[str]:
    line = json.loads(lines[2]) | {"who": "người 9"}
    return [*lines[:2], json.dumps(line | {"sha256": digest_of(line)}), *lines[3:]]


@pytest.mark.parametrize(
    ("tamper", "at"),
    [
        (_changed, 3),
        (_rehashed, 4),
        (lambda lines: [*lines[:2], *lines[3:]], 3),
        (lambda lines: [*lines[:2], lines[3], lines[2], lines[4]], 3),
        (lambda lines: [*lines[:3], lines[1], *lines[3:]], 4),
        (lambda lines: [*lines[:3], "{}", *lines[4:]], 5),
        (lambda lines: lines[1:], 1),
    ],
    ids=["changed", "rehashed", "deleted", "reordered", "inserted", "blanked", "beheaded"],
)
def test_whoever_edits_the_file_breaks_the_chain(log, tmp_path, tamper, at):
    """The first bad line is named."""
    file = tmp_path / "access" / "log.jsonl"
    file.write_text("\n".join(tamper(_lines(tmp_path))) + "\n")

    broken = log.examine().broken
    assert broken is not None and broken.line == at


def test_an_end_that_was_cut_off_is_found_by_whoever_noted_it(log: AccessLog, tmp_path: Path):
    """The chain alone cannot know what followed; a number and a hash on paper can."""
    noted = log.examine().head
    file = tmp_path / "access" / "log.jsonl"
    log.append({"who": "later"})
    assert log.examine(noted).broken is None
    file.write_text("\n".join(_lines(tmp_path)[:3]) + "\n")

    assert log.examine().broken is None
    assert log.examine(noted).broken is not None
    log.append({"who": "x"}), log.append({"who": "y"})
    assert log.examine(noted).broken is not None


def test_half_a_line_of_a_crash_harms_nothing(log: AccessLog, tmp_path: Path):
    """A power cut in the middle of a line; the next one follows the last whole one."""
    file = tmp_path / "access" / "log.jsonl"
    with file.open("a") as crashed:
        crashed.write('{"n":6,"who":"ha')
    log.append({"who": "next"})

    examined = log.examine()
    assert (examined.broken, examined.head.number) == (None, 6)
    assert [line["n"] for line in log.newest(2)] == [6, 5]
