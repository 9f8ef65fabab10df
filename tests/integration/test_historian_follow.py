"""The historian on a real Kafka: it follows, survives outages of either side, and says why."""

import gc
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from schemas.topics import EVENTS
from services.historian import Batch, Historian, HistoryUnavailable
from services.topics import ensure_topics
from tests.support import kafka
from tests.support.clickhouse import Database
from tests.support.histories import admitted, received, resolved
from tests.support.kafka import eventually

Start = Callable[..., Historian]

# kafka-python leaves sockets to the garbage collector when it finds no broker
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class FakeHistory:
    """Keeps the contract of ``History`` in memory, and may be unavailable for a while."""

    def __init__(self) -> None:
        self.values: dict[tuple[int, int], bytes] = {}
        self.appended = 0
        self.unavailable = False

    def append(self, batch: Batch) -> None:
        if self.unavailable:
            raise HistoryUnavailable("the disk is full")
        partition, offset, body = batch.events[-3:]
        self.values.update({(p, o): b for p, o, b in zip(partition, offset, body, strict=True)})
        self.appended += len(body)

    def prepared(self, batch: Batch) -> Callable[[], None]:
        return partial(self.append, batch)

    def positions(self) -> Mapping[int, int]:
        found: dict[int, int] = {}
        for partition, offset in self.values:
            found[partition] = max(found.get(partition, 0), offset + 1)
        return found

    def close(self) -> None:
        pass


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Historian] = []

    def begin(bootstrap: str, prefix: str, history: Callable[[], object]) -> Historian:
        historian = Historian(bootstrap, EVENTS.full_name(prefix), history)  # type: ignore[arg-type]
        running.append(historian)
        historian.start()
        return historian

    yield begin
    for historian in running:
        historian.stop()
    # here, where the sockets' warnings are expected, and not in somebody else's test
    running.clear()
    gc.collect()


def send(bootstrap: str, prefix: str, *values: bytes, unit: str = "23500") -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for value in values:
        producer.send(EVENTS.full_name(prefix), key=unit.encode(), value=value)
    producer.flush()
    producer.close()


def events(n: int, first: int = 0) -> list[bytes]:
    return [admitted(received(dossier=f"d{k}")) for k in range(first, first + n)]


def test_what_is_sent_is_in_clickhouse_within_a_second(
    kafka_broker: kafka.RunningBroker, database: Database, start: Start
):
    """An auditor may look at what the wall shows."""
    prefix = kafka_broker.fresh_prefix()
    topic = EVENTS.full_name(prefix)
    send(kafka_broker.bootstrap, prefix, *events(20), b"no event", *events(5, first=20))
    historian = start(kafka_broker.bootstrap, prefix, lambda: database.history(topic))
    eventually(lambda: historian.not_ready() is None, 20, "to catch up")
    client = database.connect()
    count = "SELECT uniqExact(dossier) FROM events"
    assert client.query(count).first_row == (25,)

    send(kafka_broker.bootstrap, prefix, admitted(received(dossier="new")))

    eventually(lambda: client.query(count).first_row == (26,), 5, "the new event")
    assert historian.progress is not None
    client.close()


def test_a_restarted_historian_goes_on_where_the_history_ends(
    kafka_broker: kafka.RunningBroker, start: Start
):
    """Kafka's groups remember nothing for it: the history itself is the position."""
    prefix, history = kafka_broker.fresh_prefix(), FakeHistory()
    send(kafka_broker.bootstrap, prefix, *events(30))
    first = start(kafka_broker.bootstrap, prefix, lambda: history)
    eventually(lambda: len(history.values) == 30, 20, "30 events")
    first.stop()
    send(kafka_broker.bootstrap, prefix, *events(10, first=30))

    start(kafka_broker.bootstrap, prefix, lambda: history)

    eventually(lambda: len(history.values) == 40, 20, "40 events")
    assert history.appended == 40


def test_held_it_stores_nothing_and_then_goes_on_where_the_history_ends(
    kafka_broker: kafka.RunningBroker, start: Start
):
    """Meanwhile another history may take the place of this one."""
    prefix, history, other = kafka_broker.fresh_prefix(), FakeHistory(), FakeHistory()
    send(kafka_broker.bootstrap, prefix, *events(3))
    historian = start(kafka_broker.bootstrap, prefix, lambda: history)
    eventually(lambda: historian.not_ready() is None, 20, "the first events")

    with historian.held():
        send(kafka_broker.bootstrap, prefix, *events(5, first=3))
        start(kafka_broker.bootstrap, prefix, lambda: other)
        eventually(lambda: len(other.values) == 8, 20, "the events, elsewhere")
        assert len(history.values) == 3
        assert historian.not_ready() is None
        # as if another history had read two of them already
        history.values.update(list(other.values.items())[:5])

    eventually(lambda: len(history.values) == 8, 20, "all events")
    assert history.appended == 3 + 3


def test_it_waits_for_clickhouse_and_loses_nothing(kafka_broker: kafka.RunningBroker, start: Start):
    """A full disk is mended by a person; until then it says so, and keeps every event in Kafka."""
    prefix, history = kafka_broker.fresh_prefix(), FakeHistory()
    history.unavailable = True
    send(kafka_broker.bootstrap, prefix, *events(3))
    historian = start(kafka_broker.bootstrap, prefix, lambda: history)
    eventually(lambda: "the disk is full" in (historian.not_ready() or ""), 20, "the reason")

    history.unavailable = False

    eventually(lambda: len(history.values) == 3, 20, "the events")
    eventually(lambda: historian.not_ready() is None, 5, "to be ready again")


def test_it_waits_for_kafka_and_comes_back(tmp_path, start: Start):
    """Brokers are restarted; nobody should have to restart the historian after that."""
    history = FakeHistory()
    broker = kafka.start(tmp_path)
    try:
        ensure_topics(broker.bootstrap)
        send(broker.bootstrap, "motcua", *events(3))
        historian = start(broker.bootstrap, "motcua", lambda: history)
        eventually(lambda: len(history.values) == 3, 20, "the first events")
        broker.kill()

        broker = kafka.start(tmp_path, broker.broker.port)

        send(broker.bootstrap, "motcua", *events(2, first=3))
        eventually(lambda: len(history.values) == 5, 30, "the events after the restart")
        eventually(lambda: historian.not_ready() is None, 10, "to be ready again")
        assert history.appended == 5
    finally:
        historian.stop()
        broker.kill()


def test_a_topic_that_was_made_anew_stops_it_with_a_reason(
    kafka_broker: kafka.RunningBroker, start: Start
):
    """Going on would put two records into one history; only a person can say which one is right."""
    prefix, history = kafka_broker.fresh_prefix(), FakeHistory()
    send(kafka_broker.bootstrap, prefix, *events(3))
    first = start(kafka_broker.bootstrap, prefix, lambda: history)
    eventually(lambda: len(history.values) == 3, 20, "the events")
    first.stop()
    admin = KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap)
    admin.delete_topics([EVENTS.full_name(prefix)])
    eventually(lambda: EVENTS.full_name(prefix) not in admin.list_topics(), 10, "deletion")
    admin.close()
    ensure_topics(kafka_broker.bootstrap, prefix)

    again = start(kafka_broker.bootstrap, prefix, lambda: history)

    eventually(lambda: "made anew" in (again.not_ready() or ""), 20, "the reason")
    assert "rebuild" in (again.not_ready() or "")


def test_no_topic_yet_is_no_failure(kafka_broker: kafka.RunningBroker, start: Start):
    """Whoever starts first must not fall over who starts second."""
    prefix, history = kafka_broker.fresh_prefix(create=False), FakeHistory()
    historian = start(kafka_broker.bootstrap, prefix, lambda: history)
    eventually(lambda: prefix in (historian.not_ready() or ""), 20, "the reason")

    ensure_topics(kafka_broker.bootstrap, prefix)
    send(kafka_broker.bootstrap, prefix, admitted(resolved()))

    eventually(lambda: len(history.values) == 1, 20, "the event")
