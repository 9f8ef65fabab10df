"""HTTP of the wall: the page, its files, the snapshot and the event stream."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import resources
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from jinja2 import Environment

from schemas.calendar import load_calendar
from schemas.problems import FieldError, Problem
from schemas.registry import Registry
from services.books import Books, kept_book
from services.certificates import Certificates
from services.settings import Settings
from services.wall.assets import Asset, build_of, load_assets
from services.wall.channels import Channels
from services.wall.hours import OfficeHours, local, utc_now
from services.wall.parameters import Refusal, WallQuery, understand
from services.wall.roadmaps import with_roadmaps
from services.wall.view import Views
from services.web import code_version, problem_response
from streams.core.working_time import WorkingTime
from streams.live import LiveSource

BEAT_EVERY_S = 5.0

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Wall:
    """Routes for the server that shows walls, and how to end their streams."""

    def __init__(self, router: APIRouter, channels: Channels) -> None:
        self.router = router
        self._channels = channels

    def close(self) -> None:
        """Tell every screen that the server restarts, and end its stream; safe in a signal handler.

        To be called before the server waits for its connections: event streams never end alone.
        """
        self._channels.close()


def build_wall(
    settings: Settings,
    registry: Callable[[], Registry],
    live: LiveSource,
    certificates: Certificates,
    *,
    now: Callable[[], datetime] = utc_now,
    beat_every_s: float = BEAT_EVERY_S,
) -> Wall:
    """The wall on these counters; opens nothing.

    Without its book it waits and says so: what else this process does must not stop for it.
    ``registry`` gives the registry of now: units may be added while a wall runs. ``now`` gives UTC.
    """
    assets = load_assets()
    pages = _pages()
    build = build_of(assets, code_version(), pages["wall.html"])
    hours = OfficeHours(WorkingTime(load_calendar()))
    views = Views(settings.installation_title, settings.demo, hours)
    book = with_roadmaps(kept_book(Books(settings.data), settings.book), settings.data)
    channels = Channels(views, book, registry, live, certificates, build, hours, now, beat_every_s)
    routes = _Routes(registry, live, now, channels, build, assets, pages)
    return Wall(routes.router(), channels)


class _Routes:
    def __init__(
        self,
        registry: Callable[[], Registry],
        live: LiveSource,
        now: Callable[[], datetime],
        channels: Channels,
        build: str,
        assets: Mapping[str, Asset],
        pages: Mapping[str, str],
    ) -> None:
        self._registry = registry
        self._live = live
        self._now = now
        self._channels = channels
        self._build = build
        self._assets = assets
        environment = Environment(autoescape=True)
        self._wall_page = environment.from_string(pages["wall.html"])
        self._refusal_page = environment.from_string(pages["refusal.html"])

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/wall", self._page, methods=["GET", "HEAD"], include_in_schema=False)
        router.add_api_route(
            "/wall/static/{path:path}", self._static, methods=["GET"], include_in_schema=False
        )
        router.add_api_route("/api/wall/snapshot", self._snapshot, methods=["GET"])
        router.add_api_route("/api/wall/stream", self._stream, methods=["GET"])
        return router

    def _understand(self, request: Request) -> WallQuery | Refusal:
        today = local(self._now()).date()
        return understand(request.query_params, self._registry(), self._live.units(), today)

    async def _page(self, request: Request) -> Response:
        query = self._understand(request)
        if isinstance(query, Refusal):
            body = self._refusal_page.render(refusal=query, build=self._build)
            return HTMLResponse(body, 400, _HEADERS)
        channel = await self._channels.current(query.selection)
        first: dict[str, Any] = {
            "beat": self._channels.beat(channel),
            "certificate": self._channels.certificate(),
            "snapshot": None,
        }
        if channel.view is not None:
            first["snapshot"] = orjson.Fragment(self._channels.snapshot(channel))
        body = self._wall_page.render(
            build=self._build,
            theme=query.theme,
            lang=query.language,
            first=_for_a_script(orjson.dumps(first)),
        )
        return HTMLResponse(body, headers=_HEADERS)

    async def _static(self, path: str, request: Request) -> Response:
        asset = self._assets.get(path)
        if asset is None:
            return Response("không có tệp này / no such file", 404, media_type="text/plain")
        # always asked again: after an update no page may mix old modules with new ones
        headers = {"ETag": asset.etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == asset.etag:
            return Response(status_code=304, headers=headers)
        return Response(asset.body, headers=headers, media_type=asset.media_type)

    async def _snapshot(self, request: Request) -> Response:
        """The view as JSON; ``Wall-Beat`` says how old it is, with 304 too, and
        ``Wall-Certificate`` whether it was compared with the history.
        """
        query = self._understand(request)
        if isinstance(query, Refusal):
            return _refused(query)
        channel = await self._channels.current(query.selection)
        beat = self._channels.beat(channel)
        if channel.view is None:
            return problem_response(_not_ready(beat), {"Retry-After": "2"})
        etag = f'"{self._channels.version(channel)}"'
        headers = {
            "ETag": etag,
            "Cache-Control": "no-cache",
            # ASCII: reasons may hold more than latin-1, headers may not
            "Wall-Beat": json.dumps(beat),
            "Wall-Certificate": json.dumps(self._channels.certificate()),
        }
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        body = self._channels.snapshot(channel)
        return Response(body, headers=headers, media_type="application/json")

    async def _stream(self, request: Request) -> Response:
        """Server-sent events: ``snapshot``, ``delta``, ``beat``, ``certificate``, ``bye``."""
        query = self._understand(request)
        if isinstance(query, Refusal):
            return _refused(query)
        return StreamingResponse(
            self._channels.stream(query.selection),
            media_type="text/event-stream",
            # a proxy that buffers would turn seconds into minutes
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


def _pages() -> Mapping[str, str]:
    folder = resources.files("services.wall") / "templates"
    return {f.name: f.read_text(encoding="utf-8") for f in folder.iterdir() if f.is_file()}


def _for_a_script(text: bytes) -> str:
    """JSON that cannot end the script element it stands in."""
    return text.decode().replace("<", "\\u003c")


def _refused(refusal: Refusal) -> Response:
    return problem_response(
        Problem(
            type="urn:motcua:problem:wall-parameter",
            title="A parameter cannot be used",
            title_vi="Tham số không dùng được",
            status=400,
            detail=f"{refusal.parameter}={refusal.value}: {refusal.message}",
            detail_vi=f"{refusal.parameter}={refusal.value}: {refusal.message_vi}",
            errors=(
                FieldError(
                    field=refusal.parameter,
                    rule="parameter",
                    message=refusal.message,
                    message_vi=refusal.message_vi,
                ),
            ),
        )
    )


def _not_ready(beat: Mapping[str, Any]) -> Problem:
    title, title_vi = (
        ("The book cannot be read", "Không đọc được bộ chỉ tiêu")
        if beat["no_book"]
        else ("The live counters are not here yet", "Chưa nạp xong số liệu")
    )
    return Problem(
        type="urn:motcua:problem:not-ready",
        title=title,
        title_vi=title_vi,
        status=503,
        detail=f"Ask again in a moment: {beat['waiting']}",
        detail_vi=f"Hãy hỏi lại sau giây lát: {beat['waiting']}",
    )
