"""``POST /v1/events``: events come in over HTTP and are answered when Kafka has them.

A plain ASGI endpoint, because it is the one path that must be fast. What is decided about an event
is decided in ``admission``; here is only what HTTP adds.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from schemas import metrics
from schemas.admitted import rfc3339_ms
from schemas.calendar import load_calendar
from schemas.events import to_millisecond
from schemas.problems import FieldError
from schemas.registry import Registry
from schemas.topics import EVENTS, REJECTED
from services.gateway.admission import (
    LOCAL,
    Accepted,
    Admission,
    Emitter,
    Limits,
    Refused,
    Verdict,
)
from services.gateway.answers import Answer, answer_to, send_answer
from services.gateway.credentials import Keys
from services.gateway.due import CatalogueDue, Owed
from services.gateway.kafka_log import KafkaLog, Log, LogUnavailable, Record
from services.gateway.problems import problem_of
from services.gateway.reading import Gone, Stop, headers_of, read_body
from services.gateway.rejected import rejected_record
from services.gateway.rules import broken
from services.metrics import Metrics
from services.settings import Settings
from streams.core.working_time import WorkingTime

log = structlog.get_logger()

_MOST_WAITING = 50_000
"""Records that may wait for Kafka: some 50 MB, and ten seconds of the rate this reaches."""


class Gateway:
    """The ASGI endpoint. Opens nothing; its log and keys are given."""

    def __init__(
        self,
        *,
        log: Log,
        keys: Keys,
        registry: Callable[[], Registry],
        limits: Limits,
        owed: Owed,
        prefix: str,
        metrics: Metrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._log, self._keys, self._registry, self._limits = log, keys, registry, limits
        self._owed = owed
        self._events, self._rejected = EVENTS.full_name(prefix), REJECTED.full_name(prefix)
        self._metrics, self._clock = metrics, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request to ``/v1/events``."""
        began = time.perf_counter()
        try:
            answer = await self._answer(scope, receive)
        except Gone:
            return
        except LogUnavailable:
            answer = self._stopped(broken("kafka_away", ""))
        self._metrics[metrics.ADMISSION_SECONDS].observe(time.perf_counter() - began)
        await send_answer(send, answer)

    async def who(self, scope: Scope, receive: Receive, send: Send) -> None:
        """``GET /v1/emitter``: what a key may do; for whoever sets up a sender."""
        try:
            emitter = await self._authenticated(headers_of(scope), scope)
        except Stop as stop:
            await send_answer(send, self._stopped(stop.error))
            return
        registry, today = self._registry(), (self._clock() + LOCAL).date()
        named = [
            (code, registry.unit(code, today) or registry.latest_unit(code))
            for code in sorted(emitter.units)
        ]
        units = [{"code": code, "name": unit.name if unit else None} for code, unit in named]
        await send_answer(send, Answer(200, {"emitter": emitter.name, "units": units}))

    # -- a request, step by step

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        try:
            headers = headers_of(scope)
            emitter = await self._authenticated(headers, scope)
            batch, body = await read_body(headers, receive, emitter, self._limits)
            now = to_millisecond(self._clock())
            admission = Admission(emitter, self._registry(), now, self._limits, self._owed)
            if batch:
                verdicts = admission.batch(body)
                if isinstance(verdicts, Refused):
                    raise Stop(verdicts.errors[0], emitter, body)
            else:
                verdicts = [admission.one(body)]
            if self._log.waiting > _MOST_WAITING:
                raise Stop(broken("too_many_waiting", ""))
        except Stop as stop:
            if stop.emitter is not None:
                refused = Refused((stop.error,), stop.body.decode("utf-8", "backslashreplace"))
                value = rejected_record(refused, stop.emitter.name, to_millisecond(self._clock()))
                await self._log.append([Record(self._rejected, stop.emitter.name.encode(), value)])
            return self._stopped(stop.error)
        await self._log.append([self._record(v, emitter, now) for v in verdicts])
        self._count(verdicts, emitter)
        return answer_to(verdicts, rfc3339_ms(now), batch)

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
        raise Stop(broken(rule, ""))

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
        owed=CatalogueDue(WorkingTime(load_calendar())),
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
