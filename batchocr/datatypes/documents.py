"""Documents as they are found, probed and opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from batchocr.datatypes.states import DocumentFormat


@dataclass(frozen=True)
class FileIdentity:
    """What tells cheaply that a file is still the one that was hashed.

    Attributes:
        size_bytes: length of the file.
        mtime_ns: last modification, nanoseconds since the epoch.
        inode: inode number, 0 where the file system has none.
    """

    size_bytes: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True)
class InputRoot:
    """A folder that inputs were found under.

    Attributes:
        path: absolute path of the folder.
        label: its name as it appears in front of a document's source when a run has several roots.
    """

    path: str
    label: str


@dataclass(frozen=True)
class SourceFile:
    """One input file that discovery found.

    Attributes:
        root: the folder that it was found under.
        relative: its path below `root`, POSIX separators; may hold surrogate escapes.
        path: its absolute path.
        identity: size, time and inode at discovery.
    """

    root: InputRoot
    relative: str
    path: str
    identity: FileIdentity


@dataclass(frozen=True)
class RefusedFile:
    """One input that discovery will not touch, and why (a symlink that leaves the folder, a file nobody may read).

    Attributes:
        root: the folder that it was found under.
        relative: its path below `root`.
        reason: for a person, with the remedy.
    """

    root: InputRoot
    relative: str
    reason: str


@dataclass(frozen=True)
class FoundFolder:
    """What discovery found in one folder.

    Attributes:
        root: the input root.
        parent: the folder below the root, POSIX, "" for the root itself.
        files: documents found, sorted by name.
        names: every name in that folder that could clash with a document's output folder: all sub-folders, and all
            files whose ending belongs to a format we read.
        refused: inputs that were refused.
    """

    root: InputRoot
    parent: str
    files: tuple[SourceFile, ...]
    names: tuple[str, ...]
    refused: tuple[RefusedFile, ...] = ()


@dataclass(frozen=True)
class Limits:
    """What a document may cost the prober and the renderer (DESIGN.md section 6).

    Attributes:
        render_timeout_s: wall clock for one page, or for opening one document.
        render_memory_bytes: resident memory of the prober's or renderer's child.
        max_page_pixels: a larger page is scaled down, and the page's warnings say so.
        max_file_bytes: a larger file is refused.
        max_pages: a document with more pages is refused.
    """

    render_timeout_s: float = 30.0
    render_memory_bytes: int = 2 << 30
    max_page_pixels: int = 50_000_000
    max_file_bytes: int = 2 << 30
    max_pages: int = 20_000


@dataclass(frozen=True)
class Probe:
    """What the prober found in one file.

    Attributes:
        sha256: hex digest of the content.
        identity: of the very file that was hashed (fstat of the open file).
        format: what it is, by content.
        page_count: at least 1.
    """

    sha256: str
    identity: FileIdentity
    format: DocumentFormat
    page_count: int


@dataclass(frozen=True)
class KnownFile:
    """The file of a document as a run met it.

    Attributes:
        path: absolute path; may hold surrogate escapes.
        identity: of the file that was read, or of the one that was found if it could not be opened.
        sha256: hex digest of what was read, "" if it could not be opened.
    """

    path: str
    identity: FileIdentity
    sha256: str


@dataclass(frozen=True)
class DocumentRef:
    """All that a child needs to open one document.

    Attributes:
        path: absolute path.
        source: the name to show to users.
        sha256: hex digest of the content that was probed.
        identity: of the file that was probed; a mismatch on opening is `document_changed`.
        format: what it is, by content.
        page_count: number of pages, at least 1.
        password: for encrypted PDFs; never logged.
    """

    path: str
    source: str
    sha256: str
    identity: FileIdentity
    format: DocumentFormat
    page_count: int
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class PageRanges:
    """Ascending, non-overlapping page ranges, both ends included: compact however many pages there are."""

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, page_nos: Iterable[int]) -> PageRanges:
        """Gives the ranges of these page numbers."""
        ranges: list[tuple[int, int]] = []
        for page_no in sorted(set(page_nos)):
            if ranges and page_no == ranges[-1][1] + 1:
                ranges[-1] = (ranges[-1][0], page_no)
            else:
                ranges.append((page_no, page_no))
        return cls(tuple(ranges))

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __str__(self) -> str:
        return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in self.ranges)
