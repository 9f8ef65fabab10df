"""Faust's transport, handing over one message for each run of records of one partition.

Nothing here is needed for exactness but that a run says truthfully where it starts and ends; the
table (``table.py``) finds out what was lost or repeated on the way.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import faust
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.tables.manager import TableManager
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

log = logging.getLogger(__name__)

MAX_BUFFERED_RUNS = 64
FETCH_WAIT_MS = 100
_REASSIGNMENT_PAUSE_S = 0.02


class Run:
    """Every record that there is of a partition from offset ``start`` to below ``end``.

    To Faust it looks like one record whose value is the run itself.
    """

    __slots__ = ("end", "offset", "partition", "records", "start", "topic")

    headers: ClassVar[tuple[()]] = ()
    key: ClassVar[None] = None
    checksum: ClassVar[None] = None
    serialized_key_size: ClassVar[int] = 0
    serialized_value_size: ClassVar[int] = 0
    timestamp: ClassVar[int] = 0
    timestamp_type: ClassVar[int] = 0

    def __init__(self, tp: Any, records: Sequence[Any], start: int, end: int) -> None:
        self.topic: str = tp.topic
        self.partition: int = tp.partition
        self.records = records
        self.start = start
        self.end = end
        self.offset = end - 1

    @property
    def value(self) -> "Run":
        """What Faust hands to the agent."""
        return self

    def single(self) -> Iterator["Run"]:
        """The same as runs of one record each, without a hole between them."""
        start = self.start
        for record in self.records:
            yield Run(self, [record], start, record.offset + 1)
            start = record.offset + 1
        if start < self.end:
            yield Run(self, (), start, self.end)


class Settler(Protocol):
    """Who knows where reading has to go on: ``streams.batches.table.PositionedTable``."""

    async def settle(self) -> None:
        """Put the consumer where the state ends, in every partition."""


def install(app: faust.App, source: str) -> None:
    """Make ``app`` read by runs; ``source`` is the topic whose positions the table will own.

    Raises ``ValueError`` for settings of Faust that would break what the table promises.
    """
    conf = app.conf
    if conf.table_standby_replicas or conf.stream_wait_empty:
        raise ValueError("wanted: table_standby_replicas=0 and stream_wait_empty=False")
    if conf.stream_buffer_maxsize > MAX_BUFFERED_RUNS:
        raise ValueError(f"wanted: stream_buffer_maxsize <= {MAX_BUFFERED_RUNS}: it counts runs")
    transport = RunTransport(conf.broker, app)
    transport.source = source
    app.transport = app.producer_transport = transport
    conf.TableManager = KnownTables


class RunSchema(faust.Schema):  # type: ignore[misc]  # Faust is untyped
    """Hands the run on as it is, not decoded."""

    def loads_value(self, app: Any, message: Any, **kwargs: Any) -> Any:
        """The run."""
        return message.value


class RunThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust is untyped
    """All that touches aiokafka's positions; runs in the consumer's own thread and loop."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        """Faust's, with a shorter wait of the broker for records that do not come.

        Whatever else is asked stands behind that wait on the same connection: with Faust's 1.5 s
        the few questions after a restore took most of a restart.
        """
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[Any],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> dict[Any, list[Run]]:
        # Nothing is awaited between reading a position and taking the records behind it, so that
        # ``start`` is exact; hence the waiting here instead of aiokafka's own (timeout=0).
        for last in (False, True):
            # a copy, because the main thread changes the set; aiokafka takes an empty one for all
            active = frozenset(active_partitions or ())
            if not active or consumer._subscription.reassignment_in_progress:
                await asyncio.sleep(_REASSIGNMENT_PAUSE_S)
                return {}
            before = {tp: (state, state.position) for tp, state in self._states(active).items()}
            found = await super()._fetch_records(
                consumer, active, timeout=0, max_records=max_records
            )
            runs = {
                tp: [Run(tp, found.get(tp, ()), start, state.position)]
                for tp, (state, start) in before.items()
                # a position may move without records: control records of a transaction
                if tp in found or (state.position != start and tp.topic == self.transport.source)
            }
            if runs or last:
                return runs
            waiter = consumer._fetcher._create_fetch_waiter()
            await asyncio.wait([waiter], timeout=timeout)
            waiter.cancel()  # or it would stay with the fetcher; without effect when it is done
        raise AssertionError("unreachable")

    async def settle(self, seek: Mapping[TP, int], commit: Mapping[TP, int]) -> None:
        """Seek where the position differs; commit, which nothing but figures of lag depends on."""
        consumer = self._ensure_consumer()
        for tp, state in self._states(seek).items():
            if state.position != seek[tp]:
                consumer.seek(tp, seek[tp])
        offsets = {
            TopicPartition(*tp): OffsetAndMetadata(commit[tp], "") for tp in self._states(commit)
        }
        try:
            if offsets:
                await consumer.commit(offsets)
        except Exception as error:
            # a rebalance forbids it, a broker may be away: the next tick tries again
            log.warning("offsets not committed: %r", error)

    def _states(self, tps: Iterable[Any]) -> dict[Any, Any]:
        subscription = self._ensure_consumer()._subscription.subscription
        if not subscription or not subscription.assignment:
            return {}
        found = {tp: subscription.assignment.state_value(tp) for tp in tps}
        return {tp: s for tp, s in found.items() if s is not None and s.has_valid_position}


class _Forgetful(dict[Any, Any]):
    """Faust's notes on offsets read, always empty: it would drop what is read after a seek."""

    def __getitem__(self, tp: Any) -> None:
        return None

    def __setitem__(self, tp: Any, offset: Any) -> None:
        return None


class RunConsumer(driver.Consumer):  # type: ignore[misc]  # Faust is untyped
    """Faust's consumer without its own idea of positions."""

    @property
    def _read_offset(self) -> _Forgetful:
        return _Forgetful()

    @_read_offset.setter
    def _read_offset(self, value: Any) -> None:
        """Faust sets it at start."""

    def _new_consumer_thread(self) -> RunThread:
        return RunThread(self, loop=self.loop, beacon=self.beacon)

    async def seek_to_committed(self) -> dict[Any, Any]:
        """Seek to where the state ends instead; Faust is told nothing."""
        await self.transport.settler.settle()
        return {}

    def on_buffer_full(self, tp: Any) -> None:
        """Never pause a partition: the queue holds a few runs and ``put`` waits.

        With every partition «full», Faust would sleep for a whole second.
        """

    def on_buffer_drop(self, tp: Any) -> None:
        """See :meth:`on_buffer_full`."""


class SafeProducer(driver.Producer):  # type: ignore[misc]  # Faust is untyped
    """A producer that neither loses, repeats nor reorders what it has taken."""

    def _settings_extra(self) -> dict[str, Any]:
        return {**super()._settings_extra(), "acks": "all", "enable_idempotence": True}


class RunTransport(driver.Transport):  # type: ignore[misc]  # Faust is untyped
    """aiokafka with the consumer and the producer above."""

    Consumer = RunConsumer
    Producer = SafeProducer
    source: str = ""
    settler: Settler


class KnownTables(TableManager):  # type: ignore[misc]  # Faust is untyped
    """Starts at once: Faust waits a second for tables that agents might still add."""

    async def on_start(self) -> None:
        """As Faust's, without the wait."""
        await self._update_channels()
        await self.recovery.start()
