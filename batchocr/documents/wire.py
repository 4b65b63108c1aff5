"""The frames between a document child and its client: JSON and a payload of bytes, never a pickle.

A frame is the length of the JSON (4 bytes, big-endian), the length of the payload (8 bytes), the JSON, the payload.
Both ends live on one machine and come from one release, so there is no version in it; but the child reads hostile
documents, so the client believes no length that it did not expect.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from batchocr.datatypes import BBox, DocumentFormat, DocumentRef, FileIdentity, Probe, TextLayer, TextWord

_LENGTHS = struct.Struct(">IQ")
MAX_JSON_BYTES = 64 << 20


class ByteSource(Protocol):
    """What frames are read from: an unbuffered pipe."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fills a part of `buffer`; 0 means end of file."""


class ByteSink(Protocol):
    """What frames are written to: an unbuffered pipe."""

    def write(self, data: memoryview, /) -> int | None:
        """Takes a part of `data` and tells how much."""


class EndOfStreamError(Exception):
    """The other end is gone."""


class MalformedFrameError(Exception):
    """The other end sent what no sound peer sends."""


def write_frame(sink: ByteSink, header: Mapping[str, Any], payload: memoryview | None = None) -> None:
    """Sends one frame; `payload` must be contiguous bytes.

    Raises:
        OSError: the other end is gone.
    """
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    _write_all(sink, memoryview(_LENGTHS.pack(len(text), 0 if payload is None else len(payload)) + text))
    if payload is not None:
        _write_all(sink, payload)


def _write_all(sink: ByteSink, data: memoryview) -> None:
    while data:
        data = data[sink.write(data) or 0 :]


def read_into(source: ByteSource, buffer: memoryview) -> None:
    """Fills the whole `buffer` (bytes).

    Raises:
        EndOfStreamError: the other end is gone.
        OSError: the pipe is broken.
    """
    while buffer:
        count = source.readinto(buffer)
        if not count:
            raise EndOfStreamError
        buffer = buffer[count:]


def read_header(source: ByteSource) -> tuple[dict[str, Any], int]:
    """Gives the JSON of the next frame and the length in bytes of the payload that follows it.

    Raises:
        EndOfStreamError: the other end is gone.
        MalformedFrameError: the JSON is too long, or is none.
        OSError: the pipe is broken.
    """
    lengths = bytearray(_LENGTHS.size)
    read_into(source, memoryview(lengths))
    text_bytes, payload_bytes = _LENGTHS.unpack(lengths)
    if text_bytes > MAX_JSON_BYTES:
        raise MalformedFrameError(f"a header of {text_bytes} bytes")
    text = bytearray(text_bytes)
    read_into(source, memoryview(text))
    try:
        header = json.loads(text)
    except ValueError as err:
        raise MalformedFrameError("a header that is no JSON") from err
    if not isinstance(header, dict):
        raise MalformedFrameError("a header that is no JSON object")
    return header, payload_bytes


def document_from_json(fields: Mapping[str, Any]) -> DocumentRef:
    """Gives the document that `dataclasses.asdict` was applied to."""
    return DocumentRef(
        **{**fields, "identity": FileIdentity(**fields["identity"]), "format": DocumentFormat(fields["format"])}
    )


def probe_to_json(probe: Probe) -> dict[str, Any]:
    """Gives a probe as plain JSON values."""
    return asdict(probe)


def probe_from_json(fields: Mapping[str, Any]) -> Probe:
    """Gives the probe that `probe_to_json` was applied to."""
    return Probe(
        sha256=str(fields["sha256"]),
        identity=FileIdentity(**fields["identity"]),
        format=DocumentFormat(fields["format"]),
        page_count=int(fields["page_count"]),
    )


def text_layer_to_json(layer: TextLayer) -> dict[str, Any]:
    """Gives a text layer as compact JSON values."""
    return {
        "words": [(word.text, *word.bbox, word.font_size_px, int(word.bold), word.line) for word in layer.words],
        "invisible": layer.invisible_share,
        "unmapped": layer.unmapped_share,
        "images": layer.image_boxes,
        "rules": layer.rules,
    }


def text_layer_from_json(fields: Mapping[str, Any]) -> TextLayer:
    """Gives the text layer that `text_layer_to_json` was applied to."""
    return TextLayer(
        words=tuple(
            TextWord(text, (x0, y0, x1, y1), size, bool(bold), line)
            for text, x0, y0, x1, y1, size, bold, line in fields["words"]
        ),
        invisible_share=fields["invisible"],
        unmapped_share=fields["unmapped"],
        image_boxes=_boxes(fields["images"]),
        rules=None if fields["rules"] is None else _boxes(fields["rules"]),
    )


def _boxes(rows: Iterable[Sequence[float]]) -> tuple[BBox, ...]:
    return tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in rows)
