"""The spool: page results on disk between recognition and the document's files.

One append-only segment per task. A segment is a run of frames, the first one holding the segment's header, each further
one a page record. A frame is a fixed head (magic, lengths, checksums), JSON, and a payload of blobs one after another.
A frame that was cut short or damaged ends the segment: what stands before it is whole.

The worker appends; the finisher reads. Nothing here knows what a record means beyond its page number.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from batchocr.errors import StorageError

_MAGIC = b"BOcr"
# Magic, lengths of JSON and payload, their checksums; then a checksum of these.
_HEAD = struct.Struct("<4sIQII")
_HEAD_CRC = struct.Struct("<I")
_HEAD_BYTES = _HEAD.size + _HEAD_CRC.size
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class PageRecord:
    """What the spool keeps of one page.

    Attributes:
        meta: JSON-safe; holds at least `page_no`.
        blobs: name to bytes.
    """

    meta: Mapping[str, Any]
    blobs: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def page_no(self) -> int:
        """The page that this is a record of."""
        return int(self.meta["page_no"])


@dataclass(frozen=True)
class StoredPage:
    """A whole page record in a segment. `meta` is in memory, blobs are read when asked for.

    Attributes:
        path: the segment.
        offset: where the frame starts, for `read_page`.
        meta: as it was appended.
        places: blob name to (offset, size) in bytes.
    """

    path: Path
    offset: int
    meta: Mapping[str, Any]
    places: Mapping[str, tuple[int, int]]

    @property
    def page_no(self) -> int:
        """The page that this is a record of."""
        return int(self.meta["page_no"])

    def blob(self, name: str) -> bytes:
        """Gives the bytes of one blob.

        Raises:
            KeyError: the record has no such blob.
            StorageError: the segment cannot be read (any more).
        """
        offset, size = self.places[name]
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                data = file.read(size)
        except OSError as err:
            raise _unreadable(self.path, err) from err
        if len(data) != size:
            raise StorageError(f"{self.path}: the spool segment became shorter while it was read; run again to redo it")
        return data


class SegmentWriter:
    """Appends page records to one segment. Used by one thread of one process.

    An existing segment for the same content and fingerprint is continued after its last whole record; any other is
    begun anew.

    Args:
        path: of the segment; its folder is made.
        header: JSON-safe: `sha256` of the content, `fingerprint`, `page_nos`.

    Raises:
        StorageError: the segment cannot be written; also from every method.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("r+b" if path.exists() else "x+b", buffering=0)
            self._continue_or_begin(header)
        except OSError as err:
            raise self._failed(err) from err

    def append(self, record: PageRecord) -> None:
        """Adds a page. When this returns, the record survives the end of this process, but not yet a power cut."""
        sizes = [[name, len(blob)] for name, blob in record.blobs.items()]
        content = {"page": dict(record.meta), "blobs": sizes}
        self._write(_frame(content, b"".join(record.blobs.values())))

    def sync(self) -> None:
        """Makes every record so far survive a power cut."""
        try:
            os.fsync(self._file.fileno())
        except OSError as err:
            raise self._failed(err) from err

    def close(self) -> None:
        """Lets go of the file; does not sync. May be called twice."""
        self._file.close()

    def __enter__(self) -> SegmentWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _continue_or_begin(self, header: Mapping[str, Any]) -> None:
        old = Segment(self._path)
        end = old.end if _same_work(old.header, header) else 0
        self._file.truncate(end)
        self._file.seek(end)
        if end == 0:
            self._write(_frame({"header": dict(header)}, b""))

    def _write(self, frame: bytes) -> None:
        start = self._file.tell()
        rest = memoryview(frame)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as err:
            # Half a frame would hide every later one; a reader finds the tear even if this fails too.
            with suppress(OSError):
                self._file.truncate(start)
                self._file.seek(start)
            raise self._failed(err) from err

    def _failed(self, err: OSError) -> StorageError:
        return StorageError(
            f"{self._path}: cannot write the spool ({err.strerror or err}); free disk space or correct the folder's "
            "rights, then run the same command again"
        )


class Segment:
    """A segment as it stands on disk: iterates over its whole page records, oldest first, one in memory at a time.

    Attributes:
        path: of the segment.
        header: as it was given to the writer; empty if not even that is whole.
        torn: something after the last whole frame is damaged or cut short.
        end: byte after the last whole frame.
        places: (page number, offset for `read_page`) of each whole page record.

    Raises:
        StorageError: the file cannot be opened or read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: Mapping[str, Any] = {}
        self.torn = False
        self.end = 0
        self.places: list[tuple[int, int]] = []
        try:
            with path.open("rb") as file:
                self._index(file)
        except OSError as err:
            raise _unreadable(path, err) from err

    def __iter__(self) -> Iterator[StoredPage]:
        for _, offset in self.places:
            yield read_page(self.path, offset)

    def _index(self, file: IO[bytes]) -> None:
        size = os.fstat(file.fileno()).st_size
        while self.end < size:
            found = _read_frame(file, self.end, size)
            if found is None or not self._take(*found):
                self.torn = True
                return
            self.end = found[2]

    def _take(self, content: dict[str, Any], payload: int, end: int) -> bool:
        """Keeps what a whole frame says; False where it says nothing that we wrote."""
        if self.end == 0:
            self.header = content["header"] if isinstance(content.get("header"), dict) else {}
            return bool(self.header)
        page = _stored_page(self.path, self.end, content, payload, end)
        if page is not None:
            self.places.append((page.page_no, self.end))
        return page is not None


def read_segment(path: Path) -> Segment:
    """Gives the segment, checked: iterating gives only whole records.

    Raises:
        StorageError: the file cannot be opened or read. Damage never raises.
    """
    return Segment(path)


def read_page(path: Path, offset: int) -> StoredPage:
    """Gives the page record whose frame starts at `offset` of a segment.

    Raises:
        StorageError: the file cannot be read, or there is no whole record any more.
    """
    try:
        with path.open("rb") as file:
            found = _read_frame(file, offset, os.fstat(file.fileno()).st_size)
    except OSError as err:
        raise _unreadable(path, err) from err
    page = _stored_page(path, offset, *found) if found else None
    if page is None:
        raise StorageError(f"{path}: a page record changed while it was read; run the same command again")
    return page


def _frame(content: Mapping[str, Any], payload: bytes) -> bytes:
    meta = json.dumps(content, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()
    head = _HEAD.pack(_MAGIC, len(meta), len(payload), zlib.crc32(meta), zlib.crc32(payload))
    return b"".join((head, _HEAD_CRC.pack(zlib.crc32(head)), meta, payload))


def _read_frame(file: IO[bytes], offset: int, size: int) -> tuple[dict[str, Any], int, int] | None:
    """Gives (content, offset of the payload, offset after the frame) of a whole frame, else None."""
    file.seek(offset)
    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES or _HEAD_CRC.unpack(head[_HEAD.size :])[0] != zlib.crc32(head[: _HEAD.size]):
        return None
    magic, meta_bytes, payload_bytes, meta_crc, payload_crc = _HEAD.unpack(head[: _HEAD.size])
    payload_offset = offset + _HEAD_BYTES + meta_bytes
    end = payload_offset + payload_bytes
    if magic != _MAGIC or end > size:
        return None
    meta = file.read(meta_bytes)
    if zlib.crc32(meta) != meta_crc or _checksum(file, payload_bytes) != payload_crc:
        return None
    try:
        content = json.loads(meta)
    except (ValueError, RecursionError):
        return None
    return (content, payload_offset, end) if isinstance(content, dict) else None


def _checksum(file: IO[bytes], size: int) -> int:
    """Gives the checksum of the next `size` bytes without holding them all."""
    crc = 0
    while size > 0 and (chunk := file.read(min(size, _CHUNK_BYTES))):
        crc = zlib.crc32(chunk, crc)
        size -= len(chunk)
    return crc if size == 0 else -1


def _stored_page(path: Path, offset: int, content: dict[str, Any], payload: int, end: int) -> StoredPage | None:
    """Gives the page that a frame's content describes, or None where it describes none."""
    meta = content.get("page")
    if not isinstance(meta, dict) or not isinstance(meta.get("page_no"), int):
        return None
    places = {}
    for name, size in content["blobs"]:
        places[name] = (payload, size)
        payload += size
    return StoredPage(path, offset, meta, places) if payload == end else None


def _same_work(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return bool(old) and all(old.get(key) == new.get(key) for key in ("sha256", "fingerprint"))


def _unreadable(path: Path, err: OSError) -> StorageError:
    return StorageError(f"{path}: cannot read the spool ({err.strerror or err}); correct its rights and run again")
