"""The supervisor's pieces, each without a stack."""

import itertools
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import pids, ports, supervisor
from deploy.local.__main__ import main, summary
from deploy.local.installation import CannotStart, claimed
from deploy.local.processes import Stack, http_ready, processes
from tests.support.kafka import eventually, free_ports


def test_delays_double_from_half_a_second_to_half_a_minute():
    assert list(itertools.islice(supervisor.backoff(), 9)) == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_pid_that_was_used_again_is_another_process():
    """Killing by a remembered number alone would one day kill a stranger."""
    mine = pids.identity(os.getpid())
    assert mine is not None
    assert pids.is_alive(mine)
    assert not pids.is_alive(pids.Identity(mine.pid, mine.started + "1"))


def test_a_zombie_is_not_alive():
    """Nobody could ever end it, and it holds no port."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    try:
        eventually(lambda: pids.identity(child.pid) is None, 10, "the child ended")
    finally:
        child.wait()


def test_an_identity_survives_a_file_and_rubbish_is_none(tmp_path):
    mine = pids.identity(os.getpid())
    pids.remember(tmp_path / "a.json", mine)
    assert pids.recall(tmp_path / "a.json") == mine
    for rubbish in ("", "{", "[]", '{"pid": 1}'):
        (tmp_path / "b.json").write_text(rubbish)
        assert pids.recall(tmp_path / "b.json") is None
    assert pids.recall(tmp_path / "none.json") is None


@pytest.mark.parametrize("deaf", [False, True], ids=["listens", "deaf to SIGTERM"])
def test_what_was_left_behind_is_ended_and_strangers_are_not(tmp_path, monkeypatch, deaf):
    monkeypatch.setattr(pids, "_GENTLE_S", 0.3)
    code = "import signal, time; print(flush=True); time.sleep(60)"
    if deaf:
        code = code.replace("print", "signal.signal(15, signal.SIG_IGN); print")
    left, stranger = (
        subprocess.Popen([sys.executable, "-c", code], stdout=-1, start_new_session=True)
        for _ in range(2)
    )
    try:
        for child in (left, stranger):
            child.stdout.readline()
        known = pids.identity(stranger.pid)
        pids.remember(tmp_path / "left.json", pids.identity(left.pid))
        pids.remember(tmp_path / "stranger.json", pids.Identity(known.pid, known.started + "1"))

        assert pids.end_left_behind(tmp_path) == ["left"]

        assert left.wait(5) == (-signal.SIGKILL if deaf else -signal.SIGTERM)
        assert stranger.poll() is None
        assert list(tmp_path.iterdir()) == []
    finally:
        for child in (left, stranger):
            child.kill()
            child.wait()
            child.stdout.close()


def test_a_large_log_moves_away_and_three_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "_LOG_LIMIT", 10)
    log = tmp_path / "front.log"
    for number in range(6):
        log.write_text(f"{number} is more than ten bytes")
        supervisor.rotate(log)
    assert {f.name: f.read_text()[0] for f in tmp_path.iterdir()} == {
        "front.log.1": "5",
        "front.log.2": "4",
        "front.log.3": "3",
    }


def test_a_small_log_stays(tmp_path):
    log = tmp_path / "front.log"
    supervisor.rotate(log)
    log.write_text("x")
    supervisor.rotate(log)
    assert log.read_text() == "x"


def test_the_tail_is_the_last_lines_that_say_something(tmp_path):
    log = tmp_path / "front.log"
    log.write_bytes(b"a\n" * 20_000 + b"b\n\n\xff\nc\n\n")
    assert supervisor.tail(log, lines=3) == ["b", "\ufffd", "c"]
    assert supervisor.tail(log, began=40_005) == ["c"]
    assert supervisor.tail(log, began=50_000, lines=1) == ["c"]
    assert supervisor.tail(tmp_path / "none") == []


def test_a_port_that_is_listened_on_is_named_and_a_free_row_suggested():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken = server.getsockname()[1]
        free = free_ports(1)
        found = ports.in_use({"front": ("127.0.0.1", taken), "worker": ("127.0.0.1", free)})
        assert found == {"front": taken}
        other = ports.suggestion(20_000, "127.0.0.1")
        assert other is not None
        assert (other - 20_000) % 10 == 0


def test_the_environment_of_the_services_is_the_stacks_own():
    """What another installation left in the shell must not redirect this one."""
    shell = {"MOTCUA_DATA": "/other", "MOTCUA_KAFKA": "x:1", "MOTCUA_BOOK": "b", "HOME": "/root"}
    found = Stack(Path("/d"), 9000, demo=True, inherited=shell).environment()
    assert found == {
        "HOME": "/root",
        "MOTCUA_BOOK": "b",
        "MOTCUA_CLICKHOUSE": "chdb:/d/clickhouse",
        "MOTCUA_DATA": "/d",
        "MOTCUA_DEMO": "1",
        "MOTCUA_HOST": "127.0.0.1",
        "MOTCUA_KAFKA": "127.0.0.1:9002",
        "MOTCUA_PORT": "9000",
        "PYTHONUNBUFFERED": "1",
    }


def test_the_table_stops_who_writes_before_who_is_written_to():
    """The gateway acknowledges only what Kafka has: it must go first, and Kafka last."""
    table = {spec.name: spec for spec in processes(Stack(Path("/d"), 9000))}
    assert set(table) == {"kafka", "worker", "front", "history"}
    steps = {name: spec.stop_step for name, spec in table.items()}
    assert steps["front"] < steps["worker"] == steps["history"] < steps["kafka"]
    for name in ("worker", "front", "history"):
        assert table[name].after == ("kafka",)
    used = [port for _, port in Stack(Path("/d"), 9000).addresses.values()]
    assert sorted(used) == list(range(9000, 9000 + len(used)))


def test_kafka_stays_on_the_loopback_address_when_the_pages_do_not():
    addresses = Stack(Path("/d"), 9000, host="0.0.0.0").addresses
    assert addresses["front"] == ("0.0.0.0", 9000)
    assert addresses["kafka"] == ("127.0.0.1", 9002)


def test_nobody_listening_is_said_with_the_address():
    url = f"http://127.0.0.1:{free_ports(1)}/readyz"
    assert url in http_ready(url)()


def test_one_line_says_that_all_is_ready_and_invented_data_is_called_so():
    lines = summary(Stack(Path("/d"), 9000, demo=True), 6.2).splitlines()
    (ready,) = [line for line in lines if "sẵn sàng" in line]
    assert re.search(r"\bready\b.*http://127\.0\.0\.1:9000", ready)
    assert any("INVENTED" in line for line in lines)
    assert not any("INVENTED" in line for line in summary(Stack(Path("/d"), 9000), 1).splitlines())


def test_a_demonstration_never_mixes_with_real_data(tmp_path):
    """Invented dossiers among real ones could not be told apart afterwards."""
    first = free_ports(ports.COUNT)
    (tmp_path / "kafka").mkdir()
    with (
        pytest.raises(CannotStart, match="--data DIR"),
        claimed(Stack(tmp_path, first, demo=True), tmp_path / "running"),
    ):
        pass


@pytest.mark.parametrize("port", ["0", "70000", "x"])
def test_a_port_that_cannot_be_is_refused(port, capsys):
    with pytest.raises(SystemExit) as refused:
        main(["up", "--port", port])
    assert refused.value.code == 2
    assert "--port" in capsys.readouterr().err
