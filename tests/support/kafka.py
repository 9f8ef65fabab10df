"""A real broker for tests: started once for a session, every test under a prefix of its own."""

import argparse
import contextlib
import itertools
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from deploy.local import kafka
from services.topics import ensure_topics

_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 20


@dataclass
class RunningBroker:
    """A broker that answers. ``bootstrap`` is all that most tests need."""

    broker: kafka.Broker
    process: subprocess.Popen[bytes]
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def bootstrap(self) -> str:
        return self.broker.bootstrap

    def fresh_prefix(self, create: bool = True) -> str:
        """Return a topic prefix that nobody else uses, with its topics created."""
        prefix = f"t{os.getpid()}-{next(self._numbers)}"
        if create:
            ensure_topics(self.bootstrap, prefix)
        return prefix

    def kill(self) -> None:
        """Take the power away."""
        self.process.kill()
        self.process.wait(_STOP_TIMEOUT_S)

    def stop(self) -> int:
        """Stop as the supervisor does; return the exit code."""
        self.process.terminate()
        return self.process.wait(_STOP_TIMEOUT_S)

    def freeze(self) -> None:
        """Stall the broker without closing a connection, until ``thaw``."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


def start(folder: Path, port: int | None = None) -> RunningBroker:
    """Start a broker on ``folder`` (a new or an old one) and return it when it answers."""
    port = port or free_ports(2)
    return start_all(kafka.Broker(folder / "kafka", folder / "logs" / "kafka.log", port, port + 1))[
        0
    ]


def start_all(*brokers: kafka.Broker) -> list[RunningBroker]:
    """Start these brokers, one or all of a cluster, and return them when they answer."""
    found = [_launch(broker) for broker in brokers]
    try:
        for running in found:
            _wait_until_it_answers(running)
    except BaseException:
        for running in found:
            running.kill()
        raise
    return found


def _launch(broker: kafka.Broker) -> RunningBroker:
    kafka.prepare(broker)
    with broker.log_file.with_suffix(".out").open("ab") as output:
        process = subprocess.Popen(
            kafka.command(broker),
            env=kafka.environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return RunningBroker(broker, process)


@contextlib.contextmanager
def broker(folder: Path, port: int | None = None) -> Iterator[RunningBroker]:
    """A broker that does not survive the block."""
    running = start(folder, port)
    try:
        yield running
    finally:
        running.thaw()
        running.kill()


def delete_below(bootstrap: str, topic: str, offsets: Mapping[int, int]) -> None:
    """Have Kafka delete the records of each partition below its offset, as an operator might."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.delete_records({TopicPartition(topic, p): offset for p, offset in offsets.items()})
    finally:
        admin.close()


def free_ports(count: int) -> int:
    """Return the first of ``count`` ports in a row that are free now."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first: int = probe.getsockname()[1]
        if first + count < 65536 and all(_is_free(first + i) for i in range(count)):
            return first


def eventually(
    holds: Callable[[], bool], within_s: float, what: str, every_s: float = 0.02
) -> None:
    """Poll until ``holds()``; fail with ``what`` after ``within_s``."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(every_s)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _wait_until_it_answers(running: RunningBroker) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    host, port = running.broker.host, running.broker.port
    while True:
        if running.process.poll() is not None:
            log = running.broker.log_file
            raise AssertionError(f"Kafka ended with {running.process.returncode}, see {log}")
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
            break
        assert time.monotonic() < deadline, "Kafka does not listen"
        time.sleep(0.02)
    left_ms = int((deadline - time.monotonic()) * 1000)
    KafkaAdminClient(bootstrap_servers=running.bootstrap, bootstrap_timeout_ms=left_ms).close()


def main() -> None:
    """Run a throwaway broker with topics until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.kafka", description=__doc__)
    parser.add_argument("--port", type=int, help="default: a free one")
    parser.add_argument("--folder", type=Path, help="kept; default: a temporary one")
    parser.add_argument("--prefix", default="motcua", help="of the topics; empty: no topics")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        contextlib.suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory() as temporary,
        broker(options.folder or Path(temporary), options.port) as running,
    ):
        if options.prefix:
            ensure_topics(running.bootstrap, options.prefix)
        print(running.bootstrap, flush=True)  # noqa: T201 - its output
        running.process.wait()


if __name__ == "__main__":
    main()
