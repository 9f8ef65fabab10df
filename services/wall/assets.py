"""The files that a wall's browser loads, all of them from here: offices have no internet."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file in memory."""

    body: bytes
    media_type: str
    etag: str


def load_assets() -> Mapping[str, Asset]:
    """The shipped files by their path below ``static``."""
    found: dict[str, Asset] = {}
    _collect(resources.files("services.wall") / "static", "", found)
    return found


def build_of(assets: Mapping[str, Asset], *texts: str) -> str:
    """Names what a browser runs; changes with any file, so that old pages notice."""
    digest = hashlib.sha256("\0".join(texts).encode())
    for path in sorted(assets):
        digest.update(path.encode() + assets[path].etag.encode())
    return digest.hexdigest()[:12]


def _collect(folder: Traversable, prefix: str, found: dict[str, Asset]) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", found)
        elif media_type := _MEDIA_TYPES.get(entry.name.rpartition(".")[2]):
            body = entry.read_bytes()
            etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            found[prefix + entry.name] = Asset(body, media_type, etag)
