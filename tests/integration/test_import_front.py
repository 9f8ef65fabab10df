"""The real receipt log through the real front into Kafka, with the front killed half-way."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import orjson
import pytest

from schemas.topics import EVENTS
from services.cli.imports import operator_key, until_known
from services.emitter.client import GatewayClient
from services.emitter.importer import Summary, import_file
from services.emitter.mapping import mapping_text, parse_mapping
from streams.core.dossier import Dossier, add, read
from streams.core.facts import facts
from tests.integration.test_gateway_kafka import records
from tests.support import kafka, services
from tests.support.histories import WORK

RECEIPT = Path(__file__).resolve().parents[3] / "shared" / "data" / "receipt.csv"
MAPPING = parse_mapping(mapping_text("receipt"))

needs_receipt = pytest.mark.skipif(not RECEIPT.exists(), reason=f"no {RECEIPT}")


@pytest.fixture(scope="module")
def prefix(kafka_broker: kafka.RunningBroker) -> str:
    return kafka_broker.fresh_prefix()


@pytest.fixture(scope="module")
def front(kafka_broker, prefix, tmp_path_factory) -> Iterator[services.Service]:
    data = tmp_path_factory.mktemp("front")
    port = kafka.free_ports(2)
    with services.running("services.front", data, port, kafka_broker.bootstrap, prefix) as service:
        yield service


@pytest.mark.shared
@needs_receipt
def test_the_receipt_log_arrives_whole_though_the_front_dies(front, kafka_broker, prefix, tmp_path):
    """What the issue counts by hand: 1,434 dossiers, 1,329 resolved, 952 on time, 2 impossible."""
    key = operator_key(front.data, MAPPING)
    port = int(front.url.rpartition(":")[2])
    half = threading.Event()
    found: list[Summary] = []

    def progress(_: int, __: int, events: int) -> None:
        if events >= 600:
            half.set()

    def run() -> None:
        with GatewayClient(front.url, key, patience_s=60) as client:
            until_known(client, MAPPING.name, MAPPING.unit_codes)
            state = tmp_path / "state.json"
            found.append(import_file(RECEIPT, MAPPING, client, lambda _: state, progress, 200))

    thread = threading.Thread(target=run)
    thread.start()
    assert half.wait(60)
    front.kill()
    with services.running("services.front", front.data, port, kafka_broker.bootstrap, prefix):
        thread.join(60)
        run()  # and all of it again
    first, again = found
    assert (first.rows, first.dossiers, first.events, first.unusable) == (8577, 1434, 2763, 0)
    assert (again.dossiers, again.events, again.resumed_at) == (1434, 2763, 0)

    dossiers: dict[tuple[str, str], Dossier] = {}
    stored = records(kafka_broker.bootstrap, prefix, EVENTS)
    assert len(stored) >= 2 * 2763
    for _, _, value in stored:
        unit, code, entry = read(orjson.dumps(value))
        dossiers[unit, code] = add(dossiers.get((unit, code), ()), entry)[0]
    known = [facts(dossier, WORK) for dossier in dossiers.values()]
    assert len(known) == 1434
    assert sum(f.has("resolved") for f in known) == 1329
    assert sum(f.has("on_time") for f in known) == 952
    assert sum(f.has("closed_before_received") for f in known) == 2
    assert {f.level for f in known} == {"district"}
    assert all(f.has("procedure_unknown") for f in known)


@pytest.fixture(scope="module")
def alive(kafka_broker, tmp_path_factory) -> Iterator[services.Service]:
    data, port = tmp_path_factory.mktemp("pages"), kafka.free_ports(2)
    prefix = kafka_broker.fresh_prefix()
    with services.running("services.front", data, port, kafka_broker.bootstrap, prefix) as service:
        yield service


@pytest.mark.parametrize("path", ["/", "/docs", "/metrics", "/wall", "/.well-known/motcua"])
def test_every_page_of_the_front_is_served_without_the_internet(alive, path):
    answer = httpx2.get(f"{alive.url}{path}", trust_env=False)
    assert answer.status_code == 200
    own = answer.text.replace(alive.url, "").replace(alive.url.rsplit(":", 1)[0], "")
    for foreign in ("https://cdn", "//unpkg", "jsdelivr", "fonts.googleapis", 'src="http'):
        assert foreign not in own


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("from=2023-01-01&to=2022-01-01", "period_backwards"),
        ("from=2023-02-30&to=2023-03-01", "day_expected"),
        ("from=2023-01-01&to=2023-01-31&book=../secrets", "book_unknown"),
    ],
)
def test_a_wrong_question_is_told_so(alive, query, rule):
    answer = httpx2.get(f"{alive.url}/api/v1/units?{query}", trust_env=False)
    assert answer.status_code == 422
    assert answer.json()["type"] == f"urn:motcua:problem:{rule}"


def test_the_front_stops_within_three_seconds_though_a_wall_is_connected(kafka_broker, tmp_path):
    prefix = kafka_broker.fresh_prefix()
    arguments = (tmp_path, kafka.free_ports(2), kafka_broker.bootstrap, prefix)
    service = services.start("services.front", *arguments)
    with (
        httpx2.Client(base_url=service.url, trust_env=False) as http,
        http.stream("GET", "/api/wall/stream") as stream,
    ):
        assert stream.status_code == 200
        next(stream.iter_bytes())
        assert service.stop() < 3
    assert service.process.returncode == 0
