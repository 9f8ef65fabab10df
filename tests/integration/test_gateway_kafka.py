"""The gateway on a real Kafka: a 202 is a promise, whatever happens to either of them."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from kafka import KafkaConsumer, TopicPartition

from schemas.topics import EVENTS, PARTITIONS, REJECTED, Topic
from services.gateway.credentials import add_emitter, credentials_file
from tests.support import kafka, services
from tests.support.gateway import BATCH, SINGLE, UNITS, received, received_with


def records(bootstrap: str, prefix: str, topic: Topic) -> list[tuple[int, bytes, dict]]:
    """(partition, key, value) of everything in the topic, by partition and offset."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        parts = [TopicPartition(topic.full_name(prefix), p) for p in range(topic.partitions)]
        consumer.assign(parts)
        ends = consumer.end_offsets(parts)
        found = []
        for part in parts:
            consumer.seek(part, 0)
        deadline = time.monotonic() + 20
        while any(consumer.position(part) < ends[part] for part in parts):
            assert time.monotonic() < deadline
            for batch in consumer.poll(200).values():
                found += [(r.partition, r.key, json.loads(r.value)) for r in batch]
        return sorted(found, key=lambda r: r[0])
    finally:
        consumer.close()


def headers(key: str, kind: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "content-type": kind}


@pytest.fixture(scope="module")
def prefix(kafka_broker: kafka.RunningBroker) -> str:
    return kafka_broker.fresh_prefix()


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> tuple[Path, str]:
    data = tmp_path_factory.mktemp("gateway")
    return data, add_emitter(credentials_file(data), "dakha", UNITS)


@pytest.fixture(scope="module")
def gateway(kafka_broker, prefix, key) -> Iterator[services.Service]:
    data, _ = key
    port = kafka.free_ports(1)
    with services.running(
        "services.gateway", data, port, kafka_broker.bootstrap, prefix
    ) as service:
        yield service


@pytest.fixture
def post(gateway, key):
    def post(content: object, kind: str = SINGLE, with_key: str = key[1]) -> httpx2.Response:
        with httpx2.Client(trust_env=False, timeout=20) as http:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            url = f"{gateway.url}/v1/events"
            return http.post(url, content=body, headers=headers(with_key, kind))

    return post


def test_what_was_accepted_is_in_the_log_in_its_units_partition(post, kafka_broker, prefix):
    for _ in range(2):
        assert post(received(id="twice")).status_code == 202
    batch = [received(id=f"b-{n}", unit=UNITS[n % 2]) for n in range(40)]
    assert post(batch, BATCH).status_code == 202

    found = records(kafka_broker.bootstrap, prefix, EVENTS)
    by_unit: dict[bytes, set[int]] = {}
    for partition, unit, _ in found:
        by_unit.setdefault(unit, set()).add(partition)
    assert all(len(partitions) == 1 for partitions in by_unit.values())
    ids = [value["id"] for _, _, value in found]
    assert ids.count("twice") == 2
    assert {f"b-{n}" for n in range(40)} <= set(ids)
    in_order = [i for _, unit, v in found if unit == b"23500" and (i := v["id"]).startswith("b-")]
    assert in_order == [f"b-{n}" for n in range(0, 40, 2)]


def test_what_was_refused_is_kept_and_nothing_else_of_it(post, kafka_broker, prefix):
    wrong_key = "mc_000000000000_" + "a" * 43
    large = received(subject="x" * 1_100_000)
    answers = [
        post(received(id="other-unit", unit="23524")),
        post(received_with(channel="fax")),
        post([received(id="good"), received_with(channel="fax")], BATCH),
        post(received_with(officer="0912345678")),
        post(large),
        post(b"{"),
        post(received(id="nobody"), with_key=wrong_key),
    ]
    assert [a.status_code for a in answers] == [403, 422, 207, 422, 413, 400, 401]

    kept = [value for _, _, value in records(kafka_broker.bootstrap, prefix, REJECTED)]
    assert [r["reasons"][0]["rule"] for r in kept] == [
        "unit_not_yours",
        "value_unknown",
        "value_unknown",
        "personal_data",
        "body_too_large",
        "json_invalid",
    ]
    assert json.loads(kept[0]["event"])["id"] == "other-unit"
    assert all(r["emitter"] == "dakha" and r["stage"] == "gateway" for r in kept)
    assert "0912345678" not in json.dumps(kept)
    assert kept[3]["masked"] == ["data.officer"]
    ids = {value["id"] for _, _, value in records(kafka_broker.bootstrap, prefix, EVENTS)}
    assert "good" in ids
    assert not ids & {"other-unit", "nobody"}


async def test_every_202_survives_the_gateways_death(kafka_broker, tmp_path):
    """kill -9 under load: what was answered is in the log, the rest is sent again."""
    prefix = kafka_broker.fresh_prefix()
    key = add_emitter(credentials_file(tmp_path), "dakha", UNITS)
    port = kafka.free_ports(1)
    arguments = ("services.gateway", tmp_path, port, kafka_broker.bootstrap, prefix)
    acknowledged: set[str] = set()
    unknown = 0

    async def sender(name: int, http: httpx2.AsyncClient) -> None:
        nonlocal unknown
        for n in range(10_000):
            event = received(id=f"{name}-{n}", unit=UNITS[n % 2])
            try:
                url = f"http://127.0.0.1:{port}/v1/events"
                answer = await http.post(url, json=event, headers=headers(key, SINGLE))
            except httpx2.TransportError:
                unknown += 1
                return
            if answer.status_code == 202:
                acknowledged.add(event["id"])

    for kill in range(3):
        service = await asyncio.to_thread(services.start, *arguments)
        async with httpx2.AsyncClient(trust_env=False, timeout=20) as http:
            senders = [asyncio.create_task(sender(kill * 16 + n, http)) for n in range(16)]
            before = len(acknowledged)
            while len(acknowledged) < before + 60:
                await asyncio.sleep(0.01)
            service.process.kill()
            await asyncio.gather(*senders)
        service.process.wait(10)

    stored = {v["id"] for _, _, v in records(kafka_broker.bootstrap, prefix, EVENTS)}
    assert unknown >= 16
    assert len(acknowledged) >= 180
    assert acknowledged <= stored


@pytest.fixture
def own_broker(tmp_path) -> Iterator[kafka.RunningBroker]:
    with kafka.broker(tmp_path / "kafka") as broker:
        yield broker


def test_while_kafka_is_away_senders_are_told_so_and_nothing_is_lost(own_broker, tmp_path):
    """Frozen, then killed and started again: 503 in time, and it heals without a hand."""
    prefix = own_broker.fresh_prefix()
    key = add_emitter(credentials_file(tmp_path), "dakha", UNITS)
    acknowledged: set[str] = set()
    slowest = 0.0

    def post(event_id: str) -> int:
        nonlocal slowest
        began = time.monotonic()
        batch = [received(id=f"{event_id}-{n}", unit=UNITS[n % 2]) for n in range(4)]
        answer = http.post("/v1/events", json=batch, headers=headers(key, BATCH))
        slowest = max(slowest, time.monotonic() - began)
        if answer.status_code == 202:
            acknowledged.update(event["id"] for event in batch)
        else:
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json()["type"] == "urn:motcua:problem:kafka_away"
        return answer.status_code

    def again_until_accepted(event_id: str) -> None:
        kafka.eventually(lambda: post(event_id) == 202, 30, f"{event_id} accepted")

    with (
        services.running(
            "services.gateway", tmp_path, kafka.free_ports(1), own_broker.bootstrap, prefix,
            kafka_wait_s="1.5",
        ) as gateway,
        httpx2.Client(base_url=gateway.url, trust_env=False, timeout=20) as http,
    ):  # fmt: skip
        assert post("before") == 202
        own_broker.freeze()
        assert post("frozen") == 503
        assert post("frozen-2") == 503
        own_broker.thaw()
        for name in ("frozen", "frozen-2", "thawed"):
            again_until_accepted(name)

        own_broker.kill()
        assert post("killed") == 503
        not_ready = http.get("/readyz")
        assert not_ready.status_code == 503
        assert "Kafka" in not_ready.json()["checks"][0]["why"]
        back = kafka.start(tmp_path / "kafka", own_broker.broker.port)
        try:
            for name in ("killed", "after"):
                again_until_accepted(name)
            stored = {v["id"] for _, _, v in records(back.bootstrap, prefix, EVENTS)}
        finally:
            back.kill()
    assert slowest < 4
    assert len(acknowledged) == 6 * 4
    assert acknowledged <= stored


def test_a_gateway_that_starts_before_kafka_heals_too(tmp_path):
    port = kafka.free_ports(3)
    key = add_emitter(credentials_file(tmp_path), "dakha", UNITS)
    with (
        services.running(
            "services.gateway", tmp_path, port + 2, f"127.0.0.1:{port}", "early",
            ready=False, kafka_wait_s="1",
        ) as gateway,
        httpx2.Client(base_url=gateway.url, trust_env=False, timeout=20) as http,
    ):  # fmt: skip
        answer = http.post("/v1/events", json=received(), headers=headers(key, SINGLE))
        assert answer.status_code == 503
        with kafka.broker(tmp_path / "kafka", port) as broker:
            kafka.ensure_topics(broker.bootstrap, "early")
            kafka.eventually(
                lambda: (
                    http.post(
                        "/v1/events", json=received(), headers=headers(key, SINGLE)
                    ).status_code
                    == 202
                ),
                20,
                "accepted once Kafka is there",
            )
            assert len(records(broker.bootstrap, "early", EVENTS)) >= 1
        assert PARTITIONS == 8
    assert gateway.output.read_text("utf-8").count(key) == 0


def test_it_stops_at_once_when_told_to(kafka_broker, tmp_path):
    prefix = kafka_broker.fresh_prefix()
    service = services.start(
        "services.gateway", tmp_path, kafka.free_ports(1), kafka_broker.bootstrap, prefix
    )
    with httpx2.Client(base_url=service.url, trust_env=False) as http:
        http.get("/healthz")  # an idle connection stays open
        assert service.stop() < 3
    assert service.process.returncode == 0
