"""The page that a clerk reads is what the product says today."""

from enum import StrEnum
from typing import get_args

import pytest

from schemas.events import EVENTS, EventKind
from services.cli.words import FIELDS, VALUES
from tests.support.clerk_page import BOOK, DOSSIER, PAGE, blocks, page
from tests.support.readme_tables import README


def test_the_page_says_what_the_product_says():
    """A clerk who learns from an old page argues with a screen that is right."""
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run: python -m tests.support.clerk_page"
    assert "docs/mot-ho-so.md" in README.read_text(encoding="utf-8")


def test_the_dossier_of_the_page_has_what_the_page_is_about():
    """A pause over the holidays, an extension, a refund, a correction that turns late into on
    time: without them the page would still be generated, and teach nothing."""
    told = blocks()
    for line in (
        "thứ Hai 01/05/2023 (Ngày Quốc tế Lao động)",
        "6 giờ 30 phút làm việc",
        "15/TB-UBND",
        "Kết thúc: thứ Sáu 12/05/2023 16:20: đúng hạn",
    ):
        assert line in told["due"], line
    assert "Kết thúc: thứ Hai 15/05/2023 09:00: trễ hạn" in told["uncorrected"]
    assert "Hoàn tiền" in told["why"]
    for indicator in BOOK.indicators:
        assert f"explain {indicator.row} --dossier {DOSSIER}" in told["why"]
        assert indicator.short in told["indicators"]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.name)
def test_every_field_and_word_of_an_event_can_be_told_to_a_clerk(kind: EventKind):
    """A new field would be shown under its English name."""
    for model in (*kind.older, kind.model):
        data = model.model_fields["data"].annotation
        assert data is not None
        for name, field in data.model_fields.items():  # type: ignore[attr-defined]  # pydantic
            if name in ("corrects", "replacement"):
                continue
            assert name in FIELDS
            for part in (field.annotation, *get_args(field.annotation)):
                if isinstance(part, type) and issubclass(part, StrEnum):
                    assert {str(word) for word in part} <= set(VALUES[name]), name
