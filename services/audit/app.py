"""The audit over HTTP: JSON for scripts and a page for people, both from the same questions."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

import orjson
import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from schemas.certificates import Certificate
from schemas.problems import FieldError, Problem
from schemas.registry import Registry
from services.audit.asked import Question, Wrong, read_question
from services.audit.pages import Pages
from services.audit.questions import (
    ANOMALIES,
    anomalous,
    dossier_history,
    extent,
    report,
)
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
        registry: Callable[[], Registry],
        clock: Callable[[], datetime],
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.clock = clock
        self._pool = pool
        self._books = Books(settings.data)

    def ask(self, question: Callable[[Client], T]) -> T | Problem:
        """The answer, or why there is none now."""
        try:
            with self._pool.lend() as client:
                return question(client)
        except UnitSplit as split:
            return wrong(Wrong("lineage", "unit_split", split.told(), split.told_vi()))
        except (ClickHouseError, ClickHouseUnavailable) as error:
            log.error("question_failed", why=first_line(error))
            return _HISTORY_AWAY

    def read(self, given: Mapping[str, str]) -> Question | Problem:
        """The question in these parameters."""
        units = self.ask(lambda client: frozenset(extent(client).offsets))
        if isinstance(units, Problem):
            return units
        question = read_question(
            given,
            books=self._books,
            default_book=self.settings.book,
            registry=self.registry(),
            known_units=units,
            now=self.clock(),
        )
        return wrong(question) if isinstance(question, Wrong) else question


def audit_router(
    settings: Settings,
    pool: Pool,
    registry: Callable[[], Registry],
    verify: Callable[[], Certificate],
    newest: Callable[[], Certificate | None],
    clock: Callable[[], datetime],
) -> APIRouter:
    """``/``, ``/verify`` and ``/api/v1/report``, ``events``, ``anomalies``, ``verify``.

    ``verify`` compares now, as :meth:`services.audit.verifier.Verifier.now` does; ``newest`` gives
    the newest certificate.
    """
    router = APIRouter()
    asking = Asking(settings, pool, registry, clock)
    pages = Pages(settings, newest, clock)

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
        question = asking.read(request.query_params)
        if isinstance(question, Problem):
            return problem_response(question)
        if not unit or not dossier:
            return problem_response(wrong(_UNIT_AND_DOSSIER))
        answer = asking.ask(
            lambda client: dossier_history(client, unit, dossier, clocks=question.clocks)
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
            return problem_response(wrong(_unknown_anomaly()))
        after_unit, _, after_dossier = after.partition("/")
        answer = asking.ask(
            lambda client: anomalous(
                client,
                anomaly,
                question.period,
                question.unit,
                after=(after_unit, after_dossier),
                page=page,
                clocks=question.clocks,
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
            return problem_response(_live_not_ready(str(error)), {"retry-after": "1"})
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
        return pages.table(question, answer, asking.registry(), request.query_params)

    router.include_router(pages.static_router())
    return router


def _report(asking: Asking, client: Client, question: Question) -> Any:
    return report(
        client,
        question.book,
        asking.registry(),
        question.period,
        question.unit,
        officer=question.officer,
        lineage=question.lineage,
        clocks=question.clocks,
        demo=asking.settings.demo,
        computed_at=asking.clock(),
    )


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


# -- problems


def wrong(found: Wrong) -> Problem:
    """What is wrong with a question, as a problem document."""
    error = FieldError(
        field=found.field, rule=found.rule, message=found.message, message_vi=found.message_vi
    )
    return Problem(
        type=f"urn:motcua:problem:{found.rule}",
        title="The question cannot be answered",
        title_vi="Yêu cầu không hợp lệ",
        status=422,
        detail=found.message,
        detail_vi=found.message_vi,
        errors=(error,),
    )


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


def _live_not_ready(why: str) -> Problem:
    return Problem(
        type="urn:motcua:problem:live_not_ready",
        title="The live counters are not all here yet",
        title_vi="Số liệu trực tiếp chưa tải xong",
        status=503,
        detail=why,
        detail_vi=f"Số liệu trực tiếp chưa tải xong: {why}",
    )
