"""``motcua account`` and ``motcua access``: who may ask the audit, and who asked it what."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from schemas.words import Role
from services.cli.say import NOT_SO, VIETNAM, answer, console, fail, number, tell
from services.cli.where import data_folder

if TYPE_CHECKING:
    from services.audit.access_log import AccessLog

account = typer.Typer(no_args_is_help=True, help="Tài khoản của trang kiểm tra.")
access = typer.Typer(no_args_is_help=True, help="Nhật ký truy cập của trang kiểm tra.")

Data = Annotated[
    Path | None,
    typer.Option("--data", help="thư mục dữ liệu; mặc định: của hệ thống đang chạy"),
]
Json = Annotated[bool, typer.Option("--json", help="in JSON cho chương trình đọc")]
_SHOWN = 50


@account.command("add")
def add(
    name: Annotated[str, typer.Argument(help="tên, ví dụ thanh-tra")],
    role: Annotated[
        Role,
        typer.Option("--role", help="viewer: xem, không thấy mã cán bộ; auditor; administrator"),
    ],
    unit: Annotated[
        list[str] | None,
        typer.Option("--unit", help="chỉ xem đơn vị này; lặp lại được; mặc định: mọi đơn vị"),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Tạo tài khoản; mật khẩu và khóa chỉ in ra một lần. `motcua account add an --role auditor`"""
    from schemas.registry import load_registry
    from services.audit.access_accounts import AccountExists, accounts_file, add_account
    from services.audit.access_log import AccessLog, log_file

    folder = data_folder(data)
    registry = load_registry(folder / "registry")
    if unknown := [code for code in unit or () if registry.latest_unit(code) is None]:
        fail(f"Danh mục không có đơn vị / no such unit: {', '.join(unknown)}")
    try:
        made = add_account(accounts_file(folder), name, role, unit or None)
    except AccountExists:
        fail(f"Đã có «{name}». Xóa trước bằng / remove it first: motcua account remove {name}")
    except ValidationError as error:
        fail(f"Tên không hợp lệ / not valid: {error.errors()[0]['msg']}")
    _noted(AccessLog(log_file(folder)), "account_added", name)
    if as_json:
        answer(json.dumps({"name": name, "password": made.password, "key": made.key}))
        return
    tell("Không xem lại được, hãy cất ngay. Từ nay trang kiểm tra cần đăng nhập.\nKeep them now.")
    answer(f"mật khẩu / password: {made.password}\nkhóa / key: {made.key}")


@account.command("list")
def list_accounts(data: Data = None, as_json: Json = False) -> None:
    """Các tài khoản, vai trò và đơn vị của chúng."""
    from services.audit.access_accounts import accounts_file, read_accounts

    found = read_accounts(accounts_file(data_folder(data)))
    if as_json:
        secret = {"key_hash", "password_hash"}
        lines = [a.model_dump(mode="json", exclude=secret) for a in found]
        answer(json.dumps(lines, ensure_ascii=False, indent=2))
        return
    for one in found:
        units = "mọi đơn vị" if one.units is None else ", ".join(one.units)
        made = f"{one.created_at.astimezone(VIETNAM):%d/%m/%Y}"
        console().print(f"{one.name}  {one.role}  ma_{one.id}_…  {made}  {units}", markup=False)


@account.command("remove")
def remove(name: Annotated[str, typer.Argument(help="tên tài khoản")], data: Data = None) -> None:
    """Xóa tài khoản; khóa và phiên làm việc hết hiệu lực trong khoảng một giây."""
    from services.audit.access_accounts import AccountUnknown, accounts_file, remove_account
    from services.audit.access_log import AccessLog, log_file

    folder = data_folder(data)
    try:
        remove_account(accounts_file(folder), name)
    except AccountUnknown:
        fail(f"Không có «{name}»; xem / see: motcua account list")
    _noted(AccessLog(log_file(folder)), "account_removed", name)
    tell(f"Đã xóa «{name}» / removed")


def _noted(log: "AccessLog", what: str, name: str) -> None:
    # whoever may write the data folder is known to the operating system alone
    nobody = dict.fromkeys(("who", "role", "from", "method", "query"), "")
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    said = {"at": at, "way": "command", "path": "motcua account", "status": 0}
    log.append({**nobody, **said, "what": what, "account": name})


@access.command("list")
def list_access(
    count: Annotated[int, typer.Option("--count", help="bao nhiêu dòng mới nhất", min=1)] = _SHOWN,
    before: Annotated[int | None, typer.Option("--before", help="trước dòng số này")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Ai đã hỏi, đã xuất gì; mới nhất trước. Ví dụ: `motcua access list --count 20`"""
    from services.audit.access_log import AccessLog, log_file

    lines = AccessLog(log_file(data_folder(data))).newest(count, before)
    if as_json:
        answer(json.dumps(lines, ensure_ascii=False, indent=2))
        return
    for line in lines:
        console().print(_told(line), markup=False, highlight=False)


def _told(line: Mapping[str, Any]) -> str:
    asked = f"{line['method']} {line['path']}" + (f"?{line['query']}" if line["query"] else "")
    more = " ".join(str(line[name]) for name in ("what", "account", "data_sha256") if name in line)
    who = line["who"] or "–"
    return f"{line['n']}  {line['at']}  {who}  {asked}  {line['status']}  {more}".rstrip()


@access.command("check")
def check_access(
    head: Annotated[
        str | None,
        typer.Option("--head", help="số:sha256 đã ghi lại trước đây; phải còn trong chuỗi"),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Chuỗi nhật ký còn nguyên không; mã thoát 1 khi đứt. Ví dụ: `motcua access check`

    In ra số và SHA-256 của dòng cuối: ghi lại ở nơi khác, lần sau đưa vào --head để biết phần cuối
    có bị cắt không.
    """
    from services.audit.access_log import AccessLog, Head, log_file

    noted = None
    if head is not None:
        n, _, sha256 = head.partition(":")
        if not n.isdigit() or len(sha256) != 64:
            fail("--head: viết số:sha256, như lệnh này đã in / write NUMBER:SHA256")
        noted = Head(int(n), sha256)
    found = AccessLog(log_file(data_folder(data))).examine(noted)
    if as_json:
        said = {"intact": found.broken is None, "head": str(found.head)}
        broken = found.broken._asdict() if found.broken else None
        answer(json.dumps({**said, "broken": broken}, ensure_ascii=False))
    elif found.broken:
        answer(f"ĐỨT tại dòng {number(found.broken.line)}: {found.broken.why} / broken")
    else:
        answer(f"Còn nguyên / intact: {found.head}")
    if found.broken:
        raise typer.Exit(NOT_SO)
