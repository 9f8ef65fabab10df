"""``POST /v1/events``: events come in over HTTP and are answered when Kafka has them.

A plain ASGI endpoint, because it is the one path that must be fast. What is decided about an event
is decided in ``admission``; here is only what HTTP adds.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import unquote

import orjson
import structlog
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from schemas import metrics
from schemas.admitted import rfc3339_ms
from schemas.events import to_millisecond
from schemas.problems import MEDIA_TYPE, FieldError
from schemas.registry import Registry
from schemas.topics import EVENTS, REJECTED
from services.gateway.admission import (
    Accepted,
    Admission,
    Emitter,
    Limits,
    Refused,
    Verdict,
    is_array,
    structured,
)
from services.gateway.credentials import Keys
from services.gateway.kafka_log import KafkaLog, Log, LogUnavailable, Record
from services.gateway.problems import problem_of
from services.gateway.rejected import rejected_record
from services.gateway.rules import broken
from services.metrics import Metrics
from services.settings import Settings

log = structlog.get_logger()

_BODY_WAIT_S = 15.0
_MOST_WAITING = 50_000
"""Records that may wait for Kafka: some 50 MB, and ten seconds of the rate this reaches."""
_RETRY_AFTER = {503: "2", 429: "1"}
_SINGLE = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch+json"
_JSON = "application/json"


class Answer(NamedTuple):
    """An HTTP answer that is not sent yet."""

    status: int
    body: dict[str, Any]


class _Stop(Exception):
    """The request gets a problem before its events are looked at."""

    def __init__(
        self, error: FieldError, emitter: Emitter | None = None, body: bytes = b""
    ) -> None:
        self.error, self.emitter, self.body = error, emitter, body


class _Gone(Exception):
    """The client went away; nobody waits for an answer."""


class Gateway:
    """The ASGI endpoint. Opens nothing; its log and keys are given."""

    def __init__(
        self,
        *,
        log: Log,
        keys: Keys,
        registry: Callable[[], Registry],
        limits: Limits,
        prefix: str,
        metrics: Metrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._log, self._keys, self._registry, self._limits = log, keys, registry, limits
        self._events, self._rejected = EVENTS.full_name(prefix), REJECTED.full_name(prefix)
        self._metrics, self._clock = metrics, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request to ``/v1/events``."""
        began = time.perf_counter()
        try:
            answer = await self._answer(scope, receive)
        except _Gone:
            return
        except LogUnavailable:
            answer = self._stopped(broken("kafka_away", ""))
        self._metrics[metrics.ADMISSION_SECONDS].observe(time.perf_counter() - began)
        await _send(send, answer)

    async def who(self, scope: Scope, receive: Receive, send: Send) -> None:
        """``GET /v1/emitter``: what a key may do; for whoever sets up a sender."""
        try:
            emitter = await self._authenticated(_headers(scope), scope)
        except _Stop as stop:
            await _send(send, self._stopped(stop.error))
            return
        registry = self._registry()
        named = [(code, registry.latest_unit(code)) for code in sorted(emitter.units)]
        units = [{"code": code, "name": unit.name if unit else None} for code, unit in named]
        await _send(send, Answer(200, {"emitter": emitter.name, "units": units}))

    # -- a request, step by step

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        try:
            headers = _headers(scope)
            emitter = await self._authenticated(headers, scope)
            batch, body = await self._body(headers, receive, emitter)
            now = to_millisecond(self._clock())
            admission = Admission(emitter, self._registry(), now, self._limits)
            if batch:
                verdicts = admission.batch(body)
                if isinstance(verdicts, Refused):
                    raise _Stop(verdicts.errors[0], emitter, body)
            else:
                verdicts = [admission.one(body)]
            if self._log.waiting > _MOST_WAITING:
                raise _Stop(broken("too_many_waiting", ""))
        except _Stop as stop:
            if stop.emitter is not None:
                refused = Refused((stop.error,), stop.body.decode("utf-8", "backslashreplace"))
                value = rejected_record(refused, stop.emitter.name, to_millisecond(self._clock()))
                await self._log.append([Record(self._rejected, stop.emitter.name.encode(), value)])
            return self._stopped(stop.error)
        await self._log.append([self._record(v, emitter, now) for v in verdicts])
        self._count(verdicts, emitter)
        return _answer_to(verdicts, rfc3339_ms(now), batch)

    async def _authenticated(self, headers: Mapping[bytes, bytes], scope: Scope) -> Emitter:
        scheme, _, key = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        rule = "key_missing"
        if scheme.lower() == "bearer" and key:
            emitter = await self._keys.emitter_of(key.strip())
            if emitter is not None:
                return emitter
            rule = "key_wrong"
        client = scope.get("client")
        log.warning("unauthenticated", rule=rule, client=client[0] if client else None)
        raise _Stop(broken(rule, ""))

    async def _body(
        self, headers: Mapping[bytes, bytes], receive: Receive, emitter: Emitter
    ) -> tuple[bool, bytes]:
        """(whether it is a batch, the body), read no further than the limit allows."""
        kind, _, parameters = headers.get(b"content-type", b"").decode("latin-1").partition(";")
        kind = kind.strip().lower()
        charset = parameters.partition("charset=")[2].strip(' "').lower()
        binary = b"ce-specversion" in headers
        limits = self._limits
        limit = limits.event_bytes if binary or kind == _SINGLE else limits.batch_bytes
        if (
            kind not in (_SINGLE, _BATCH, _JSON)
            or charset not in ("", "utf-8", "utf8")
            or headers.get(b"content-encoding", b"identity") != b"identity"
        ):
            raise _Stop(broken("content_type", ""))
        length = headers.get(b"content-length", b"")
        too_large = _Stop(broken("body_too_large", "", limit=limit), emitter)
        if length.isdigit() and int(length) > limit:
            raise too_large
        try:
            async with asyncio.timeout(_BODY_WAIT_S):
                body = await _read(receive, limit)
        except TimeoutError:
            raise _Stop(broken("body_too_slow", "", limit=int(_BODY_WAIT_S))) from None
        if body is None:
            raise too_large
        if binary:
            event = structured(_attributes(headers), body)
            if event is None:
                raise _Stop(broken("json_invalid", ""), emitter, body)
            return False, event
        return kind == _BATCH or (kind == _JSON and is_array(body)), body

    def _record(self, verdict: Verdict, emitter: Emitter, now: datetime) -> Record:
        if isinstance(verdict, Accepted):
            return Record(self._events, verdict.unit.encode(), verdict.value)
        # a unit as it was claimed: the text of a wrong one is masked within the record only
        key = verdict.unit if verdict.unit in emitter.units else emitter.name
        return Record(
            self._rejected,
            (key or emitter.name).encode(),
            rejected_record(verdict, emitter.name, now),
        )

    def _stopped(self, error: FieldError) -> Answer:
        self._metrics[metrics.REQUESTS_REFUSED].labels(error.rule).inc()
        return Answer(*problem_of((error,)))

    def _count(self, verdicts: Iterable[Verdict], emitter: Emitter) -> None:
        accepted = 0
        for verdict in verdicts:
            if isinstance(verdict, Accepted):
                accepted += 1
            else:
                self._metrics[metrics.EVENTS_REFUSED].labels(verdict.errors[0].rule).inc()
        if accepted:
            self._metrics[metrics.EVENTS_ACCEPTED].labels(emitter.name).inc(accepted)


def build_log(settings: Settings) -> KafkaLog:
    """The log of an installation; connects when it is started."""
    topics = [topic.full_name(settings.topic_prefix) for topic in (EVENTS, REJECTED)]
    return KafkaLog(settings.kafka, topics, settings.kafka_wait_s)


def build_gateway(
    settings: Settings,
    *,
    log: Log,
    keys: Keys,
    registry: Callable[[], Registry],
    metrics: Metrics,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[BaseRoute]:
    """The gateway's routes."""
    limits = Limits(
        event_bytes=settings.max_event_bytes,
        batch_bytes=settings.max_batch_bytes,
        batch_events=settings.max_batch_events,
        depth=settings.max_depth,
    )
    gateway = Gateway(
        log=log,
        keys=keys,
        registry=registry,
        limits=limits,
        prefix=settings.topic_prefix,
        metrics=metrics,
        clock=clock,
    )
    return [
        Route("/v1/events", gateway, methods=["POST"]),
        Route("/v1/emitter", _Endpoint(gateway.who), methods=["GET"]),
    ]


class _Endpoint:
    """A method as an ASGI app; Starlette takes a bare function for a request handler."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Any]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


# -- answers


def _answer_to(verdicts: list[Verdict], recorded_at: str, batch: bool) -> Answer:
    refused = [verdict for verdict in verdicts if isinstance(verdict, Refused)]
    if refused and not batch:
        return Answer(*problem_of(refused[0].errors))
    body: dict[str, Any] = {
        "accepted": len(verdicts) - len(refused),
        "refused": len(refused),
        "items": [_item(verdict, recorded_at) for verdict in verdicts],
    }
    if not refused:
        return Answer(202, body)
    if body["accepted"]:
        return Answer(207, body)
    # all refused: the one status they share, or 422
    statuses = {verdict.status for verdict in refused}
    errors = [
        error.model_copy(update={"field": f"[{n}].{error.field}".rstrip(".")})
        for n, verdict in enumerate(refused)
        for error in verdict.errors
    ]
    status, problem = problem_of(errors, statuses.pop() if len(statuses) == 1 else 422)
    return Answer(status, {**problem, **body})


def _item(verdict: Verdict, recorded_at: str) -> dict[str, Any]:
    if isinstance(verdict, Accepted):
        return {
            "id": verdict.id,
            "source": verdict.source,
            "status": "accepted",
            "recordedat": recorded_at,
        }
    _, problem = problem_of(verdict.errors)
    return {"id": verdict.id, "source": verdict.source, "status": "refused", "problem": problem}


async def _send(send: Send, answer: Answer) -> None:
    body = orjson.dumps(answer.body)
    kind = MEDIA_TYPE if answer.status >= 400 else _JSON
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if answer.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if after := _RETRY_AFTER.get(answer.status):
        headers.append((b"retry-after", after.encode()))
    if answer.status in (408, 413, 415):
        # the rest of the body is still on its way
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


# -- requests


def _headers(scope: Scope) -> dict[bytes, bytes]:
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
            raise _Gone
        if size > limit:
            return None
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
