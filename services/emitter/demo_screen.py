"""What the demonstration says: a bar on a terminal, a few lines in a pipe."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from schemas.books import Book
from schemas.report import Report

_LINE_EVERY_S = 5.0
_BARE_WIDTH = 100

Bar = Callable[[float, str], None]
"""Told the share that is done, 0 to 1, and a few words."""


class Screen:
    """Writes for people; never raises because nobody reads any more."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        on_terminal = stream.isatty()
        self._console = Console(
            file=stream, highlight=False, width=None if on_terminal else _BARE_WIDTH
        )
        self._on_terminal = on_terminal

    def tell(self, text: str, style: str = "") -> None:
        """A text that stays."""
        # not wrapped: addresses and paths are copied from here
        self._console.print(Text(text, style=style), soft_wrap=True)

    @contextmanager
    def bar(self, title: str) -> Iterator[Bar]:
        """Progress of a longer step."""
        if not self._on_terminal:
            yield self._lines(title)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[words]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(title, total=1.0, words="")

            def show(done: float, words: str) -> None:
                progress.update(task, completed=done, words=words)

            yield show

    def table(self, report: Report, book: Book) -> None:
        """The book's rows for all units together, as the wall shows them."""
        table = Table(box=None, pad_edge=False)
        for name in ("", "chỉ tiêu / indicator", "cấp / level"):
            table.add_column(name)
        for name in ("b / a", "tỷ lệ / rate", "≥"):
            table.add_column(name, justify="right")
        table.add_column("")
        for row in report.rows:
            if row.unit is None:
                table.add_row(
                    row.row,
                    book.indicator(row.indicator).short,
                    _LEVELS.get(row.level or "", "huyện, xã"),
                    f"{number(row.b)} / {number(row.a)}",
                    "–" if row.rate is None else f"{number(row.rate, 1)} %",
                    f"{number(row.target, 0)} %",
                    _VERDICTS[row.met],
                )
        self._console.print(table)

    def _lines(self, title: str) -> Bar:
        told_at = time.monotonic()
        self.tell(f"{title} …")

        def show(done: float, words: str) -> None:
            nonlocal told_at
            if time.monotonic() - told_at >= _LINE_EVERY_S:
                told_at = time.monotonic()
                self.tell(f"  {100 * done:.0f} %  {words}")

        return show


_LEVELS = {"district": "huyện", "commune": "xã"}
_VERDICTS = {True: "✔ đạt", False: "✘ chưa đạt", None: "chưa phát sinh"}


def number(value: float, decimals: int = 0) -> str:
    """As written in Việt Nam: ``1.329``, ``71,6``."""
    return f"{value:,.{decimals}f}".translate(str.maketrans(",.", ".,"))
