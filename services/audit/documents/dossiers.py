"""Lists of dossiers that people take home: those that a figure counts, page by page."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from clickhouse_connect.driver.client import Client

from schemas.books import Book, Indicator
from schemas.events import END_OF_TIME, EPOCH
from schemas.registry import Registry
from services.asked import Wrong
from services.audit.documents.content import Column, Row
from services.audit.questions import ANOMALIES, Question
from services.audit.settled import Clocks, Settled, bound_moment, extent, sql
from streams.core.facts import BIT, mask
from streams.core.receptions import MOMENT_BIT, bits_of

Side = Literal["scope", "hit", "missed"]
_SIDES: dict[str, Side] = {"scope": "scope", "hit": "hit", "missed": "missed"}
_SIDE_WORDS: dict[Side, str] = {
    "scope": "thuộc mẫu số a",
    "hit": "thuộc tử số b",
    "missed": "thuộc a mà không thuộc b",
}
_PAGE = 20_000
_ALL = 2**32 - 1
# two constant texts; values are bound as everywhere
_COUNT = f"SELECT count() FROM (\n{sql('exported_dossiers')}\n)"
_LEVELS = {"district": "cấp huyện", "commune": "cấp xã"}

COLUMNS = (
    Column("unit", "Mã đơn vị", width=10),
    Column("unit_name", "Đơn vị", width=24),
    Column("dossier", "Mã hồ sơ", width=24),
    Column("procedure", "Mã thủ tục", width=12),
    Column("level", "Cấp", width=10),
    Column("officer", "Cán bộ", width=14),
    Column("received_at", "Tiếp nhận", "moment", 19),
    Column("due_at", "Hạn trả", "moment", 19),
    Column("closed_at", "Kết thúc", "moment", 19),
    Column("state", "Tình trạng", width=16),
    Column("promise", "So với hạn trả", width=14),
    Column("filed_online", "Nộp trực tuyến", width=8),
    Column("paperless", "Không bản giấy", width=8),
    Column("digitized", "Số hóa đủ", width=8),
    Column("electronic", "Kết quả điện tử", width=8),
    Column("fee", "Có phí, lệ phí", width=8),
    Column("paid_online", "Thanh toán trực tuyến", width=8),
    Column("anomalies", "Bất thường", width=30),
)
_YES_NO = (
    *(BIT["filed_online"], BIT["paperless"], BIT["application_digitized"]),
    *(BIT["result_electronic"], BIT["fee_owed"], BIT["paid_online"]),
)
_STATES = (
    (BIT["resolved"], "đã có kết quả"),
    (BIT["rejected"], "không tiếp nhận"),
    (BIT["withdrawn"], "đã rút"),
    (BIT["stopped"], "dừng giải quyết"),
    (BIT["received"], "đang giải quyết"),
)


class Select(NamedTuple):
    """Which dossiers of the period: those of an indicator's a, of its b, or of a and not of b."""

    indicator: Indicator
    side: Side

    @property
    def told(self) -> str:
        """In words."""
        return f"{self.indicator.row} {self.indicator.short}: {_SIDE_WORDS[self.side]}"

    @property
    def line(self) -> str:
        """As a parameter writes it."""
        return f"{self.indicator.code}/{self.side}"


def read_select(text: str, book: Book) -> Select | Wrong | None:
    """``on_time_commune/missed``; None: every dossier of the period."""
    if not text:
        return None
    name, _, side = text.partition("/")
    found = next((i for i in book.indicators if name in (i.code, i.row)), None)
    of = _SIDES.get(side)
    if found is None or of is None or found.counts != "dossiers":
        codes = ", ".join(i.code for i in book.indicators if i.counts == "dossiers")
        return Wrong(
            "select",
            "select_unknown",
            f"Write select as INDICATOR/scope, /hit or /missed. Indicators: {codes}.",
            f"Viết select là CHỈ_TIÊU/scope, /hit hoặc /missed. Các chỉ tiêu: {codes}.",
        )
    return Select(found, of)


def dossier_rows(
    client: Client,
    settled: Settled,
    question: Question,
    clocks: Clocks,
    select: Select | None,
    registry: Registry,
    officer_shown: Callable[[str], str],
) -> Iterator[Row]:
    """A row of :data:`COLUMNS` for each dossier, in the order of unit and code.

    ``officer_shown`` says what may be seen of an officer's code.
    """
    asked = extent(client, settled, question.unit)
    if not asked.offsets:
        return
    names = {unit.code: unit.name for unit in registry.units}
    with settled.dossiers(client, asked, clocks) as dossiers:
        bound = {"dossiers": dossiers, "units": list(asked.offsets), **_bound(question, select)}
        bound |= {"as_of": bound_moment(clocks.as_of), "after_unit": "", "after_dossier": ""}
        while True:
            page = client.query(sql("exported_dossiers"), bound).result_rows
            for found in page:
                yield _row(found, names, officer_shown)
            if len(page) < _PAGE:
                return
            bound |= {"after_unit": page[-1][0], "after_dossier": page[-1][1]}


def count_dossiers(
    client: Client, settled: Settled, question: Question, clocks: Clocks, select: Select | None
) -> int:
    """How many rows :func:`dossier_rows` gives."""
    asked = extent(client, settled, question.unit)
    if not asked.offsets:
        return 0
    with settled.dossiers(client, asked, clocks) as dossiers:
        bound = {"dossiers": dossiers, "units": list(asked.offsets), **_bound(question, select)}
        bound |= {"as_of": bound_moment(clocks.as_of), "after_unit": "", "after_dossier": ""}
        bound["page"] = _ALL
        return int(client.query(_COUNT, bound).result_rows[0][0])


def _bound(question: Question, select: Select | None) -> dict[str, Any]:
    book, period = question.book, question.period
    names = bits_of(book.population)
    indicator = select.indicator if select else None
    return {
        # nothing happens outside these bounds, and ClickHouse's days do not reach much further
        "first": max(period.first, EPOCH.date()).isoformat(),
        "last": min(period.last, END_OF_TIME.date()).isoformat(),
        "population": book.population,
        "officers": [] if question.officer is None else [question.officer],
        "scope": mask(indicator.scope, names) if indicator else 0,
        "hit": mask((*indicator.scope, *indicator.hit), names) if indicator else 0,
        "answers": (indicator.level or "") if indicator else "",
        "carried_over": bool(indicator and indicator.carried_over),
        "side": select.side if select else "scope",
        "page": _PAGE,
    }


def _row(found: Sequence[Any], names: dict[str, str], officer_shown: Callable[[str], str]) -> Row:
    unit, dossier, level, procedure, officer, received_at, due_at, closed_at, _, bits = found
    return (
        *(unit, names.get(unit, unit), dossier, procedure, _LEVELS.get(level, level)),
        officer_shown(officer) if officer else "",
        *(_aware(received_at), _aware(due_at), _aware(closed_at)),
        next((word for bit, word in _STATES if bits & bit), "mới nộp"),
        _promise(bits, closed_at is not None),
        *("có" if bits & bit else "không" for bit in _YES_NO),
        "; ".join(fact.title for fact in ANOMALIES if bits >> fact.bit & 1),
    )


def _promise(bits: int, closed: bool) -> str:
    if not bits & BIT["due_known"]:
        return "không rõ hạn trả"
    if not closed:
        return "chưa quá hạn" if bits & MOMENT_BIT["in_time"] else "đang quá hạn"
    if bits & BIT["resolved"]:
        return "đúng hạn" if bits & BIT["on_time"] else "trễ hạn"
    return "–"


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
