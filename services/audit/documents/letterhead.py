"""What an office puts around its documents, from ``letterhead.toml`` of the data folder.

Without the file everything follows from the installation's title, and blanks are left for the
office to fill in.
"""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from services.audit.documents.files import Letterhead

FILE = "letterhead.toml"
_COMMITTEE = "UBND "
_IN_FULL = "ỦY BAN NHÂN DÂN "
_LEVELS = ("huyện ", "quận ", "thị xã ", "thành phố ", "xã ", "phường ", "thị trấn ", "tỉnh ")


class LetterheadFile(BaseModel):
    """The file; what is left out has its default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    superior: str = ""
    """The body above, e.g. ``UBND TỈNH KON TUM``; empty: none is named."""
    body: str = ""
    place: str = ""
    symbol: str = "BC-UBND"
    """Behind the number: ``Số: … /BC-UBND``."""
    signed_for: str = "TM. ỦY BAN NHÂN DÂN"
    signer: str = "CHỦ TỊCH"
    recipients: tuple[str, ...] = ("Như Điều 3 của quyết định giao chỉ tiêu", "Lưu: VT")


def letterhead(data: Path, title: str) -> Letterhead:
    """Of this installation. Raises ``ValueError`` naming a file that cannot be read."""
    file = data / FILE
    try:
        said = LetterheadFile.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        said = LetterheadFile()
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from None
    name = title.removeprefix(_COMMITTEE)
    place = next((name.removeprefix(level) for level in _LEVELS if name.startswith(level)), name)
    body = f"{_IN_FULL}{name}" if title.startswith(_COMMITTEE) else title
    return Letterhead(
        superior=said.superior,
        body=said.body or body.upper(),
        place=said.place or place,
        symbol=said.symbol,
        signed_for=said.signed_for,
        signer=said.signer,
        recipients=said.recipients,
    )
