"""``motcua rejected``: what was refused and why; repaired and sent again it counts once."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.table import Table

from services.cli.imports import local_key, until_known
from services.cli.kept import KafkaAway, Kept, read_kept, say_sent_again
from services.cli.repair import (
    NotRepairable,
    changed,
    faults,
    line,
    read,
    repaired_file,
    write,
)
from services.cli.say import NOT_SO, VIETNAM, answer, console, fail, number, tell
from services.cli.where import find, local_stack_of, running_stacks, the_only_stack
from services.emitter.client import GatewayAway, GatewayClient, GatewayRefuses
from services.settings import Settings

app = typer.Typer(
    no_args_is_help=True, help="Sự kiện bị từ chối: xem, sửa, gửi lại. / What was refused."
)

Url = Annotated[
    str | None,
    typer.Option("--url", help="địa chỉ hệ thống, ví dụ http://127.0.0.1:8400", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="in JSON cho chương trình đọc")]
Number = Annotated[int, typer.Argument(metavar="SỐ", help="số của bản ghi, xem `rejected list`")]


class _There(NamedTuple):
    """The installation whose quarantine this is."""

    kafka: str
    prefix: str
    data: Path
    front: str | None
    """The gateway's address; None: the only installation of this machine."""


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="cả những bản ghi đã gửi lại")] = False,
    rule: Annotated[str | None, typer.Option(help="chỉ quy tắc này, ví dụ due_missing")] = None,
    unit: Annotated[str | None, typer.Option(help="chỉ đơn vị này")] = None,
    emitter: Annotated[str | None, typer.Option(help="chỉ phần mềm gửi này")] = None,
    last: Annotated[int, typer.Option(help="nhiều nhất bao nhiêu bản ghi mới nhất")] = 50,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Những sự kiện bị từ chối còn chờ. Ví dụ: `motcua rejected list --unit 23500`"""
    found = [
        kept
        for kept in _all(_there(url))
        if (everything or not kept.sent_again)
        and (unit is None or kept.unit == unit)
        and (emitter is None or kept.emitter == emitter)
        and (rule is None or any(reason.rule == rule for reason in kept.reasons))
    ]
    shown = found[-last:]
    if as_json:
        answer(json.dumps([_as_json(kept) for kept in shown], ensure_ascii=False, indent=2))
        return
    table = Table("số", "lúc", "nơi từ chối", "phần mềm", "đơn vị", "hồ sơ", "lý do", box=None)
    for kept in shown:
        table.add_row(
            str(kept.number),
            f"{kept.kept_at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}",
            kept.stage,
            kept.emitter,
            kept.unit,
            kept.subject,
            ", ".join(f"{r.field or '(sự kiện)'}: {r.rule}" for r in kept.reasons)
            + (" · đã gửi lại" if kept.sent_again else ""),
        )
    console().print(table)
    tell(f"{number(len(shown))} / {number(len(found))} bản ghi. Xem kỹ: motcua rejected show SỐ")


@app.command()
def show(which: Number, as_json: Json = False, url: Url = None) -> None:
    """Sự kiện như đã gửi, và vì sao bị từ chối. Ví dụ: `motcua rejected show 17`"""
    there = _there(url)
    kept = _one(there, which)
    repaired = repaired_file(there.data, which)
    if as_json:
        answer(json.dumps(_as_json(kept), ensure_ascii=False, indent=2))
        return
    told = [f"Bản ghi {kept.number}, {kept.stage} từ chối lúc {_at(kept.kept_at)}"]
    told += [f"  {line(reason)}" for reason in kept.reasons]
    if kept.masked:
        told.append(f"Đã che / masked: {', '.join(name or '(cả văn bản)' for name in kept.masked)}")
    if kept.truncated:
        told.append("Văn bản quá dài, đã cắt bớt / the text was too long and is cut")
    told += [f"Đã gửi lại lúc {_at(at)} / sent again" for at in kept.sent_again]
    if repaired.exists():
        told.append(f"Bản đã sửa / repaired: {repaired}")
    told.append(_pretty(kept))
    answer("\n".join(told))


@app.command()
def repair(
    which: Number,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="trường=giá trị; để trống giá trị là bỏ trường; lặp lại được"),
    ] = None,
    url: Url = None,
) -> None:
    """Sửa rồi kiểm tra; mã thoát 1 khi còn lỗi.

    Ví dụ: `motcua rejected repair 17 --set data.officer=cb-014`. Bản sửa là một tệp, có thể mở ra
    sửa tiếp bằng tay rồi chạy lại lệnh này để kiểm tra.
    """
    there = _there(url)
    kept = _one(there, which)
    file = repaired_file(there.data, which)
    try:
        events = changed(read(file) if file.exists() else _events(kept), changes or [])
    except NotRepairable as error:
        fail(str(error))
    write(file, events)
    wrong = faults(kept, events)
    answer(f"{file}\n" + "\n".join(f"  {fault}" for fault in wrong))
    if wrong:
        tell("Còn lỗi / still wrong")
        raise typer.Exit(NOT_SO)
    tell(f"Gửi được: motcua rejected resubmit {which} / can be sent")


@app.command()
def resubmit(
    which: Annotated[list[int], typer.Argument(metavar="SỐ…", help="số của các bản ghi")],
    key: Annotated[
        str, typer.Option(help="khóa của phần mềm gửi; mặc định: MOTCUA_KEY", show_default=False)
    ] = "",
    again: Annotated[
        bool, typer.Option(help="cả khi đã gửi lại rồi; vẫn chỉ tính một lần")
    ] = False,
    url: Url = None,
) -> None:
    """Gửi lại bản đã sửa, hoặc bản gốc; mã thoát 1 khi cổng vẫn từ chối.

    Ví dụ: `motcua rejected resubmit 17`. Gửi mấy lần cũng chỉ tính một lần.
    """
    there = _there(url)
    front = find(there.front).front
    by_number = {kept.number: kept for kept in _all(there)}
    refused = 0
    for one in which:
        kept = by_number.get(one) or _none(one)
        if kept.sent_again and not again:
            tell(f"{one}: đã gửi lại lúc {_at(kept.sent_again[-1])}; bỏ qua / sent again already")
            continue
        refused += not _send(there, front, kept, key)
    if refused:
        raise typer.Exit(NOT_SO)


def _send(there: _There, front: str, kept: Kept, key: str) -> bool:
    file = repaired_file(there.data, kept.number)
    try:
        events = read(file) if file.exists() else _events(kept)
    except NotRepairable as error:
        fail(f"{kept.number}: {error}")
    if wrong := faults(kept, events):
        told = "\n".join(f"  {fault}" for fault in wrong)
        answer(f"{kept.number}: chưa gửi, còn lỗi / not sent, still wrong:\n{told}")
        return False
    units = sorted({str(event.get("unit", "")) for event in events})
    key = key or Settings().key.get_secret_value() or _own_key(there, front, units)
    try:
        with GatewayClient(front, key, waiting=lambda why: tell(f"… chờ / waiting: {why}")) as http:
            until_known(http, "repair", units)
            refusals = http.send(events)
    except (GatewayRefuses, GatewayAway) as error:
        fail(f"{kept.number}: cổng tiếp nhận không nhận / the gateway does not take it: {error}")
    for refusal in refusals:
        reasons = "; ".join(f"{e['field']}: {e['message_vi']}" for e in refusal.errors)
        answer(f"{kept.number}: cổng vẫn từ chối / refused again: {reasons}")
    if refusals:
        return False
    try:
        say_sent_again(there.kafka, there.prefix, kept.number, datetime.now(UTC))
    except KafkaAway as error:
        fail(f"{kept.number}: đã gửi, nhưng chưa ghi nhận được / sent, but not noted: {error}")
    answer(f"{kept.number}: đã gửi lại, {number(len(events))} sự kiện / sent again")
    return True


def _own_key(there: _There, front: str, units: Sequence[str]) -> str:
    if local_stack_of(front) is None:
        fail(f"Cần khóa cho / a key is needed for {', '.join(units)}: --key, MOTCUA_KEY")
    return local_key(there.data, f"repair-{'-'.join(units)}"[:60], units)


# -- what is there


def _there(url: str | None) -> _There:
    settings = Settings()
    stacks = running_stacks()
    stack = local_stack_of(find(url).front) if url else the_only_stack() if stacks else None
    if stack is None:
        return _There(settings.kafka, settings.topic_prefix, settings.data, url)
    return _There(f"127.0.0.1:{stack.port + 2}", settings.topic_prefix, stack.data, url)


def _all(there: _There) -> list[Kept]:
    try:
        return read_kept(there.kafka, there.prefix)
    except KafkaAway as error:
        fail(str(error))


def _one(there: _There, which: int) -> Kept:
    return next((kept for kept in _all(there) if kept.number == which), None) or _none(which)


def _none(which: int) -> Kept:
    fail(f"Không có bản ghi {which} / no such record. Xem: motcua rejected list --all")


def _events(kept: Kept) -> list[dict[str, Any]]:
    if kept.events is None or kept.truncated:
        raise NotRepairable(
            "Không đọc được thành sự kiện; hãy gửi lại từ phần mềm một cửa\n"
            "Cannot be read as an event: have the one-stop software send it again"
        )
    return kept.events


def _pretty(kept: Kept) -> str:
    if kept.events is None:
        return kept.text or "(không còn văn bản / no text left)"
    return "\n".join(json.dumps(event, ensure_ascii=False, indent=2) for event in kept.events)


def _as_json(kept: Kept) -> dict[str, Any]:
    return {
        "number": kept.number,
        "stage": kept.stage,
        "kept_at": kept.kept_at.isoformat(),
        "emitter": kept.emitter,
        "unit": kept.unit,
        "subject": kept.subject,
        "reasons": [reason.model_dump() for reason in kept.reasons],
        "masked": list(kept.masked),
        "truncated": kept.truncated,
        "sent_again": [at.isoformat() for at in kept.sent_again],
        "text": kept.text,
    }


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
