"""Where a dossier stands with an indicator: met, missed or left out, and by which condition.

Every dossier of the population is in exactly one case, the first condition that it fails; so the
cases of an indicator add up to its population, those of a to a, and that of b to b.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

from schemas.books import Indicator
from streams.core.facts import FACTS
from streams.core.receptions import AT_MOMENT

Kind: TypeAlias = Literal["met", "missed", "left_out"]

CONTRARY: Mapping[str, tuple[str, ...]] = {
    "asked_once_at_most": ("supplemented_again",),
    "fee_owed": ("fee_waived",),
    "on_time": ("late",),
    "paid_online": ("payment_undone",),
    "resolved": ("rejected", "withdrawn", "stopped"),
}
"""By a fact: what became so instead, each a case of its own."""

_LACKING = {
    "application_digitized": "thành phần hồ sơ chưa được số hóa đủ",
    "asked_once_at_most": "bị yêu cầu bổ sung hơn một lần",
    "fee_owed": "TTHC không có phí, lệ phí",
    "filed_online": "không nộp trực tuyến",
    "fully_online_service": "TTHC không phải trực tuyến toàn trình",
    "in_time": "đã hoặc đang quá hạn, hoặc không rõ hạn trả",
    "offered_online": "TTHC không cung cấp trực tuyến",
    "on_time": "không rõ hạn trả",
    "paid_online": "không có thanh toán trực tuyến",
    "paperless": "có xử lý bản giấy",
    "payment_deployed": "TTHC chưa triển khai thanh toán trực tuyến",
    "received": "không có tiếp nhận",
    "resolved": "chưa có kết quả",
    "result_electronic": "không có kết quả điện tử",
}
_TITLES = {fact.name: fact.title for fact in (*FACTS, *AT_MOMENT)}


class Case(NamedTuple):
    """A case of an indicator, as bits."""

    kind: Kind
    rule: str
    """Fact that decides; ``met`` has none."""
    title: str
    """Vietnamese, as screens show it."""
    has: int
    """Bits that hold."""
    lacks: int
    """Bits none of which holds."""


def cases_of(indicator: Indicator, names: Mapping[str, int]) -> tuple[Case, ...]:
    """The cases: left out condition by condition, missed condition by condition, met.

    ``names`` are the bits of the facts that the book may name.
    """
    held = 0
    found: list[Case] = []
    for kind, facts in (("left_out", indicator.scope), ("missed", indicator.hit)):
        for fact in facts:
            found += _failing(kind, fact, held, names)  # type: ignore[arg-type]  # a Kind
            held |= names[fact]
    return (*found, Case("met", "", "đạt điều kiện của tử số", held, 0))


def _failing(kind: Kind, fact: str, held: int, names: Mapping[str, int]) -> Iterator[Case]:
    lacks = names[fact]
    for instead in CONTRARY.get(fact, ()):
        yield Case(kind, instead, _TITLES[instead], held | names[instead], lacks)
        lacks |= names[instead]
    yield Case(kind, fact, _LACKING.get(fact, f"không: {_TITLES[fact]}"), held, lacks)
