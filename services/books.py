"""The books that an installation answers by: the shipped ones and its own in the data folder.

Files are read with every question, so that an edited book counts at once; nothing is kept.
"""

import tomllib
from pathlib import Path

from schemas.books import Book, load_book, shipped_books
from streams.core.indicators import PROCEDURES
from streams.core.receptions import bits_of

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
        if {code, book.code} & set(shipped_books()):
            raise _refused(
                "book_shipped",
                file,
                "a shipped book has this code; give the file and its code another name",
                "mã này là của bộ chỉ tiêu có sẵn; đổi tên tệp và mã",
            )
        if book.code != code:
            raise _refused(
                "book_misnamed",
                file,
                f"its code is {book.code!r}; name the file {book.code}.toml",
                f"mã trong tệp là {book.code!r}; đổi tên tệp thành {book.code}.toml",
            )
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

    def _files(self) -> dict[str, Path]:
        return {file.stem: file for file in self._folder.glob("*.toml")}


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
