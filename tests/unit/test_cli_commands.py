"""The commands against an installation that is only a small HTTP server in a thread."""

import csv
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from typer import Exit
from typer.testing import CliRunner, Result

from schemas.books import Period, load_book
from schemas.registry import Unit
from schemas.report import AnomalyRow, Report
from services.cli import rebuild, rebuild_live, where
from services.cli.main import app
from services.cli.rebuild_live import Rebuilt
from services.cli.say import number
from streams.core.balance import balance_rows
from streams.core.indicators import Count, row, table_of
from streams.core.scores import out_of_scope_rows, score_rows
from tests.support.histories import corrected, paid, received
from tests.support.told_cases import answer, records_of

BOOK = load_book("dak-ha-2023")
YEAR = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))


def a_report(source: str = "live") -> Report:
    indicator = BOOK.indicator("on_time_district")
    return Report(
        book=BOOK.code,
        book_version=1,
        source=source,  # type: ignore[arg-type]  # one of the two
        first=date(2010, 1, 1),
        last=date(2012, 12, 31),
        unit=None,
        computed_at=datetime(2023, 2, 10, 1, 30, tzinfo=UTC),
        demo=True,
        dossiers=1434,
        resolved=1329,
        rows=(row(indicator, Fraction(95), Count(1329, 952), None),),
        anomalies=(
            AnomalyRow(code="x", title="kết thúc trước", dossiers=2, examples=("u/case-1",)),
        ),
    )


class Installation:
    """Answers what was put into ``answers``; remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, object]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        installation = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                installation.asked.append((self.command, parts.path, query))
                status, body = installation.answers.get(parts.path, (404, {"detail": "not here"}))
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = answer

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        there = {"product": "motcua", "front": self.url, "audit": self.url, "demo": False}
        self.answers["/.well-known/motcua"] = 200, there
        report = a_report().model_dump(mode="json")
        self.answers["/api/v1/units"] = 200, report
        self.answers["/api/v1/report"] = 200, {**report, "source": "history"}


@pytest.fixture(scope="module")
def there() -> Iterator[Installation]:
    installation = Installation()
    thread = threading.Thread(target=installation.server.serve_forever, args=(0.01,))
    thread.start()
    yield installation
    installation.server.shutdown()
    thread.join()
    installation.server.server_close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


PERIOD = ("--from", "2010-01-01", "--to", "2012-12-31")


@pytest.mark.parametrize(
    ("arguments", "source"),
    [(("units", "--json"), "live"), (("report", "--format", "json"), "history")],
)
def test_both_sides_print_the_same_shape(there, arguments, source):
    """A script compares history and live line by line."""
    result = run(*arguments, *PERIOD, "--book", BOOK.code, "--url", there.url)

    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["book"], said["from"], said["to"]) == (BOOK.code, "2010-01-01", "2012-12-31")
    assert said["source"] == source
    (line,) = said["rows"]
    wanted = {"indicator", "unit", "level", "target", "a", "b", "met"}
    assert wanted <= set(line)
    assert (line["indicator"], line["unit"], line["a"], line["b"], line["met"]) == (
        "on_time_district",
        None,
        1329,
        952,
        False,
    )


def test_an_officer_and_the_lineage_are_passed_on(there):
    for command in ("units", "report", "balance"):
        said = run(
            command, *PERIOD, "--officer", "cb01", "--lineage", "new", "--json", "--url", there.url
        )
        assert said.exit_code == 0, said.output
        _, _, query = there.asked[-1]
        assert (query["officer"], query["lineage"]) == ("cb01", "new")


def a_balance(**terms: int) -> dict[str, object]:
    unit = Unit(code="23500", name="Thị trấn Đắk Hà", level="commune")
    rows = balance_rows({unit: terms}, with_total=False)
    return a_report().model_copy(update={"balance": rows}).model_dump(mode="json")


@pytest.fixture
def balance_there(there) -> Iterator[Installation]:
    before = dict(there.answers)
    yield there
    there.answers.update(before)


def test_a_balance_that_adds_up_is_told_with_its_terms(balance_there):
    terms = {"opening": 4662, "received": 10, "resolved": 4670, "in_process": 2}
    balance_there.answers["/api/v1/units"] = 200, a_balance(**terms, rejected_at_submission=3)

    told = run("balance", *PERIOD, "--url", balance_there.url)

    assert told.exit_code == 0
    assert told.stdout.strip() == (
        "✓ Thị trấn Đắk Hà (23500): tồn đầu kỳ 4.662 + tiếp nhận trong kỳ 10 = "
        "đã có kết quả 4.670 + đang giải quyết cuối kỳ 2 (ngoài cân đối: không tiếp nhận 3)"
    )


@pytest.mark.parametrize(("source", "path"), [("live", "units"), ("history", "report")])
def test_a_balance_that_does_not_add_up_is_named_and_ends_with_1(balance_there, source, path):
    """A watchdog runs it every night: unit, terms and difference, and an exit code."""
    wrong = a_balance(opening=5, received=10, resolved=9, withdrawn=1, in_process=3)
    balance_there.answers[f"/api/v1/{path}"] = 200, wrong
    asked = ("balance", *PERIOD, "--source", source, "--url", balance_there.url)

    told, said = run(*asked), run(*asked, "--json")

    assert (told.exit_code, said.exit_code) == (1, 1)
    assert "✗ Thị trấn Đắk Hà (23500)" in told.stdout
    assert "lệch 2 / differs: 15 ≠ 13" in told.stdout
    assert "withdrawn (người nộp rút hồ sơ): 1" in told.stdout
    found = json.loads(said.stdout)
    assert found["balanced"] is False
    assert (found["units"][0]["unit"], found["units"][0]["difference"]) == ("23500", 2)


def test_the_table_speaks_vietnamese(there):
    result = run("report", *PERIOD, "--url", there.url)
    for text in (
        "01/01/2010 – 31/12/2012",
        "1.329",
        "71,63",
        "chưa đạt",
        "trễ quá 327",
        "mô phỏng",
        "08:30:00",
    ):
        assert text in result.stdout, text
    assert "kết thúc trước: 2 hồ sơ (ví dụ u/case-1)" in result.stdout


def test_a_book_of_receptions_is_shown_with_points_and_what_is_left_out(there):
    """Whoever reads a score must see of how much it is one, and as of when."""
    book = load_book("qd766")
    counts = {None: {"in_time": Count(3, 2), "digitization": Count(3, 3)}}
    scored = a_report("history").model_copy(
        update={
            "book": "qd766",
            "judged_at": datetime(2023, 3, 31, 16, 59, 59, 999_000, tzinfo=UTC),
            "rows": table_of(book, YEAR, counts),
            "scores": score_rows(book, YEAR, counts),
            "out_of_scope": out_of_scope_rows(book),
        }
    )
    kept = there.answers["/api/v1/report"]
    there.answers["/api/v1/report"] = 200, scored.model_dump(mode="json")
    result = run("report", *PERIOD, "--book", "qd766", "--url", there.url)
    there.answers["/api/v1/report"] = kept

    assert result.exit_code == 0, result.output
    for words in (
        "xét tại 23:59:59 31/03/2023",
        "13,33 / 20",  # 20 · 2/3
        "17,33 / 24",  # with all 4 points of 4.2
        "Ngoài phạm vi",
        "5.4 (6 điểm) Tỷ lệ hài lòng trong tiếp nhận, giải quyết TTHC: cần đánh giá",
        "2.2 Thời gian giải quyết TTHC trung bình",
    ):
        assert words in result.stdout, words


def test_csv_has_a_line_for_each_row(there):
    result = run("units", *PERIOD, "--format", "csv", "--url", there.url)
    (line,) = csv.DictReader(io.StringIO(result.stdout))
    assert (line["indicator"], line["b"], line["unit"]) == ("on_time_district", "952", "")


def test_days_may_be_written_as_in_the_office_and_clocks_are_passed_on(there):
    run("report", "--from", "1/2/2023", "--to", "28/02/2023", "--known-at", "2023-03-01",
        "--unit", "23500", "--url", there.url)  # fmt: skip
    assert there.asked[-1][2] == {
        "book": BOOK.code,
        "from": "2023-02-01",
        "to": "2023-02-28",
        "unit": "23500",
        "known_at": "2023-03-01",
        "lineage": "old",
    }


@pytest.mark.parametrize(
    "period",
    [
        ("--from", "2023-02-01", "--to", "2023-01-01"),
        ("--from", "2023-02-30", "--to", "2023-03-01"),
        ("--from", "2023-02-01", "--to", "tomorrow"),
        ("--from", "20230201", "--to", "2023-03-01"),
    ],
)
def test_days_that_are_none_are_told_before_anything_is_asked(there, period):
    before = len(there.asked)
    result = run("report", *period, "--url", there.url)
    assert result.exit_code == 2
    assert "--from" in result.stderr or "--to" in result.stderr
    assert len(there.asked) == before


def test_a_refusal_is_shown_in_the_services_words(there):
    problem = {"detail": "No such book.", "detail_vi": "Không có bộ chỉ tiêu này."}
    there.answers["/api/v1/report"], kept = (422, problem), there.answers["/api/v1/report"]
    result = run("report", *PERIOD, "--book", "x", "--url", there.url)
    there.answers["/api/v1/report"] = kept
    assert result.exit_code == 2
    assert "Không có bộ chỉ tiêu này." in result.stderr


def test_verify_says_no_by_its_exit_code(there):
    for equal, code in ((True, 0), (False, 1)):
        found = {"equal": equal, "units_compared": 3, "differences": [{"unit": "23500"}]}
        there.answers["/api/v1/verify"] = 200, found
        result = run("verify", "--json", "--url", there.url)
        assert result.exit_code == code
        assert json.loads(result.stdout) == found
        assert there.asked[-1][:2] == ("POST", "/api/v1/verify")
        assert run("verify", "--url", there.url).exit_code == code


def test_a_history_that_is_late_is_another_answer_than_a_difference(there):
    """Whoever is called at night for a difference must not be called for a slow disk."""
    waiting = {"equal": False, "state": "waiting", "units": 24, "units_compared": 20}
    there.answers["/api/v1/verify"] = 200, {**waiting, "history_behind": 1234}
    result = run("verify", "--url", there.url)
    assert result.exit_code == 4
    assert "20/24" in result.stdout
    assert "1.234 bản ghi" in result.stdout


@pytest.mark.parametrize(
    ("state", "age_s", "options", "code"),
    [
        ("equal", 5, (), 0),
        ("equal", 121, (), 1),
        ("equal", 121, ("--max-age", "300"), 0),
        ("equal", 5, ("--max-age", "4"), 1),
        ("differs", 5, (), 1),
        ("waiting", 5, (), 4),
        ("waiting", 121, (), 1),
    ],
)
def test_the_last_certificate_is_told_and_too_old_is_no(there, state, age_s, options, code):
    """A script that looks every minute asks no database; silence must not look like «equal»."""
    certificate = {
        "equal": state == "equal",
        "state": state,
        "compared_at": "2023-02-10T01:30:00.000Z",
        "next_within_s": 120,
        "units": 3,
        "units_compared": 3,
        "sha256": "ab12",
    }
    there.answers["/api/v1/certificate"] = 200, {"age_s": age_s, "certificate": certificate}
    result = run("verify", "--last", *options, "--url", there.url)
    assert result.exit_code == code
    assert there.asked[-1][:2] == ("GET", "/api/v1/certificate")
    assert "08:30:00 10/02/2023" in result.stdout
    assert "ab12" in result.stdout
    said = run("verify", "--last", "--json", *options, "--url", there.url)
    assert (said.exit_code, json.loads(said.stdout)) == (code, certificate)


def test_a_certificate_without_a_promise_is_never_too_old(there):
    """Nobody compares there but on demand."""
    certificate = {"equal": True, "state": "equal", "next_within_s": None}
    there.answers["/api/v1/certificate"] = 200, {"age_s": 1e6, "certificate": certificate}
    assert run("verify", "--last", "--url", there.url).exit_code == 0


REBUILT = {
    "step": "finished", "records": 1500, "total": 1500, "records_per_s": 750.0, "why": None,
    "kept_database": None, "outcome": "swapped",
    "compared": [{"table": "log", "equal": True, "running_rows": 2, "rebuilt_rows": 2,
                  "different": []}],
}  # fmt: skip


def test_a_rebuild_that_took_over_is_told_with_its_rate(there):
    there.answers["/api/v1/rebuild"] = (202, REBUILT)

    done = run("rebuild", "history", "--replace", "--url", there.url)

    assert done.exit_code == 0
    assert "1.500 bản ghi / records, 750 mỗi giây" in done.stdout
    assert "đã thay bản cũ" in done.stdout
    assert there.asked[-1] == (
        "POST", "/api/v1/rebuild", {"keep": "false", "replace": "true"}
    )  # fmt: skip


def test_a_rebuild_that_differs_names_what_and_ends_with_1(there):
    table = REBUILT["compared"][0] | {"equal": False, "rebuilt_rows": 1, "different": ["3/17"]}
    differs = {"outcome": "different", "kept_database": "default_rebuilt_4", "compared": [table]}
    there.answers["/api/v1/rebuild"] = (202, REBUILT | differs)

    done = run("rebuild", "history", "--url", there.url)

    assert done.exit_code == 1
    for told in ("running 2", "rebuilt 1", "3/17", "default_rebuilt_4"):
        assert told in done.stdout


def test_a_rebuild_that_failed_says_why(there):
    failed = {"step": "failed", "outcome": None, "why": "Kafka is away"}
    there.answers["/api/v1/rebuild"] = (202, REBUILT | failed)

    done = run("rebuild", "history", "--url", there.url)

    assert done.exit_code == 2
    assert "Kafka is away" in done.stderr


@pytest.mark.parametrize(
    ("outcome", "code", "told"),
    [
        ("swapped", 0, "đã thay bản cũ"),
        ("different", 1, "U001 open: running 99, rebuilt 3"),
        ("to_set", 0, "MOTCUA_WORKER_GENERATION=2"),
        ("not_ready", 1, "worker.log"),
        ("failed", 2, "Kafka is away"),
    ],
)
def test_the_end_of_a_live_rebuild_is_told(monkeypatch, outcome, code, told):
    differs = ("U001 open: running 99, rebuilt 3",) if outcome == "different" else ()
    ended = Rebuilt(outcome, 2, 1500, 750.0, 8, differs, "Kafka is away")
    monkeypatch.setattr(rebuild_live, "rebuild_live", lambda *_, **__: ended)
    monkeypatch.setattr(rebuild, "running_stacks", list)

    done = run("rebuild", "live")

    assert done.exit_code == code
    assert told in done.output


def test_the_events_of_a_dossier_are_shown_in_words(there):
    """A clerk reads what happened, when, and what was changed about it; nobody reads JSON."""
    reception = received(procedure="1.001193", channel="online", officer="cb01", id="r-1")
    payment = paid(id="p-1")
    mended = corrected(reception, received("2023-02-10T09:30", channel="postal"))
    found = answer(
        records_of([reception, payment, mended, corrected(payment, None, "2023-02-21T09:00")])
    )
    found["events"].insert(1, {**found["events"][0], "counts": False})
    found["known"]["facts"].append("claim_differs")
    there.answers["/api/v1/events"] = 200, found
    result = run("events", "show", "23500-1", "--unit", "u", "--url", there.url)
    assert there.asked[-1][2] == {"dossier": "23500-1", "unit": "u"}
    for line in (
        "thứ Sáu 10/02/2023 08:30  Tiếp nhận",
        "thủ tục: 1.001193 Đăng ký khai sinh; cách nộp: trực tuyến; xử lý không dùng bản giấy:",
        "sự kiện r-1, do motcua-dakha gửi; ghi nhận thứ Sáu 10/02/2023 08:30:01",
        "bản lặp",
        "số tiền: 8.000 đồng; hình thức: Cổng Dịch vụ công quốc gia",
        "đính chính sự kiện r-1 (Tiếp nhận lúc thứ Sáu 10/02/2023 08:30)",
        "nay là: Tiếp nhận lúc thứ Sáu 10/02/2023 09:30; thủ tục: 1.001193",
        "đính chính sự kiện p-1 (Thanh toán lúc thứ Sáu 10/02/2023 09:00)",
        "nay là: hủy, coi như chưa từng gửi",
        "Hạn trả: thứ Sáu 10/02/2023 17:00",
        "• biết hạn trả",
        "⚠ phần mềm báo đúng hạn/trễ khác kết quả tính (bất thường)",
    ):
        assert line in result.stdout, line
    assert "{" not in result.stdout

    run("events", "show", "23500-230210-0001", "--json", "--url", there.url)
    assert there.asked[-1][2] == {"dossier": "23500-230210-0001", "unit": "23500"}
    assert "--unit" in run("events", "show", "G09", "--url", there.url).stderr


def test_nobody_there_is_told_with_what_to_do():
    result = run("units", *PERIOD, "--url", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert "--url" in result.stderr


def test_an_address_of_something_else_is_told(there):
    kept = there.answers["/.well-known/motcua"]
    there.answers["/.well-known/motcua"] = 200, {"product": "other"}
    result = run("verify", "--url", there.url)
    there.answers["/.well-known/motcua"] = kept
    assert result.exit_code == 2
    assert "is not motcua" in result.stderr


# -- which installation


def announce(folder: Path, port: int, pid: int) -> None:
    line = {"port": port, "data": f"/data/{port}", "pid": pid}
    (folder / f"{port}.json").write_text(json.dumps(line))


def test_the_only_stack_that_lives_is_meant(tmp_path, capsys):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    announce(tmp_path, 8400, gone.pid)
    with pytest.raises(Exit):
        where.the_only_stack(tmp_path)
    assert "./run up" in capsys.readouterr().err

    announce(tmp_path, 8500, os.getpid())
    assert where.the_only_stack(tmp_path) == where.LocalStack(8500, Path("/data/8500"))

    announce(tmp_path, 8600, os.getpid())
    with pytest.raises(Exit):
        where.the_only_stack(tmp_path)
    said = capsys.readouterr().err
    assert "8500" in said
    assert "8600" in said


def test_a_stack_is_local_only_by_a_loopback_address(tmp_path):
    announce(tmp_path, 8500, os.getpid())
    assert where.local_stack_of("http://127.0.0.1:8500", tmp_path) is not None
    assert where.local_stack_of("http://127.0.0.1:8400", tmp_path) is None
    assert where.local_stack_of("http://10.0.0.1:8500", tmp_path) is None


@pytest.mark.parametrize(
    ("said", "host", "meant"),
    [
        ("http://0.0.0.0:8400", "10.0.0.5", "http://10.0.0.5:8400"),
        ("http://127.0.0.1:8401", "motcua.local", "http://motcua.local:8401"),
        ("https://motcua.example.vn", "10.0.0.5", "https://motcua.example.vn"),
    ],
)
def test_a_server_that_does_not_know_its_name_is_reached_as_before(said, host, meant):
    assert where._from_here(said, host) == meant


# -- keys


def test_a_key_is_printed_once_and_listed_without_it(tmp_path):
    data = ("--data", str(tmp_path))
    result = run("emitter", "add", "dakha", "--unit", "23500", "--unit", "23503", *data)
    assert result.exit_code == 0
    key = result.stdout.strip()
    assert key.startswith("mc_")

    listed = run("emitter", "list", *data).stdout
    assert "dakha" in listed
    assert key not in listed
    assert json.loads(run("emitter", "list", "--json", *data).stdout)[0]["units"] == [
        "23500",
        "23503",
    ]
    assert run("emitter", "add", "dakha", "--unit", "23500", *data).exit_code == 2
    assert run("emitter", "remove", "dakha", *data).exit_code == 0
    assert run("emitter", "remove", "dakha", *data).exit_code == 2


def test_a_key_for_no_unit_of_the_registry_is_not_made(tmp_path):
    result = run("emitter", "add", "dakha", "--unit", "99999", "--data", str(tmp_path))
    assert result.exit_code == 2
    assert "99999" in result.stderr
    assert not (tmp_path / "emitters.json").exists()


def test_an_import_to_another_machine_says_who_makes_the_key(there, tmp_path):
    file = tmp_path / "input.csv"
    file.write_text("a\n")
    result = run("import", str(file), "--mapping", "receipt", "--url", there.url)
    assert result.exit_code == 2
    assert "motcua emitter add import-receipt --unit receipt-general" in result.stderr


def test_an_unknown_mapping_is_told_with_those_there_are(there, tmp_path):
    file = tmp_path / "input.csv"
    file.write_text("a\n")
    result = run("import", str(file), "--mapping", "x", "--url", there.url)
    assert (result.exit_code, "receipt" in result.stderr) == (2, True)


def test_numbers_are_written_as_in_viet_nam():
    assert (number(1329), number(71.633, 2), number(1_000_000.5, 1)) == (
        "1.329",
        "71,63",
        "1.000.000,5",
    )


COMMANDS = [
    command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands
]


# deploy.local prints the help of the two that are handed over to it
@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"up", "demo"}))
def test_every_command_shows_an_example_in_its_help(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Ví dụ" in result.output


def test_a_command_loads_no_server_and_no_database():
    """People wait for every command: what only the processes need is loaded by them alone."""
    heavy = ("chdb", "clickhouse_connect", "docx", "fastapi", "faust", "holidays", "kafka")
    look = f"import sys, services.cli.main; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
