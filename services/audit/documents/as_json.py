"""JSON: parts with typed cells, then the provenance."""

from collections.abc import Mapping
from typing import Any, BinaryIO

import orjson

from services.audit.documents.content import Canonical, Column, Table, Value, shown_text
from services.audit.documents.files import Document, Read, Rows, columns_of, fitted
from services.audit.documents.provenance import NoProvenance, Provenance, read_provenance


def write_json(document: Document, output: BinaryIO) -> Provenance:
    """See :class:`~services.audit.documents.files.Writer`; row by row, so that none is kept."""
    content, rows = document.content, Rows(document)
    head = {
        "title": content.title,
        "subject": content.subject,
        "standing": "TẠM TÍNH" if document.provenance.provisional else "",
        "definitions": [definition._asdict() for definition in content.definitions],
        "notes": content.notes,
    }
    output.write(orjson.dumps(head)[:-1] + b',"parts":[\n')
    for n, part in enumerate(content.parts):
        said = {
            "name": part.name,
            "title": part.title,
            "columns": [{"key": c.key, "title": c.title, "kind": c.kind} for c in part.columns],
        }
        output.write((b",\n" if n else b"") + orjson.dumps(said)[:-1] + b',"rows":[')
        between = b"\n"
        for row, cells in rows.of(part):
            output.write(between + orjson.dumps(_typed(part.columns, row, cells)))
            between = b",\n"
        output.write(b"\n]}")
    sealed = rows.sealed()
    output.write(b'\n],"provenance":' + orjson.dumps(sealed.lines) + b"}\n")
    return sealed


def _typed(columns: tuple[Column, ...], row: Any, cells: Canonical) -> list[Value]:
    return [
        value if value is None or column.kind in ("count", "decimal") else cell
        for column, value, cell in zip(columns, row, cells, strict=True)
    ]


def read_json(data: bytes) -> Read:
    """See :class:`~services.audit.documents.files.Reader`."""
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise NoProvenance(f"not JSON: {error}") from None
    if not isinstance(said, dict) or not isinstance(said.get("provenance"), dict):
        raise NoProvenance("there is no «provenance»")
    lines = {str(name): str(text) for name, text in said["provenance"].items()}
    provenance = read_provenance(lines)
    parts = said.get("parts")
    tables = []
    for n, (name, columns) in enumerate(columns_of(provenance)):
        part = parts[n] if isinstance(parts, list) and n < len(parts) else {}
        tables.append(_table(name, columns, part if isinstance(part, Mapping) else {}))
    return Read(provenance, tables)


def _table(name: str, columns: tuple[Column, ...], part: Mapping[str, Any]) -> Table:
    heads, rows = part.get("columns"), part.get("rows")
    heads = heads if isinstance(heads, list) else []
    rows = rows if isinstance(rows, list) else []
    # programs go by the keys
    keys = tuple(shown_text(str(h.get("key") if isinstance(h, Mapping) else h)) for h in heads)
    return Table(name, keys, [_row(columns, row) for row in rows])


def _row(columns: tuple[Column, ...], row: Any) -> Canonical:
    cells = list(row) if isinstance(row, list) else [row]
    kinds = [column.kind for column in columns] + ["text"] * len(cells)
    return fitted([_cell(v, kind) for v, kind in zip(cells, kinds, strict=False)], len(columns))


def _cell(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if kind == "decimal" and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.2f}"
    return shown_text(str(value))
