"""What failed, and how much of it: the same counts and words at every door."""

from __future__ import annotations

from dataclasses import dataclass

from batchocr.errors import FailureKind


@dataclass(frozen=True)
class FailedPages:
    """A run of neighbouring pages that failed for one reason, or (first_page None) a whole document."""

    first_page: int | None
    last_page: int | None
    kind: FailureKind
    message: str

    @property
    def page_count(self) -> int:
        """How many pages it is about, 0 for a whole document."""
        return 0 if self.first_page is None or self.last_page is None else self.last_page - self.first_page + 1

    @property
    def where(self) -> str:
        """The pages in words: `page 3`, `pages 3-5`, "" for a whole document."""
        if self.first_page is None:
            return ""
        return f"page {self.first_page}" if self.page_count == 1 else f"pages {self.first_page}-{self.last_page}"


@dataclass(frozen=True)
class FailureCount:
    """How much failed, in all or of one kind; as text `4 pages and 1 whole document`, or `nothing`.

    Attributes:
        pages: failed pages.
        whole_documents: documents that failed as a whole, so that none of their pages counts: they could not be opened,
            say, or their folder could not be written.
    """

    pages: int = 0
    whole_documents: int = 0

    def __str__(self) -> str:
        parts = [counted(self.pages, "page")] if self.pages else []
        parts += [counted(self.whole_documents, "whole document")] if self.whole_documents else []
        return " and ".join(parts) or "nothing"

    def __add__(self, other: FailureCount) -> FailureCount:
        return FailureCount(self.pages + other.pages, self.whole_documents + other.whole_documents)

    @property
    def total(self) -> int:
        """Pages and whole documents together."""
        return self.pages + self.whole_documents


def counted(number: int, thing: str) -> str:
    """Gives `1 page`, `2 pages`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
