"""The processes of one machine, as a table: what to run, when it is ready, when to stop it."""

import contextlib
import json
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import kafka

PROJECT = Path(__file__).resolve().parents[2]

Check = Callable[[], str]
"""Return "" when all is well, otherwise what is missing, in words for the operator."""


def _nothing() -> None:
    """Most processes need no preparation."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process. The supervisor knows nothing else about it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    output: Path
    """Gets stdout and stderr."""
    log: Path
    """Where to look for the reason when it dies."""
    not_ready: Check
    """Asked after a start until it returns ""."""
    not_well: Check
    """Asked now and then once it was ready."""
    after: tuple[str, ...] = ()
    """Started when these are ready."""
    prepare: Callable[[], None] = _nothing
    """Called before each start; may raise."""
    stop_step: int = 0
    """Processes of one step are stopped together, step 0 first."""
    stop_timeout_s: float = 10.0
    directory: Path = PROJECT


@dataclass(frozen=True, slots=True)
class Stack:
    """One installation on one machine: a data folder, and ports in a row from ``port``."""

    data: Path
    port: int
    host: str = "127.0.0.1"
    demo: bool = False
    brokers: int = 1
    """Kafka brokers: 1, or 3 that hold a copy of everything each."""
    inherited: Mapping[str, str] = field(default_factory=dict)
    """The environment the supervisor was started with."""

    @property
    def addresses(self) -> dict[str, tuple[str, int]]:
        """Who listens where."""
        kafkas = {
            name: (broker.host, port)
            for broker in self.kafkas
            for name, port in (
                (name_of(broker), broker.port),
                (f"{name_of(broker)} controller", broker.controller_port),
            )
        }
        return {
            "front": (self.host, self.port),
            "history": (self.host, self.port + 1),
            **kafkas,
            "worker": (self.host, self.port + 4),
        }

    @property
    def front_url(self) -> str:
        return f"http://{self.reachable_host}:{self.port}"

    @property
    def history_url(self) -> str:
        return f"http://{self.reachable_host}:{self.port + 1}"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def kafkas(self) -> tuple[kafka.Broker, ...]:
        """The brokers; further ones take two ports each behind those of a stack with one."""
        # Kafka has no passwords here: it stays on the loopback address whatever ``host`` is
        ports = [(2, 3), *((3 + 2 * n, 4 + 2 * n) for n in range(1, self.brokers))]
        nodes = range(1, self.brokers + 1)
        voters = tuple(
            (node, self.port + of_controller)
            for node, (_, of_controller) in zip(nodes, ports, strict=True)
        )
        return tuple(
            kafka.Broker(
                self.data / ("kafka" if node == 1 else f"kafka-{node}"),
                self.logs / ("kafka.log" if node == 1 else f"kafka-{node}.log"),
                port=self.port + of_broker,
                controller_port=self.port + of_controller,
                node_id=node,
                replication_factor=self.brokers,
                voters=voters if self.brokers > 1 else (),
                cluster_id=self._cluster_id() if self.brokers > 1 else "",
            )
            for node, (of_broker, of_controller) in zip(nodes, ports, strict=True)
        )

    def _cluster_id(self) -> str:
        """One for all brokers of the data folder, made with the first question."""
        file = self.data / "kafka-cluster-id"
        if not file.exists():
            self.data.mkdir(parents=True, exist_ok=True)
            part = file.with_name(f".{file.name}.{os.getpid()}")
            part.write_text(kafka.new_cluster_id(), "ascii")
            part.replace(file)
        return file.read_text("ascii")

    @property
    def bootstrap(self) -> str:
        """Kafka's addresses, for clients."""
        return ",".join(broker.bootstrap for broker in self.kafkas)

    def environment(self) -> dict[str, str]:
        """Return what the services read in their ``settings.py``."""
        return {
            "MOTCUA_CLICKHOUSE": f"chdb:{self.data / 'clickhouse'}",
            **self.inherited,
            "MOTCUA_DATA": str(self.data),
            "MOTCUA_HOST": self.host,
            "MOTCUA_PORT": str(self.port),
            "MOTCUA_KAFKA": self.bootstrap,
            "MOTCUA_DEMO": "1" if self.demo else "0",
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def reachable_host(self) -> str:
        """The address under which this machine finds what listens on ``host``."""
        return "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host


def processes(stack: Stack) -> tuple[ProcessSpec, ...]:
    """Return Kafka and the three others. Fetches Kafka's libraries if they are missing."""
    return (
        *(_kafka(stack, broker) for broker in stack.kafkas),
        _service(stack, "worker", "streams", stop_step=1),
        _service(stack, "history", "services.history", stop_step=1),
        _service(stack, "front", "services.front", stop_step=0),
    )


def name_of(broker: kafka.Broker) -> str:
    """What the process of a broker is called."""
    return "kafka" if broker.node_id == 1 else f"kafka-{broker.node_id}"


def _kafka(stack: Stack, broker: kafka.Broker) -> ProcessSpec:
    answers = _port_open(broker.host, broker.port)
    name = name_of(broker)
    return ProcessSpec(
        name,
        tuple(kafka.command(broker)),
        kafka.environment(stack.inherited),
        output=stack.logs / f"{name}.out",
        log=broker.log_file,
        prepare=lambda: kafka.prepare(broker),
        # what comes after Kafka comes after the first broker: it is ready when all topics are
        not_ready=_topics_ready(stack, answers) if broker.node_id == 1 else answers,
        not_well=answers,
        stop_step=2,
        stop_timeout_s=20,
    )


def _service(stack: Stack, name: str, module: str, stop_step: int) -> ProcessSpec:
    _, port = stack.addresses[name]
    answers = http_ready(f"http://{stack.reachable_host}:{port}/readyz")
    output = stack.logs / f"{name}.log"
    return ProcessSpec(
        name,
        (sys.executable, "-m", module),
        stack.environment(),
        output=output,
        log=output,
        not_ready=answers,
        not_well=answers,
        after=("kafka",),
        stop_step=stop_step,
        stop_timeout_s=15,
    )


def http_ready(url: str, timeout_s: float = 2.0) -> Check:
    """Return a check of a service's ``/readyz``: 200, or 503 with the checks that fail."""

    def check() -> str:
        try:
            with _direct.open(url, timeout=timeout_s):
                return ""
        except urllib.error.HTTPError as error:
            with error, contextlib.suppress(ValueError, KeyError, TypeError):
                checks = json.load(error)["checks"]
                return "; ".join(f"{c['name']}: {c['why']}" for c in checks if not c["ready"])
            return f"{url}: HTTP {error.code}"
        except OSError as error:
            return f"{url}: {getattr(error, 'reason', error)}"

    return check


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A proxy of the environment has no business between processes of one machine."""


def _topics_ready(stack: Stack, bootstrap_answers: Check) -> Check:
    """Ready is: the broker answers metadata and has every topic of the table."""

    def check() -> str:
        # imported here, while the JVM boots, and not at the top, before it could
        from kafka.errors import KafkaError

        from services.topics import ensure_topics
        from streams.generations import generation_in, topics

        if why := bootstrap_answers():
            return why
        prefix = stack.inherited.get("MOTCUA_TOPIC_PREFIX", "motcua")
        try:
            wanted = topics(generation_in(stack.data))
            ensure_topics(stack.bootstrap, prefix, stack.brokers, topics=wanted, timeout_s=5)
        except KafkaError as error:
            return f"{type(error).__name__}: {error}"
        return ""

    return check


def _port_open(host: str, port: int) -> Check:
    def check() -> str:
        try:
            socket.create_connection((host, port), 1).close()
        except OSError as error:
            return f"{host}:{port}: {error.strerror or error}"
        return ""

    return check


def inherited_environment() -> dict[str, str]:
    """Return the environment without what is of one Python or of one supervisor only."""
    own = ("PYTHONHOME", "PYTHONPATH", "MOTCUA_DEMO")
    return {name: value for name, value in os.environ.items() if name not in own}
