"""Files of the audit, edited as somebody would who wants another number in them."""

import io
import re
import zipfile
from collections.abc import Callable

Edit = Callable[[bytes, str, str], bytes]


def edited(data: bytes, before: str, after: str) -> bytes:
    """The file with one text replaced, once; in whatever format it is."""
    if data.startswith(b"PK"):
        return _edited_office(data, before, after)
    return _replaced(data.decode(), before, after).encode()


def _edited_office(data: bytes, before: str, after: str) -> bytes:
    output = io.BytesIO()
    done = False
    with zipfile.ZipFile(io.BytesIO(data)) as there, zipfile.ZipFile(output, "w") as made:
        for name in there.namelist():
            content = there.read(name)
            sheet = re.search(r"word/document\.xml|worksheets/sheet\d+\.xml", name)
            if sheet and not done and before.encode() in content:
                content = _replaced(content.decode(), before, after).encode()
                done = True
            made.writestr(name, content)
    assert done, f"{before!r} is not in the file"
    return output.getvalue()


def _replaced(text: str, before: str, after: str) -> str:
    assert before in text, f"{before!r} is not in the file"
    return text.replace(before, after, 1)
