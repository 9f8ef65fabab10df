"""Refused events as an operator sees, repairs and sends them."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.text import MASK
from services.cli.kept import Kept, kept
from services.cli.repair import NotRepairable, changed, faults, read, write
from tests.support.histories import admitted, received

REASON = {"field": "data.way", "rule": "invalid", "message": "wrong", "message_vi": "sai"}
CONFLICT = {**REASON, "field": "id", "rule": "conflicting_copy"}
EVENT = json.loads(received().model_dump_json(exclude_none=True))


def gateway(text: str, **more: object) -> dict[str, Any]:
    return {"stage": "gateway", "emitter": "shop", "reasons": [REASON], "event": text, **more}


def worker(record: str | None, *reasons: dict[str, str], **more: object) -> dict[str, Any]:
    return {"stage": "worker", "reasons": list(reasons) or [REASON], "record": record, **more}


def of(*records: tuple[bytes | None, dict[str, Any]]) -> list[Kept]:
    return list(
        kept((n, 1000, key, json.dumps(said).encode()) for n, (key, said) in enumerate(records))
    )


def test_what_the_worker_writes_again_is_one_record_and_sent_again_for_all_its_copies():
    """A run that is folded again writes the same record; nobody should repair it twice."""
    text = admitted(received()).decode()
    again = {"stage": "operator", "sent_again": 1, "at": "2023-02-10T08:30:00.000Z"}

    (found,) = of((b"3|7", worker(text)), (b"3|7", worker(text)), (b"sent_again|1", again))

    assert found.number == 0
    assert len(found.sent_again) == 1


def test_two_refusals_of_one_event_are_two_records():
    """An emitter that tried twice was refused twice; the operator sees how often."""
    assert len(of((b"u", gateway("{}")), (b"u", gateway("{}")))) == 2


def test_an_admitted_record_is_sent_again_without_what_admission_added():
    """Admission refuses an event that claims to have been admitted."""
    (found,) = of((b"3|7", worker(admitted(received()).decode())))

    (event,) = found.events or []
    assert event["unit"] == found.unit
    assert "contenthash" not in event
    assert faults(found, [event]) == []


@pytest.mark.parametrize("text", ["not JSON", "", "[]", "[1]", "null", "3"])
def test_what_is_no_event_is_shown_and_not_sent(text: str):
    """It stays readable, and nobody sends rubbish by mistake."""
    (found,) = of((b"u", gateway(text)))

    assert found.events is None
    assert found.text == text


def test_bytes_that_are_no_text_can_be_shown():
    """Poison straight into Kafka may be anything."""
    raw = base64.b64encode(b"\xff\x00{").decode()
    (found,) = of((b"1|1", worker(raw, encoding="base64")))

    assert "\\xff" in (found.text or "")


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        (["data.officer=cb-9"], lambda e: e["data"]["officer"] == "cb-9"),
        (["data.paperless=false"], lambda e: e["data"]["paperless"] is False),
        (["data.officer="], lambda e: "officer" not in e["data"]),
        (["id=a=b"], lambda e: e["id"] == "a=b"),
        (["data.new.field=1"], lambda e: e["data"]["new"] == {"field": 1}),
    ],
)
def test_fields_are_put_in_and_taken_out(
    changes: list[str], right: Callable[[dict[str, Any]], bool]
):
    """A repair is said, not typed as JSON into a shell."""
    (event,) = changed([EVENT], changes)

    assert right(event)
    assert json.loads(received().model_dump_json(exclude_none=True)) == EVENT


@pytest.mark.parametrize("change", ["officer", "=x", "data..officer=x", "id.part=x"])
def test_a_change_that_cannot_be_made_is_said(change: str):
    """Silence would look like a repair."""
    with pytest.raises(NotRepairable, match="--set"):
        changed([EVENT], [change])


def test_what_still_is_wrong_is_said_in_both_languages():
    """The operator mends it before it is refused a second time."""
    (found,) = of((b"u", gateway(json.dumps(EVENT))))
    broken = {**EVENT, "data": {**EVENT["data"], "channel": "pigeon"}}

    (fault,) = faults(found, [broken])

    assert fault.startswith("data.channel: ")
    assert "\n    " in fault


def test_what_was_masked_must_be_written_anew():
    """Sent as it is, the mask would become a value."""
    (found,) = of((b"u", gateway(json.dumps(EVENT), masked=["data.officer"])))

    told = faults(found, [{**EVENT, "data": {**EVENT["data"], "officer": MASK}}])

    assert any(MASK in line and "code" in line for line in told)


def test_a_conflict_needs_an_id_of_its_own():
    """Under the old id the other event counts, and this one would be refused for ever."""
    (found,) = of((b"k", worker(admitted(received()).decode(), CONFLICT)))
    events = found.events or []

    assert any(line.startswith("id: ") for line in faults(found, events))
    assert faults(found, changed(events, ["id=another"])) == []


def test_a_repaired_file_can_be_edited_and_read_again(tmp_path: Path):
    """What is written is what is sent; a slip of the editor is told by its place."""
    file = tmp_path / "rejected" / "7.json"
    write(file, [EVENT])
    assert read(file) == [EVENT]

    file.write_text("{", "utf-8")
    with pytest.raises(NotRepairable, match=r"7\.json"):
        read(file)
