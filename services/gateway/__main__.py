"""``python -m services.gateway``: the gateway alone, for installations with several machines."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from schemas.metrics import EVENTS_WAITING
from services.gateway.app import build_gateway, build_log
from services.gateway.credentials import Keys, credentials_file
from services.logs import configure_logs
from services.metrics import Metrics
from services.reread import registry_of
from services.settings import Settings
from services.web import code_version, health_router, serve


def build(settings: Settings) -> FastAPI:
    """Opens nothing: the connection is made when the application starts."""
    metrics = Metrics()
    log = build_log(settings)
    metrics[EVENTS_WAITING].set_function(lambda: log.waiting)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        log.start()
        yield
        await log.close()

    app = FastAPI(
        title="motcua gateway",
        version=code_version(),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        routes=build_gateway(
            settings,
            log=log,
            keys=Keys(credentials_file(settings.data)),
            registry=registry_of(settings.data),
            metrics=metrics,
        ),
    )
    app.include_router(health_router(settings, {"kafka": log.not_ready}))
    app.include_router(metrics.router())
    return app


def main() -> None:
    settings = Settings()
    configure_logs(settings.log_format)
    serve(build(settings), settings.host, settings.port)


if __name__ == "__main__":
    main()
