"""All spreadsheets of the twin, and who may use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tailrace_sandbox.sheets.book import Book, new_id, new_properties, timestamp
from tailrace_sandbox.sheets.errors import ApiError, bad, not_found
from tailrace_sandbox.sheets.tabs import add_tab

MIME_TYPE = "application/vnd.google-apps.spreadsheet"
READS = "reads"
WRITES = "writes"


class Shelf:
    """Hold the spreadsheets, in the order of their making."""

    def __init__(self) -> None:
        self.books: dict[str, Book] = {}

    def create(self, given: Mapping[str, Any]) -> Book:
        """Make a spreadsheet as `spreadsheets.create` does."""
        properties = given.get("properties", {})
        title = properties.get("title") or "Untitled spreadsheet"
        book = self.blank(title)
        book.properties.update(
            {k: v for k, v in properties.items() if k not in ("title", "defaultFormat")}
        )
        for i, sheet in enumerate(given.get("sheets") or ({},)):
            try:
                add_tab(book, {**sheet.get("properties", {}), "index": i})
            except ApiError as error:
                raise error.within(f"sheets[{i}]") from None
            if sheet.get("data"):
                raise bad(
                    f"Invalid sheets[{i}]: the sandbox does not take grid data in create; write it after."
                )
        self.books[book.id] = book
        return book

    def blank(self, title: str) -> Book:
        """Return a spreadsheet without tabs that is in no shelf yet."""
        now = timestamp()
        return Book(
            id=new_id(),
            properties=new_properties(title),
            file={"createdTime": now, "modifiedTime": now, "permissions": []},
        )

    def open(self, book_id: str, *, write: bool) -> Book:
        """Return a spreadsheet; raises Google's 404 or 403."""
        book = self.books.get(book_id)
        if book is None:
            raise not_found()
        if book.forbidden == READS or (write and book.forbidden == WRITES):
            raise ApiError(403)
        return book

    def replace(self, book: Book) -> None:
        """Put a changed copy in place of a spreadsheet."""
        self.books[book.id] = book
