"""Asks the history for those who came over HTTP, and turns what can go wrong into words."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.problems import Problem
from schemas.registry import Registry
from schemas.report import Report
from services.asked import Wrong, split_told
from services.audit.asked import read_question
from services.audit.final import Finality
from services.audit.questions import DoesNotAddUp, Question, Source, report
from services.audit.settled import Clocks, Settled, extent
from services.books import Books
from services.clickhouse import ClickHouseUnavailable, Pool, first_line
from services.settings import Settings
from streams.core.lineage import UnitSplit

log = structlog.get_logger()

T = TypeVar("T")


class Asking:
    """Puts questions to the history; an answer, or a problem that says why there is none."""

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
        self.settled = settled
        self.registry = registry
        self.clock = clock
        self.books = Books(settings.data)
        self.finality = finality
        self._pool = pool

    def ask(self, question: Callable[[Client], T]) -> T | Problem:
        """The answer, or why there is none now."""
        try:
            with self._pool.lend() as client:
                return question(client)
        except UnitSplit as split:
            return split_told(split).problem()
        except DoesNotAddUp as error:
            log.error("does_not_add_up", why=str(error))
            return _DOES_NOT_ADD_UP
        except (ClickHouseError, ClickHouseUnavailable) as error:
            log.error("question_failed", why=first_line(error))
            return HISTORY_AWAY

    def put(self, question: Callable[[Source], T]) -> T | Problem:
        """The same for a question that wants to know whom it asks, and when."""
        return self.ask(
            lambda client: question(Source(client, self.settled, self.registry(), self.clock()))
        )

    def read(self, given: Mapping[str, str]) -> Question | Problem:
        """The question in these parameters."""

        def known(client: Client) -> Question | Wrong:
            question = read_question(
                given,
                books=self.books,
                default_book=self.settings.book,
                registry=self.registry(),
                known_units=lambda: extent(client, self.settled).offsets,
                now=self.clock(),
            )
            if isinstance(question, Wrong):
                return question
            return replace(question, clocks=self._with_finality(client, question.clocks))

        found = self.ask(known)
        return found.problem() if isinstance(found, Wrong) else found

    def final(self, clocks: Clocks) -> Clocks | Problem:
        """The clocks, saying whether everything that was recorded by then is here."""
        return self.ask(lambda client: self._with_finality(client, clocks))

    def table(self, source: Source, question: Question) -> Report:
        """The table of the book."""
        return report(
            source.client,
            source.settled,
            question.book,
            source.registry,
            question.period,
            question.unit,
            officer=question.officer,
            lineage=question.lineage,
            clocks=question.clocks,
            demo=self.settings.demo,
            computed_at=source.asked_at,
        )

    def _with_finality(self, client: Client, clocks: Clocks) -> Clocks:
        return replace(clocks, final=self.finality.final(client, clocks.known_at))


HISTORY_AWAY = Problem(
    type="urn:motcua:problem:history_unavailable",
    title="The history cannot answer now",
    title_vi="Kho lịch sử chưa trả lời được",
    status=503,
    detail="ClickHouse did not answer. Try again; if it stays so, look at /readyz.",
    detail_vi="ClickHouse không trả lời. Hãy thử lại; nếu vẫn vậy, xem /readyz.",
)

_DOES_NOT_ADD_UP = Problem(
    type="urn:motcua:problem:does_not_add_up",
    title="The explanation does not add up",
    title_vi="Phần giải thích không khớp với số liệu",
    status=500,
    detail="The changed dossiers do not explain the difference: no answer is better than a wrong"
    " one. The log of the history says which figure; please report it.",
    detail_vi="Các hồ sơ thay đổi không giải thích hết phần khác nhau: không trả lời còn hơn"
    " trả lời sai. Nhật ký của kho lịch sử ghi rõ số liệu nào; hãy báo cho người vận hành.",
)
