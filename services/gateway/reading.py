"""Reads a request: its content type and its body, within the limits of size and time."""

import asyncio
from collections.abc import Mapping
from urllib.parse import unquote

from starlette.types import Receive, Scope

from schemas.problems import FieldError
from services.gateway.admission import Emitter, Limits, is_array, structured
from services.gateway.rules import broken

BODY_WAIT_S = 15.0
_SINGLE = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch+json"
_JSON = "application/json"


class Stop(Exception):
    """The request gets a problem before its events are looked at."""

    def __init__(
        self, error: FieldError, emitter: Emitter | None = None, body: bytes = b""
    ) -> None:
        self.error, self.emitter, self.body = error, emitter, body


class Gone(Exception):
    """The client went away; nobody waits for an answer."""


async def read_body(
    headers: Mapping[bytes, bytes], receive: Receive, emitter: Emitter, limits: Limits
) -> tuple[bool, bytes]:
    """(whether it is a batch, the body). Raises :class:`Stop` or :class:`Gone`."""
    kind, _, parameters = headers.get(b"content-type", b"").decode("latin-1").partition(";")
    kind = kind.strip().lower()
    charset = parameters.partition("charset=")[2].strip(' "').lower()
    if (
        kind not in (_SINGLE, _BATCH, _JSON)
        or charset not in ("", "utf-8", "utf8")
        or headers.get(b"content-encoding", b"identity") != b"identity"
    ):
        raise Stop(broken("content_type", ""))
    binary = b"ce-specversion" in headers
    limit = limits.event_bytes if binary or kind == _SINGLE else limits.batch_bytes
    length = headers.get(b"content-length", b"")
    body = None
    if not (length.isdigit() and int(length) > limit):
        try:
            async with asyncio.timeout(BODY_WAIT_S):
                body = await _read(receive, limit)
        except TimeoutError:
            raise Stop(broken("body_too_slow", "", limit=int(BODY_WAIT_S))) from None
    if body is None:
        raise Stop(broken("body_too_large", "", limit=limit), emitter)
    if binary:
        event = structured(_attributes(headers), body)
        if event is None:
            raise Stop(broken("json_invalid", ""), emitter, body)
        return False, event
    return kind == _BATCH or (kind == _JSON and is_array(body)), body


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    return dict(scope["headers"])


def _attributes(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """The attributes of CloudEvents' binary mode: headers ``ce-…``, percent-encoded."""
    found = {
        name[3:].decode("latin-1"): unquote(value.decode("latin-1"))
        for name, value in headers.items()
        if name.startswith(b"ce-")
    }
    found.setdefault("datacontenttype", "application/json")
    found.pop("data", None)
    return found


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The body; None when it is larger than the limit."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body"):
        return body if len(body) <= limit else None
    chunks, size = [body], len(body)
    while True:
        if message["type"] == "http.disconnect":
            raise Gone
        if size > limit:
            return None
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
