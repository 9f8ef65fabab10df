"""``python -m deploy.local up`` and ``demo``: one machine's stack in the foreground."""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local import ports
from deploy.local.installation import RUNNING, CannotStart, brokers_of, claimed, is_invented
from deploy.local.jars import JarsUnavailable
from deploy.local.processes import (
    PROJECT,
    ProcessSpec,
    Stack,
    inherited_environment,
    processes,
)
from deploy.local.supervisor import State, Supervisor, signals, tethered
from deploy.local.terminal import Lines, Screen, report

DEMONSTRATION = (sys.executable, "-m", "services.emitter.demo")

_START_LIMIT_S = 180.0
_FOREGROUND_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Then:
    """What to do once all is ready. With neither, run until a signal comes."""

    command: tuple[str, ...] = ()
    """Runs in the foreground and owns the terminal meanwhile."""
    leave: bool = False
    """Stop everything afterwards and exit with the command's code."""


def main(
    arguments: Sequence[str] | None = None,
    table: Callable[[Stack], Sequence[ProcessSpec]] = processes,
    demonstration: Sequence[str] = DEMONSTRATION,
) -> int:
    """Return the exit code: 0 after a clean stop, 1 not ready in time, 2 could not start."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr] # a terminal without UTF-8
    options = _parser().parse_args(arguments)
    data: Path = options.data.expanduser().resolve()
    demo = options.what == "demo"
    stack = Stack(
        data,
        options.port,
        options.host,
        demo or is_invented(data),
        options.brokers or brokers_of(data) or 1,
        inherited_environment(),
    )
    then = (
        Then((*demonstration, *_demo_arguments(stack, options)), options.exit_when_done)
        if demo
        else Then(leave=options.exit_when_ready)
    )
    show = report()
    try:
        with claimed(stack, options.running) as ended:
            for name in ended:
                show.tell(
                    f"{name}: dừng tiến trình còn sót của lần chạy trước"
                    f" / ended, left behind by an earlier run"
                )
            return asyncio.run(_serve(stack, table(stack), then, show))
    except (CannotStart, JarsUnavailable) as error:
        show.alert(str(error))
        return 2


async def _serve(
    stack: Stack, specs: Sequence[ProcessSpec], then: Then, show: Lines | Screen
) -> int:
    began = time.monotonic()
    stop, at_once = asyncio.Event(), asyncio.Event()
    supervisor = Supervisor(specs, stack.data / "pids", show)
    children = list(supervisor.children.values())
    with signals(stop.set, at_once.set):
        with show.live(children):
            supervisor.start()
            try:
                code = await _run(supervisor, stack, then, show, stop, began)
            finally:
                show.tell("Đang dừng… / Stopping…")
                await supervisor.stop(at_once)
        show.tell(f"Đã dừng / Stopped. Dữ liệu còn ở / data stays in {stack.data}")
    return code


async def _run(
    supervisor: Supervisor,
    stack: Stack,
    then: Then,
    show: Lines | Screen,
    stop: asyncio.Event,
    began: float,
) -> int:
    # a script waits for an answer; an operator sees the reason and may repair it meanwhile
    limit_s = _START_LIMIT_S if then.leave or then.command else None
    ready = await _first(supervisor.all_up(), stop, limit_s)
    if stop.is_set():
        return 0
    if not ready:
        show.alert(_not_ready(supervisor, stack))
        return 1
    show.tell(summary(stack, time.monotonic() - began))
    code = 0
    if then.command:
        with show.paused():
            code = await _foreground(then.command, stack, stop)
    if not then.leave:
        await stop.wait()
    return code


async def _first(
    wanted: Coroutine[Any, Any, None], stop: asyncio.Event, limit_s: float | None
) -> bool:
    """Wait for ``wanted``, a stop or the limit; return whether ``wanted`` came."""
    task = asyncio.create_task(wanted)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([task, stopped], timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            return False
        task.result()
        return True
    finally:
        task.cancel()
        stopped.cancel()


async def _foreground(command: Sequence[str], stack: Stack, stop: asyncio.Event) -> int:
    """Run a command on the terminal; return its exit code as a shell would."""
    process = subprocess.Popen(tethered(command), env=stack.environment(), cwd=PROJECT)
    asked_at = None
    while process.poll() is None:
        if stop.is_set() and asked_at is None:
            # it shares the terminal and may have got the same Ctrl-C
            process.terminate()
            asked_at = time.monotonic()
        if asked_at is not None and time.monotonic() > asked_at + _FOREGROUND_PATIENCE_S:
            process.kill()
        await asyncio.sleep(0.05)
    if stop.is_set():
        return 0
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def summary(stack: Stack, seconds: float) -> str:
    """Return what the operator needs once all is up; one line says that it is."""
    invented = "DỮ LIỆU BỊA RA ĐỂ MINH HOẠ / INVENTED DATA\n" if stack.demo else ""
    return f"""
motcua sẵn sàng / ready ({seconds:.1f} s): {stack.front_url}
{invented}
  Màn hình / Wall            {stack.front_url}/wall
  Nhận sự kiện / Gateway     {stack.front_url}/v1/events
  Tra cứu, báo cáo / Audit   {stack.history_url}/
  Kafka                      {stack.bootstrap}
  Dữ liệu / Data             {stack.data}
    còn lại sau khi dừng / kept when stopped: kafka (sự kiện / events),
    clickhouse (lịch sử / history, dựng lại được / rebuildable), registry, emitters.json
  Nhật ký / Logs             {stack.logs}
  Dừng / Stop                Ctrl-C
"""


def _not_ready(supervisor: Supervisor, stack: Stack) -> str:
    lines = [
        f"  {child.spec.name:<8} {child.state}: {child.why}\n           {child.spec.log}"
        for child in supervisor.children.values()
        if child.state is not State.UP
    ]
    return "\n".join(
        [
            f"Không khởi động được trong {_START_LIMIT_S:g} giây"
            f" / did not come up within {_START_LIMIT_S:g} s ({stack.data}):",
            *lines,
        ]
    )


def _demo_arguments(stack: Stack, options: argparse.Namespace) -> tuple[str, ...]:
    chosen = {
        "--dossiers": options.dossiers,
        "--speed": options.speed,
        "--seed": options.seed,
    }
    return (
        *("--url", stack.front_url),
        *(part for name, value in chosen.items() if value is not None for part in (name, value)),
        *(["--exit-when-done"] if options.exit_when_done else []),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run", description="Chạy motcua trên một máy / run motcua on one machine"
    )
    commands = parser.add_subparsers(dest="what", required=True, metavar="up | demo")
    up = commands.add_parser("up", help="chạy trên thư mục dữ liệu / run on the data folder")
    up.add_argument(
        "--exit-when-ready",
        action="store_true",
        help="dừng ngay khi mọi thứ đã chạy / stop as soon as all is up",
    )
    demo = commands.add_parser(
        "demo", help="chạy và mô phỏng một huyện / run and simulate a district"
    )
    demo.add_argument("--dossiers", metavar="N", help="số hồ sơ / how many dossiers")
    demo.add_argument("--speed", metavar="X", help="nhanh hơn đời thực / faster than life")
    demo.add_argument(
        "--seed", metavar="S", help="cùng số, cùng hồ sơ / same number, same dossiers"
    )
    demo.add_argument(
        "--exit-when-done",
        action="store_true",
        help="dừng khi mô phỏng xong / stop when the simulation is done",
    )
    for command, folder in ((up, "main"), (demo, "demo")):
        command.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            default=PROJECT / "data" / folder,
            help=f"thư mục dữ liệu / data folder (data/{folder})",
        )
        command.add_argument(
            "--port",
            type=_first_port,
            metavar="P",
            default=8400,
            help="cổng đầu tiên / first port, takes P … P+4 or, with 3 brokers, P+8 (%(default)s)",
        )
        command.add_argument(
            "--brokers",
            type=int,
            choices=(1, 3),
            help="số broker Kafka, 3: mỗi bản ghi có ba bản sao / Kafka brokers (1)",
        )
        command.add_argument(
            "--host",
            default=os.environ.get("MOTCUA_HOST", "127.0.0.1"),
            help="địa chỉ lắng nghe / address to listen on (%(default)s)",
        )
        command.add_argument("--running", type=Path, default=RUNNING, help=argparse.SUPPRESS)
    return parser


def _first_port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65536 - ports.COUNT:
        raise argparse.ArgumentTypeError(f"1 … {65536 - ports.COUNT}")
    return port


if __name__ == "__main__":
    raise SystemExit(main())
