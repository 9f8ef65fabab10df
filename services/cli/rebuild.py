"""``motcua rebuild``: what follows from the record is made anew, compared, and swapped in."""

import json
import sys
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.cli.say import NOT_SO, answer, fail, number
from services.cli.where import ask, find, get

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
