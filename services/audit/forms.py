"""Forms and files that a browser sends, without a package for it: small ones, read at once."""

from email import policy
from email.parser import BytesParser
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request

MOST_BYTES = 64_000_000
"""Of a file; a form alone needs a few hundred."""
_MOST_FIELDS = 50


class TooLarge(Exception):
    """More was sent than is read."""


class Form(NamedTuple):
    """What was sent."""

    fields: dict[str, str]
    files: dict[str, bytes]


async def read_body(request: Request, most: int = MOST_BYTES) -> bytes:
    """The whole body. Raises :class:`TooLarge` before more than that is kept."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise TooLarge(most)
        parts.append(part)
    return b"".join(parts)


async def read_form(request: Request, most: int = 64_000) -> Form:
    """The fields and files of a form. Raises :class:`TooLarge`, or ``ValueError`` for no form."""
    body = await read_body(request, most)
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        return Form(dict(pairs), {})
    if kind.startswith("multipart/form-data"):
        return _multipart(kind, body)
    raise ValueError("neither a form nor files")


def _multipart(kind: str, body: bytes) -> Form:
    head = f"Content-Type: {kind}\r\nMIME-Version: 1.0\r\n\r\n".encode("ascii", "replace")
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    if not message.is_multipart():
        raise ValueError("no parts")
    for part in list(message.iter_parts())[:_MOST_FIELDS]:
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            continue
        if part.get_filename() is None:
            fields[name] = content.decode("utf-8", "replace")
        else:
            files[name] = content
    return Form(fields, files)
