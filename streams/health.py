"""``/healthz`` and ``/readyz`` of the worker, in the shape that every process of ours has."""

from collections.abc import Callable, Mapping

from aiohttp import web

Check = Callable[[], str | None]
"""None when ready, else why not, in words that name what to look at."""


async def serve(
    host: str, port: int, checks: Mapping[str, Check], generation: int
) -> web.AppRunner:
    """Answer from now on, until ``cleanup()`` of the result. Raises ``OSError`` for a port in use.

    ``/healthz`` says that the process is alive, and on which generation of the state;
    ``/readyz`` names what is not ready and why.
    """

    async def healthz(request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "generation": generation})

    async def readyz(request: web.Request) -> web.Response:
        found = [{"name": name, "why": check()} for name, check in checks.items()]
        ready = all(one["why"] is None for one in found)
        answer = {"ready": ready, "checks": [{**f, "ready": f["why"] is None} for f in found]}
        return web.json_response(answer, status=200 if ready else 503)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
