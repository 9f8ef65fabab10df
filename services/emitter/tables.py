"""Reads the rows of CSV and XLSX files, as they are; what they mean is the mapping's business."""

import csv
import hashlib
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from services.emitter.making import Cell, Row
from services.emitter.mapping import Input

_SPREADSHEETS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})


class UnreadableFile(Exception):
    """The file as a whole cannot be read; the message says why, in both languages."""


def fingerprint(file: Path) -> tuple[str, int]:
    """(SHA-256 of the content, number of line ends): who it is, and roughly how long.

    Raises :class:`UnreadableFile`.
    """
    digest, lines = hashlib.sha256(), 0
    try:
        with file.open("rb") as source:
            while block := source.read(1 << 20):
                digest.update(block)
                lines += block.count(b"\n")
    except OSError as error:
        raise UnreadableFile(f"{file}: {error.strerror}") from error
    return digest.hexdigest(), lines


def rows(file: Path, form: Input) -> Iterator[Row]:
    """The rows after the header, numbered as a spreadsheet shows them.

    Raises :class:`UnreadableFile` when the file is not such a table.
    """
    if file.suffix.lower() in _SPREADSHEETS:
        yield from _spreadsheet_rows(file, form)
    else:
        yield from _csv_rows(file, form)


def _csv_rows(file: Path, form: Input) -> Iterator[Row]:
    try:
        with file.open(encoding=form.encoding, newline="") as source:
            reader = csv.reader(source, delimiter=form.delimiter, strict=True)
            header = _header(file, next(reader, None))
            for number, cells in enumerate(reader, start=2):
                if cells:
                    yield Row(number, dict(zip(header, cells, strict=False)))
    except (UnicodeDecodeError, LookupError) as error:
        raise UnreadableFile(
            f"{file}: không phải {form.encoding}; ghi encoding đúng vào [input] của mapping"
            f" / not {form.encoding}; set the encoding in the mapping's [input]"
        ) from error
    except csv.Error as error:
        raise UnreadableFile(f"{file}: CSV: {error}") from error


def _spreadsheet_rows(file: Path, form: Input) -> Iterator[Row]:
    try:
        workbook = CalamineWorkbook.from_path(str(file))
        name = form.sheet or workbook.sheet_names[0]
        lines = workbook.get_sheet_by_name(name).iter_rows()
    except (CalamineError, OSError) as error:
        raise UnreadableFile(f"{file}: {error}") from error
    header: list[str] | None = None
    for number, cells in enumerate(lines, start=1):
        if header is None:
            header = _header(file, [str(cell) for cell in cells])
        elif any(cell != "" for cell in cells):
            yield Row(number, dict(zip(header, map(_cell, cells), strict=False)))


def _header(file: Path, cells: list[str] | None) -> list[str]:
    if not cells:
        raise UnreadableFile(f"{file}: tệp trống / the file is empty")
    names = [cell.strip() for cell in cells]
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise UnreadableFile(f"{file}: cột trùng tên / columns with the same name: {twice}")
    return names


def _cell(cell: Any) -> Cell:
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return datetime.combine(cell, time())
    if isinstance(cell, str | int | float | bool | datetime):
        return cell
    return str(cell)
