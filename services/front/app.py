"""Composition of the process ``front``: what answers on the installation's main port."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from fastapi import FastAPI

from schemas import metrics as metric
from services.certificates import CertificateReader, count_certificates
from services.front.certificate import certificate_router
from services.front.pages import pages_router
from services.front.standings import standings_router
from services.front.units import units_router
from services.gateway.app import build_gateway, build_log
from services.gateway.credentials import Keys, credentials_file
from services.metrics import Metrics
from services.reread import registry_of
from services.settings import Settings
from services.wall import build_wall
from services.web import code_version, health_router
from streams.generations import generation_in
from streams.live import LiveUnits


class Front(NamedTuple):
    """The application, and what ends its event streams when the process is told to stop."""

    app: FastAPI
    before_exit: Callable[[], None]


def build_front(settings: Settings) -> Front:
    """Opens nothing: the connections are made when the application starts."""
    registry = registry_of(settings.data)
    metrics = Metrics()
    log = build_log(settings)
    live = LiveUnits(
        settings.kafka,
        settings.topic_prefix,
        lambda: generation_in(settings.data, settings.worker_generation),
    )
    certificates = CertificateReader(settings.kafka, settings.topic_prefix)
    wall = build_wall(settings, registry, live, certificates)
    metrics[metric.EVENTS_WAITING].set_function(lambda: log.waiting)
    count_certificates(metrics, certificates)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        log.start()
        live.start()
        certificates.start()
        yield
        await asyncio.gather(
            asyncio.to_thread(live.stop), asyncio.to_thread(certificates.stop), log.close()
        )

    async def live_ready() -> str | None:
        return live.not_ready()

    app = FastAPI(
        title="motcua",
        version=code_version(),
        lifespan=lifespan,
        # these pages would come from a content network; offices are offline
        docs_url=None,
        redoc_url=None,
        # first, because this is the one path that must be fast
        routes=build_gateway(
            settings,
            log=log,
            keys=Keys(credentials_file(settings.data)),
            registry=registry,
            metrics=metrics,
        ),
    )
    app.include_router(health_router(settings, {"kafka": log.not_ready, "live": live_ready}))
    app.include_router(wall.router)
    app.include_router(units_router(settings, registry, live, lambda: datetime.now(UTC)))
    app.include_router(standings_router(settings, registry, live, lambda: datetime.now(UTC)))
    app.include_router(certificate_router(certificates, lambda: datetime.now(UTC)))
    app.include_router(pages_router(settings))

    app.include_router(metrics.router())
    return Front(app, wall.close)
