"""The books that an installation answers by: the shipped ones and its own in the data folder.

Files are read with every question, so that an edited book counts at once. A screen that is never
asked keeps its book, and looks once a second whether it was edited.
"""

import tomllib
from pathlib import Path, PurePath

import structlog

from schemas.books import Book, load_book, shipped_books
from services.reread import Reread, Stamp, stamp_of
from streams.core.indicators import PROCEDURES
from streams.core.receptions import bits_of

log = structlog.get_logger()

FOLDER = "books"
"""Folder in the data folder; ``my-book.toml`` in it is the book ``my-book``."""


class BookRefused(ValueError):
    """Why there is no book to answer by: a rule's name, and what to do in both languages."""

    def __init__(self, rule: str, message: str, message_vi: str) -> None:
        super().__init__(message)
        self.rule, self.told = rule, (message, message_vi)


class Books:
    """Shipped books beside those of ``data/books/*.toml``; a broken file harms only itself."""

    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER

    def codes(self) -> tuple[str, ...]:
        """Codes of all books that may be asked for, also of files that cannot be read."""
        return tuple(sorted({*shipped_books(), *self._files()}))

    def load(self, code: str) -> Book:
        """The book with this code as its file says now; raises :class:`BookRefused`.

        A file never replaces a shipped book: while one has its name, neither is answered by.
        """
        # a question never becomes a path: only names that were found in the folder are opened
        file = self._files().get(code)
        if file is None:
            if code in shipped_books():
                return load_book(code)
            raise _unknown(self.codes())
        try:
            book = Book.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise _refused("book_unreadable", file, str(error), str(error)) from None
        if wrong := misnamed(file, book.code):
            rule, *told = wrong
            raise _refused(rule, file, *told)
        counted = [i for i in book.indicators if i.counts == "procedures"]
        if uncounted := ", ".join(i.code for i in counted if i.scope not in PROCEDURES):
            raise _refused(
                "book_unreadable",
                file,
                f"procedures cannot be counted by the scope of: {uncounted}",
                f"không đếm được TTHC theo scope của: {uncounted}",
            )
        named = {fact for i in book.indicators for fact in (*i.scope, *i.hit)}
        if unknown := ", ".join(sorted(named - set(bits_of(book.population)))):
            raise _refused(
                "book_unreadable", file, f"no such facts: {unknown}", f"không có dữ kiện: {unknown}"
            )
        return book

    def load_live(self, code: str) -> Book:
        """The same for live counters alone; refuses a book that they cannot answer by."""
        book = self.load(code)
        if book.needs_history:
            command = f"motcua report --book {book.code} --from … --to …"
            raise BookRefused(
                "book_needs_history",
                "This book counts dossiers by their reception and judges them at a moment, which"
                f" live counters cannot tell. Ask the history: {command}",
                "Bộ chỉ tiêu này tính hồ sơ theo ngày tiếp nhận và xét tình trạng tại một thời"
                f" điểm; số liệu trực tiếp không trả lời được. Hãy hỏi lịch sử: {command}",
            )
        return book

    def stamp(self) -> Stamp:
        """Changes whenever a file of the folder does."""
        return stamp_of(self._folder, *sorted(self._files().values()))

    def _files(self) -> dict[str, Path]:
        return {file.stem: file for file in self._folder.glob("*.toml")}


def misnamed(file: PurePath, code: str) -> tuple[str, str, str] | None:
    """(rule, what is wrong, the same in Vietnamese) with the name of a file in the folder."""
    if {file.stem, code} & set(shipped_books()):
        return (
            "book_shipped",
            "a shipped book has this code; give the file and its code another name",
            "mã này là của bộ chỉ tiêu có sẵn; đổi tên tệp và mã",
        )
    if file.stem != code:
        return (
            "book_misnamed",
            f"its code is {code!r}; name the file {code}.toml",
            f"mã trong tệp là {code!r}; đổi tên tệp thành {code}.toml",
        )
    return None


def kept_book(books: Books, code: str) -> Reread[Book | BookRefused]:
    """The book with this code for a screen that runs all day, or why there is none yet.

    It is read again when a file changes. Once it was there, an edit that breaks its file does not
    take it away: the reason is logged, and the screen goes on with the book that it has.
    """
    known = False

    def read() -> Book | BookRefused:
        nonlocal known
        try:
            found = books.load_live(code)
        except BookRefused as refused:
            if known:
                raise
            log.error("book_refused", why=str(refused), then="the screen waits for it")
            return refused
        known = True
        return found

    return Reread(read, books.stamp)


def _unknown(codes: tuple[str, ...]) -> BookRefused:
    books = ", ".join(codes)
    return BookRefused(
        "book_unknown",
        f"No such book. There are: {books}.",
        f"Không có bộ chỉ tiêu này. Hiện có: {books}.",
    )


def _refused(rule: str, file: Path, why: str, why_vi: str) -> BookRefused:
    return BookRefused(
        rule,
        f"{file}: {why}. Check it with: motcua book check {file}",
        f"{file}: {why_vi}. Kiểm tra bằng: motcua book check {file}",
    )
