"""``motcua rebuild``: what follows from the record is made anew, compared, and swapped in."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.cli.say import NOT_SO, answer, fail, number
from services.cli.where import ask, find, get, local_stack_of, running_stacks, the_only_stack
from services.settings import Settings

if TYPE_CHECKING:
    from services.cli.rebuild_live import Place

app = typer.Typer(
    no_args_is_help=True,
    help="Dựng lại từ motcua.events, so với bản đang chạy, thay khi bằng nhau.",
)

_LOOK_EVERY_S = 0.3
_ENDED = ("idle", "finished", "failed")
STEPS: Mapping[str, str] = {
    "reading": "Đọc lại",
    "settling": "Xét từng hồ sơ",
    "comparing": "So sánh",
    "writing": "Ghi trạng thái",
    "done": "So sánh xong",
    "swapping": "Thay thế",
    "finished": "Xong",
    "failed": "Không xong",
    "idle": "",
}
"""What a rebuild is doing."""

_ENDS: Mapping[str, str] = {
    "swapped": "Bằng nhau; bản dựng lại đã thay bản cũ / equal, the rebuilt one is in force",
    "replaced": "KHÁC NHAU; bản dựng lại đã thay bản cũ / different, the rebuilt one is in force",
    "equal": "Bằng nhau / equal",
    "different": "KHÁC NHAU; bản cũ giữ nguyên / different, the old one stays in force",
    "to_set": "Bằng nhau / equal. Đặt / set MOTCUA_WORKER_GENERATION={0} cho mọi tiến trình rồi"
    " khởi động lại chúng cùng lúc / for every process, and start them again together",
    "not_ready": "Bằng nhau / equal, nhưng worker chưa chạy lại trên bản mới / but the worker is"
    " not up again on the new one: xem / see logs/worker.log",
}

Keep = Annotated[bool, typer.Option("--keep", help="chỉ so sánh, không thay")]
Json = Annotated[bool, typer.Option("--json", help="in JSON cho chương trình đọc")]
Url = Annotated[
    str | None,
    typer.Option("--url", help="địa chỉ hệ thống, ví dụ http://127.0.0.1:8400", show_default=False),
]


@app.command()
def history(
    keep: Keep = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="thay cả khi khác nhau: Kafka là bản gốc")
    ] = False,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Dựng lại kho lịch sử; mã thoát 1 khi khác. Ví dụ: `motcua rebuild history --keep`

    Hệ thống vẫn chạy bình thường trong lúc dựng lại; cần thêm chỗ trên đĩa bằng kho lịch sử. Bản
    dựng lại mà khác thì được giữ để xem xét đến lần dựng sau. Nếu kho lịch sử đã mất hẳn (thư mục
    clickhouse bị xóa) thì không cần lệnh này: khi khởi động, hệ thống tự đọc lại tất cả từ Kafka.
    """
    audit = find(url).audit
    flags = {"keep": str(keep).lower(), "replace": str(replace).lower()}
    state = ask("POST", audit, "/api/v1/rebuild", flags)
    with _Bar() as bar:
        while state["step"] not in _ENDED:
            bar(STEPS[state["step"]], state["records"], state["total"], state["records_per_s"])
            time.sleep(_LOOK_EVERY_S)
            state = get(audit, "/api/v1/rebuild")
    if state["outcome"] is None:
        why = state["why"] or "tiến trình history đã khởi động lại / history was started again"
        fail(f"Không dựng lại được / the rebuild failed: {why}")
    if as_json:
        answer(json.dumps(state, ensure_ascii=False, indent=2))
    else:
        answer(_told(state))
    if state["outcome"] == "different":
        raise typer.Exit(NOT_SO)


def _told(state: Mapping[str, Any]) -> str:
    lines = [
        f"{number(state['records'])} bản ghi / records,"
        f" {number(state['records_per_s'])} mỗi giây / per second",
        _ENDS[state["outcome"]],
    ]
    for table in state["compared"]:
        if not table["equal"]:
            lines.append(
                f"  {table['table']}: đang chạy / running {number(table['running_rows'])},"
                f" dựng lại / rebuilt {number(table['rebuilt_rows'])}"
            )
            lines += [f"    {place}" for place in table["different"]]
    if state["kept_database"]:
        lines.append(f"Giữ để xem xét / kept for examination: {state['kept_database']}")
    return "\n".join(lines)


@app.command()
def live(
    keep: Keep = False,
    copies: Annotated[int, typer.Option(help="số bản sao của topic trạng thái")] = 1,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Dựng lại số liệu trực tiếp; mã thoát 1 khi khác. Ví dụ: `motcua rebuild live`

    Trạng thái của worker được dựng lại từ Kafka bên cạnh worker đang chạy, so từng ô của từng đơn
    vị tại đúng vị trí của số liệu đang hiện. Bằng nhau thì worker khởi động lại trên bản mới; khác
    nhau thì bản đang chạy giữ nguyên. Trên nhiều máy, lệnh này cho biết cần đặt
    `MOTCUA_WORKER_GENERATION` bằng bao nhiêu.
    """
    from kafka.errors import KafkaError

    from services.cli.rebuild_live import rebuild_live

    with _Bar() as bar:
        known: dict[str, Any] = {"records": 0, "total": 0, "records_per_s": 0.0}

        def show(said: Mapping[str, Any]) -> None:
            known.update(said)
            bar(STEPS[known["step"]], known["records"], known["total"], known["records_per_s"])

        try:
            found = rebuild_live(_place(url, copies), show, keep=keep)
        except KafkaError as error:
            fail(f"Kafka: {type(error).__name__}: {error}")
    if found.outcome == "failed":
        fail(f"Không dựng lại được / the rebuild failed: {found.why}")
    if as_json:
        answer(json.dumps(asdict(found), ensure_ascii=False, indent=2))
    else:
        answer(
            f"{number(found.records)} bản ghi / records, {number(found.records_per_s)} mỗi giây"
            f" / per second; so {number(found.units)} đơn vị / units compared"
        )
        answer("\n".join([_ENDS[found.outcome].format(found.generation), *found.differences]))
    if found.outcome in ("different", "not_ready"):
        raise typer.Exit(NOT_SO)


def _place(url: str | None, copies: int) -> "Place":
    """The worker of the stack on this machine, else the one that the environment speaks of."""
    from services.cli.rebuild_live import Place

    settings = Settings()
    stack = None
    if url is not None:
        stack = local_stack_of(find(url).front)
    elif running_stacks():
        stack = the_only_stack()
    if stack is None:
        return Place(
            settings.kafka, settings.topic_prefix, settings.data, None,
            settings.worker_generation, copies,
        )  # fmt: skip
    host = urlsplit(find(f"http://127.0.0.1:{stack.port}").front).hostname
    return Place(
        f"127.0.0.1:{stack.port + 2}",
        settings.topic_prefix,
        stack.data,
        f"http://{host}:{stack.port + 4}",
        settings.worker_generation,
        copies,
    )


class _Bar:
    """A progress bar with the rate on a terminal, nothing in a pipe."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        if sys.stderr.isatty():
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("bản ghi · {task.fields[rate]}/giây"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._task = self._progress.add_task("", total=None, rate="0")

    def __enter__(self) -> "_Bar":
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def __call__(self, step: str, done: int, total: int, rate: float) -> None:
        if self._progress is not None:
            self._progress.update(
                self._task, description=step, completed=done, total=total or None, rate=number(rate)
            )
