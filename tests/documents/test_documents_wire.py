from __future__ import annotations

import io
import json
from dataclasses import asdict

import pytest

from batchocr.datatypes import DocumentFormat, DocumentRef, FileIdentity, Probe, TextLayer, TextWord
from batchocr.documents.wire import (
    MAX_JSON_BYTES,
    EndOfStreamError,
    MalformedFrameError,
    document_from_json,
    probe_from_json,
    probe_to_json,
    read_header,
    read_into,
    text_layer_from_json,
    text_layer_to_json,
    write_frame,
)

IDENTITY = FileIdentity(10, 1_700_000_000_123_456_789, 2**63 + 1)


def through(value: object) -> dict:
    return json.loads(json.dumps(value))


def test_frame_survives_a_pipe_that_gives_little_at_a_time() -> None:
    class Trickle(io.BytesIO):
        def readinto(self, buffer) -> int:
            return super().readinto(memoryview(buffer)[:3])

        def write(self, data) -> int:
            return super().write(bytes(data)[:5])

    pipe = Trickle()
    write_frame(pipe, {"path": "caf\udce9"}, memoryview(b"payload"))
    pipe.seek(0)
    header, payload_bytes = read_header(pipe)
    payload = bytearray(payload_bytes)
    read_into(pipe, memoryview(payload))
    assert header == {"path": "caf\udce9"}
    assert payload == b"payload"
    with pytest.raises(EndOfStreamError):
        read_header(pipe)


@pytest.mark.parametrize(
    "data",
    [(MAX_JSON_BYTES + 1).to_bytes(4, "big") + bytes(8), b"\0\0\0\2" + bytes(8) + b"[]", b"\0\0\0\1" + bytes(8) + b"x"],
)
def test_nonsense_is_refused_without_being_stored(data: bytes) -> None:
    with pytest.raises(MalformedFrameError):
        read_header(io.BytesIO(data))


def test_values_survive_the_way_through_json() -> None:
    document = DocumentRef("/in/caf\udce9.pdf", "a", "ff", IDENTITY, DocumentFormat.PDF, 3, "secret")
    assert document_from_json(through(asdict(document))) == document
    probe = Probe("ff", IDENTITY, DocumentFormat.TIFF, 3)
    assert probe_from_json(through(probe_to_json(probe))) == probe
    word = TextWord("日本", (1.25, 2.5, 3.0, 4.75), 12.5, True, 7)
    layer = TextLayer((word,), 0.25, 0.5, ((0.0, 1.0, 2.0, 3.0),))
    assert text_layer_from_json(through(text_layer_to_json(layer))) == layer
