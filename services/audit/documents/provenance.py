"""Where the figures of a document come from: everything that is needed to compute them again.

It is written as named lines, the same in every format, and ends with a seal over all lines: who
edits a line, or the data below it, must make both SHA-256 anew, and then the history still says
otherwise.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from clickhouse_connect.driver.client import Client

from schemas.certificates import Certificate
from services.audit.documents.content import ZONE, sealed
from services.audit.questions import positions
from services.audit.settled import basis

DocumentKind = Literal["report", "dossiers"]
FORM = "motcua-1"
"""Of the lines and of the canonical texts; another one is not read."""

_WORDS: Mapping[str, str] = {
    "form": "Dạng nguồn gốc",
    "kind": "Loại tài liệu",
    "layout": "Cách trình bày",
    "columns": "Các cột số liệu",
    "installation": "Cơ quan",
    "data": "Dữ liệu",
    "standing": "Hiệu lực số liệu",
    "book": "Bộ chỉ tiêu",
    "book_version": "Bản của bộ chỉ tiêu",
    "from": "Từ ngày",
    "to": "Đến ngày",
    "unit": "Đơn vị",
    "officer": "Cán bộ",
    "lineage": "Theo đơn vị",
    "select": "Chọn hồ sơ",
    "as_of": "Như tại thời điểm (as-of)",
    "known_at": "Theo thông tin đã biết đến (known-at)",
    "computed_at": "Tính lúc",
    "offsets": "Vị trí Kafka (phân vùng:số bản ghi đã đọc)",
    "rules": "Quy tắc tính (bản di trú)",
    "calendar": "Lịch làm việc",
    "code_version": "Phiên bản phần mềm",
    "certificate": "Chứng nhận đối chiếu gần nhất (SHA-256)",
    "certificate_says": "Kết quả đối chiếu",
    "officers": "Mã cán bộ",
    "rows": "Số dòng số liệu",
    "data_sha256": "SHA-256 của số liệu",
    "seal": "SHA-256 của nguồn gốc",
}
"""The lines in their order, with their Vietnamese titles."""

FINAL, PROVISIONAL = "final", "provisional"


class NoProvenance(ValueError):
    """The file carries no provenance that this version reads; the message says what is wrong."""


class Provenance(NamedTuple):
    """The lines by name, each a text; every name of the table is there."""

    lines: dict[str, str]

    @property
    def provisional(self) -> bool:
        """«TẠM TÍNH»: what comes in may still change the answer."""
        return self.lines["standing"] != FINAL

    @property
    def offsets(self) -> dict[int, int]:
        """For each partition the first offset that the answer did not see."""
        pairs = (pair.split(":") for pair in self.lines["offsets"].split())
        return {int(partition): int(offset) for partition, offset in pairs}

    @property
    def computed_at(self) -> datetime:
        """When the answer was computed."""
        return datetime.fromisoformat(self.lines["computed_at"])

    @property
    def intact(self) -> bool:
        """The seal fits the lines."""
        return sealed(self.lines) == self.lines["seal"]

    def with_data(self, rows: int, data_sha256: str) -> "Provenance":
        """The same, sealed, of these data."""
        lines = {**self.lines, "rows": str(rows), "data_sha256": data_sha256}
        return Provenance({**lines, "seal": sealed(lines)})

    def question(self) -> dict[str, str]:
        """The question as parameters of a URL."""
        names = ("book", "from", "to", "unit", "officer", "lineage", "as_of", "known_at", "select")
        return {name: self.lines[name] for name in names if self.lines[name]}

    def titled(self) -> list[tuple[str, str, str]]:
        """(name, title, text) of every line, in order."""
        return [(name, _WORDS[name], text) for name, text in self.lines.items()]


def provenance(said: Mapping[str, str]) -> Provenance:
    """Of these lines; what is left out is empty."""
    return Provenance({name: said.get(name, "") for name in _WORDS})


def read_provenance(said: Mapping[str, str]) -> Provenance:
    """What stands in a file. Raises :class:`NoProvenance`."""
    if said.get("form") != FORM:
        raise NoProvenance(f"form is {said.get('form', '')!r}, expected {FORM!r}")
    if missing := set(_WORDS) - set(said):
        raise NoProvenance(f"missing lines: {', '.join(sorted(missing))}")
    found = provenance({name: said[name] for name in _WORDS})
    try:
        _ = found.offsets, found.computed_at
    except ValueError as error:
        raise NoProvenance(str(error)) from None
    return found


def basis_lines(client: Client) -> dict[str, str]:
    """What the history is now: how far it has read, by which rules and calendar it judges."""
    rules, _, calendar = basis(client).partition(" ")
    there = sorted(positions(client).items())
    return {
        "offsets": " ".join(f"{partition}:{offset}" for partition, offset in there),
        "rules": rules,
        "calendar": calendar,
    }


def certificate_lines(newest: Certificate | None) -> dict[str, str]:
    """The newest certificate of the verification."""
    if newest is None:
        return {"certificate": "", "certificate_says": "chưa đối chiếu"}
    compared = f"{newest.units_compared}/{newest.units} đơn vị lúc {newest.compared_at}"
    return {"certificate": newest.sha256, "certificate_says": f"{newest.state}; {compared}"}


def moment_text(moment: datetime) -> str:
    """A moment as a line writes it: local, to the millisecond."""
    return moment.astimezone(ZONE).isoformat(timespec="milliseconds")
