"""The API described for people, from the same description that machines read."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Told(NamedTuple):
    """A route of the API."""

    summary: str
    parameters: list[dict[str, Any]]
    schema: str
    """Name of the answer's model; empty: not described."""
    fields: list[tuple[str, str]]


def documented_routes(openapi: Mapping[str, Any]) -> list[tuple[str, str, Told]]:
    """(path, method, what it takes and answers) of ``/api/…``, by path."""
    return sorted(_routes(openapi), key=lambda route: route[:2])


def _routes(openapi: Mapping[str, Any]) -> Iterator[tuple[str, str, Told]]:
    models = openapi.get("components", {}).get("schemas", {})
    for path, methods in openapi["paths"].items():
        if not path.startswith("/api/"):
            continue
        for method, told in methods.items():
            content = told["responses"].get("200", {}).get("content", {})
            reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
            name = reference.rpartition("/")[2]
            fields = models.get(name, {}).get("properties", {})
            yield (
                path,
                method,
                Told(
                    told.get("summary", ""),
                    told.get("parameters", []),
                    name,
                    [(field, said.get("description", "")) for field, said in fields.items()],
                ),
            )
