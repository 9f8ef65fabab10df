"""Everything that a screen loads comes from its own server, and is small."""

import re

from services.wall.assets import load_assets
from services.wall.routes import _pages

_EXTERNAL = re.compile(rb"""(?:https?:)?//[a-z0-9-]+\.[a-z]""", re.IGNORECASE)
_NAMESPACES = (b"http://www.w3.org/2000/svg", b"http://www.w3.org/1999/xlink")
FULL_WEIGHT = 300_000


def test_no_shipped_file_names_another_origin() -> None:
    """Offices have no internet; a font that cannot be loaded is a wall that cannot be read."""
    texts = {path: asset.body for path, asset in load_assets().items()}
    texts |= {name: page.encode() for name, page in _pages().items()}
    assert {"wall.js", "wall.css", "wall.html", "refusal.html"} <= set(texts)
    for path, body in texts.items():
        if path.endswith((".woff2", "OFL.txt")):
            continue
        for namespace in _NAMESPACES:
            body = body.replace(namespace, b"")
        assert _EXTERNAL.search(body) is None, path


def test_fonts_come_with_their_licence() -> None:
    assets = load_assets()
    fonts = [path for path in assets if path.endswith(".woff2")]
    assert len(fonts) == 4
    assert all(assets[path].body.startswith(b"wOF2") for path in fonts)
    assert b"SIL OPEN FONT LICENSE Version 1.1" in assets["fonts/OFL.txt"].body


def test_every_file_that_is_named_exists() -> None:
    assets = load_assets()
    for path, asset in assets.items():
        if path.endswith(".js"):
            for name in re.findall(rb'from "\./([^"]+)"', asset.body):
                assert name.decode() in assets, f"{path} imports {name.decode()}"
    for name in re.findall(rb"url\(([^)]+)\)", assets["wall.css"].body):
        assert name.decode() in assets
    for name in re.findall(r'"wall/static/([^"{]+)"', _pages()["wall.html"]):
        assert name in assets


def test_the_page_weighs_little() -> None:
    """A cold load over an office's network must not take seconds."""
    assert sum(len(asset.body) for asset in load_assets().values()) <= FULL_WEIGHT
