"""Asks saved questions when their month is over, by the clock of the process ``history``.

A provisional answer is not kept: the question is asked again until the answer is final.
"""

import hashlib
import io
import threading
from datetime import datetime

import structlog

from schemas.problems import Problem
from services.audit.access import OPEN
from services.audit.documents.answers import wanted
from services.audit.documents.desk import Desk
from services.audit.documents.formats import format_named
from services.audit.documents.provenance import moment_text
from services.audit.saved import SavedQuestion, SavedReports, SavedResult

log = structlog.get_logger()

_LOOK_EVERY_S = 60.0


class SavedRuns:
    """Runs them; one for each process that asks the history."""

    def __init__(self, desk: Desk, reports: SavedReports) -> None:
        self._desk, self._reports = desk, reports
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="saved-reports", daemon=True)

    def start(self) -> None:
        """Begin to look, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End after the report that is being made."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(10)

    def run(self, question: SavedQuestion, month: str) -> SavedResult | Problem:
        """The result of this month: what is kept, else a new one, which is kept if final."""
        form = format_named(question.format)
        assert form is not None
        period, known_at = question.period(month), question.known_at(month)
        if known_at >= self._desk.asks.clock():
            return _not_yet(month, known_at)
        given = {
            "book": question.book,
            "from": period.first.isoformat(),
            "to": period.last.isoformat(),
            "unit": question.unit or "",
            "known_at": moment_text(known_at),
        }
        asked = wanted(self._desk.asks, "report", form.layout, given)
        if isinstance(asked, Problem):
            return asked
        output = io.BytesIO()
        made = self._desk.asks.ask(
            lambda client: self._desk.make(client, asked, form, output, OPEN)
        )
        if isinstance(made, Problem):
            return made
        if made.provisional:
            return _PROVISIONAL
        document = output.getvalue()
        result = SavedResult(
            name=question.name,
            month=month,
            made_at=asked.computed_at,
            file=f"{question.name}_{month}.{form.suffix}",
            media_type=form.media_type,
            data_sha256=made.lines["data_sha256"],
            file_sha256=hashlib.sha256(document).hexdigest(),
        )
        return self._reports.keep(result, document)

    def run_due(self, now: datetime) -> list[SavedResult]:
        """Ask everything that is due and not kept; what was kept now."""
        kept: list[SavedResult] = []
        for question in self._reports.questions():
            there = self._reports.months(question.name)
            for month in question.due_months(now):
                if self._stopping.is_set():
                    return kept
                if month in there:
                    continue
                result = self.run(question, month)
                if isinstance(result, Problem):
                    # a month that cannot be answered yet keeps its later ones waiting
                    why = result.title
                    log.info("saved_report_waits", name=question.name, month=month, why=why)
                    break
                log.info("saved_report_kept", name=question.name, month=month)
                kept.append(result)
        return kept

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            try:
                self.run_due(self._desk.asks.clock())
            except Exception as error:
                # a full disk, a file that somebody broke: say it, and try again in a minute
                log.exception("saved_reports_failed", why=str(error))


def _not_yet(month: str, known_at: datetime) -> Problem:
    return Problem(
        type="urn:motcua:problem:month_not_over",
        title="The month's answer is not due yet",
        title_vi="Chưa đến lúc chạy báo cáo của tháng này",
        status=409,
        detail=f"The report of {month} is as known at {known_at.isoformat()}; ask after that.",
        detail_vi=f"Báo cáo tháng {month} tính theo thông tin đến {known_at:%H:%M ngày %d/%m/%Y}; "
        "hãy chạy lại sau lúc đó.",
    )


_PROVISIONAL = Problem(
    type="urn:motcua:problem:provisional",
    title="The answer is provisional",
    title_vi="Số liệu còn là TẠM TÍNH",
    status=409,
    detail="The history has not read every event that was recorded by then. Provisional answers "
    "are not kept; it is asked again by itself.",
    detail_vi="Lịch sử chưa đọc hết sự kiện đã ghi nhận đến lúc đó. Không lưu số liệu tạm tính; hệ "
    "thống tự chạy lại.",
)
