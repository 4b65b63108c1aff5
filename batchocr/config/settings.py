"""The settings of a run, each declared once with type, default, unit and description.

Flags, job keys, `BATCHOCR_*` variables and `--help` all follow from these declarations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from batchocr.datatypes import Limits, PageRanges

Format = Literal["md", "json", "xlsx", "images", "pdf", "docx", "paddlex-json"]
FORMATS: tuple[str, ...] = get_args(Format)

# The end of a page range that is open: more than any document has.
LAST_PAGE = 1_000_000_000
# Engine options whose names sound like these hold secrets and are left out of what is stored.
SECRET_NAME = re.compile(
    r"(api|access|private)_?key|(api|access|auth|bearer|hf)_?token|^(key|token)$|passw(or)?d|secret|credential|authorization",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Setting:
    """What a setting's declaration says beyond its type, and (from `describe_settings`) what follows from it.

    Attributes:
        group: heading in `--help`.
        unit: of its value, for people.
        changes_output: another value gives other outputs, so it is part of the fingerprint.
        default_text: the default in words, where the value does not speak for itself.
        flag: option on the command line; "" is derived from the name, "INPUT" is the argument.
        short: one-letter option, or "".
        name: field and job key.
        description: what it does.
        metavar: stands for its value in `--help`; "" is derived from the type.
        switch: it is on or off.
    """

    group: str
    unit: str = ""
    changes_output: bool = False
    default_text: str = ""
    flag: str = ""
    short: str = ""
    name: str = ""
    description: str = ""
    metavar: str = ""
    switch: bool = False


WHAT, OUTPUTS, ENGINE, DEVICES, LIMITS, RUN = (
    "What to read",
    "Outputs",
    "Engine",
    "Devices and workers",
    "Limits for one document",
    "This run",
)


def _split(value: object) -> object:
    """Lets a list be written as one text with commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _join(value: object) -> object:
    """Lets a text with commas be written as a list."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value


def _one_or_many(value: object) -> object:
    return (str(value),) if isinstance(value, str | Path) else value


def _canonical_formats(value: object) -> object:
    """Orders formats as they are declared, so that their order in a job file means nothing."""
    parts = _split(value)
    if not isinstance(parts, tuple | list) or not all(part in FORMATS for part in parts):
        return parts
    return tuple(name for name in FORMATS if name in parts)


def _canonical_pages(value: object) -> object:
    """Gives page ranges ascending and joined: `7, 1-2,3` becomes `1-3,7`; `10-` is open at its end.

    Raises:
        ValueError: it is no list of page numbers and ranges.
    """
    if value is None:
        return None
    joined: list[tuple[int, int]] = []
    for first, last in sorted(_page_range(part) for part in str(_join(value)).split(",")):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return str(PageRanges(tuple(joined))).replace(f"-{LAST_PAGE}", "-")


def _page_range(part: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*([0-9]{1,9})\s*(?:(-)\s*([0-9]{1,9})?\s*)?", part)
    first = int(match[1]) if match else 0
    last = int(match[3] or (LAST_PAGE if match[2] else first)) if match else 0
    if not 1 <= first <= last:
        raise ValueError("must be page numbers and ranges counted from 1, such as 1-3,7,10-")
    return first, last


def _canonical_share(value: object) -> object:
    """Gives a share (`5 %` becomes `5%`) or an amount (`4GiB` becomes its bytes) as text.

    Raises:
        ValueError: it is neither.
    """
    if value is None:
        return None
    text = str(value).strip()
    share = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)\s*%", text)
    if share and 0 < float(share[1]) <= 100:
        return f"{float(share[1]):g}%"
    try:
        return str(int(TypeAdapter(ByteSize).validate_python(text)))
    except ValidationError:
        raise ValueError("must be a share such as 5%, or a positive amount") from None


def _seconds(value: object) -> object:
    """Gives a time span in seconds: `11h`, `90m`, `1h30m`, `1:30:00` and `45s` are understood, and plain numbers.

    Raises:
        ValueError: it is none of these.
    """
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    match = re.fullmatch(r"([0-9]+):([0-5][0-9]):([0-5][0-9])", text) or re.fullmatch(
        r"(?:([0-9]+(?:[.][0-9]+)?)h)?\s*(?:([0-9]+(?:[.][0-9]+)?)m(?:in)?)?\s*(?:([0-9]+(?:[.][0-9]+)?)s?)?", text
    )
    if not match:
        raise ValueError("must be a time such as 11h, 90m, 1:30:00, or seconds")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds


def _canonical_shard(value: object) -> object:
    """Gives a shard such as `2/8`.

    Raises:
        ValueError: it is none.
    """
    if value is None:
        return None
    match = re.fullmatch(r"\s*([1-9][0-9]{0,5})\s*/\s*([1-9][0-9]{0,5})\s*", str(value))
    if not match or int(match[1]) > int(match[2]):
        raise ValueError("must be a part and how many there are, such as 2/8: the second of eight")
    return f"{match[1]}/{match[2]}"


MIB = 1 << 20
GIB = 1 << 30
SIZE_UNIT = "bytes, or with a unit such as 2GiB"


class RunSettings(BaseModel):
    """All settings of one run, frozen. Build it with `load_settings`, which says in a sentence what is wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    inputs: Annotated[
        tuple[str, ...], BeforeValidator(_one_or_many), Setting(WHAT, flag="INPUT", default_text="none")
    ] = Field(
        min_length=1, description="files, folders (with all folders in them), globs, or @FILE with one of these a line"
    )
    pages: Annotated[
        str | None,
        BeforeValidator(_canonical_pages),
        Setting(WHAT, changes_output=True, default_text="all", metavar="RANGES"),
    ] = Field(default=None, description="pages to read of every document, counted from 1, such as 1-3,7,10-")
    password_file: Annotated[Path | None, Setting(WHAT, default_text="none")] = Field(
        default=None, description="passwords of encrypted PDFs: one `GLOB<TAB>PASSWORD` a line; never logged or stored"
    )
    max_documents: Annotated[int | None, Setting(WHAT, "documents", default_text="all", metavar="N")] = Field(
        default=None,
        ge=1,
        description="read no more documents than this, finished ones not counted; run again for more",
    )
    shard: Annotated[
        str | None, BeforeValidator(_canonical_shard), Setting(WHAT, default_text="all", metavar="I/N")
    ] = Field(
        default=None,
        description="read only part I of N, such as 2/8, chosen by the hash of each path: for several machines, each "
        "with an output folder of its own",
    )
    verify_inputs: Annotated[bool, Setting(WHAT)] = Field(
        default=False, description="read every input again instead of trusting size and time of known ones"
    )

    output: Annotated[Path, Setting(OUTPUTS, short="-o")] = Field(
        default=Path("output"), description="folder for the results, one folder per document in it"
    )
    state_dir: Annotated[Path | None, Setting(OUTPUTS, default_text="OUTPUT/.batchocr")] = Field(
        default=None, description="folder for ledger, page spool and logs; must be on a local disk"
    )
    formats: Annotated[
        tuple[Format, ...], BeforeValidator(_canonical_formats), Setting(OUTPUTS, changes_output=True, metavar="LIST")
    ] = Field(
        default=("md", "json", "xlsx", "images", "pdf"),
        min_length=1,
        description="files to write; also docx, and paddlex-json (what a PaddleX pipeline itself says of each page)",
    )
    page_markers: Annotated[bool, Setting(OUTPUTS, changes_output=True)] = Field(
        default=True, description="write `<!-- page: N -->` before each page in the Markdown"
    )
    join_tables: Annotated[bool, Setting(OUTPUTS, changes_output=True)] = Field(
        default=False, description="make one table of those that go on over pages; the Markdown then follows the blocks"
    )
    relevel_titles: Annotated[bool, Setting(OUTPUTS, changes_output=True)] = Field(
        default=False,
        description="make heading levels consistent over the whole document; the Markdown then follows the blocks",
    )
    visualization_dpi: Annotated[int, Setting(OUTPUTS, "pixels per inch", changes_output=True)] = Field(
        default=100, ge=36, le=600, description="resolution of the visualization PDFs"
    )

    report: Annotated[bool, Setting(OUTPUTS)] = Field(
        default=True, description="write OUTPUT/report.html at the end: failures, workers, pages beside their text"
    )

    engine: Annotated[str, Setting(ENGINE, metavar="NAME")] = Field(
        default="auto", min_length=1, description="what reads the pages; `batchocr engines` lists them"
    )
    engine_options: Annotated[
        dict[str, Any], Setting(ENGINE, flag="--engine-option", default_text="none", metavar="KEY=VALUE")
    ] = Field(default={}, description="an option of the engine; the value is YAML; may be given several times")
    mode: Annotated[Literal["auto", "ocr", "text"] | None, Setting(ENGINE, default_text="the engine's own")] = Field(
        default=None,
        description="`ocr` reads the image, `text` takes the text that a PDF carries, `auto` takes that where it can "
        "be trusted",
    )
    dpi: Annotated[int, Setting(ENGINE, "pixels per inch", changes_output=True)] = Field(
        default=200, ge=36, le=1200, description="resolution at which PDF pages are drawn for the engine"
    )

    devices: Annotated[str, BeforeValidator(_join), Setting(DEVICES, metavar="LIST")] = Field(
        default="auto",
        min_length=1,
        description="`auto` (all GPUs the engine can use, else CPU workers), or by name: gpu:0,gpu:1 or cpu:0,cpu:1 or "
        "gpu or npu:0",
    )
    workers_per_device: Annotated[int, Setting(DEVICES, "processes")] = Field(
        default=1, ge=1, le=64, description="engines side by side on each device"
    )
    strict_devices: Annotated[bool, Setting(DEVICES)] = Field(
        default=False, description="stop (exit code 4) when any device cannot load the engine"
    )
    executor: Annotated[Literal["local", "serial"], Setting(DEVICES)] = Field(
        default="local", description="`local` starts worker processes, `serial` reads in this process (to debug)"
    )
    task_pages: Annotated[int, Setting(DEVICES, "pages")] = Field(
        default=16, ge=1, le=10_000, description="largest page range that is handed to a worker at once"
    )
    prefetch_bytes: Annotated[ByteSize, Setting(DEVICES, SIZE_UNIT)] = Field(
        default=ByteSize(96 * MIB),  # eight pages of A4 at 200 dpi
        ge=MIB,
        description="pages are drawn ahead of the engine while a worker holds less than this of them",
    )

    order: Annotated[Literal["biggest", "input", "smallest"], Setting(RUN)] = Field(
        default="biggest",
        description="`biggest` documents first keeps every device busy to the end, `input` reads them as they are "
        "found, `smallest` gives quick first results",
    )
    time_budget: Annotated[
        float | None, BeforeValidator(_seconds), Setting(RUN, default_text="none", metavar="TIME")
    ] = Field(
        default=None,
        gt=0,
        description="time after which the run must be over, such as 11h, 90m or 1:30:00: it stops handing out pages in "
        "time, and ends with exit code 7",
    )
    force: Annotated[bool, Setting(RUN)] = Field(
        default=False, description="read again what is done, and move foreign files in the way to STATE_DIR/kept"
    )
    dry_run: Annotated[bool, Setting(RUN)] = Field(
        default=False, description="show what would be read and what would be skipped, and stop"
    )
    max_worker_rss: Annotated[
        str | None,
        BeforeValidator(_canonical_share),
        Setting(DEVICES, default_text="a fair share of the memory", metavar="SHARE|SIZE"),
    ] = Field(
        default=None,
        description="memory of a worker's process at which it is replaced after its page: a share of the "
        "machine's memory such as 20%, or a size such as 4GiB",
    )
    min_free_disk: Annotated[ByteSize, Setting(RUN, SIZE_UNIT)] = Field(
        default=ByteSize(256 * MIB), ge=0, description="stop the run (exit code 5) before less than this is left free"
    )
    max_attempts: Annotated[int, Setting(RUN, "tries")] = Field(
        default=2, ge=1, le=20, description="tries of a page before it is given up"
    )
    page_timeout_s: Annotated[float | None, Setting(RUN, "seconds", default_text="the engine's own")] = Field(
        default=None, gt=0, description="time without a finished page after which a worker counts as hung"
    )
    load_timeout_s: Annotated[float | None, Setting(RUN, "seconds", default_text="the engine's own")] = Field(
        default=None, gt=0, description="time that loading the engine may take"
    )
    document_timeout_s: Annotated[float | None, Setting(RUN, "seconds", default_text="none")] = Field(
        default=None, gt=0, description="recognition time that one document may take in all; then its other pages fail"
    )
    fail_on: Annotated[
        str | None, BeforeValidator(_canonical_share), Setting(RUN, default_text="never", metavar="SHARE|N")
    ] = Field(
        default=None,
        description="stop the run (exit code 7) when more than this fails: a share of the pages such as "
        "5%, or a number of pages",
    )
    drain_timeout_s: Annotated[float, Setting(RUN, "seconds")] = Field(
        default=25.0, ge=0, description="time to finish the pages in hand after Ctrl-C or SIGTERM"
    )
    metrics: Annotated[Path | None, Setting(RUN, default_text="none", metavar="FILE")] = Field(
        default=None,
        description="file for metrics as OpenMetrics text, replaced every 5 s while the run goes on (extra `metrics`)",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Setting(RUN)] = Field(
        default="info", description="least important messages to show and to log"
    )

    render_timeout_s: Annotated[float, Setting(LIMITS, "seconds")] = Field(
        default=30.0, gt=0, description="time to draw one page or to open one document"
    )
    render_memory: Annotated[ByteSize, Setting(LIMITS, SIZE_UNIT)] = Field(
        default=ByteSize(2 * GIB), ge=64 * MIB, description="memory of the process that opens documents and draws pages"
    )
    max_page_pixels: Annotated[int, Setting(LIMITS, "pixels", changes_output=True)] = Field(
        default=50_000_000, ge=10_000, description="a larger page image is scaled down, and its warnings say so"
    )
    max_file_bytes: Annotated[ByteSize, Setting(LIMITS, SIZE_UNIT)] = Field(
        default=ByteSize(2 * GIB), gt=0, description="a larger file fails, unread"
    )
    max_pages: Annotated[int, Setting(LIMITS, "pages")] = Field(
        default=20_000, ge=1, description="a document with more pages fails, unread"
    )

    @property
    def state_path(self) -> Path:
        """The folder of ledger, spool and logs."""
        return self.state_dir or self.output / ".batchocr"

    def limits(self) -> Limits:
        """Gives what a document may cost the prober and the renderer."""
        return Limits(
            render_timeout_s=self.render_timeout_s,
            render_memory_bytes=int(self.render_memory),
            max_page_pixels=self.max_page_pixels,
            max_file_bytes=int(self.max_file_bytes),
            max_pages=self.max_pages,
        )

    def page_ranges(self) -> PageRanges | None:
        """Gives the pages that were asked for, or None for all; an open range ends at `LAST_PAGE`."""
        if self.pages is None:
            return None
        ranges = []
        for part in self.pages.split(","):
            first, dash, last = part.partition("-")
            ranges.append((int(first), int(last or (LAST_PAGE if dash else first))))
        return PageRanges(tuple(ranges))

    def worker_rss_bytes(self, memory_bytes: int, workers: int) -> int:
        """Gives the memory at which a worker is replaced, bytes; four fifths of the machine are shared out by default.

        Args:
            memory_bytes: what the machine has for this run.
            workers: how many workers share it.
        """
        default = int(0.8 * memory_bytes / max(1, workers))
        return default if self.max_worker_rss is None else _amount(self.max_worker_rss, memory_bytes)

    def failure_budget(self, pages: int) -> int | None:
        """Gives how many of so many pages may fail before the run stops, or None for any number."""
        return None if self.fail_on is None else _amount(self.fail_on, pages)

    def output_settings(self) -> dict[str, Any]:
        """Gives the settings that change outputs, JSON-safe, for the fingerprint and the manifest."""
        names = {setting.name for setting in describe_settings() if setting.changes_output}
        return self.model_dump(mode="json", include=names)

    def ledger_safe(self) -> dict[str, Any]:
        """Gives all settings, JSON-safe, without secrets: engine options that sound like one are left out.

        `build_settings` takes them back. Of passwords only the file's path is in it.
        """
        public = self.model_copy(update={"engine_options": without_secrets(self.engine_options)})
        return public.model_dump(mode="json")


def _amount(share_or_amount: str, whole: int) -> int:
    """Gives an amount; a share is taken of the whole."""
    if share_or_amount.endswith("%"):
        return int(float(share_or_amount[:-1]) / 100 * whole)
    return int(share_or_amount)


def without_secrets(options: Mapping[Any, Any]) -> dict[Any, Any]:
    """Gives engine options, nested ones too, without those whose names sound like secrets."""
    return {
        key: without_secrets(value) if isinstance(value, dict) else value
        for key, value in options.items()
        if not is_secret(key)
    }


def is_secret(name: object) -> bool:
    """Tells whether an engine option's name sounds like a secret."""
    return bool(SECRET_NAME.search(str(name)))


def describe_settings() -> Iterator[Setting]:
    """Gives every setting of a run in the order of `--help`, with all that follows from its declaration."""
    for name, info in RunSettings.model_fields.items():
        declared = next(entry for entry in info.metadata if isinstance(entry, Setting))
        yield replace(
            declared,
            name=name,
            description=info.description or "",
            flag=declared.flag or "--" + name.replace("_", "-"),
            default_text=declared.default_text or _default_text(info),
            metavar=declared.metavar or _metavar(info.annotation),
            switch=info.annotation is bool,
        )


def _default_text(info: FieldInfo) -> str:
    value = info.default
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, ByteSize):
        return value.human_readable()
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _metavar(annotation: object) -> str:
    """Gives the word that stands for a value of this type, or the words that are allowed."""
    inner = [entry for entry in get_args(annotation) if entry is not type(None)]
    if get_origin(annotation) is Literal:
        return f"[{'|'.join(inner)}]"
    if type(None) in get_args(annotation):
        return _metavar(inner[0])
    return {int: "N", float: "N", ByteSize: "SIZE", Path: "PATH"}.get(cast(type, annotation), "TEXT")
