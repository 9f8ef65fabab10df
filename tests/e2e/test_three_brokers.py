"""Three brokers on one machine: one may die at any moment, two make the gateway say so."""

import gc
import itertools
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaConnectionError

from schemas.topics import EVENTS
from tests.support.kafka import eventually
from tests.support.stack import LocalStack

# kafka-python leaves the sockets of brokers that are away to the garbage collector; they are let
# go within these tests
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

UNIT = "23500"
LONGEST_WITHOUT_202_S = 10.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    stack = LocalStack(tmp_path_factory.mktemp("brokers"), brokers=3)
    stack.start()
    try:
        yield stack
    finally:
        stack.kill()
        gc.collect()


@pytest.fixture(scope="module")
def sender(stack: LocalStack) -> Iterator["Sender"]:
    added = stack.motcua("emitter", "add", "shop", "--unit", UNIT, "--data", str(stack.data))
    assert added.returncode == 0, added.stderr
    key = next(word for word in added.stdout.split() if word.startswith("mc_"))
    sender = Sender(stack, key)
    eventually(lambda: sender.post() == 202, 20, "the first event is taken")
    yield sender
    sender.stop()


class Sender:
    """One-stop software that goes on sending, and keeps an account of what was acknowledged."""

    def __init__(self, stack: LocalStack, key: str) -> None:
        self.acknowledged: set[str] = set()
        self.longest_s = 0.0
        self.answers: list[int] = []
        self._numbers = itertools.count()
        self._http = httpx2.Client(
            base_url=stack.url,
            headers={"authorization": f"Bearer {key}"},
            trust_env=False,
            timeout=httpx2.Timeout(15, connect=5),
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def post(self) -> int:
        event = _event(next(self._numbers))
        while True:
            try:
                answer = self._http.post("/v1/events", json=event)
            except httpx2.TransportError:
                self.answers.append(0)
                if self._stopping.is_set():
                    return 0
                continue
            self.answers.append(answer.status_code)
            if answer.status_code != 503 or self._stopping.is_set():
                if answer.status_code == 202:
                    self.acknowledged.add(event["id"])
                return answer.status_code
            time.sleep(0.05)

    def start(self) -> None:
        self.longest_s, self.answers = 0.0, []
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        last = time.monotonic()
        while not self._stopping.is_set():
            if self.post() == 202:
                now = time.monotonic()
                self.longest_s, last = max(self.longest_s, now - last), now
            time.sleep(0.005)


def _event(number: int) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{number}/received",
        "source": "urn:one-stop:23500",
        "type": "motcua.dossier.received.v1",
        "subject": f"23500-230210-{number:06d}",
        "time": "2023-02-10T08:30:00+07:00",
        "unit": UNIT,
        "data": {
            "procedure": "1.001193",
            "channel": "online",
            "paperless": True,
            "due_at": "2023-02-13T17:00:00+07:00",
        },
    }


def broker(stack: LocalStack, node: int) -> psutil.Process:
    """The JVM of a broker, by the folder that its command line names."""
    folder = str(stack.data / ("kafka" if node == 1 else f"kafka-{node}") / "server.properties")
    return next(p for p in stack.members() if folder in p.cmdline())


def kafka_of(stack: LocalStack) -> str:
    return ",".join(f"127.0.0.1:{stack.port + further}" for further in (2, 5, 7))


def partition_state(stack: LocalStack) -> dict[str, Any]:
    """Leader and copies of the partition that the unit's events are in."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return _told_by_a_broker(stack)
        except KafkaConnectionError:
            # it asked the one that was just killed
            if time.monotonic() > deadline:
                raise


def _told_by_a_broker(stack: LocalStack) -> dict[str, Any]:
    admin = KafkaAdminClient(bootstrap_servers=kafka_of(stack))
    try:
        (found,) = admin.describe_topics([EVENTS.full_name()])
        (busy,) = (p for p in found["partitions"] if p["partition_index"] == _busy(stack))
        return dict(busy)
    finally:
        admin.close()


def _busy(stack: LocalStack) -> int:
    consumer = KafkaConsumer(bootstrap_servers=kafka_of(stack), enable_auto_commit=False)
    try:
        partitions = [TopicPartition(EVENTS.full_name(), n) for n in range(EVENTS.partitions)]
        ends = consumer.end_offsets(partitions)
        return int(max(ends, key=lambda tp: ends[tp]).partition)
    finally:
        consumer.close()


def stored(stack: LocalStack) -> list[str]:
    """Ids in the record, one for each record."""
    consumer = KafkaConsumer(bootstrap_servers=kafka_of(stack), enable_auto_commit=False)
    try:
        partition = TopicPartition(EVENTS.full_name(), _busy(stack))
        consumer.assign([partition])
        consumer.seek(partition, 0)
        end, found = consumer.end_offsets([partition])[partition], []
        while consumer.position(partition) < end:
            for record in consumer.poll(timeout_ms=500).get(partition, ()):
                found.append(record.value.split(b'"id":"')[1].split(b'"')[0].decode())
        return found
    finally:
        consumer.close()


def check_exact(stack: LocalStack, sender: Sender) -> None:
    """Acknowledged = Kafka = live = history."""
    assert sender.acknowledged <= set(stored(stack))

    def counted() -> bool:
        done = stack.motcua("verify")
        return done.returncode == 0

    eventually(counted, 60, "live and history agree")
    report = stack.motcua(
        "report", "--book", "dak-ha-2023", "--from", "2023-01-01", "--to", "2023-12-31",
        "--format", "json", "--url", stack.url,
    )  # fmt: skip
    assert report.returncode == 0, report.stderr
    assert f'"dossiers": {len(set(stored(stack)))},' in report.stdout


def test_everything_has_three_copies(stack: LocalStack, sender: Sender):
    """What one broker acknowledges alone is lost with its disk."""
    state = partition_state(stack)

    assert len(state["replica_nodes"]) == 3


def test_the_leader_of_a_busy_partition_may_be_killed(stack: LocalStack, sender: Sender):
    """Another one leads within seconds; senders notice a pause and nothing else."""
    sender.start()
    leader = partition_state(stack)["leader_id"]
    broker(stack, leader).kill()
    eventually(lambda: partition_state(stack)["leader_id"] != leader, 30, "another leader")
    eventually(lambda: len(partition_state(stack)["isr_nodes"]) == 3, 90, "three in sync again")
    sender.stop()

    assert sender.longest_s <= LONGEST_WITHOUT_202_S
    check_exact(stack, sender)


def test_without_two_of_three_the_gateway_says_so_and_loses_nothing(
    stack: LocalStack, sender: Sender
):
    """An acknowledgement would be a lie: there is nowhere to keep a second copy."""
    frozen = [broker(stack, node) for node in (2, 3)]
    sender.start()
    for process in frozen:
        process.send_signal(signal.SIGSTOP)
    try:
        eventually(lambda: 503 in sender.answers, 40, "the gateway says 503")
    finally:
        for process in frozen:
            process.send_signal(signal.SIGCONT)
    before = len(sender.acknowledged)
    eventually(lambda: len(sender.acknowledged) > before + 5, 60, "events are taken again")
    sender.stop()

    check_exact(stack, sender)


def test_one_broker_does_not_become_three_on_the_same_data(stack: LocalStack, tmp_path: Path):
    """Copies and voters are part of the data: starting would lose or split it."""
    other = LocalStack(tmp_path, brokers=3)
    other.data.mkdir()
    (other.data / "kafka-brokers").write_text("1\n", "ascii")

    with pytest.raises(AssertionError, match="--brokers 1"):
        other.start()
