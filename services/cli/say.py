"""How the command line speaks: answers on stdout, everything else on stderr."""

import sys
from datetime import timedelta, timezone
from typing import NoReturn

import typer
from rich.console import Console

VIETNAM = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh."""

WRONG = 2
"""Exit code: the command cannot be done as it was given."""
NOT_SO = 1
"""Exit code: it was done, and the answer is no."""
SOME_UNUSABLE = 3
"""Exit code of an import of which something could not be used."""

NOT_YET = 4
"""Exit code: nothing speaks against it, and not everything could be looked at yet."""


def answer(text: str) -> None:
    """What was asked for; scripts read it."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """What happens meanwhile; for people."""
    typer.echo(text, err=True)


def fail(text: str, code: int = WRONG) -> NoReturn:
    """End with a reason and what to do about it."""
    typer.secho(text, err=True, fg=typer.colors.RED if sys.stderr.isatty() else None)
    raise typer.Exit(code)


def console() -> Console:
    """For tables on stdout: as wide as the terminal, and wide enough in a pipe."""
    if sys.stdout.isatty():
        return Console()
    return Console(width=160, no_color=True, force_terminal=False)


def number(value: int | float, decimals: int = 0) -> str:
    """As written in Việt Nam: ``1.329``, ``71,63``."""
    text = f"{value:,.{decimals}f}"
    return text.translate(str.maketrans(",.", ".,"))
