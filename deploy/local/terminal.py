"""What the operator sees: a live table on a terminal, plain lines in a pipe."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.local.supervisor import Child, State

_STYLES = {
    State.WAITING: "dim",
    State.STARTING: "yellow",
    State.UP: "green",
    State.DOWN: "bold red",
    State.STOPPING: "yellow",
    State.STOPPED: "dim",
}


_SLOW_S = 10.0


class Lines:
    """For pipes and files: one line for each change of state, and why one takes long."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown: dict[str, State] = {}
        self._told_at: dict[str, float] = {}

    def changed(self, child: Child) -> None:
        """Write a line if there is news."""
        name, now = child.spec.name, time.monotonic()
        if self._shown.get(name) is not child.state:
            self._shown[name] = child.state
            self._told_at[name] = now
            if child.state is not State.DOWN:  # its reason is told at once
                self.tell(f"{name:<8} {child.state}")
        elif child.state is State.STARTING and now - self._told_at[name] > _SLOW_S:
            self._told_at[name] = now
            self.tell(f"{name:<8} {child.state}: {child.why}")

    def tell(self, text: str) -> None:
        """Write a text."""
        # whoever read our output may be gone; the stack must not fall with it
        with contextlib.suppress(OSError, ValueError):
            print(text, file=self._stream, flush=True)

    def alert(self, text: str) -> None:
        """Tell what went wrong."""
        self.tell(text)

    @contextlib.contextmanager
    def live(self, children: Sequence[Child]) -> Iterator[None]:
        """Lines need no screen."""
        del children
        yield

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Lines never hold the screen."""
        yield


class Screen:
    """For terminals: texts scroll by above a table that always shows what is."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def changed(self, child: Child) -> None:
        """The table is drawn from the children four times a second."""

    def tell(self, text: str) -> None:
        """Write a text above the table."""
        self._console.print(Text(text))

    def alert(self, text: str) -> None:
        """Tell what went wrong."""
        self._console.print(Text(text, style="bold red"))

    @contextlib.contextmanager
    def live(self, children: Sequence[Child]) -> Iterator[None]:
        """Keep the table on the screen."""
        table = _Status(children)
        with Live(table, console=self._console, refresh_per_second=4) as self._live:
            yield

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the screen to another program for a while."""
        if self._live:
            self._live.stop()
        try:
            yield
        finally:
            if self._live:
                self._live.start()


class _Status:
    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children

    def __rich__(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, show_header=False)
        for child in self._children:
            style = _STYLES[child.state]
            seconds = f"{time.monotonic() - child.since:.0f} s"
            again = f"chạy lại / restarts: {child.restarts}" if child.restarts else ""
            table.add_row(
                Text(child.spec.name, style="bold"),
                Text(child.state, style=style),
                Text(seconds, style="dim"),
                Text(again, style="red"),
                Text(child.why, style="dim", overflow="ellipsis", no_wrap=True),
            )
        return Group(Text(""), table)


def report(stream: TextIO = sys.stdout) -> Lines | Screen:
    """Return what fits the stream."""
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        return Lines(stream)
    return Screen(Console(file=stream, highlight=False))
