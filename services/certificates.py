"""The topic of certificates: the one who compares writes to it, every screen reads the newest.

Nothing here asks a database: a wall that shows a certificate lives on Kafka alone.
"""

import math
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError, UnknownTopicOrPartitionError

from schemas import metrics as metric
from schemas.certificates import CERTIFICATE_KEY, Certificate, read_certificate
from schemas.topics import CERTIFICATES
from services.metrics import Metrics

log = structlog.get_logger()

_REQUEST_S = 5.0
_POLL_S = 0.5
_RETRY_S = 1.0


class Certificates(Protocol):
    """Where the newest certificate comes from. Safe in any thread."""

    def newest(self) -> Certificate | None:
        """The newest one; None: none has been read yet."""

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called when there is a newer one, in the reader's thread."""


class CertificateWriter:
    """Writes certificates; for one thread."""

    def __init__(self, bootstrap: str, prefix: str = "motcua") -> None:
        self._bootstrap = bootstrap
        self._topic = CERTIFICATES.full_name(prefix)
        self._producer: Any = None

    def write(self, certificate: Certificate) -> None:
        """Return when Kafka has it, or when it is clear that it will not have it; that is logged.

        A certificate that is lost is no harm: the next one says the same and more.
        """
        try:
            if self._producer is None:
                self._producer = KafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    client_id="motcua-certificates",
                    acks="all",
                    bootstrap_timeout_ms=int(_REQUEST_S * 1000),
                    request_timeout_ms=int(_REQUEST_S * 1000),
                    delivery_timeout_ms=int(2 * _REQUEST_S * 1000),
                    max_block_ms=int(_REQUEST_S * 1000),
                )
            sent = self._producer.send(
                self._topic,
                key=CERTIFICATE_KEY.encode(),
                value=certificate.model_dump_json().encode(),
            )
            sent.get(2 * _REQUEST_S)
        except (KafkaError, OSError) as error:
            log.warning("certificate_lost", why=f"{type(error).__name__}: {error}")
            self.close()

    def close(self) -> None:
        """Disconnect; it may be used again."""
        if self._producer is not None:
            self._producer.close(timeout=1)
            self._producer = None


class CertificateReader:
    """Keeps the newest certificate, in a thread that survives Kafka's absence."""

    def __init__(self, bootstrap: str, prefix: str = "motcua") -> None:
        self._bootstrap = bootstrap
        self._partition = TopicPartition(CERTIFICATES.full_name(prefix), 0)
        self._newest: Certificate | None = None
        self._callbacks: tuple[Callable[[], None], ...] = ()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="certificates", daemon=True)

    def newest(self) -> Certificate | None:
        """See :class:`Certificates`."""
        return self._newest

    def subscribe(self, callback: Callable[[], None]) -> None:
        """See :class:`Certificates`."""
        self._callbacks += (callback,)

    def start(self) -> None:
        """Begin to read, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns within two seconds when Kafka answers."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_REQUEST_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._read()
            except Exception as error:
                # whatever it was: certificates must come again when Kafka is back
                outage = isinstance(error, KafkaError | OSError)
                log.warning("certificates_retry", why=str(error), exc_info=not outage)
                self._stopping.wait(_RETRY_S)

    def _read(self) -> None:
        consumer = self._connect()
        try:
            while not self._stopping.is_set():
                polled = consumer.poll(timeout_ms=int(_POLL_S * 1000))
                for record in polled.get(self._partition, ()):
                    self._take(record.value)
        except OffsetOutOfRangeError:
            log.warning("certificates_start_over", topic=self._partition.topic)
        finally:
            consumer.close(autocommit=False, timeout_ms=500)

    def _connect(self) -> Any:
        consumer = KafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="motcua-certificates",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            bootstrap_timeout_ms=int(_REQUEST_S * 1000),
            reconnect_backoff_max_ms=1000,
        )
        try:
            if not consumer.partitions_for_topic(self._partition.topic):
                raise UnknownTopicOrPartitionError(self._partition.topic)
            consumer.assign([self._partition])
            timeout_ms = int(_REQUEST_S * 1000)
            begin = consumer.beginning_offsets([self._partition], timeout_ms=timeout_ms)
            end = consumer.end_offsets([self._partition], timeout_ms=timeout_ms)
            # only the newest counts, and it is the last one
            consumer.seek(self._partition, max(begin[self._partition], end[self._partition] - 1))
        except BaseException:
            consumer.close(autocommit=False, timeout_ms=500)
            raise
        return consumer

    def _take(self, value: bytes | None) -> None:
        try:
            self._newest = read_certificate(value or b"")
        except ValueError as error:
            # what stood before stays, and is shown as old when nothing better comes
            log.error("certificate_unreadable", why=str(error))
            return
        for callback in self._callbacks:
            callback()


def age_s(certificate: Certificate, now: datetime) -> float:
    """Seconds since what was compared was taken."""
    return max(0.0, (now - datetime.fromisoformat(certificate.compared_at)).total_seconds())


def count_certificates(
    metrics: Metrics,
    certificates: Certificates,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Have the metrics tell of the newest certificate, whenever they are asked."""

    def equal_at(found: Certificate) -> float:
        return datetime.fromisoformat(found.equal_at).timestamp() if found.equal_at else math.nan

    figures: Mapping[metric.Metric, Callable[[Certificate], float]] = {
        metric.VERIFIED_EQUAL: equal_at,
        metric.VERIFY_AGE: lambda found: age_s(found, clock()),
        metric.VERIFY_DURATION: lambda found: found.duration_ms / 1000,
        metric.VERIFY_DIFFERENCES: lambda found: found.differences_found,
        metric.VERIFY_WAITING: lambda found: found.units - found.units_compared,
    }
    for line, figure in figures.items():

        def value(figure: Callable[[Certificate], float] = figure) -> float:
            found = certificates.newest()
            return math.nan if found is None else figure(found)

        metrics[line].set_function(value)
