"""The audit over HTTP: JSON for scripts and a page for people, both from the same questions."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated

import orjson
import structlog
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from schemas.certificates import Certificate
from schemas.problems import Problem
from schemas.registry import Registry
from services.asked import RETRY, Wrong, live_awaited
from services.audit.access import audit_secret
from services.audit.answering import Answering
from services.audit.api import api_router
from services.audit.asked import read_clocks
from services.audit.asking import HISTORY_AWAY, Asking
from services.audit.documents.desk import Desk
from services.audit.documents.exports import Exports
from services.audit.documents.http import documents_router
from services.audit.final import Finality
from services.audit.page_routes import page_router
from services.audit.pages import Pages
from services.audit.questions import ANOMALIES, anomalous, dossier_history, judged
from services.audit.settled import Settled
from services.audit.timeline import no_dossier
from services.audit.verifier import LiveNotReady, NotComparable
from services.clickhouse import Pool
from services.settings import Settings
from services.web import problem_response

log = structlog.get_logger()

_PAGE = 100


def audit_router(
    settings: Settings,
    pool: Pool,
    settled: Settled,
    registry: Callable[[], Registry],
    verify: Callable[[], Certificate],
    newest: Callable[[], Certificate | None],
    clock: Callable[[], datetime],
    ends: Callable[[], Mapping[int, int]] = dict,
    exports: Exports | None = None,
) -> APIRouter:
    """``/``, ``/verify`` and ``/api/v1/report``, ``events``, ``anomalies``, ``verify``; documents.

    ``verify`` compares now, as :meth:`services.audit.verifier.Verifier.now` does; ``newest`` gives
    the newest certificate; ``ends`` as for :class:`Finality` (without: no answer is final).
    """
    router = APIRouter()
    asking = Asking(settings, pool, settled, registry, clock, Finality(ends, clock))
    answering = Answering(asking)
    pages = Pages(settings, newest, clock)
    desk = Desk(
        asking,
        pages,
        exports or Exports(settings.data / "exports"),
        newest,
        asking.finality.until,
        partial(audit_secret, settings.data),
    )

    router.include_router(api_router(answering))

    @router.get("/api/v1/events")
    def events_json(request: Request, unit: str = "", dossier: str = "") -> Response:
        # no book: what happened to a dossier is told even while a book's file is broken
        clocks = read_clocks(request.query_params, clock())
        if isinstance(clocks, Wrong):
            return problem_response(clocks.problem())
        if not unit or not dossier:
            return problem_response(_UNIT_AND_DOSSIER.problem())
        answer = asking.ask(
            lambda client: dossier_history(client, settled, unit, dossier, clocks=clocks)
        )
        if isinstance(answer, Problem):
            return problem_response(answer)
        if answer is None:
            return problem_response(no_dossier(unit, dossier))
        return _json(
            {
                "unit": unit,
                "dossier": dossier,
                "events": [event._asdict() for event in answer.events],
                "known": answer.known._asdict() if answer.known else None,
            }
        )

    @router.get("/api/v1/anomalies")
    def anomalies_json(
        request: Request,
        code: str = "",
        after: str = "",
        page: Annotated[int, Query(ge=1, le=1000)] = _PAGE,
    ) -> Response:
        question = asking.read(request.query_params)
        if isinstance(question, Problem):
            return problem_response(question)
        anomaly = next((fact for fact in ANOMALIES if fact.name == code), None)
        if anomaly is None:
            return problem_response(_unknown_anomaly().problem())
        after_unit, _, after_dossier = after.partition("/")
        answer = asking.ask(
            lambda client: anomalous(
                client,
                settled,
                anomaly,
                question.period,
                question.unit,
                after=(after_unit, after_dossier),
                page=page,
                population=question.book.population,
                clocks=judged(question.book, question.period, question.clocks, asking.clock()),
            )
        )
        if isinstance(answer, Problem):
            return problem_response(answer)
        return _json(
            {
                "code": anomaly.name,
                "title": anomaly.title,
                "from": question.period.first,
                "to": question.period.last,
                "dossiers": [found._asdict() for found in answer],
                "after": f"{answer[-1].unit}/{answer[-1].dossier}" if len(answer) == page else None,
            }
        )

    @router.post("/api/v1/verify")
    def verify_json() -> Response:
        try:
            certificate = verify()
        except LiveNotReady as error:
            return problem_response(live_awaited(str(error)), RETRY)
        except (NotComparable, TimeoutError) as error:
            log.error("verify_failed", why=str(error))
            return problem_response(HISTORY_AWAY)
        return Response(certificate.model_dump_json(), media_type="application/json")

    router.include_router(documents_router(desk))
    router.include_router(page_router(answering, pages))
    return router


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


# -- problems


_UNIT_AND_DOSSIER = Wrong(
    "dossier",
    "dossier_expected",
    "Say which dossier: unit=… and dossier=….",
    "Cần nêu đơn vị và mã hồ sơ: unit=… và dossier=….",
)


def _unknown_anomaly() -> Wrong:
    codes = ", ".join(fact.name for fact in ANOMALIES)
    return Wrong(
        "code",
        "anomaly_unknown",
        f"No such anomaly. There are: {codes}.",
        f"Không có loại bất thường này. Hiện có: {codes}.",
    )
