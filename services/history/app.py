"""Composition of the process ``history``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from schemas.calendar import load_calendar
from schemas.topics import EVENTS
from services.audit.access_guard import Guard, access_of
from services.audit.access_pages import access_router
from services.audit.app import audit_router
from services.audit.settled import Settled, forget_asked
from services.audit.settling import Settling
from services.audit.verifier import Rhythm, Verifier
from services.certificates import CertificateReader, CertificateWriter
from services.clickhouse import ClickHouseUnavailable, Pool, migrate
from services.historian import ClickHouseHistory, Historian, store_calendar
from services.history.databases import Databases
from services.history.rebuild import Rebuilding
from services.history.rebuild_http import rebuild_router
from services.reread import registry_of
from services.settings import Settings
from services.web import code_version, health_router
from streams.generations import generation_in
from streams.live import LiveUnits
from streams.reading import end_offsets

_QUESTIONS_AT_ONCE = 3


def prepare(settings: Settings) -> list[str]:
    """Bring ClickHouse to this version and calendar; the names of the migrations applied.

    Raises :class:`ClickHouseUnavailable` or ``MigrationError``, saying what to do.
    """
    if settings.clickhouse_address.startswith("chdb:"):
        settings.data.mkdir(parents=True, exist_ok=True)
    databases = Databases(settings.clickhouse_address)
    client = databases.connect()
    try:
        applied = migrate(client)
        store_calendar(client, load_calendar())
        forget_asked(client)
        databases.drop_left_behind()
        return applied
    finally:
        client.close()


def build_history(settings: Settings) -> FastAPI:
    """Opens nothing: threads and connections begin when the application starts."""
    topic = EVENTS.full_name(settings.topic_prefix)
    databases = Databases(settings.clickhouse_address)
    # two more than questions: what is settled and verified in the background
    pool = Pool(databases.connect, _QUESTIONS_AT_ONCE + 2)
    historian = Historian(
        settings.kafka, topic, lambda: ClickHouseHistory(databases.connect, topic)
    )
    settled = Settled()
    settling = Settling(pool, settled)
    rebuilding = Rebuilding(settings.kafka, topic, databases, pool, settled, historian)
    live = LiveUnits(
        settings.kafka,
        settings.topic_prefix,
        lambda: generation_in(settings.data, settings.worker_generation),
    )
    certificates = CertificateReader(settings.kafka, settings.topic_prefix)
    writer = CertificateWriter(settings.kafka, settings.topic_prefix)
    verifier = Verifier(
        live,
        settled,
        pool.lend,
        writer.write,
        certificates.newest,
        Rhythm(settings.verify_every_s, settings.verify_all_within_s),
        code_version(),
    )
    registry = registry_of(settings.data)
    access = access_of(settings, certificates.newest)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        historian.start()
        live.start()
        settling.start()
        certificates.start()
        verifier.start()
        yield
        await run_in_threadpool(verifier.stop)
        await run_in_threadpool(rebuilding.stop)
        await run_in_threadpool(settling.stop)
        await run_in_threadpool(historian.stop)
        await run_in_threadpool(live.stop)
        await run_in_threadpool(certificates.stop)
        writer.close()
        pool.close()

    async def clickhouse_ready() -> str | None:
        return await run_in_threadpool(_why_no_answer, pool)

    async def historian_ready() -> str | None:
        return historian.not_ready()

    app = FastAPI(
        title="motcua history",
        version=code_version(),
        lifespan=lifespan,
        # these pages would come from a content network; offices are offline
        docs_url=None,
        redoc_url=None,
    )
    checks = {"clickhouse": clickhouse_ready, "historian": historian_ready}
    app.include_router(health_router(settings, checks))
    app.include_router(
        audit_router(
            settings,
            pool,
            settled,
            registry,
            verifier.now,
            certificates.newest,
            lambda: datetime.now(UTC),
            lambda: end_offsets(settings.kafka, topic),
        )
    )
    app.include_router(access_router(access))
    app.include_router(rebuild_router(rebuilding))
    app.add_middleware(Guard, access=access)
    return app


def _why_no_answer(pool: Pool) -> str | None:
    try:
        with pool.lend() as client:
            return None if client.ping() else "ClickHouse does not answer"
    except ClickHouseUnavailable as error:
        return str(error)
