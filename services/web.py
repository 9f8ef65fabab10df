"""What every HTTP server of ours has: health, discovery, problem documents, a clean stop."""

import gc
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from types import FrameType
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Response

from schemas.problems import MEDIA_TYPE, Problem
from services.settings import Settings

Check = Callable[[], Awaitable[str | None]]
"""None when ready, else why not, in words that name what to look at."""


def code_version() -> str:
    """Version of the product."""
    try:
        return version("motcua")
    except PackageNotFoundError:
        return "0.1.0"


def health_router(settings: Settings, checks: Mapping[str, Check]) -> APIRouter:
    """``/healthz`` (alive), ``/readyz`` (names what is not ready and why) and discovery."""
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz(response: Response) -> dict[str, Any]:
        found = [{"name": name, "why": await check()} for name, check in checks.items()]
        ready = all(f["why"] is None for f in found)
        if not ready:
            response.status_code = 503
        return {"ready": ready, "checks": [{**f, "ready": f["why"] is None} for f in found]}

    @router.get("/.well-known/motcua")
    async def discovery() -> dict[str, Any]:
        return {
            "product": "motcua",
            "version": code_version(),
            "front": settings.front_url,
            "audit": settings.audit_url,
            "demo": settings.demo,
        }

    return router


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The RFC 9457 document as an HTTP answer."""
    return Response(
        problem.model_dump_json(), problem.status, dict(headers or {}), media_type=MEDIA_TYPE
    )


class Server(uvicorn.Server):
    """Ends event streams before it stops listening to them: one connected wall never holds it."""

    def __init__(self, config: uvicorn.Config, before_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_exit = before_exit

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by uvicorn on SIGINT and SIGTERM."""
        self._before_exit()
        # uvicorn's own handler would raise the signal again once the server has stopped, and the
        # process would end before it has closed what it holds
        self.should_exit = True


def serve(
    app: FastAPI, host: str, port: int, before_exit: Callable[[], None] = lambda: None
) -> None:
    """Serve until SIGINT or SIGTERM, then stop within three seconds."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=3,
    )
    # what was loaded stays, and requests leave few cycles behind: looking for them every 700
    # objects would cost a tenth of the gateway's throughput
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    Server(config, before_exit).run()
