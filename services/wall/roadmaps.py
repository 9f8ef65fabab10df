"""The book that a wall shows, with the roadmaps and shares of the data folder."""

from collections.abc import Callable
from pathlib import Path

import structlog

from schemas.books import Book
from schemas.roadmaps import load_roadmaps
from services.books import BookRefused
from services.reread import Reread, stamp_of

log = structlog.get_logger()

FOLDER = "roadmaps"
"""Folder in the data folder; each ``*.toml`` in it is a roadmap of a book."""


def with_roadmaps(
    book: Callable[[], Book | BookRefused], data: Path
) -> Callable[[], Book | BookRefused]:
    """The book with its roadmaps; the same object until a file of either changes.

    Roadmaps that cannot be read never take the wall away: it goes on without them, or with those
    that it had, and the reason is logged.
    """
    folder = data / FOLDER
    files = Reread(
        lambda: stamp_of(folder, *sorted(folder.glob("*.toml"))),
        lambda: stamp_of(folder, *sorted(folder.glob("*.toml"))),
    )
    plain: Book | BookRefused | None = None
    seen: object = None
    shown: Book | BookRefused | None = None

    def found() -> Book | BookRefused:
        nonlocal plain, seen, shown
        asked, stamp = book(), files()
        if shown is not None and asked is plain and stamp == seen:
            return shown
        same_book, plain, seen = asked is plain, asked, stamp
        if isinstance(asked, BookRefused):
            shown = asked
            return asked
        try:
            shown = load_roadmaps(asked, folder)
        except ValueError as error:
            kept = shown if same_book and isinstance(shown, Book) else asked
            log.error("roadmaps_unreadable", why=str(error), then="the wall goes on without")
            shown = kept
        return shown

    return found
