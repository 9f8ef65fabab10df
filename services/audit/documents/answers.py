"""Questions as documents: pinned to offsets when asked, and computed again to check one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from clickhouse_connect.driver.client import Client

from schemas.certificates import Certificate
from schemas.events import END_OF_TIME
from schemas.problems import Problem
from schemas.registry import Registry
from services.asked import Wrong
from services.audit.access import OfficersSeen
from services.audit.documents.content import Content, Definition, Part, Row
from services.audit.documents.dossiers import COLUMNS, Select, dossier_rows, read_select
from services.audit.documents.files import columns_line
from services.audit.documents.pinned import Pinned
from services.audit.documents.provenance import (
    FINAL,
    FORM,
    PROVISIONAL,
    DocumentKind,
    Provenance,
    basis_lines,
    certificate_lines,
    moment_text,
    provenance,
)
from services.audit.documents.tables import Layout, definitions, report_content
from services.audit.questions import Question, judged, report
from services.audit.settled import Clocks, Settled
from services.books import Books
from services.settings import Settings
from services.web import code_version

T = TypeVar("T")


class Asks(Protocol):
    """Who asks the history: see :class:`services.audit.app.Asking`."""

    settings: Settings
    settled: Settled
    registry: Callable[[], Registry]
    clock: Callable[[], datetime]
    books: Books

    def ask(self, question: Callable[[Client], T]) -> T | Problem:
        """The answer, or why there is none now."""

    def read(self, given: Mapping[str, str]) -> Question | Problem:
        """The question in these parameters."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a document is to say, and as of what."""

    kind: DocumentKind
    layout: Layout
    question: Question
    select: Select | None
    computed_at: datetime
    offsets: Mapping[int, int]


class Prepared(NamedTuple):
    """A document that can be written; its rows are read from the history while that is done."""

    content: Content
    provenance: Provenance


def wanted(
    asks: Asks,
    kind: DocumentKind,
    layout: Layout,
    given: Mapping[str, str],
    at: tuple[datetime, Mapping[int, int]] | None = None,
) -> Wanted | Problem:
    """The document in these parameters; ``at``: computed then, below these offsets."""
    question = asks.read({name: value for name, value in given.items() if name != "select"})
    if isinstance(question, Problem):
        return question
    select = read_select(given.get("select", "").strip(), question.book)
    if isinstance(select, Wrong):
        return select.problem()
    if kind == "report" and select is not None:
        return _SELECT_OF_DOSSIERS.problem()
    computed_at, offsets = at or (_whole_ms(asks.clock()), {})
    return Wanted(kind, layout, question, select, computed_at, offsets)


def prepare(
    asks: Asks,
    client: Client,
    asked: Wanted,
    *,
    officers: OfficersSeen,
    horizon: Callable[[Client], datetime | None],
    newest: Certificate | None,
) -> Prepared:
    """The document, pinned to what the history has read by now."""
    # before the question: what comes while it is answered was recorded later
    until = horizon(client)
    asks.settled.settle(client)
    basis = basis_lines(client)
    known_at = asked.question.clocks.known_at
    if known_at == END_OF_TIME:
        # what is known now: as of the last moment whose events have all been read
        known_at = until or asked.computed_at
    final = until is not None and known_at <= until
    clocks = replace(asked.question.clocks, known_at=known_at)
    offsets = provenance(basis).offsets
    pinned = replace(asked, question=replace(asked.question, clocks=clocks), offsets=offsets)
    content = compute(asks, client, pinned, officers)
    question, select = pinned.question, pinned.select
    lines = {
        "form": FORM,
        "kind": pinned.kind,
        "layout": pinned.layout,
        "columns": columns_line(content.parts),
        "installation": asks.settings.installation_title,
        "data": "mô phỏng" if asks.settings.demo else "",
        "standing": FINAL if final else PROVISIONAL,
        "book": question.book.code,
        "book_version": str(question.book.version),
        "from": question.period.first.isoformat(),
        "to": question.period.last.isoformat(),
        "unit": question.unit or "",
        "officer": question.officer or "",
        "lineage": question.lineage,
        "select": select.line if select else "",
        "as_of": "" if clocks.as_of == END_OF_TIME else moment_text(clocks.as_of),
        "known_at": moment_text(known_at),
        "computed_at": moment_text(pinned.computed_at),
        **basis,
        "code_version": code_version(),
        **certificate_lines(newest),
        "officers": "masked" if officers.masked else "shown",
    }
    return Prepared(content, provenance(lines))


def compute(asks: Asks, client: Client, asked: Wanted, officers: OfficersSeen) -> Content:
    """What the document says below its offsets, at its clocks."""
    pinned = Pinned(asks.settled, client, asked.offsets)
    question, registry = asked.question, asks.registry()
    if asked.kind == "report":
        found = report(
            client,
            pinned,
            question.book,
            registry,
            question.period,
            question.unit,
            officer=question.officer,
            lineage=question.lineage,
            clocks=question.clocks,
            demo=asks.settings.demo,
            computed_at=asked.computed_at,
        )
        return report_content(found, question.book, whom(asks, question), asked.layout)
    clocks = judged(question.book, question.period, question.clocks, asked.computed_at)
    return _list(asks, client, pinned, asked, clocks, officers)


def _list(
    asks: Asks,
    client: Client,
    pinned: Settled,
    asked: Wanted,
    clocks: Clocks,
    officers: OfficersSeen,
) -> Content:
    question, select = asked.question, asked.select
    period = question.period
    rows = _Again(
        lambda: dossier_rows(client, pinned, question, clocks, select, asks.registry(), officers)
    )
    told = f" ({select.told})" if select else ""
    means = "kết thúc" if question.book.population == "closed" else "tiếp nhận"
    of_list = Definition(
        "Danh sách", f"Hồ sơ {means} trong kỳ theo ngày ở Việt Nam{told}.", question.book.document
    )
    return Content(
        title=f"Danh sách hồ sơ{told}",
        subject=f"{whom(asks, question)}, từ ngày {period.first:%d/%m/%Y} "
        f"đến ngày {period.last:%d/%m/%Y}",
        parts=(Part("dossiers", "Hồ sơ", COLUMNS, rows),),
        definitions=(of_list, *definitions(question.book)),
    )


@dataclass(frozen=True, slots=True)
class _Again:
    """Rows that are read anew each time: nobody keeps them."""

    read: Callable[[], Iterator[Row]]

    def __iter__(self) -> Iterator[Row]:
        return self.read()


def whom(asks: Asks, question: Question) -> str:
    """Whose figures they are, in words."""
    unit = asks.registry().latest_unit(question.unit) if question.unit else None
    name = (unit.name if unit else question.unit) or asks.settings.installation_title
    return f"{name}, cán bộ {question.officer}" if question.officer else name


def _whole_ms(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


_SELECT_OF_DOSSIERS = Wrong(
    "select",
    "select_of_dossiers",
    "«select» is for lists of dossiers; leave it out for the table.",
    "«select» chỉ dùng cho danh sách hồ sơ; bỏ trống khi lấy bảng chỉ tiêu.",
)
