"""A service as a process of its own, the worker above all, and what it wrote to Kafka."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any, Self

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from schemas.topics import EVENTS, REJECTED, UNITS, Topic
from streams.generations import FIRST, worker_group
from tests.support.districts import Record
from tests.support.kafka import eventually, free_ports

READY_WITHIN_S = 40
_ROOT = Path(__file__).parents[2]


class ServiceProcess:
    """``python -m module`` on a data folder; every start is a new life of the same service.

    Its health is at ``port + offset``. ``run`` stands before the module's name: another way to
    start it.
    """

    def __init__(
        self,
        module: str,
        port: int,
        offset: int,
        log: Path,
        environment: dict[str, str],
        run: Sequence[str] = ("-m",),
    ) -> None:
        self.port = port
        self.log = log
        self.run = run
        self.environment = environment
        self._module = module
        self._health = port + offset
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and do not wait."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.run, self._module],
                cwd=_ROOT,
                env={**os.environ, "MOTCUA_PORT": str(self.port), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def start_and_wait(self) -> None:
        """Start, and return when it is ready."""
        self.start()
        eventually(lambda: self.readiness()[0] == 200, READY_WITHIN_S, f"ready, see {self.log}")

    def readiness(self) -> tuple[int, dict[str, Any]]:
        """Status and body of ``/readyz``; (0, {}) while it does not answer."""
        url = f"http://127.0.0.1:{self._health}/readyz"
        try:
            # patient: who asks again before the first answer only adds to what is to be done
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except (OSError, HTTPException):
            # the latter: a client that asks for a port on which nobody listens yet may be given
            # that very port for its own end, and then talks to itself
            return 0, {}

    def kill(self) -> None:
        """``kill -9``."""
        assert self.process
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> tuple[int, float]:
        """SIGTERM; (exit code, seconds until the end)."""
        assert self.process
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15), time.monotonic() - started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self.process and self.process.poll() is None:
            self.kill()


class WorkerProcess(ServiceProcess):
    """The worker on a prefix of topics, on ports of its own."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path, **environment: str) -> None:
        own = {
            "MOTCUA_KAFKA": bootstrap,
            "MOTCUA_TOPIC_PREFIX": prefix,
            "MOTCUA_DATA": str(folder / "data"),
            **environment,
        }
        super().__init__("streams", free_ports(5), 4, folder / "worker.log", own)


class Log:
    """The topics of one prefix."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap, self.prefix = bootstrap, prefix

    def producer(self) -> Any:
        """For ``motcua.events``, as the gateway has it: acknowledged, by the key."""
        return KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=2)

    def send(self, records: Iterable[Record], per_second: float = 0) -> None:
        """Write the events, all acknowledged on return."""
        producer = self.producer()
        started = time.monotonic()
        for number, record in enumerate(records):
            producer.send(self.events, key=record.unit.encode(), value=record.value)
            while per_second and number > (time.monotonic() - started) * per_second:
                time.sleep(0.005)
        producer.flush()
        producer.close()

    @property
    def events(self) -> str:
        return EVENTS.full_name(self.prefix)

    def ends(self, topic: Topic = EVENTS) -> dict[int, int]:
        """Next offset of each partition that has any records."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap)
        try:
            name = topic.full_name(self.prefix)
            tps = [TopicPartition(name, p) for p in range(topic.partitions)]
            found = consumer.end_offsets(tps)
            return {tp.partition: end for tp, end in found.items() if end}
        finally:
            consumer.close()

    def committed(self, generation: int = FIRST) -> dict[int, int]:
        """Offsets of ``motcua.events`` below which the worker has published everything."""
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            group = worker_group(self.prefix, generation)
            found = admin.list_group_offsets(group)[group]
        except KafkaError:
            return {}
        finally:
            admin.close()
        return {tp.partition: meta.offset for tp, meta in found.items() if meta.offset > 0}

    def read(self, topic: Topic) -> list[Any]:
        """Every record up to the present end, in order within its partition."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap, enable_auto_commit=False, fetch_max_wait_ms=50
        )
        try:
            name = topic.full_name(self.prefix)
            tps = [TopicPartition(name, p) for p in range(topic.partitions)]
            consumer.assign(tps)
            consumer.seek_to_beginning(*tps)
            ends = consumer.end_offsets(tps)
            found: list[Any] = []
            while any(consumer.position(tp) < ends[tp] for tp in tps):
                for records in consumer.poll(200).values():
                    found += records
            return found
        finally:
            consumer.close()

    def by_partition(self) -> dict[int, list[bytes]]:
        """The values of ``motcua.events``."""
        found: dict[int, list[bytes]] = defaultdict(list)
        for record in self.read(EVENTS):
            assert record.offset == len(found[record.partition])
            found[record.partition].append(record.value)
        return found

    def rejected(self) -> list[dict[str, Any]]:
        """The values of ``motcua.rejected``, the last of each key."""
        last = {record.key: record.value for record in self.read(REJECTED)}
        return [json.loads(value) for value in last.values()]

    def units(self) -> list[tuple[str, dict[str, Any]]]:
        """(key, value) of every record of ``motcua.units``."""
        return [(r.key.decode(), json.loads(r.value)) for r in self.read(UNITS)]


def last_of(records: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """What a reader of a compacted topic ends up with."""
    return dict(records)
