"""What must hold after every run, whatever was killed: each check gives the violations that it finds, in words."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batchocr.errors import StorageError
from batchocr.outputs.spool import read_segment

_MARKER = re.compile(r"^<!-- pages?: (\d+)(?:-(\d+))?( failed: \w+)? -->$", re.MULTILINE)


@contextmanager
def reading(state_dir: Path) -> Iterator[sqlite3.Connection | None]:
    """Opens the ledger for reading, also after a kill; gives None where there is none yet."""
    path = state_dir / "ledger.sqlite3"
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)
        with closing(db):
            has_tables = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'page_attempts'").fetchone()
            yield db if has_tables else None
    except sqlite3.OperationalError:
        yield None


@dataclass
class Recorded:
    """Pages that were on record at some moment, and the number of the last attempt then: none may be read again."""

    seen: list[tuple[int, frozenset[tuple[str, int]]]] = field(default_factory=list)

    def look(self, state_dir: Path, *, with_spool: bool = False) -> None:
        """Notes what is on record now.

        Args:
            state_dir: of the output folder.
            with_spool: count pages that only the spool knows of; true to the moment only when no worker is there.
        """
        with reading(state_dir) as db:
            if db is None:
                return
            last = db.execute("SELECT COALESCE(MAX(id), 0) FROM attempts").fetchone()[0]
            pages = set(db.execute(
                "SELECT c.sha256, p.page_no FROM pages p JOIN contents c ON c.id = p.content_id"
                " WHERE p.state IN ('done', 'blank')"
            ))  # fmt: skip
        if with_spool:
            pages |= _spooled(state_dir)
        self.seen.append((last, frozenset(pages)))

    def violations(self, state_dir: Path) -> list[str]:
        """Gives every page that was lent out again though it was on record."""
        with reading(state_dir) as db:
            if db is None:
                return ["there is no ledger"]
            attempts = db.execute(
                "SELECT a.id, c.sha256, a.pages FROM attempts a JOIN contents c ON c.id = a.content_id"
            ).fetchall()
        found = []
        for number, sha256, pages in attempts:
            lent = {(sha256, page_no) for page_no in _page_numbers(pages)}
            again = {page for last, recorded in self.seen if number > last for page in lent & recorded}
            if again:
                found.append(
                    f"attempt {number} read recorded pages of {sha256[:8]} again: {sorted(p for _, p in again)}"
                )
        return found


def differing_files(found: Mapping[str, bytes], wanted: Mapping[str, bytes], twins: Collection[str]) -> list[str]:
    """Gives the files that are not what an undisturbed run writes.

    Args:
        found: files to contents.
        wanted: the same of the undisturbed run.
        twins: documents of equal content of which either may have been read for both: their texts name either, and
            what follows from that (hashes, compressed files) is not compared.
    """
    names = {Path(twin).with_suffix("").as_posix() for twin in twins}

    def same(name: str) -> bool:
        if found.get(name) == wanted.get(name):
            return True
        if name not in found or name not in wanted or Path(name).parent.as_posix() not in names:
            return False
        return not name.endswith((".md",)) or _anonymous(found[name], twins) == _anonymous(wanted[name], twins)

    return [name for name in sorted({*found, *wanted}) if not same(name)]


def failures(status: Mapping[str, Any]) -> dict[tuple[str, int | None], tuple[str, str]]:
    """Gives document and page (None: the whole document) to kind and message of each failure of a status."""
    found = {}
    for document in status["documents"]:
        for entry in document["failures"]:
            first = entry["page"]
            pages = [None] if first is None else range(first, entry.get("last_page", first) + 1)
            found.update({(document["source"], page_no): (entry["kind"], entry["message"]) for page_no in pages})
    return found


def check_delivery(output: Path, status: Mapping[str, Any]) -> list[str]:
    """Checks that every page is delivered or reported exactly once: in the status, the manifest and the Markdown."""
    found = []
    failed = failures(status)
    for document in status["documents"]:
        source, pages = document["source"], document["pages"]
        lost = {page_no for name, page_no in failed if name == source}
        if None in lost:
            continue  # reported as a whole
        if pages is None or document["pages_done"] + len(lost) != pages:
            found.append(f"{source}: {document['pages_done']} pages done and {len(lost)} failed of {pages}")
        elif len(lost) < pages:
            found += _check_folder(output / document["folder"], source, pages, {n for n in lost if n is not None})
    return found


def _check_folder(folder: Path, source: str, pages: int, failed: set[int]) -> list[str]:
    """Checks manifest and Markdown of one document."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text("ascii"))
        markdown = (folder / f"{folder.name}.md").read_text("utf-8")
    except OSError as err:
        return [f"{source}: {err}"]
    ranges = [(first, last, False) for key in ("done", "blank") for first, last in manifest[key]]
    ranges += [(entry["first_page"], entry["last_page"], True) for entry in manifest["failed"]]
    marks = [(int(m[1]), int(m[2] or m[1]), bool(m[3])) for m in _MARKER.finditer(markdown)]
    wanted = Counter((page_no, page_no in failed) for page_no in range(1, pages + 1))
    found = []
    for what, told in (("manifest", ranges), ("Markdown", marks)):
        counts = Counter((page_no, bad) for first, last, bad in told for page_no in range(first, last + 1))
        if counts != wanted:
            found.append(f"{source}: its {what} tells {sorted(counts.items())}, the status {sorted(wanted.items())}")
    return found


def check_leftovers(output: Path, temporary: Path, status: Mapping[str, Any]) -> list[str]:
    """Checks that no temporary file is left, and no spool but those of documents that a retry could mend."""
    state_dir = output / ".batchocr"
    left = [path for name in ("staging", "trash", "kept", "workers") for path in state_dir.glob(f"{name}/*")]
    left += [*temporary.iterdir()]
    found = [f"left behind: {path}" for path in left]
    failed_pages = any(page_no is not None for _, page_no in failures(status))
    spools = [path for path in state_dir.glob("spool/*") if any(path.iterdir())]
    if spools and not failed_pages and all(entry["state"] in {"done", "skipped"} for entry in status["documents"]):
        found += [f"left behind: {path}" for path in spools]
    return found


def check_ledger(output: Path) -> list[str]:
    """Checks that the ledger is sound and that its states follow from each other and from the folders."""
    with reading(output / ".batchocr") as db:
        if db is None:
            return ["there is no ledger"]
        found = [f"ledger: {row[0]}" for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [f"ledger: foreign key {row}" for row in db.execute("PRAGMA foreign_key_check")]
        last_run, state = db.execute("SELECT id, state FROM runs ORDER BY started_at DESC, rowid DESC").fetchone()
        if state != "completed":
            found.append(f"ledger: the last run is {state}")
        questions = {
            "runs that go on": "SELECT id FROM runs WHERE state = 'running' OR ended_at IS NULL",
            "attempts that go on": "SELECT id FROM attempts WHERE state = 'running' OR ended_at IS NULL",
            "pending pages": (
                "SELECT content_id, page_no FROM pages p WHERE state = 'pending'"
                " AND EXISTS (SELECT 1 FROM documents d WHERE d.content_id = p.content_id AND d.kind IS NULL)"
            ),
            "documents that the last run did not meet": f"SELECT source FROM documents WHERE run_id != '{last_run}'",
            "pages with more failed tries than attempts": (
                "SELECT p.content_id, p.page_no FROM pages p WHERE p.attempts >"
                " (SELECT COUNT(*) FROM page_attempts t JOIN attempts a ON a.id = t.attempt_id"
                "  WHERE a.content_id = p.content_id AND t.page_no = p.page_no)"
            ),
        }
        for what, question in questions.items():
            rows = db.execute(question).fetchall()
            if rows:
                found.append(f"ledger: {what}: {rows}")
        for source, folder, commit_id in db.execute("SELECT source, folder, commit_id FROM documents"):
            manifest = output / folder / "manifest.json" if folder else None
            stands = json.loads(manifest.read_bytes())["commit_id"] if manifest and manifest.exists() else None
            if stands != commit_id:
                found.append(f"ledger: {source} has commit {commit_id}, its folder {stands}")
    return found


def _anonymous(text: bytes, names: Collection[str]) -> bytes:
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name.encode(), b"twin")
    return text


def _page_numbers(ranges: str) -> Iterator[int]:
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _spooled(state_dir: Path) -> set[tuple[str, int]]:
    """Gives the pages that are whole in the spool."""
    found = set()
    for path in state_dir.glob("spool/*/*.seg"):
        try:
            segment = read_segment(path)
        except StorageError:
            continue  # it was deleted just now, with its document committed
        found |= {(str(segment.header.get("sha256")), page_no) for page_no, _ in segment.places}
    return found
