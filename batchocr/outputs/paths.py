"""Names of output folders and files: pure functions of names, never of the disk.

Input names are hostile until shown otherwise (`../x`, newlines, `-rf`, `NUL`, bytes that are not UTF-8). What comes out
is inside the output folder, safe on Linux, macOS and Windows, and different for different inputs.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

MAX_PART_BYTES = 100
HASH_DIGITS = 8
# A name that could be mistaken for one with our hash gets a hash as well, so that nobody can choose a clash.
_HASHED = re.compile(r"~[0-9a-f]{8}$")
_HASHED_KEY = re.compile(r"_[0-9a-f]{8}$")
# Separators, what Windows forbids, controls, lone surrogates, line separators and bidirectional overrides.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
_WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(?=\.|$)", re.IGNORECASE)
REPORT_FILE, REPORT_FOLDER = "report.html", "report_files"
_RESERVED_AT_TOP = frozenset({".batchocr", REPORT_FILE, REPORT_FOLDER})
_MAX_KEY_CHARS = 60


def folder_names(label: str, parent: str, files: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Gives the output folder of each document of one input folder.

    A document's folder is named after its file without the extension. A clash with a neighbour, or a name that is
    reserved, unsafe or too long, gets the extension; where that does not do, 8 hex digits of the path's hash.

    Args:
        label: name of the input root, "" where the run has a single one.
        parent: the input folder below its root, POSIX, "" for the root itself.
        files: names of the documents in that folder.
        names: every name in that folder that could clash (sub-folders, and files; the documents may be among them).

    Returns:
        File name to folder, POSIX, relative to the output folder. The same for the same names in any order.
    """
    above = [part for part in (label, *parent.split("/")) if part]
    folder = PurePosixPath(*(_folder_part(above[: depth + 1]) for depth in range(len(above))))
    everything = sorted({*files, *names})
    taken: Counter[str] = Counter()
    for name in everything:
        taken.update({_clash_key(name), _clash_key(_stem(name))})
    chosen = {}
    for name in sorted(set(files)):
        own = {_clash_key(name), _clash_key(_stem(name))}
        candidates = (_stem(name), name)
        part = next(
            (
                unicodedata.normalize("NFC", candidate)
                for candidate in candidates
                if taken[_clash_key(candidate)] - (_clash_key(candidate) in own) == 0
                and _is_safe(unicodedata.normalize("NFC", candidate), top=not above)
            ),
            None,
        )
        chosen[name] = str(folder / (part or _hashed_part(name, f"{label}/{parent}/{name}")))
    return chosen


def link(name: str) -> str:
    """Gives the target of a Markdown link to the file `name` (POSIX, relative to the document's folder)."""
    return quote(name, safe="/", errors="replace")


def page_file(page_no: int, key: str, suffix: str) -> str:
    """Gives the file name of something of one page, such as `p0003_image_1.jpg`.

    Args:
        page_no: counts from 1.
        key: the engine's name for it; another key always gives another file, on every file system.
        suffix: the ending with its dot.
    """
    return f"p{page_no:04d}_{safe_key(key)}{suffix}"


def safe_key(key: str) -> str:
    """Gives an engine's key as a part of a file name: lower-case ASCII letters, digits and underscores."""
    safe = re.sub(r"[^a-z0-9_]+", "_", key.lower())[:_MAX_KEY_CHARS]
    if safe and safe == key and not _HASHED_KEY.search(key):
        return safe
    return f"{safe or 'key'}_{_digest(key)}"


def _stem(name: str) -> str:
    """Gives a file name without its extension; a name that is nothing but an extension stays."""
    head = name.rpartition(".")[0]
    return head if head.strip(".") else name


def _clash_key(name: str) -> str:
    """Gives what two names have in common when a file system could take one for the other."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _is_safe(part: str, *, top: bool) -> bool:
    """Tells whether a name can stand as it is."""
    return (
        _sanitized(part) == part
        and len(part.encode()) <= MAX_PART_BYTES
        and not _HASHED.search(part)
        and not (top and part.casefold() in _RESERVED_AT_TOP)
    )


def _folder_part(path: Sequence[str]) -> str:
    """Gives the output name of the last folder of `path`; only a changed name gets a hash."""
    part = path[-1]
    return part if _is_safe(part, top=len(path) == 1) else _hashed_part(part, "/".join(path))


def _hashed_part(name: str, path: str) -> str:
    """Gives a safe version of `name` that ends with the hash of its path."""
    room = MAX_PART_BYTES - HASH_DIGITS - 1
    cut = _sanitized(name).encode()[:room].decode(errors="ignore")
    return f"{_sanitized(cut)}~{_digest(path)}"


def _sanitized(name: str) -> str:
    """Gives the name without anything that some file system or shell trips over; never empty."""
    part = _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).rstrip(". ")
    if part[:1] in ("-", "."):
        part = "_" + part[1:]
    if device := _WINDOWS_DEVICE.match(part):
        part = part[: device.end()].rstrip() + "_" + part[device.end() :]
    return part or "_"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:HASH_DIGITS]
