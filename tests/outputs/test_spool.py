from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchocr.errors import StorageError
from batchocr.outputs.spool import PageRecord, SegmentWriter, read_page, read_segment

HEADER = {"sha256": "a", "fingerprint": "b", "page_nos": [1, 2, 3]}
RECORDS = [
    PageRecord({"page_no": 1, "text": "ä\u2028漢"}, {"images/a.jpg": b"\x00\xff" * 10, "empty": b""}),
    PageRecord({"page_no": 2}),
    PageRecord({"page_no": 3}, {"v": b"BOcr" * 5}),
]


def write(path: Path, records: list[PageRecord] = RECORDS, header: dict[str, object] = HEADER) -> bytes:
    with SegmentWriter(path, header) as writer:
        for record in records:
            writer.append(record)
        writer.sync()
    return path.read_bytes()


def content(path: Path) -> list[tuple[dict[str, object], dict[str, bytes]]]:
    return [(dict(page.meta), {name: page.blob(name) for name in page.places}) for page in read_segment(path)]


WHOLE = [(dict(record.meta), dict(record.blobs)) for record in RECORDS]


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    write(tmp_path / "s")
    segment = read_segment(tmp_path / "s")
    assert segment.header == HEADER
    assert not segment.torn
    assert content(tmp_path / "s") == WHOLE
    assert [read_page(tmp_path / "s", offset).page_no for _, offset in segment.places] == [1, 2, 3]


def test_a_cut_at_any_byte_leaves_the_whole_records_before_it(tmp_path: Path) -> None:
    data = write(tmp_path / "s")
    ends = [read_segment(tmp_path / "s").places[k][1] for k in range(3)] + [len(data)]
    path = tmp_path / "cut"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        whole = max(0, sum(end <= length for end in ends) - 1)
        assert content(path) == WHOLE[:whole]
        assert read_segment(path).torn == (length not in (0, *ends))


def test_a_flipped_byte_never_gives_a_changed_record(tmp_path: Path) -> None:
    data = write(tmp_path / "s")
    path = tmp_path / "flipped"
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << (position % 8)
        path.write_bytes(changed)
        found = content(path)
        assert found == WHOLE[: len(found)]
        assert len(found) < 3
        assert read_segment(path).torn


@given(st.binary(max_size=200))
def test_garbage_is_torn_and_empty(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("garbage") / "s"
    path.write_bytes(data)
    assert content(path) == []
    assert read_segment(path).torn == bool(data)


def test_appending_goes_on_after_the_last_whole_record(tmp_path: Path) -> None:
    path = tmp_path / "s"
    data = write(path)
    rng = random.Random(5)
    for _ in range(30):
        path.write_bytes(data[: rng.randrange(1, len(data))] + b"\x00" * rng.randrange(5))
        before = content(path)
        write(path, [PageRecord({"page_no": 9}, {"x": b"y"})])
        assert content(path) == [*before, ({"page_no": 9}, {"x": b"y"})]
        assert read_segment(path).header == HEADER
        assert not read_segment(path).torn


def test_a_segment_of_other_content_is_begun_anew(tmp_path: Path) -> None:
    write(tmp_path / "s")
    write(tmp_path / "s", RECORDS[:1], {**HEADER, "fingerprint": "other"})
    assert content(tmp_path / "s") == WHOLE[:1]


def test_a_record_survives_a_writer_that_is_never_closed(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from batchocr.outputs.spool import PageRecord, SegmentWriter\n"
        f"SegmentWriter(Path(sys.argv[1]), {HEADER!r}).append(PageRecord({{'page_no': 7}}, {{'x': b'y'}})); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script, tmp_path / "s"], check=False).returncode == 9
    assert content(tmp_path / "s") == [({"page_no": 7}, {"x": b"y"})]


def test_an_unreadable_segment_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read the spool"):
        read_segment(tmp_path / "missing")
    with pytest.raises(StorageError, match="cannot read the spool"):
        read_segment(tmp_path)


def test_a_full_disk_is_a_storage_error_with_its_remedy(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="needs a limit on file sizes")
    path = tmp_path / "s"
    writer = SegmentWriter(path, HEADER)
    writer.append(RECORDS[0])
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, old[1]))
    try:
        with pytest.raises(StorageError, match="free disk space"):
            writer.append(PageRecord({"page_no": 2}, {"x": b"x" * 1000}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    writer.append(RECORDS[2])
    writer.close()
    assert content(path) == [WHOLE[0], WHOLE[2]]
