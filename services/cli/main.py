"""The commands of ``motcua``: what each is called, takes and says. What they do lies beside."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from pydantic import ValidationError

from services.cli import doctor as examination
from services.cli import report as reports
from services.cli.account import access, account
from services.cli.audit import app as audit
from services.cli.documents import listed, save, suffixes
from services.cli.rebuild import app as rebuild
from services.cli.rejected import app as rejected
from services.cli.report import Format, LineageWord, Source
from services.cli.saved import saved
from services.cli.say import NOT_SO, VIETNAM, answer, console, fail, number, tell
from services.cli.where import (
    Installation,
    ask,
    data_folder,
    find,
    get,
    local_stack_of,
    running_stacks,
    settings_here,
)
from services.settings import Settings

if TYPE_CHECKING:
    from schemas.books import Book as BookOf
    from schemas.registry import Registry
    from services.cli.case import Case

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Theo dõi chỉ tiêu của bộ phận một cửa / targets of one-stop shops.\n\n"
    "Các lệnh hỏi hệ thống đang chạy trên máy này, hoặc địa chỉ ở --url.",
)
emitter = typer.Typer(no_args_is_help=True, help="Phần mềm gửi sự kiện và khóa của chúng.")
events = typer.Typer(no_args_is_help=True, help="Sự kiện của từng hồ sơ.")
due = typer.Typer(no_args_is_help=True, help="Hạn trả kết quả.")
catalogue = typer.Typer(no_args_is_help=True, help="Danh mục TTHC và đơn vị.")
table = typer.Typer(invoke_without_command=True)
books = typer.Typer(no_args_is_help=True, help="Bộ chỉ tiêu và lộ trình.")
app.add_typer(audit, name="audit")
app.add_typer(emitter, name="emitter")
app.add_typer(events, name="events")
app.add_typer(due, name="due")
app.add_typer(catalogue, name="catalogue")
app.add_typer(books, name="book")
app.add_typer(account, name="account")
app.add_typer(access, name="access")
app.add_typer(listed, name="dossiers")
app.add_typer(table, name="report")
app.add_typer(rejected, name="rejected")
app.add_typer(saved, name="saved")
app.add_typer(rebuild, name="rebuild")

Url = Annotated[
    str | None,
    typer.Option("--url", help="địa chỉ hệ thống, ví dụ http://127.0.0.1:8400", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="in JSON cho chương trình đọc")]
First = Annotated[str, typer.Option("--from", help="ngày đầu, 2023-01-01 hoặc 01/01/2023")]
Last = Annotated[str, typer.Option("--to", help="ngày cuối, tính cả ngày này")]
Book = Annotated[str, typer.Option("--book", help="bộ chỉ tiêu")]
UnitOf = Annotated[str | None, typer.Option("--unit", help="mã đơn vị", show_default=False)]
Officer = Annotated[
    str | None, typer.Option("--officer", help="mã công chức, viên chức", show_default=False)
]
LineageOf = Annotated[
    LineageWord,
    typer.Option("--lineage", help="theo đơn vị đã ghi nhận (old) hay đơn vị kế thừa nay (new)"),
]
Shape = Annotated[Format, typer.Option("--format", help="dạng in ra")]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="thư mục dữ liệu; mặc định: của hệ thống đang chạy"),
]

Dossier = Annotated[str, typer.Argument(help="mã hồ sơ")]
UnitOfDossier = Annotated[
    str | None, typer.Option("--unit", help="mã đơn vị; mặc định: phần đầu của mã hồ sơ")
]

_BOOK = "dak-ha-2023"
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


# -- a stack of this machine


@app.command(context_settings=_PASSED_ON, add_help_option=False)
def up(context: typer.Context) -> None:
    """Khởi động mọi thành phần trên máy này. Ví dụ: `motcua up --data DIR --port 8400`"""
    _hand_over("up", context.args)


@app.command(context_settings=_PASSED_ON, add_help_option=False)
def demo(context: typer.Context) -> None:
    """Chạy thử với dữ liệu minh họa. Ví dụ: `motcua demo --dossiers 2000 --exit-when-done`"""
    _hand_over("demo", context.args)


def _hand_over(what: str, arguments: list[str]) -> NoReturn:
    os.execv(sys.executable, [sys.executable, "-m", "deploy.local", what, *arguments])


@app.command()
def doctor(
    port: Annotated[int, typer.Option(help="cổng chính của hệ thống")] = 8400,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Kiểm tra máy và hệ thống. Ví dụ: `motcua doctor --port 8400`"""
    stack = next((stack for stack in running_stacks() if stack.port == port), None)
    folder = data or (stack.data if stack else settings_here().data)
    found = list(examination.examine(port, folder))
    if as_json:
        answer(json.dumps(examination.as_json(found), ensure_ascii=False, indent=2))
    else:
        for finding in found:
            answer(f"{'✓' if finding.well else '✗'} {finding.name}: {finding.says}")
    if not all(finding.well for finding in found):
        raise typer.Exit(NOT_SO)


@app.command()
def topics(
    kafka: Annotated[
        str | None, typer.Option(help="máy chủ Kafka host:port,…; mặc định: hệ thống đang chạy")
    ] = None,
    copies: Annotated[int, typer.Option(help="số bản sao của mỗi topic")] = 1,
    as_json: Json = False,
) -> None:
    """Tạo các topic còn thiếu, báo topic khác với bảng. Ví dụ: `motcua topics --copies 3`"""
    from kafka.errors import KafkaError

    from services.topics import ensure_topics

    settings = settings_here()
    address = kafka or _kafka_here(settings)
    try:
        found = ensure_topics(address, settings.topic_prefix, copies)
    except KafkaError as error:
        fail(f"Kafka {address}: {type(error).__name__}: {error}")
    if as_json:
        lines: list[dict[str, Any]] = [
            {"name": t.name, "state": t.state, "differences": list(t.differences)} for t in found
        ]
        answer(json.dumps(lines, ensure_ascii=False, indent=2))
    else:
        words = {"created": "đã tạo", "same": "đúng bảng", "differs": "KHÁC bảng"}
        for topic in found:
            answer("; ".join([f"{topic.name}: {words[topic.state]}", *topic.differences]))
    if any(topic.state == "differs" for topic in found):
        raise typer.Exit(NOT_SO)


def _kafka_here(settings: Settings) -> str:
    stacks = running_stacks()
    return f"127.0.0.1:{stacks[0].port + 2}" if len(stacks) == 1 else settings.kafka


# -- questions


@table.callback()
def report(
    context: typer.Context,
    first: Annotated[str, typer.Option("--from", help="ngày đầu, 2023-01-01 hoặc 01/01/2023")] = "",
    last: Annotated[str, typer.Option("--to", help="ngày cuối, tính cả ngày này")] = "",
    book: Book = _BOOK,
    unit: UnitOf = None,
    officer: Officer = None,
    lineage: LineageOf = LineageWord.OLD,
    as_of: Annotated[
        str | None, typer.Option(help="tình trạng tại thời điểm này (ngày hoặc RFC 3339)")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option(help="theo những gì đã ghi nhận tới thời điểm này")
    ] = None,
    form: Shape = Format.TABLE,
    document: Annotated[
        Path | None, typer.Option("--save", help=f"ghi thành tài liệu: {suffixes()}")
    ] = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Bảng chỉ tiêu tính từ lịch sử. Ví dụ: `motcua report --from 2023-01-01 --to 2023-03-31`"""
    if context.invoked_subcommand is not None:
        return
    query = {
        "book": book,
        **_asked(first, last, unit, officer, lineage),
        "as_of": as_of,
        "known_at": known_at,
    }
    audit = find(url).audit
    if document is not None:
        save(audit, query, document)
        return
    found = get(audit, "/api/v1/report", query)
    reports.show(found, Format.JSON if as_json else form)


@table.command("check")
def check_report(
    file: Annotated[Path, typer.Argument(help="tệp đã xuất", exists=True, dir_okay=False)],
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Tệp có bị sửa, lịch sử có nói đúng vậy; mã thoát 1 khi không. `motcua report check TỆP`

    Mã thoát: 0 còn nguyên và đúng; 1 bị sửa, hoặc lịch sử nói khác; 2 không phải tài liệu của
    motcua; 4 còn nguyên, chưa tính lại được.
    """
    from services.cli.report_check import check

    if code := check(file, find(url).audit, as_json):
        raise typer.Exit(code)


@app.command()
def units(
    first: First,
    last: Last,
    book: Book = _BOOK,
    unit: UnitOf = None,
    officer: Officer = None,
    lineage: LineageOf = LineageWord.OLD,
    form: Shape = Format.TABLE,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Bảng chỉ tiêu trực tiếp. Ví dụ: `motcua units --from 2023-01-01 --to 2023-12-31`"""
    query = {"book": book, **_asked(first, last, unit, officer, lineage)}
    found = get(find(url).front, "/api/v1/units", query)
    reports.show(found, Format.JSON if as_json else form)


@app.command()
def outlook(
    year: Annotated[int, typer.Option("--year", help="năm của mục tiêu")],
    on: Annotated[
        str | None, typer.Option("--on", help="tính đến hết ngày này; mặc định: hôm nay")
    ] = None,
    book: Book = _BOOK,
    unit: UnitOf = None,
    officer: Officer = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Lộ trình, dự báo, mức cần đạt từ nay. Ví dụ: `motcua outlook --year 2023 --unit 23500`

    Lộ trình riêng đặt trong thư mục `roadmaps` của thư mục dữ liệu.
    """
    from schemas.report import Standings
    from services.cli.outlook import show_outlook

    query = {
        "year": str(year),
        "on": reports.day(on, "--on").isoformat() if on else None,
        "book": book,
        "unit": unit,
        "officer": officer,
    }
    found = get(find(url).front, "/api/v1/standings", query)
    if as_json:
        answer(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        show_outlook(Standings.model_validate(found))


@app.command()
def balance(
    first: First,
    last: Last,
    unit: UnitOf = None,
    officer: Officer = None,
    lineage: LineageOf = LineageWord.OLD,
    source: Annotated[
        Source, typer.Option("--source", help="số liệu trực tiếp (live) hay lịch sử (history)")
    ] = Source.LIVE,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Cân đối hồ sơ; mã thoát 1 khi lệch. Ví dụ: `motcua balance --from 2023-01-01 --to 2023-03-31`

    Tồn đầu kỳ + tiếp nhận = đã giải quyết + rút + dừng + đang giải quyết, theo từng đơn vị.
    """
    from schemas.report import Report
    from services.cli.balance import balance_json, balance_told

    query = _asked(first, last, unit, officer, lineage)
    there = find(url)
    found = Report.model_validate(
        get(there.front, "/api/v1/units", query)
        if source is Source.LIVE
        else get(there.audit, "/api/v1/report", query)
    )
    if as_json:
        answer(json.dumps(balance_json(found), ensure_ascii=False, indent=2))
    else:
        answer(balance_told(found))
    if any(row.difference for row in found.balance):
        raise typer.Exit(NOT_SO)


def _asked(
    first: str, last: str, unit: str | None, officer: str | None, lineage: LineageWord
) -> dict[str, str | None]:
    if missing := [name for name, day in (("--from", first), ("--to", last)) if not day]:
        fail(f"Thiếu / missing: {', '.join(missing)}")
    days = reports.period(first, last)
    return {
        "from": days[0].isoformat(),
        "to": days[1].isoformat(),
        "unit": unit,
        "officer": officer,
        "lineage": lineage.value,
    }


@app.command()
def verify(
    last: Annotated[
        bool, typer.Option("--last", help="chỉ xem lần đối chiếu gần nhất, không đối chiếu lại")
    ] = False,
    max_age_s: Annotated[
        float | None,
        typer.Option("--max-age", help="với --last: cũ hơn số giây này là quá cũ", min=0),
    ] = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """So số liệu trực tiếp với lịch sử; mã thoát 1 khi khác. Ví dụ: `motcua verify --json`

    Mã thoát: 0 khớp; 1 có số liệu khác nhau, hoặc với --last là quá cũ; 2 chưa đối chiếu lần nào;
    4 chưa so được hết (đang chờ lịch sử).
    """
    from services.cli.verification import exit_code, is_too_old, told

    there = find(url)
    too_old = False
    if last:
        found = get(there.front, "/api/v1/certificate")
        certificate = found["certificate"]
        too_old = is_too_old(certificate, found["age_s"], max_age_s)
    else:
        certificate = ask("POST", there.audit, "/api/v1/verify", timeout_s=600)
    if as_json:
        answer(json.dumps(certificate, ensure_ascii=False, indent=2))
    else:
        answer(told(certificate))
    if too_old:
        tell(f"QUÁ CŨ: {number(found['age_s'])} giây trước / too old")
    if code := NOT_SO if too_old else exit_code(certificate):
        raise typer.Exit(code)


@events.command("show")
def show_events(
    dossier: Dossier,
    unit: UnitOfDossier = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Sự kiện của một hồ sơ và những gì suy ra. Ví dụ: `motcua events show 23500-230210-0001`"""
    there = find(url)
    found = _events_of(dossier, unit, there.audit)
    if as_json:
        answer(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        from services.cli.dossiers import told

        answer(told(found, _registry(there)))


@due.command("explain")
def explain_due(
    dossier: Dossier,
    unit: UnitOfDossier = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Hạn trả của một hồ sơ từ đâu mà có. Ví dụ: `motcua due explain 23500-230210-0001`"""
    from services.cli.due import due_json, due_told

    case = _case(dossier, unit, url)
    if as_json:
        answer(json.dumps(due_json(case), ensure_ascii=False, indent=2))
    else:
        answer(due_told(case))


@app.command()
def explain(
    indicator: Annotated[str, typer.Argument(help="mã hoặc hàng của chỉ tiêu, ví dụ IV.2")],
    dossier: Annotated[str, typer.Option("--dossier", help="mã hồ sơ")],
    unit: UnitOfDossier = None,
    book: Book = _BOOK,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", help="tình trạng hết ngày này; mặc định: bây giờ", show_default=False
        ),
    ] = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Vì sao hồ sơ (không) được tính. Ví dụ: `motcua explain IV.2 --dossier 23500-230210-0001`"""
    from services.cli.why import NothingYet, indicator_json, indicator_told

    found = _book(book, url)
    asked = next((i for i in found.indicators if indicator in (i.code, i.row)), None)
    if asked is None:
        listed = "\n".join(f"  {i.row}  {i.code}" for i in found.indicators)
        fail(f"Không có chỉ tiêu {indicator} trong {book} / no such indicator; có:\n{listed}")
    at = _moment_asked(as_of, found.needs_history)
    case = _case(dossier, unit, url)
    try:
        if as_json:
            told = indicator_json(asked, case, found.population, at)
            answer(json.dumps(told, ensure_ascii=False, indent=2))
        else:
            answer(indicator_told(asked, case, found.population, at))
    except NothingYet as nothing:
        fail(f"Chưa có sự kiện nào đến lúc này / no event by then: {nothing}")


def _moment_asked(as_of: str | None, needed: bool) -> int | None:
    """Milliseconds; None: whatever has happened counts, and nothing depends on a moment."""
    from schemas.books import Period
    from streams.core.days import milliseconds
    from streams.core.receptions import judged_at

    now = milliseconds(datetime.now(UTC))
    if as_of is None:
        return now if needed else None
    day = reports.day(as_of, "--as-of")
    return judged_at(Period(first=day, last=day), *([now] if needed else []))


def _book(book: str, url: str | None) -> "BookOf":
    """A book by its code, of the installation on this machine or shipped; or a file of one."""
    from schemas.books import UnknownBook, load_book
    from services.books import BookRefused, Books

    try:
        if book.endswith(".toml"):
            return load_book(book)
        stack = local_stack_of(find(url).front)
        return Books(stack.data if stack else settings_here().data).load(book)
    except BookRefused as refused:
        fail(f"--book {book}: {refused.told[1]}\n{refused.told[0]}")
    except (UnknownBook, ValueError) as error:
        fail(f"--book {book}: {error}")


def _case(code: str, unit: str | None, url: str | None) -> "Case":
    """The dossier, with the catalogue of this machine's installation where there is one."""
    from schemas.calendar import load_calendar
    from services.cli.case import case_of
    from streams.core.working_time import WorkingTime

    there = find(url)
    found = _events_of(code, unit, there.audit)
    return case_of(found, _registry(there), WorkingTime(load_calendar()))


def _registry(there: Installation) -> "Registry":
    """The catalogue of that installation where it runs on this machine, else the shipped one."""
    stack = local_stack_of(there.front)
    return _registry_in(stack.data if stack else None)


def _registry_in(data: Path | None) -> "Registry":
    """The shipped catalogue with what the data folder adds to it."""
    from schemas.registry import load_registry

    try:
        return load_registry(*([data / "registry"] if data else []))
    except ValueError as error:
        fail(f"Danh mục không đọc được, xem / see motcua catalogue check: {error}")


def _events_of(dossier: str, unit: str | None, audit: str) -> dict[str, Any]:
    if unit is None:
        unit, dash, _ = dossier.partition("-")
        if not dash:
            fail(
                f"Mã {dossier} không bắt đầu bằng mã đơn vị: thêm --unit MÃ\n"
                f"The code does not begin with a unit's: add --unit CODE"
            )
    return get(audit, "/api/v1/events", {"dossier": dossier, "unit": unit})


# -- files that an office edits


@catalogue.command("check")
def check_catalogue(
    file: Annotated[Path, typer.Argument(help="tệp .toml", exists=True, dir_okay=False)],
    as_json: Json = False,
) -> None:
    """Kiểm tra tệp danh mục trước khi dùng; mã thoát 1 khi có lỗi.

    Ví dụ: `motcua catalogue check danh-muc.toml`
    """
    from services.cli.catalogue import check, examined_json, told

    found = check(str(file), file.read_bytes())
    if as_json:
        answer(json.dumps(examined_json(found), ensure_ascii=False, indent=2))
    else:
        answer(told(str(file), found))
    if any(fault.wrong for fault in found.faults):
        raise typer.Exit(NOT_SO)


@books.command("check")
def check_book(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="tệp .toml", exists=True, dir_okay=False)
    ],
    data: Data = None,
) -> None:
    """Kiểm tra bộ chỉ tiêu, lộ trình, phần giao cán bộ; mã thoát 1 khi có lỗi.

    Ví dụ: `motcua book check bo-chi-tieu.toml lo-trinh-23500.toml`
    """
    from services.books import Books
    from services.cli.book import check, told

    folder = _data_here(data)
    read = {str(file): file.read_bytes() for file in files}
    found = check(read, _registry_in(folder), Books(folder))
    answer(told([str(file) for file in files], found))
    if any(fault.wrong for fault in found.faults):
        raise typer.Exit(NOT_SO)


# -- sending


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="tệp CSV hoặc XLSX", exists=True, dir_okay=False)],
    mapping: Annotated[str, typer.Option(help="mapping có sẵn, hoặc tệp .toml")],
    key: Annotated[
        str, typer.Option(help="khóa của phần mềm gửi; mặc định: MOTCUA_KEY", show_default=False)
    ] = "",
    url: Url = None,
) -> None:
    """Nhập tệp thành sự kiện. Ví dụ: `motcua import receipt.csv --mapping receipt`

    Dừng giữa chừng thì chạy lại sẽ làm tiếp; nhập lại lần nữa không làm thay đổi gì. Dòng không
    dùng được nằm ở `<tệp>.rejected.csv`; khi đó mã thoát là 3.
    """
    from services.cli.imports import run_import

    raise typer.Exit(run_import(file, mapping, url, key or settings_here().key.get_secret_value()))


@emitter.command("add")
def add(
    name: Annotated[str, typer.Argument(help="tên phần mềm gửi, ví dụ motcua-dakha")],
    unit: Annotated[list[str], typer.Option("--unit", help="mã đơn vị được ghi; lặp lại được")],
    data: Data = None,
    url: Url = None,
) -> None:
    """Tạo khóa, chỉ in ra một lần. Ví dụ: `motcua emitter add motcua-dakha --unit 23500`"""
    from schemas.registry import load_registry
    from services.gateway.credentials import EmitterExists, add_emitter, credentials_file

    folder = data_folder(data, url)
    registry = load_registry(folder / "registry")
    if unknown := [code for code in unit if registry.latest_unit(code) is None]:
        fail(
            f"Danh mục không có đơn vị / no such unit: {', '.join(unknown)}. "
            f"Xem / see: schemas/registry_data, {folder / 'registry'}"
        )
    try:
        key = add_emitter(credentials_file(folder), name, unit)
    except EmitterExists:
        fail(f"Đã có «{name}». Xóa trước bằng / remove it first: motcua emitter remove {name}")
    except ValidationError as error:
        fail(f"Tên hoặc mã đơn vị không hợp lệ / not valid: {error.errors()[0]['msg']}")
    tell(
        f"Khóa của «{name}» cho {', '.join(unit)}. Không xem lại được, hãy cất ngay.\n"
        "The key cannot be shown again; keep it now."
    )
    answer(key)


@emitter.command("list")
def list_emitters(data: Data = None, as_json: Json = False, url: Url = None) -> None:
    """Các phần mềm gửi và đơn vị của chúng."""
    from services.gateway.credentials import credentials_file, read_credentials

    found = read_credentials(credentials_file(data_folder(data, url)))
    if as_json:
        lines = [c.model_dump(mode="json", exclude={"hash"}) for c in found]
        answer(json.dumps(lines, ensure_ascii=False, indent=2))
        return
    for credential in found:
        made = f"{credential.created_at.astimezone(VIETNAM):%d/%m/%Y}"
        console().print(
            f"{credential.name}  mc_{credential.id}_…  {made}  {', '.join(credential.units)}"
        )


@emitter.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="tên phần mềm gửi")],
    data: Data = None,
    url: Url = None,
) -> None:
    """Thu hồi khóa; có hiệu lực trong khoảng một giây."""
    from services.gateway.credentials import EmitterUnknown, credentials_file, remove_emitter

    try:
        remove_emitter(credentials_file(data_folder(data, url)), name)
    except EmitterUnknown:
        fail(f"Không có «{name}»; xem / see: motcua emitter list")
    tell(f"Đã thu hồi khóa của «{name}» / removed")


def _data_here(data: Path | None) -> Path:
    """The data folder that was named, else of the one stack that runs here, else MOTCUA_DATA."""
    stacks = running_stacks()
    return data or (stacks[0].data if len(stacks) == 1 else settings_here().data)


def main() -> None:
    """Entry point of ``motcua``."""
    app(prog_name="motcua")
