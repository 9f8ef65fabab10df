"""The process ``history``: it serves, stops cleanly, survives kill -9, says what is wrong."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from kafka import KafkaProducer

from schemas.topics import EVENTS
from tests.support import kafka
from tests.support.histories import admitted, received
from tests.support.kafka import eventually

YEAR = {"from": "2023-01-01", "to": "2023-12-31"}


@contextmanager
def history(folder: Path, port: int, broker: str, prefix: str) -> Iterator[subprocess.Popen[str]]:
    environment = {
        **os.environ,
        "MOTCUA_DATA": str(folder),
        "MOTCUA_PORT": str(port),
        "MOTCUA_KAFKA": broker,
        "MOTCUA_TOPIC_PREFIX": prefix,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "services.history"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_it_serves_stops_and_survives_being_killed(
    kafka_broker: kafka.RunningBroker, tmp_path: Path
):
    """The life of an installation in short: start, answer, kill -9, start again, stop."""
    prefix, port = kafka_broker.fresh_prefix(), kafka.free_ports(5)
    audit = httpx2.Client(base_url=f"http://127.0.0.1:{port + 1}", trust_env=False, timeout=20)

    def dossiers() -> int | None:
        try:
            return audit.get("/api/v1/report", params=YEAR).json().get("dossiers")
        except httpx2.TransportError:
            return None

    send(kafka_broker.bootstrap, prefix, 0, 500)
    with history(tmp_path, port, kafka_broker.bootstrap, prefix) as first:
        eventually(lambda: dossiers() == 500, 40, "the first events")
        with history(tmp_path, port + 2, kafka_broker.bootstrap, prefix) as second:
            _, said = second.communicate(timeout=30)
            assert second.returncode == 1
            assert "another process has it open" in said
        send(kafka_broker.bootstrap, prefix, 500, 2000)
        first.kill()
        first.wait(10)

    with history(tmp_path, port, kafka_broker.bootstrap, prefix) as again:
        eventually(lambda: dossiers() == 2000, 40, "all events, once")
        ready = audit.get("/readyz").json()
        assert [check["name"] for check in ready["checks"]] == ["clickhouse", "historian"]
        assert ready["ready"], ready
        assert audit.get("/.well-known/motcua").json()["product"] == "motcua"
        started = time.monotonic()
        again.send_signal(signal.SIGTERM)
        _, said = again.communicate(timeout=20)

    assert again.returncode == 0, said
    assert time.monotonic() - started < 6
    assert "Traceback" not in said
    audit.close()


def send(bootstrap: str, prefix: str, first: int, end: int) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=10)
    for n in range(first, end):
        unit = ("23500", "23503", "dh-tp")[n % 3]
        value = admitted(received(dossier=f"d{n}", unit=unit))
        producer.send(EVENTS.full_name(prefix), key=unit.encode(), value=value)
    producer.flush()
    producer.close()
