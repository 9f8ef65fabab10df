"""Checks a document: was the file edited, and does the history still say what stands in it?

The history is asked the document's own question again, below its own offsets and at its own
clocks, so that what came since changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, zip_longest
from typing import Literal

from clickhouse_connect.driver.client import Client
from pydantic import BaseModel, ConfigDict

from schemas.problems import Problem
from services.audit.access import OfficersSeen
from services.audit.documents.answers import Asks, compute, wanted
from services.audit.documents.content import Canonical, Content, Digest, Part, canonical_row
from services.audit.documents.files import Read
from services.audit.documents.provenance import Provenance, basis_lines, provenance
from services.audit.documents.tables import Layout

Verdict = Literal["confirmed", "edited", "differs", "unknown"]
_MOST_DIFFERENCES = 200


class CellDifference(BaseModel):
    """One cell on which the file and the history do not agree."""

    model_config = ConfigDict(frozen=True)

    part: str
    row: int
    """Of the part's rows, from 1; 0: the titles of its columns."""
    column: str
    file: str | None
    """As the file has it; null: the file has no such row."""
    history: str | None
    """As the history has it; null: the history has no such row."""


class Checked(BaseModel):
    """What came of checking a document."""

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    """``confirmed``: as it was written, and the history says the same. ``edited``: the file is not
    as it was written. ``differs``: it is, and the history says otherwise. ``unknown``: it is, and
    the history cannot say."""
    provenance: dict[str, str]
    provisional: bool
    seal_fits: bool
    """The lines of the provenance are as they were written."""
    data_fit: bool
    """The data of the file have the SHA-256 that the file names."""
    data_sha256: str
    """Of the data that stand in the file."""
    history_sha256: str | None
    """Of what the history says now to the same question; null: it cannot say."""
    differences: tuple[CellDifference, ...]
    """The first ones."""
    notes: tuple[str, ...]
    """Vietnamese: what else one should know."""


def check(asks: Asks, read: Read, officers: Callable[[bool], OfficersSeen]) -> Checked | Problem:
    """Hold the file against itself and against the history.

    ``officers`` gives what was seen of officers in a document that masks them, or does not.
    """
    said = read.provenance
    seal_fits, data_fit = said.intact, read.data_sha256 == said.lines["data_sha256"]
    layouts: dict[str, Layout] = {"form": "form", "full": "full", "flat": "flat"}
    layout = layouts.get(said.lines["layout"])
    kind = said.lines["kind"]
    known = kind == "report" or kind == "dossiers"
    if layout is None or not known:
        return _checked(read, seal_fits, data_fit, None, (), ("Không rõ loại tài liệu.",))
    asked = wanted(
        asks,
        "report" if kind == "report" else "dossiers",
        layout,
        said.question(),
        (said.computed_at, said.offsets),
    )
    if isinstance(asked, Problem):
        notes = (f"Không tính lại được: {asked.detail_vi}",)
        return _checked(read, seal_fits, data_fit, None, (), notes)

    def ask(client: Client) -> Checked:
        basis = basis_lines(client)
        notes = tuple(_notes(said, basis, asked.question.book.version))
        behind = _behind(said, basis)
        if behind:
            return _checked(read, seal_fits, data_fit, None, (), (*notes, behind))
        content = compute(asks, client, asked, officers(said.lines["officers"] == "masked"))
        sha256 = _digest(content)
        found = () if sha256 == read.data_sha256 else tuple(_differences(read, content))
        return _checked(read, seal_fits, data_fit, sha256, found, notes)

    return asks.ask(ask)


def _checked(
    read: Read,
    seal_fits: bool,
    data_fit: bool,
    history_sha256: str | None,
    differences: Sequence[CellDifference],
    notes: Sequence[str],
) -> Checked:
    verdict: Verdict = "confirmed"
    if not (seal_fits and data_fit):
        verdict = "edited"
    elif history_sha256 is None:
        verdict = "unknown"
    elif history_sha256 != read.data_sha256:
        verdict = "differs"
    return Checked(
        verdict=verdict,
        provenance=read.provenance.lines,
        provisional=read.provenance.provisional,
        seal_fits=seal_fits,
        data_fit=data_fit,
        data_sha256=read.data_sha256,
        history_sha256=history_sha256,
        differences=tuple(differences),
        notes=tuple(notes),
    )


def _notes(said: Provenance, basis: dict[str, str], book_version: int) -> Iterator[str]:
    if said.provisional:
        yield "Tài liệu là bản TẠM TÍNH: lịch sử lúc đó chưa đọc hết sự kiện đã ghi nhận."
    if said.lines["rules"] != basis["rules"]:
        yield f"Quy tắc tính đã đổi: {said.lines['rules']} nay là {basis['rules']}."
    if said.lines["calendar"] != basis["calendar"]:
        yield f"Lịch làm việc đã đổi: {said.lines['calendar']} nay là {basis['calendar']}."
    if said.lines["book_version"] != str(book_version):
        yield f"Bộ chỉ tiêu đã đổi: bản {said.lines['book_version']} nay là bản {book_version}."


def _behind(said: Provenance, basis: dict[str, str]) -> str:
    """Why the history cannot know all that the document knew; empty: it does."""
    there = provenance(basis).offsets
    missing = {p: n for p, n in said.offsets.items() if n > there.get(p, 0)}
    if not missing:
        return ""
    listed = ", ".join(f"{partition}:{offset}" for partition, offset in missing.items())
    return f"Lịch sử chưa đọc đến vị trí của tài liệu ({listed}); thử lại sau."


def _digest(content: Content) -> str:
    digest = Digest()
    for part in content.parts:
        digest.part(part.name, [column.key for column in part.columns])
        for row in part.rows:
            digest.row(canonical_row(part.columns, row))
    return digest.hexdigest()


def _differences(read: Read, content: Content) -> Iterator[CellDifference]:
    """The first cells that differ, part by part and row by row."""
    tables = {table.name: table for table in read.tables}
    left = _MOST_DIFFERENCES
    for part in content.parts:
        table = tables.get(part.name)
        keys = tuple(column.key for column in part.columns)
        head = [table.keys] if table else []
        rows = iter(table.rows) if table else iter(())
        pairs = zip_longest(chain(head, rows), chain([keys], _canonical(part)))
        for n, (in_file, in_history) in enumerate(_aligned(pairs)):
            for difference in _of_row(part.name, n, keys, in_file, in_history):
                yield difference
                left -= 1
                if not left:
                    return


_Pair = tuple[Canonical | None, Canonical | None]


def _aligned(pairs: Iterator[_Pair]) -> Iterator[_Pair]:
    """Rows side by side; one that is in the file alone, or missing there, does not shift the rest.

    It looks one row ahead on both sides, which tells an edit from a row put in or taken out.
    """
    files: list[Canonical] = []
    histories: list[Canonical] = []

    def fill() -> None:
        while len(files) < 2 or len(histories) < 2:
            pair = next(pairs, None)
            if pair is None:
                return
            in_file, in_history = pair
            if in_file is not None:
                files.append(in_file)
            if in_history is not None:
                histories.append(in_history)

    fill()
    while files or histories:
        if not files:
            yield None, histories.pop(0)
        elif not histories or (files[0] != histories[0] and files[1:2] == histories[:1]):
            yield files.pop(0), None
        elif files[0] != histories[0] and histories[1:2] == files[:1]:
            yield None, histories.pop(0)
        else:
            yield files.pop(0), histories.pop(0)
        fill()


def _canonical(part: Part) -> Iterator[Canonical]:
    return (canonical_row(part.columns, row) for row in part.rows)


def _of_row(
    part: str, n: int, keys: Canonical, in_file: Canonical | None, in_history: Canonical | None
) -> Iterator[CellDifference]:
    if in_file is None or in_history is None:
        yield CellDifference(
            part=part,
            row=n,
            column="",
            file=None if in_file is None else " | ".join(in_file),
            history=None if in_history is None else " | ".join(in_history),
        )
        return
    for key, file, history in zip_longest(keys, in_file, in_history, fillvalue=""):
        if file != history:
            yield CellDifference(part=part, row=n, column=key, file=file, history=history)
