"""Imports: resumed after a crash, repeated without effect, and nothing dropped in silence."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from services.emitter.client import GatewayAway, GatewayClient, GatewayRefuses, Refusal
from services.emitter.importer import import_file, state_file
from services.emitter.mapping import mapping_text, parse_mapping
from services.emitter.tables import UnreadableFile
from tests.unit.test_import_mapping import ROW

RECEIPT = parse_mapping(mapping_text("receipt"))


class FakeGateway:
    """Stores events; dies when it has taken ``dies_after`` batches."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.dies_after: int | None = None
        self.refuses: set[str] = set()

    def send(self, events: Sequence[dict[str, Any]]) -> list[Refusal]:
        if self.dies_after is not None and len(self.batches) >= self.dies_after:
            raise GatewayAway("no answer")
        self.batches.append(list(events))
        error = {"field": "data.officer", "rule": "pattern", "message": "en", "message_vi": "vi"}
        return [
            Refusal(n, (error,)) for n, event in enumerate(events) if event["id"] in self.refuses
        ]

    @property
    def ids(self) -> list[str]:
        return [event["id"] for batch in self.batches for event in batch]


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


def a_file(folder: Path, dossiers: int, **last: str) -> Path:
    file = folder / "input.csv"
    with file.open("w", encoding="utf-8", newline="") as output:
        writer = csv.DictWriter(output, list(ROW))
        writer.writeheader()
        for n in range(dossiers):
            changes = last if n == dossiers - 1 else {}
            writer.writerow({**ROW, "case:concept:name": f"case-{n}", **changes})
    return file


def run(file: Path, gateway: FakeGateway, batch: int = 4):
    return import_file(file, RECEIPT, gateway, lambda _: file.parent / "state.json", batch=batch)


def test_every_event_is_sent_once_in_the_order_of_the_file(tmp_path, gateway):
    summary = run(a_file(tmp_path, 5), gateway)

    assert gateway.ids == [
        f"receipt:case-{n}:{e}" for n in range(5) for e in ("received", "resolved")
    ]
    assert (summary.rows, summary.dossiers, summary.events, summary.unusable) == (5, 5, 10, 0)
    assert not (tmp_path / "state.json").exists()
    assert summary.rejects is None


@pytest.mark.parametrize("dies_after", [0, 1, 2])
def test_after_a_crash_it_carries_on_where_it_stopped(tmp_path, gateway, dies_after):
    file = a_file(tmp_path, 5)
    gateway.dies_after = dies_after
    with pytest.raises(GatewayAway):
        run(file, gateway)
    gateway.dies_after = None
    summary = run(file, gateway)

    assert summary.resumed_at == 4 * dies_after
    assert len(gateway.ids) == len(set(gateway.ids)) == 10
    assert summary.events == 10


def test_a_refusal_from_before_the_crash_is_still_in_the_file_of_rejects(tmp_path, gateway):
    file = a_file(tmp_path, 5)
    gateway.refuses, gateway.dies_after = {"receipt:case-0:received"}, 1
    with pytest.raises(GatewayAway):
        run(file, gateway)
    gateway.dies_after = None
    summary = run(file, gateway)

    assert summary.unusable == 1
    (line,) = rejects(summary.rejects)
    assert (line["row"], line["column"], line["value"]) == ("2", "case:responsible", "Resource21")
    assert "vi / en" in line["reason"]


def test_half_a_state_is_no_state(tmp_path, gateway):
    """Cut off while it was written, it must not stop the import for ever."""
    file = a_file(tmp_path, 2)
    (tmp_path / "state.json").write_text('{"acknow')
    assert run(file, gateway).resumed_at == 0
    assert len(gateway.ids) == 4


def test_running_it_again_sends_the_same_ids(tmp_path, gateway):
    """The installation may be a new one; what is known already counts once."""
    file = a_file(tmp_path, 3)
    run(file, gateway)
    first = gateway.ids
    run(file, gateway)
    assert gateway.ids == first * 2


def test_unusable_rows_stand_beside_the_input_with_personal_data_masked(tmp_path, gateway):
    file = a_file(tmp_path, 3, **{"case:channel": "gọi 0912 345 678"})
    summary = run(file, gateway)

    assert summary.rejects == tmp_path / "input.csv.rejected.csv"
    (line,) = rejects(summary.rejects)
    assert (line["row"], line["column"], line["rule"]) == ("4", "case:channel", "value_unknown")
    assert line["value"] == "gọi «***»"
    assert len(gateway.ids) == 4

    run(a_file(tmp_path, 3), gateway)
    assert not summary.rejects.exists(), "the mended file has no rejects"


def test_rejects_go_to_the_current_folder_when_the_inputs_is_read_only(
    tmp_path, gateway, monkeypatch
):
    file = a_file(tmp_path, 1, **{"case:channel": "=1+1"})
    # what a read-only folder does, for every user that runs the tests
    (tmp_path / "input.csv.rejected.csv").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    summary = run(file, gateway)
    assert summary.rejects == elsewhere / "input.csv.rejected.csv"
    assert rejects(summary.rejects)[0]["value"] == "'=1+1"


def test_a_spreadsheet_gives_the_same_events(tmp_path, gateway):
    book = xlsxwriter.Workbook(str(tmp_path / "input.xlsx"))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, list(ROW))
    sheet.write_row(1, 0, list(ROW.values()))
    book.close()
    run(tmp_path / "input.xlsx", gateway)
    from_spreadsheet = gateway.batches
    gateway.batches = []
    file = a_file(tmp_path, 1, **{"case:concept:name": "case-1"})
    run(file, gateway)
    assert gateway.batches == from_spreadsheet


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "trống"), (b"a,a\n", "trùng"), (b"a\n\xff\n", "utf-8"), (b'a\n"x\n', "CSV")],
)
def test_a_file_that_is_no_table_is_said_to_be_none(tmp_path, gateway, content, says):
    file = tmp_path / "input.csv"
    file.write_bytes(content)
    with pytest.raises(UnreadableFile, match=says):
        run(file, gateway)


def test_a_file_of_other_columns_sends_nothing(tmp_path, gateway):
    file = tmp_path / "input.csv"
    file.write_text("a,b\n1,2\n")
    summary = run(file, gateway)
    assert gateway.ids == []
    assert summary.unusable == 1


def test_the_state_is_the_files_mappings_gateways_and_keys_own(tmp_path):
    same = ("hash", "mapping", "http://a", "mc_1_secret")
    assert state_file(tmp_path, *same) == state_file(tmp_path, *same[:3], "mc_1_other")
    changed = [(*same[:n], "mc_2_x" if n == 3 else "x", *same[n + 1 :]) for n in range(4)]
    assert len({state_file(tmp_path, *one) for one in (same, *changed)}) == 5


# -- the client


def client(
    *answers: object, patience_s: float = 60
) -> tuple[GatewayClient, list[Any], list[float]]:
    import httpx2

    asked: list[Any] = []
    slept: list[float] = []
    left = iter(answers)

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.content)
        found = next(left)
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, httpx2.Response)
        return found

    transport = httpx2.MockTransport(answer)
    made = GatewayClient(
        "http://g", "mc_1_x", patience_s=patience_s, sleep=slept.append, transport=transport
    )
    return made, asked, slept


def test_what_is_uncertain_is_sent_again_as_it_was():
    """The id is what makes it harmless."""
    import httpx2

    made, asked, slept = client(
        httpx2.Response(503, headers={"retry-after": "2"}),
        httpx2.ReadTimeout("slow"),
        httpx2.ConnectError("away"),
        httpx2.Response(429),
        httpx2.Response(202, json={}),
    )
    assert made.send([{"id": "1"}]) == []
    assert len(asked) == 5
    assert len(set(asked)) == 1
    assert slept[0] == 2


def test_patience_ends():
    import httpx2

    made, _, _ = client(*[httpx2.ConnectError("away")] * 9, patience_s=0)
    with pytest.raises(GatewayAway, match="away"):
        made.send([{"id": "1"}])


def test_a_wrong_key_is_not_tried_again():
    import httpx2

    made, asked, _ = client(httpx2.Response(401, json={"detail": "No emitter has this key"}))
    with pytest.raises(GatewayRefuses, match="No emitter"):
        made.send([{"id": "1"}])
    assert len(asked) == 1


def test_too_large_a_batch_is_halved_and_refusals_keep_their_places():
    import httpx2

    errors = [{"field": "id", "rule": "missing", "message": "", "message_vi": ""}]
    items = [{"status": "accepted"}, {"status": "refused", "problem": {"errors": errors}}]
    made, asked, _ = client(
        httpx2.Response(413, json={}),
        httpx2.Response(202, json={}),
        httpx2.Response(207, json={"items": items}),
    )
    refused = made.send([{"id": str(n)} for n in range(4)])
    assert [r.index for r in refused] == [3]
    assert len(asked) == 3


def rejects(file: Path | None) -> list[dict[str, str]]:
    assert file is not None
    with file.open(encoding="utf-8-sig", newline="") as source:
        return list(csv.DictReader(source))
