"""Documents that people take home: each format says the same, carries where it comes from, and is
confirmed or found out later.
"""

import io
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docx import Document as Docx
from fastapi import FastAPI
from fastapi.testclient import TestClient
from python_calamine import CalamineWorkbook

from schemas.registry import load_registry
from services.audit.app import audit_router
from services.audit.documents.formats import FORMATS, read_file
from services.audit.settled import Settled
from services.clickhouse import Pool
from services.settings import Settings
from tests.integration.test_audit_http import NOW, PERIOD, not_yet
from tests.support.clickhouse import Database, Server, numbered
from tests.support.documents import edited
from tests.support.histories import admitted, digitized, paid, received, resolved, stopped
from tests.support.wall import certificate

FORMULA = '=HYPERLINK("http://x")'
ASKED = {**PERIOD, "book": "dak-ha-2023"}
NAMES = [form.name for form in FORMATS]


def _said() -> list[Any]:
    return [
        *(received(dossier="1"), digitized(dossier="1"), paid(dossier="1")),
        resolved(dossier="1", electronic=True),
        *(received(dossier="2"), resolved("2023-02-10T18:00", dossier="2")),
        stopped("2023-02-11T08:00", dossier="2"),
        *(received(dossier=FORMULA), resolved(dossier=FORMULA)),
        *(received(dossier="<b>&"), resolved("2023-02-10T08:50:00.250", dossier="<b>&")),
    ]


class Audit:
    """A history with documents, to which further events may come."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.records = numbered(admitted(one) for one in _said())
        database.store(self.records)
        self.pool: Pool = database.pool()
        self.ends = {0: len(self.records)}
        self.http = self.client(data=folder)
        # started, and stopped with the block
        self.http.__enter__()

    def close(self) -> None:
        self.http.__exit__(None, None, None)
        self.pool.close()

    def client(self, **given: Any) -> TestClient:
        app = FastAPI(openapi_url=None)
        router = audit_router(
            Settings(**given),
            self.pool,
            Settled(),
            load_registry,
            not_yet,
            lambda: certificate(NOW),
            lambda: NOW,
            lambda: self.ends,
        )
        app.include_router(router)
        return TestClient(app)

    def document(self, form: str, **asked: str) -> bytes:
        answer = self.http.get("/api/v1/document", params={**ASKED, **asked, "format": form})
        assert answer.status_code == 200, answer.text
        return answer.content

    def dossiers(self, form: str, **asked: str) -> bytes:
        begun = self.http.post("/api/v1/exports", params={**ASKED, **asked, "format": form})
        assert begun.status_code == 202, begun.text
        deadline = time.monotonic() + 20
        while (state := self.http.get(f"/api/v1/exports/{begun.json()['id']}").json())[
            "state"
        ] != "done":
            assert state["state"] != "failed" and time.monotonic() < deadline, state
            time.sleep(0.01)
        return self.http.get(f"/api/v1/exports/{state['id']}/file").content

    def check(self, data: bytes) -> dict[str, Any]:
        answer = self.http.post("/api/v1/check", content=data)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module")
def audit(clickhouse_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audit]:
    audit = Audit(clickhouse_server.database(), tmp_path_factory.mktemp("documents"))
    yield audit
    audit.close()


@pytest.mark.parametrize("form", NAMES)
def test_a_document_of_each_format_is_confirmed(audit: Audit, form: str):
    """What was taken home yesterday is what the history says today: same data, same SHA-256."""
    found = audit.check(audit.document(form))

    assert found["verdict"] == "confirmed", found
    assert found["seal_fits"] and found["data_fit"]
    assert found["history_sha256"] == found["data_sha256"]
    assert found["differences"] == []


@pytest.mark.parametrize("form", NAMES)
def test_every_document_says_where_its_figures_come_from(audit: Audit, form: str):
    """Book, period, clocks, offsets, calendar, code, certificate, hash: enough to ask again."""
    lines = read_file(audit.document(form, as_of="2023-05-01")).provenance.lines

    assert (lines["book"], lines["book_version"]) == ("dak-ha-2023", "1")
    assert (lines["from"], lines["to"], lines["unit"]) == ("2023-01-01", "2023-12-31", "")
    assert lines["as_of"] == "2023-05-01T23:59:59.999+07:00"
    # a minute before it was asked: by then everything recorded is here
    assert lines["known_at"] == "2023-06-01T09:59:00.000+07:00"
    assert lines["offsets"] == f"0:{len(audit.records)}"
    assert re.fullmatch(r"\d{4}_\w+\.sql\+[0-9a-f]{16}", lines["rules"])
    assert lines["calendar"] and lines["code_version"]
    assert lines["certificate"] == certificate(NOW).sha256
    assert re.fullmatch("[0-9a-f]{64}", lines["data_sha256"])
    assert lines["standing"] == "final"


# the rate of IV.2 as each format writes it, and another one
_CELLS = {
    "xlsx": ("<v>75</v>", "<v>99</v>"),
    "docx": (">75,00<", ">99,00<"),
    "csv": (",75.00,", ",99.00,"),
    "csv-bom": (",75.00,", ",99.00,"),
    "json": ("75.0,", "99.0,"),
    "html": (">75,00<", ">99,00<"),
}


@pytest.mark.parametrize("form", NAMES)
def test_an_edited_cell_is_found(audit: Audit, form: str):
    """Who makes 75 % a 99 % is told in which row and column, and what the history says."""
    found = audit.check(edited(audit.document(form), *_CELLS[form]))

    assert (found["verdict"], found["data_fit"], found["seal_fits"]) == ("edited", False, True)
    (difference,) = found["differences"]
    assert difference["column"] == "rate"
    assert (difference["file"], difference["history"]) == ("99.00", "75.00")


@pytest.mark.parametrize("form", NAMES)
def test_an_edited_provenance_is_found(audit: Audit, form: str):
    """The period of a document is as good as its figures."""
    data = audit.document(form)
    found = audit.check(edited(data, "2023-12-31", "2024-12-31"))

    assert (found["verdict"], found["seal_fits"], found["data_fit"]) == ("edited", False, True)


@pytest.mark.parametrize("form", NAMES)
def test_figures_under_other_titles_are_found(audit: Audit, form: str):
    """Swapping the words above two columns says something else with the same cells."""
    titles = ("a,b,", "b,a,") if form.startswith("csv") else ("Mẫu số a", "Tử số b")
    if form == "json":
        titles = ('"key":"a"', '"key":"b"')
    found = audit.check(edited(audit.document(form), *titles))

    assert (found["verdict"], found["data_fit"]) == ("edited", False)
    assert found["differences"][0]["row"] == 0


def test_an_edit_with_a_new_hash_and_seal_is_still_another_answer(audit: Audit):
    """SHA-256 tells of accidents; of forgers tells the history."""
    read = read_file(audit.document("csv"))
    forged = edited(audit.document("csv"), *_CELLS["csv"])
    data_sha256 = read_file(forged).data_sha256
    sealed = read.provenance.with_data(int(read.provenance.lines["rows"]), data_sha256)
    for name in ("data_sha256", "seal"):
        forged = edited(forged, read.provenance.lines[name], sealed.lines[name])

    found = audit.check(forged)

    assert (found["verdict"], found["data_fit"], found["seal_fits"]) == ("differs", True, True)
    assert found["differences"][0]["history"] == "75.00"


@pytest.mark.parametrize("form", ["xlsx", "csv", "csv-bom", "json", "html"])
def test_a_list_of_dossiers_is_confirmed_and_its_edits_are_found(audit: Audit, form: str):
    """Dossiers with their moments to the millisecond, whatever their codes look like."""
    data = audit.dossiers(form)
    read = read_file(data)

    assert [row[2] for row in read.tables[0].rows] == ["1", "2", "<b>&", FORMULA]
    assert read.tables[0].rows[2][8] == "2023-02-10T08:50:00.250+07:00"
    assert audit.check(data)["verdict"] == "confirmed"
    found = audit.check(edited(data, "trễ hạn", "đúng hạn"))
    assert found["verdict"] == "edited"
    assert [d["column"] for d in found["differences"]] == ["promise"]


def test_a_row_taken_out_does_not_shift_the_others(audit: Audit):
    """One dossier is missing, and that is what is told."""
    data = audit.dossiers("csv")
    line = next(line for line in data.decode().splitlines(True) if ",2," in line)
    found = audit.check(edited(data, line, ""))

    (difference,) = found["differences"]
    assert (difference["row"], difference["file"]) == (2, None)
    assert " | 2 | " in difference["history"]


def test_what_comes_later_changes_no_document(clickhouse_server: Server, tmp_path: Path):
    """A correction of last month's dossier is another answer to the same question today, and the
    document of yesterday is still what was known yesterday.
    """
    audit = Audit(clickhouse_server.database(), tmp_path)
    files = {form: audit.document(form) for form in ("docx", "csv")}
    lists = audit.dossiers("xlsx")
    later = [received(dossier="3"), resolved("2023-03-01T18:00", dossier="3")]
    records = numbered(admitted(one) for one in [*_said(), *later])
    audit.database.store(records[len(audit.records) :])
    audit.ends = {0: len(records)}

    assert read_file(audit.document("csv")).data_sha256 != read_file(files["csv"]).data_sha256
    for data in files.values():
        assert audit.check(data)["verdict"] == "confirmed"
    assert audit.check(lists)["verdict"] == "confirmed"
    audit.close()


def test_what_looks_like_a_formula_is_text(audit: Audit):
    """A dossier code is whatever an emitter wrote; it never runs on an auditor's machine."""
    workbook = audit.dossiers("xlsx")
    text = audit.dossiers("csv").decode()

    sheet = CalamineWorkbook.from_filelike(io.BytesIO(workbook)).get_sheet_by_index(0)
    assert FORMULA in [row[2] for row in sheet.to_python()]
    assert b"<f>" not in b"".join(_members(workbook))
    assert f',"\'{FORMULA.replace(chr(34), chr(34) * 2)}",' in text


def _members(data: bytes) -> list[bytes]:
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [archive.read(name) for name in archive.namelist()]


def test_a_provisional_answer_is_marked_and_has_no_place_to_sign(audit: Audit):
    """While events may still be on their way nobody signs."""
    asked = {"known_at": "2023-06-01T10:00"}
    word = Docx(io.BytesIO(audit.document("docx", **asked)))
    text = "\n".join(p.text for s in word.sections for p in s.first_page_header.paragraphs)
    page = audit.document("html", **asked).decode()

    assert "TẠM TÍNH" in text and "TẠM TÍNH" in page
    assert "Nơi nhận" not in page and "CHỦ TỊCH" not in "".join(_texts(word))
    assert "TẠM TÍNH" in audit.document("csv", **asked).decode()
    assert audit.check(audit.document("xlsx", **asked))["provisional"] is True
    signed = Docx(io.BytesIO(audit.document("docx")))
    assert "CHỦ TỊCH" in "".join(_texts(signed))
    assert "TẠM TÍNH" not in audit.document("html").decode()


def _texts(word: Any) -> Iterator[str]:
    for table in word.tables:
        for row in table.rows:
            for cell in row.cells:
                yield cell.text


def test_the_word_document_has_the_form_of_the_decree(audit: Audit):
    """Nghị định 30/2020/NĐ-CP, Phụ lục I: paper, margins, letters, and who signs where."""
    word = Docx(io.BytesIO(audit.document("docx")))
    first, appendix = word.sections

    assert (round(first.page_width.mm), round(first.page_height.mm)) == (210, 297)
    assert [round(m.mm) for m in (first.top_margin, first.bottom_margin)] == [20, 20]
    assert [round(m.mm) for m in (first.left_margin, first.right_margin)] == [30, 15]
    assert (round(appendix.page_width.mm), round(appendix.page_height.mm)) == (297, 210)
    assert first.different_first_page_header_footer
    head = [cell.text for row in word.tables[0].rows for cell in row.cells]
    assert head[0].strip() == "ỦY BAN NHÂN DÂN HUYỆN ĐẮK HÀ"
    assert head[1].split("\n")[:2] == [
        *("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"),
    ]
    assert re.fullmatch(r"Số: +/BC-UBND", head[2])
    assert head[3] == "Đắk Hà, ngày 01 tháng 06 năm 2023"
    assert {run.font.name for p in word.paragraphs for run in p.runs if run.font.name} == {
        "Times New Roman"
    }
    sizes = {
        r.text: r.font.size.pt for c in word.tables[0]._cells for p in c.paragraphs for r in p.runs
    }
    assert sizes["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"] == 13
    assert sizes["Độc lập - Tự do - Hạnh phúc"] == 14
    rows = [[cell.text for cell in row.cells] for row in word.tables[2].rows]
    assert rows[0][:6] == [
        *("TT", "Tên nhiệm vụ", "Đơn vị chủ trì", "Cơ quan, đơn vị phối hợp"),
        *("Đơn vị tính", "Giao chỉ tiêu"),
    ]
    assert [row[0] for row in rows[1:4]] == ["I", "I.1", "I.2"]


@pytest.mark.parametrize(
    ("given", "field", "rule"),
    [
        ({"format": "exe"}, "format", "format_unknown"),
        ({"format": "../xlsx"}, "format", "format_unknown"),
        ({"book": "x' OR 1=1 --"}, "book", "book_unknown"),
        ({"from": "2023-02-30"}, "from", "day_expected"),
        ({"from": "2024-01-01"}, "to", "period_backwards"),
        ({"unit": "'; DROP TABLE events; --"}, "unit", "unit_unknown"),
        ({"lineage": "new) UNION SELECT 1"}, "lineage", "lineage_unknown"),
        ({"as_of": "now()"}, "as_of", "moment_expected"),
        ({"known_at": "2023-06-02"}, "known_at", "known_at_in_future"),
        ({"select": "on_time_commune/all"}, "select", "select_unknown"),
        ({"select": "payment_procedures/scope"}, "select", "select_unknown"),
        ({"select": "1) OR 1=1/scope"}, "select", "select_unknown"),
        ({"officer": "\x00"}, "officer", "value_too_long"),
        ({"officer": "x" * 201}, "officer", "value_too_long"),
        ({"units": "23500"}, "units", "parameter_unknown"),
    ],
)
def test_a_wrong_question_makes_no_document(
    audit: Audit, given: dict[str, str], field: str, rule: str
):
    """Field, rule and fix; never half a file."""
    answer = audit.http.post("/api/v1/exports", params={**ASKED, **given})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], error["rule"]) == (field, rule)


INJECTIONS = [
    "' OR '1'='1", "1); SELECT file('/etc/passwd'); --", "{x:String}", "\\' UNION ALL SELECT 1",
    "${jndi:x}", "*/ SETTINGS readonly=0 /*", "INTO OUTFILE '/tmp/canary'", "𝒳" * 150,
]  # fmt: skip


@pytest.mark.parametrize("text", INJECTIONS)
def test_an_officer_is_a_bound_value(audit: Audit, text: str):
    """Nobody is called that: an empty list and not another statement."""
    asked = {**ASKED, "officer": text, "format": "json"}
    made = audit.http.get("/api/v1/document", params=asked)

    assert made.status_code == 200
    assert {row[9] for row in _part(made.json(), "rows")["rows"]} == {0}
    assert read_file(audit.dossiers("json", officer=text)).tables[0].rows == []


def _part(said: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(part for part in said["parts"] if part["name"] == name)
    return found


@pytest.mark.parametrize(
    "data",
    [b"", b"   ", b"hello", b"{", b"[1]", b"{}", b"<html>", b"PK", b"PK\x03\x04" + b"\0" * 40,
     b"\xff\xfe", b"a,b\r\n1,2\r\n", b'{"provenance":{"form":"motcua-1"}}', b'{"provenance":[]}'],
)  # fmt: skip
def test_what_is_no_document_is_said_to_be_none(audit: Audit, data: bytes):
    """A holiday picture is not «edited»."""
    answer = audit.http.post("/api/v1/check", content=data)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["rule"] == "file_unreadable"


@pytest.mark.parametrize(
    "line", ["from", "unit", "offsets", "known_at", "columns", "select", "layout", "kind"]
)
def test_a_provenance_that_asks_nonsense_is_answered_in_words(audit: Audit, line: str):
    """Its lines are questions of strangers: bound like every other, and never a crash."""
    data = audit.document("json")
    lines = read_file(data).provenance.lines
    for text in ("' OR 1=1", "99999999999999999999", "0:1 0", "[]"):
        forged = data.replace(
            b'"' + line.encode() + b'":"' + lines[line].replace('"', '\\"').encode(),
            b'"' + line.encode() + b'":"' + text.encode(),
        )
        answer = audit.http.post("/api/v1/check", content=forged)
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 200:
            assert answer.json()["verdict"] == "edited"


def test_the_page_offers_documents_and_the_form_checks_them(audit: Audit):
    """Two clicks from the table to a file, two from the file to its confirmation."""
    page = audit.http.get("/", params=ASKED).text
    assert "/api/v1/document?" in page and "format=docx" in page
    begun = audit.http.post(
        "/exports", data={**ASKED, "format": "csv", "select": "on_time_commune/missed"}
    )
    assert "/exports/" in str(begun.url)
    assert "Danh sách hồ sơ" in begun.text

    files = {"file": ("report.xlsx", audit.document("xlsx"))}
    assert "Đúng: tệp còn nguyên" in audit.http.post("/check", files=files).text
    files = {"file": ("report.xlsx", edited(audit.document("xlsx"), *_CELLS["xlsx"]))}
    shown = audit.http.post("/check", files=files).text
    assert "Tệp đã bị sửa" in shown and "99.00" in shown
    assert audit.http.post("/check", files={"file": ("x", b"x")}).status_code == 422
    assert audit.http.post("/check", content=b"x").status_code == 422
