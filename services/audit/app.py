"""The audit over HTTP: JSON for scripts and a page for people, both from the same questions."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, TypeVar

import orjson
import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from schemas.certificates import Certificate
from schemas.problems import Problem
from schemas.registry import Registry
from services.asked import RETRY, Wrong, live_awaited, split_told
from services.audit.access import audit_secret
from services.audit.asked import Question, read_clocks, read_question
from services.audit.documents.desk import Desk
from services.audit.documents.exports import Exports
from services.audit.documents.http import documents_router
from services.audit.final import Finality
from services.audit.pages import Pages
from services.audit.questions import (
    ANOMALIES,
    anomalous,
    dossier_history,
    judged,
    report,
)
from services.audit.settled import Settled, extent
from services.audit.verifier import LiveNotReady, NotComparable
from services.books import Books
from services.clickhouse import ClickHouseUnavailable, Pool, first_line
from services.settings import Settings
from services.web import problem_response
from streams.core.lineage import UnitSplit

log = structlog.get_logger()

T = TypeVar("T")
_PAGE = 100


class Asking:
    """Asks the history, and turns what can go wrong into words."""

    def __init__(
        self,
        settings: Settings,
        pool: Pool,
        settled: Settled,
        registry: Callable[[], Registry],
        clock: Callable[[], datetime],
        finality: Finality,
    ) -> None:
        self.settings = settings
        self.finality = finality
        self.settled = settled
        self.registry = registry
        self.clock = clock
        self._pool = pool
        self.books = Books(settings.data)

    def ask(self, question: Callable[[Client], T]) -> T | Problem:
        """The answer, or why there is none now."""
        try:
            with self._pool.lend() as client:
                return question(client)
        except UnitSplit as split:
            return split_told(split).problem()
        except (ClickHouseError, ClickHouseUnavailable) as error:
            log.error("question_failed", why=first_line(error))
            return _HISTORY_AWAY

    def read(self, given: Mapping[str, str]) -> Question | Problem:
        """The question in these parameters."""
        units = self.ask(lambda client: frozenset(extent(client, self.settled).offsets))
        if isinstance(units, Problem):
            return units
        question = read_question(
            given,
            books=self.books,
            default_book=self.settings.book,
            registry=self.registry(),
            known_units=units,
            now=self.clock(),
        )
        return question.problem() if isinstance(question, Wrong) else question


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
    pages = Pages(settings, newest, clock)
    desk = Desk(
        asking,
        pages,
        exports or Exports(settings.data / "exports"),
        newest,
        asking.finality.until,
        partial(audit_secret, settings.data),
    )

    @router.get("/api/v1/report")
    def report_json(request: Request) -> Response:
        question = asking.read(request.query_params)
        if isinstance(question, Problem):
            return problem_response(question)
        answer = asking.ask(lambda client: _report(asking, client, question))
        if isinstance(answer, Problem):
            return problem_response(answer)
        return Response(answer.model_dump_json(), media_type="application/json")

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
            return problem_response(_no_dossier(unit, dossier))
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
            return problem_response(_HISTORY_AWAY)
        return Response(certificate.model_dump_json(), media_type="application/json")

    @router.get("/verify", include_in_schema=False)
    def verify_page() -> Response:
        return pages.verification(registry())

    @router.get("/", include_in_schema=False)
    def table_page(request: Request) -> Response:
        question = asking.read(request.query_params)
        if isinstance(question, Problem):
            return pages.problem(question)
        answer = asking.ask(lambda client: _report(asking, client, question))
        if isinstance(answer, Problem):
            return pages.problem(answer)
        return pages.table(
            question, answer, asking.registry(), request.query_params, asking.books.codes()
        )

    router.include_router(documents_router(desk))
    router.include_router(pages.static_router())
    return router


def _report(asking: Asking, client: Client, question: Question) -> Any:
    return report(
        client,
        asking.settled,
        question.book,
        asking.registry(),
        question.period,
        question.unit,
        officer=question.officer,
        lineage=question.lineage,
        clocks=question.clocks,
        demo=asking.settings.demo,
        computed_at=asking.clock(),
        # before the question: what comes while it is answered was recorded later
        final=asking.finality.final(client, question.clocks.known_at),
    )


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


_HISTORY_AWAY = Problem(
    type="urn:motcua:problem:history_unavailable",
    title="The history cannot answer now",
    title_vi="Kho lịch sử chưa trả lời được",
    status=503,
    detail="ClickHouse did not answer. Try again; if it stays so, look at /readyz.",
    detail_vi="ClickHouse không trả lời. Hãy thử lại; nếu vẫn vậy, xem /readyz.",
)


def _no_dossier(unit: str, dossier: str) -> Problem:
    return Problem(
        type="urn:motcua:problem:dossier_unknown",
        title="No such dossier",
        title_vi="Không tìm thấy hồ sơ",
        status=404,
        detail=f"The history has no event of dossier {dossier} of unit {unit}.",
        detail_vi=f"Kho lịch sử không có sự kiện nào của hồ sơ {dossier}, đơn vị {unit}.",
    )
