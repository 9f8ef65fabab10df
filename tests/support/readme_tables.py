"""The tables of README.md, made from the tables in code.

``python -m tests.support.readme_tables`` writes them into the file; a test compares.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

from schemas.books import Indicator, load_book
from schemas.events import EVENTS, EventKind
from schemas.topics import TOPICS
from services.cli.main import app
from services.settings import Settings

README = Path(__file__).resolve().parents[2] / "README.md"


def tables() -> dict[str, str]:
    """Markdown of each table by the name in its marker."""
    return {
        "events": table(
            ("type", "Vietnamese", "portal status", "fields of `data`", "says"),
            (
                (
                    _type(kind),
                    kind.title,
                    kind.status or "–",
                    ", ".join(f"`{name}`" for name in _data_model(kind.model).model_fields),
                    _first_line(_data_model(kind.model).__doc__),
                )
                for kind in EVENTS
            ),
        ),
        "indicators": _indicators("dak-ha-2023", lambda i: ()),
        "indicators of qd766": _indicators("qd766", lambda i: (f"{float(i.points or 0):g}",)),
        "out of scope of qd766": table(
            ("row", "title", "points", "why not"),
            (
                (o.row, o.title, "–" if o.points is None else f"{float(o.points):g}", o.reason)
                for o in load_book("qd766").out_of_scope
            ),
        ),
        "topics": table(
            ("topic", "key", "partitions", "cleanup", "holds"),
            (
                (
                    f"`{t.full_name()}`",
                    t.key,
                    str(t.partitions),
                    t.config.get("cleanup.policy", "keep"),
                    t.holds,
                )
                for t in TOPICS
            ),
        ),
        "commands": table(
            ("command", "what it does"), ((f"`{name}`", text) for name, text in _commands())
        ),
        "settings": table(
            ("variable", "default", "meaning"),
            (
                (
                    f"`MOTCUA_{name.upper()}`",
                    f"`{field.default}`" if str(field.default) else "–",
                    field.description or "",
                )
                for name, field in Settings.model_fields.items()
            ),
        ),
    }


def _indicators(code: str, points: Callable[[Indicator], tuple[str, ...]]) -> str:
    book = load_book(code)
    head = ("row", "code", "level", "scope (a)", "hit (b)", "counts", "target")
    return table(
        (*head, *("points" for _ in points(book.indicators[0]))),
        (
            (
                i.row,
                f"`{i.code}`",
                i.level or "every",
                ", ".join(f"`{name}`" for name in i.scope),
                ", ".join(f"`{name}`" for name in i.hit),
                i.counts,
                f"≥ {float(book.target(i.code, 2023)):g} %",
                *points(i),
            )
            for i in book.indicators
        ),
    )


def with_tables(text: str) -> str:
    """The README with every table as it should be."""
    return with_blocks(text, tables())


def with_blocks(text: str, blocks: Mapping[str, str]) -> str:
    """A document with each block between the markers of its name; ``ValueError`` without them."""
    for name, block in blocks.items():
        marker = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, found = marker.subn(lambda m, b=block: f"{m[1]}{b}{m[2]}", text)
        if found != 1:
            raise ValueError(f"the document has {found} markers for the table {name!r}, not one")
    return text


def _type(kind: EventKind) -> str:
    """Today's type, and the versions that are read as well."""
    older = "".join(f", `.{full.rpartition('.')[2]}`" for full in reversed(kind.types[:-1]))
    return f"`{kind.type}`{older}"


def _commands() -> list[tuple[str, str]]:
    listed = {
        "test": "everything that proves the product; options go to pytest",
        "bench": "benchmarks as ratios in one run; `--quick`, `--json FILE`",
        "faults": "faults and attacks with numbers; `[ROW…]`, `--quick`, `--seed N`, `--json FILE`",
    }
    for name, command in sorted(_subcommands(typer.main.get_command(app)).items()):
        for sub, inner in sorted(_subcommands(command).items()):
            listed[f"{name} {sub}"] = _first_line(inner.help)
        if not _subcommands(command) or command.invoke_without_command:
            listed[name] = _first_line(command.help)
    return list(listed.items())


def _subcommands(command: Any) -> dict[str, Any]:
    # typer brings a click of its own: a group is told by what it has
    return getattr(command, "commands", {})


def _data_model(model: type) -> type:
    annotation = model.model_fields["data"].annotation  # type: ignore[attr-defined]  # pydantic
    assert isinstance(annotation, type)
    return annotation


def _first_line(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
