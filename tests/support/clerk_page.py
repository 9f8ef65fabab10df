"""The blocks of ``docs/mot-ho-so.md``: one dossier in the product's own words.

``python -m tests.support.clerk_page`` writes them into the page; a test compares.
"""

from collections.abc import Iterator
from pathlib import Path

from schemas.books import Indicator
from services.cli.case import Case
from services.cli.dossiers import told
from services.cli.due import due_told
from services.cli.why import indicator_told, judge
from tests.support.histories import (
    corrected,
    digitized,
    extended,
    paid,
    payment_requested,
    received,
    refunded,
    resolved,
    returned,
    submitted,
    supplement_received,
    supplement_requested,
)
from tests.support.readme_tables import table, with_blocks
from tests.support.told_cases import BOOK, REGISTRY, answer, case, records_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mot-ho-so.md"
DOSSIER = "23500-230427-0007"

_OF = {"dossier": DOSSIER, "source": "urn:one-stop:23500"}
_OLD_HOME = "giấy tờ chứng minh nơi cư trú trước đây"
_TOO_LATE = resolved("2023-05-15T09:00", form="electronic", officer="cb-03", id="co-ket-qua", **_OF)
_AS_SENT = (
    submitted("2023-04-27T14:10", channel="online", id="nop-ho-so", **_OF),
    received(
        "2023-04-27T15:20",
        due=None,
        procedure="1.004873",
        channel="online",
        paperless=True,
        officer="cb-02",
        id="tiep-nhan",
        **_OF,
    ),
    payment_requested("2023-04-27T15:25", amount=10_000, payment="gd-1", id="yeu-cau-phi", **_OF),
    paid("2023-04-27T15:40", amount=10_000, payment="gd-1", id="thanh-toan", **_OF),
    digitized("2023-04-28T08:00", total=3, done=3, id="so-hoa", **_OF),
    supplement_requested(
        "2023-04-28T10:00",
        officer="cb-03",
        reason=f"thiếu {_OLD_HOME}",
        items=(_OLD_HOME,),
        id="yeu-cau-bo-sung",
        **_OF,
    ),
    supplement_received("2023-05-04T08:30", id="nhan-bo-sung", **_OF),
    extended(
        "2023-05-08T16:00",
        new_due="2023-05-12T17:00",
        document="15/TB-UBND",
        id="gia-han",
        **_OF,
    ),
    refunded("2023-05-09T09:00", amount=10_000, payment="gd-1", id="hoan-tien", **_OF),
    paid("2023-05-09T09:20", amount=10_000, payment="gd-2", way="cash", id="tien-mat", **_OF),
    _TOO_LATE,
    returned("2023-05-15T09:30", way="online", id="tra-ket-qua", **_OF),
)
_CORRECTION = corrected(
    _TOO_LATE,
    resolved("2023-05-12T16:20", form="electronic", officer="cb-03"),
    "2023-05-16T10:00",
    reason="ngày nhập vào phần mềm, không phải lúc ký kết quả",
    approved_by="ld-01",
    id="dinh-chinh",
    **_OF,
)


def blocks() -> dict[str, str]:
    """Each block of the page by the name in its marker."""
    events = (*_AS_SENT, _CORRECTION)
    there = case(*events)
    before = due_told(case(*_AS_SENT)).splitlines()
    return {
        "events": _said(told(answer(records_of(events)), REGISTRY)),
        "due": _said(due_told(there)),
        "uncorrected": _said("\n".join(before[-2:])),
        "indicators": table(
            ("hàng", "chỉ tiêu", "a (mẫu số)", "b (tử số)", "vì sao"),
            (_summary(indicator, there) for indicator in BOOK.indicators),
        ),
        "why": "\n".join(_why(there)),
    }


def page(text: str) -> str:
    """The page with every block as it should be."""
    return with_blocks(text, blocks())


def _summary(indicator: Indicator, there: Case) -> tuple[str, ...]:
    """Where the dossier stands, and what decided it: the first «no», else the last «yes»."""
    judged = judge(indicator, there)
    told_of = indicator_told(indicator, there).splitlines()
    reasons = [line.strip() for line in told_of if line.startswith("  ")]
    deciding = next((line for line in reasons if line.startswith("✗")), reasons[-1])
    yes_no = ("có" if judged.in_a else "không", "có" if judged.in_b else "không")
    return (indicator.row, indicator.short, *yes_no, deciding)


def _why(there: Case) -> Iterator[str]:
    for indicator in BOOK.indicators:
        command = f"./run motcua explain {indicator.row} --dossier {DOSSIER}"
        yield f"### {indicator.row}. {indicator.short} ({indicator.answers})\n"
        yield f"`{command}`\n"
        yield _said(indicator_told(indicator, there))


def _said(text: str) -> str:
    return f"```text\n{text}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
