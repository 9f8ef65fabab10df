"""``motcua rejected`` on a real Kafka, gateway and worker: nothing is lost or counted twice."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from schemas.topics import EVENTS
from services.cli.main import app
from services.gateway.credentials import add_emitter, credentials_file
from tests.integration.test_gateway_kafka import records
from tests.support import kafka, services
from tests.support.histories import UNIT, admitted, received
from tests.support.kafka import eventually
from tests.support.workers import Log, WorkerProcess

EVENT: dict[str, Any] = json.loads(received().model_dump_json(exclude_none=True))


class Operator:
    """Somebody at the command line of an installation."""

    def __init__(self, front: services.Service, bootstrap: str, prefix: str) -> None:
        self.front, self.bootstrap, self.prefix = front, bootstrap, prefix
        self.key = add_emitter(credentials_file(front.data), "operator", [UNIT])
        self._environment = {
            "MOTCUA_KAFKA": bootstrap,
            "MOTCUA_TOPIC_PREFIX": prefix,
            "MOTCUA_DATA": str(front.data),
            "MOTCUA_KEY": self.key,
        }

    def says(self, *words: str, code: int = 0) -> str:
        found = CliRunner().invoke(
            app, ["rejected", *words, "--url", self.front.url], env=self._environment
        )
        assert found.exit_code == code, found.output
        return found.stdout

    def listed(self, *words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.says("list", "--json", *words))
        return found

    def post(self, event: dict[str, Any]) -> int:
        def status() -> int:
            return httpx2.post(
                f"{self.front.url}/v1/events",
                json=event,
                headers={
                    "authorization": f"Bearer {self.key}",
                    "content-type": "application/cloudevents+json",
                },
                trust_env=False,
            ).status_code

        # the gateway reads new keys once a second
        eventually(lambda: status() != 401, 10, "the key is known")
        return status()

    def stored(self) -> list[dict[str, Any]]:
        return [value for _, _, value in records(self.bootstrap, self.prefix, EVENTS)]


@pytest.fixture
def operator(kafka_broker: kafka.RunningBroker, tmp_path_factory) -> Iterator[Operator]:
    prefix, port = kafka_broker.fresh_prefix(), kafka.free_ports(2)
    data = tmp_path_factory.mktemp("front")
    with services.running("services.front", data, port, kafka_broker.bootstrap, prefix) as front:
        yield Operator(front, kafka_broker.bootstrap, prefix)


def test_a_refused_event_is_repaired_sent_again_and_counts_once(operator: Operator):
    """The whole way of an operator, and the slip of doing it twice."""
    wrong = {**EVENT, "data": {**EVENT["data"], "channel": "pigeon"}}
    assert operator.post(wrong) == 422
    number = str(operator.listed("--unit", UNIT)[-1]["number"])
    assert "data.channel" in operator.says("show", number)

    assert "data.channel" in operator.says("resubmit", number, code=1)
    assert "data.channel" in operator.says("repair", number, code=1)
    operator.says("repair", number, "--set", "data.channel=online")
    assert "sent again" in operator.says("resubmit", number)
    operator.says("resubmit", number)
    operator.says("resubmit", number, "--again")

    assert {(e["source"], e["id"], e["contenthash"]) for e in operator.stored()} == {
        (e["source"], e["id"], e["contenthash"]) for e in operator.stored()[:1]
    }
    assert operator.stored()[0]["data"]["channel"] == "online"
    assert number not in {str(kept["number"]) for kept in operator.listed()}
    assert number in {str(kept["number"]) for kept in operator.listed("--all")}


def test_what_the_gateway_refuses_again_stays_in_the_list(operator: Operator):
    """Rules that only the gateway knows: nothing is called sent that was not stored."""
    wrong = {**EVENT, "subject": "d-1", "data": {**EVENT["data"], "channel": "pigeon"}}
    assert operator.post(wrong) == 422
    number = str(operator.listed()[-1]["number"])
    operator.says(
        "repair", number, "--set", "data.channel=online", "--set", "time=2100-01-01T00:00:00Z"
    )

    assert "refused again" in operator.says("resubmit", number, code=1)

    assert number in {str(kept["number"]) for kept in operator.listed()}
    assert operator.stored() == []


def test_a_conflict_that_the_worker_found_is_sent_under_an_id_of_its_own(
    operator: Operator, tmp_path
):
    """Two systems used one id for two things: both are in the record in the end."""
    log = Log(operator.bootstrap, operator.prefix)
    first, second = received(officer="cb-1"), received(officer="cb-2")
    with WorkerProcess(operator.bootstrap, operator.prefix, tmp_path) as worker:
        worker.start_and_wait()
        producer = log.producer()
        for said in (first, second):
            producer.send(log.events, key=UNIT.encode(), value=admitted(said))
        producer.close()
        eventually(lambda: operator.listed("--rule", "conflicting_copy"), 20, "a conflict is kept")
        (kept,) = operator.listed("--rule", "conflicting_copy")
        number = str(kept["number"])

        assert "id" in operator.says("resubmit", number, code=1)
        operator.says("repair", number, "--set", f"id={EVENT['id']}/2")
        operator.says("resubmit", number)

    assert sorted(e["id"] for e in operator.stored()) == [
        EVENT["id"],
        EVENT["id"],
        f"{EVENT['id']}/2",
    ]


def test_an_unknown_number_is_said(operator: Operator):
    """With what to do next, instead of a stack trace."""
    operator.says("show", "999", code=2)


def test_an_absent_kafka_is_said(operator: Operator):
    """The operator must know that it is Kafka, and which."""
    address = f"127.0.0.1:{kafka.free_ports(1)}"
    command = ["-m", "services.cli", "rejected", "list", "--url", operator.front.url]

    found = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "MOTCUA_KAFKA": address},
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 2
    assert address in found.stderr
    assert "Traceback" not in found.stderr
