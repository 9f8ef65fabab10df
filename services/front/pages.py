"""The start page and the page for whoever writes an emitter; offline, without scripts."""

import re
from pathlib import Path

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from schemas.events import EVENTS
from services.gateway.rules import RULES
from services.settings import Settings

_TEMPLATES = Path(__file__).parent / "templates"


def pages_router(settings: Settings) -> APIRouter:
    """``/`` with the links of the installation, ``/docs`` with events, answers and rules."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
    )

    @router.get("/")
    async def start(request: Request) -> str:
        return templates.get_template("start.html").render(
            settings=settings, audit=_audit_seen_from(request, settings)
        )

    @router.get("/docs")
    async def docs(request: Request) -> str:
        front = str(request.base_url).rstrip("/")
        return templates.get_template("docs.html").render(
            settings=settings,
            front=front,
            events=[(kind, _fields(kind.model)) for kind in EVENTS],
            rules=[(rule, _shown(rule.vi)) for rule in RULES.values()],
        )

    return router


def _audit_seen_from(request: Request, settings: Settings) -> str:
    """The audit's address for this visitor: its port on the host that they used."""
    return f"{request.url.scheme}://{request.url.hostname}:{settings.port + 1}"


def _fields(model: type) -> list[tuple[str, bool]]:
    """(name, required) of an event's own fields."""
    data = model.model_fields["data"].annotation  # type: ignore[attr-defined]  # an event's model
    return [(name, field.is_required()) for name, field in data.model_fields.items()]


def _shown(text: str) -> str:
    """A rule's text with an ellipsis for what a case would fill in."""
    return re.sub(r"\{\w+\}", "…", re.sub(r"\{hint_\w+\}", "", text))
