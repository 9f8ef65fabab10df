"""``python -m streams``: the worker's process. Settings come from ``MOTCUA_*``.

Ends with 0 after SIGTERM or SIGINT, with 70 when something unexpected happened; the next start
goes on from the last position that Kafka has. Ends with 0 as well when another generation of the
state has been put in force, and relies on being started again.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys

import faust

from streams.batches import die
from streams.generations import generation_in, topics
from streams.health import Check, serve
from streams.kafka_ready import wait_for_kafka
from streams.settings import StreamSettings
from streams.worker import build_worker, table_of

log = logging.getLogger("streams")

_STOP_WITHIN_S = 4.0
_LOOK_EVERY_S = 0.2
_QUIET = ("faust", "mode", "aiokafka", "aiohttp", "asyncio")
_GC_THRESHOLDS = (50_000, 20, 20)


def main() -> None:
    """Run until a signal or a failure ends the process."""
    logging.basicConfig(
        stream=sys.stdout,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    # Faust's services log their life cycle under the names of our modules
    logging.getLogger("streams.batches").setLevel(logging.WARNING)
    # Records come and go by the thousand and hold no cycles: collecting after every 700 of them, as
    # Python does by default, takes a tenth of the worker's time.
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    asyncio.run(_Process(StreamSettings()).run())


class _Process:
    """Kafka awaited, the application started and watched, and stopped in order."""

    def __init__(self, settings: StreamSettings) -> None:
        self._settings = settings
        self._generation = self._in_force()
        self._waiting_for: str | None = "đang khởi động"
        self._app: faust.App | None = None
        self._stop = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        port = self._settings.port + 4
        await serve(self._settings.host, port, self._checks(), self._generation)
        log.info("health on http://%s:%d/readyz", self._settings.host, port)
        work = asyncio.create_task(self._work())
        stop = asyncio.create_task(self._stop.wait())
        replaced = asyncio.create_task(self._replaced())
        await asyncio.wait((work, stop, replaced), return_when=asyncio.FIRST_COMPLETED)
        if work.done() and not self._stop.is_set():
            die("the worker ended by itself", work.exception())
        await self._end()

    def _in_force(self) -> int:
        return generation_in(self._settings.data, self._settings.worker_generation)

    async def _replaced(self) -> None:
        """Return when another generation of the state is in force: the next start is on it."""
        while self._in_force() == self._generation:
            await asyncio.sleep(_LOOK_EVERY_S)
        log.info("generation %d of the state is in force now", self._in_force())

    async def _work(self) -> None:
        settings = self._settings
        needed = topics(self._generation)
        await wait_for_kafka(settings.kafka, settings.topic_prefix, needed, self._wait_for)
        self._waiting_for = None
        (settings.data / "worker").mkdir(parents=True, exist_ok=True)
        app = self._app = build_worker(settings)
        log.info("joining group %s as %s", app.conf.id, settings.worker_instance)
        await app.start()
        if not app.should_stop:
            log.info("ready: partitions %s", table_of(app).waiting()[0])
        while not app.crashed:
            await asyncio.sleep(_LOOK_EVERY_S)
        raise RuntimeError("Faust crashed") from app.crash_reason

    async def _end(self) -> None:
        """Finish what is folded; Faust's own stop then may take what time is left."""
        log.info("stopping")
        if self._app:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_WITHIN_S):
                    await table_of(self._app).close()
                    log.info("everything folded is acknowledged")
                    await self._app.stop()
        log.info("stopped")
        logging.shutdown()
        # nothing is left to write: Faust's threads and timers need not be waited for
        os._exit(0)

    # -- readiness

    def _wait_for(self, what: str) -> None:
        self._waiting_for = what

    def _checks(self) -> dict[str, Check]:
        return {"kafka": self._kafka, "partitions": self._partitions, "state": self._state}

    def _kafka(self) -> str | None:
        return self._waiting_for

    def _partitions(self) -> str | None:
        if self._app is None:
            return "chưa nhận phân vùng nào"
        opened, closed = table_of(self._app).waiting()
        return None if opened or closed else "chưa nhận phân vùng nào"

    def _state(self) -> str | None:
        if self._app is None:
            return "chưa khôi phục trạng thái"
        table = table_of(self._app)
        _, closed = table.waiting()
        if not closed:
            return None
        done, total = table.restored()
        return f"đang khôi phục trạng thái: {done}/{total} bản ghi, phân vùng {closed}"


if __name__ == "__main__":
    main()
