from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from document_builders import pdf, written
from documents.document_bombs import memory_bomb, png_of_zeros, self_drawing_form, time_bomb
from PIL import Image

from batchocr.datatypes import DocumentFormat, DocumentRef, Limits
from batchocr.documents.client import DocumentChild
from batchocr.errors import Cancelled, DocumentError, FailureKind

CORPUS = Path(os.environ.get("BATCHOCR_CORPUS", Path(__file__).resolve().parents[3] / "shared" / "corpus"))
RED = b"1 0 0 rg 0 0 612 792 re f"
BLUE = b"0 0 1 rg 0 0 612 792 re f"


@pytest.fixture
def child() -> Iterator[DocumentChild]:
    client = DocumentChild(Limits(), "renderer of test")
    yield client
    client.close()


def probed(client: DocumentChild, path: str, password: str | None = None) -> DocumentRef:
    probe = client.probe(path, password)
    return DocumentRef(path, Path(path).name, probe.sha256, probe.identity, probe.format, probe.page_count, password)


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid)


def test_probe_gives_hash_format_count_and_identity(child: DocumentChild, tmp_path) -> None:
    path = written(tmp_path / "a.dat", pdf([RED, BLUE]))
    probe = child.probe(path)
    status = Path(path).stat()
    assert probe.sha256 == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert (probe.format, probe.page_count) == (DocumentFormat.PDF, 2)
    assert (probe.identity.size_bytes, probe.identity.mtime_ns) == (status.st_size, status.st_mtime_ns)


def test_pixels_of_a_page_stay_the_callers_own(child: DocumentChild, tmp_path) -> None:
    document = probed(child, written(tmp_path / "a.pdf", pdf([RED, BLUE])))
    red, blue = (child.render(document, page_no, 100, want_text=False) for page_no in (1, 2))
    assert red.pixels[5, 5].tolist() == [0, 0, 255]
    assert blue.pixels[5, 5].tolist() == [255, 0, 0]
    assert (red.page_no, red.source, red.text_layer) == (1, "a.pdf", None)
    assert red.pixels.shape == (1100, 850, 3)
    assert red.pixels.flags.c_contiguous
    assert red.dpi == pytest.approx(100)


def test_text_layer_comes_with_the_page_when_wanted(child: DocumentChild, tmp_path) -> None:
    page = child.render(probed(child, written(tmp_path / "a.pdf", pdf())), 1, 72, want_text=True)
    assert page.text_layer is not None
    assert [word.text for word in page.text_layer.words] == ["Hello"]


def test_one_child_goes_from_document_to_document(child: DocumentChild, tmp_path) -> None:
    first = probed(child, written(tmp_path / "a.pdf", pdf([RED])))
    second = probed(child, written(tmp_path / os.fsdecode(b"caf\xc3\xa9 \xe5\x9b\xbe.pdf"), pdf([BLUE])))
    pid = child.pid
    for document, blue in ((first, 0), (second, 255), (first, 0)):
        assert child.render(document, 1, 36, want_text=False).pixels[0, 0, 0] == blue
    assert child.pid == pid
    assert child.rss_bytes() > 1 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="this file system wants Unicode names")
def test_child_that_was_started_ahead_takes_the_first_call(child: DocumentChild, tmp_path) -> None:
    child.start()
    pid = child.pid
    assert child.probe(written(tmp_path / "a.pdf", pdf([RED]))).page_count == 1
    assert child.pid == pid is not None


def test_name_that_is_not_utf8_is_opened(child: DocumentChild, tmp_path) -> None:
    assert probed(child, written(tmp_path / os.fsdecode(b"caf\xe9.pdf"), pdf())).page_count == 1


def test_file_that_changed_since_it_was_probed_is_refused(child: DocumentChild, tmp_path) -> None:
    path = written(tmp_path / "a.pdf", pdf([RED]))
    document = probed(child, path)
    written(tmp_path / "a.pdf", pdf([BLUE, BLUE]))
    with pytest.raises(DocumentError) as caught:
        child.render(document, 1, 72, want_text=False)
    assert caught.value.kind is FailureKind.DOCUMENT_CHANGED


def test_password_opens_and_its_lack_is_named(child: DocumentChild, tmp_path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    path = str(tmp_path / "locked.pdf")
    canvas = Canvas(path, encrypt="swordfish")
    canvas.drawString(72, 700, "hidden")
    canvas.save()
    with pytest.raises(DocumentError) as caught:
        child.probe(path)
    assert caught.value.kind is FailureKind.DOCUMENT_ENCRYPTED
    document = probed(child, path, "swordfish")
    assert child.render(document, 1, 36, want_text=False).pixels.shape[2] == 3


def test_page_that_hangs_costs_that_page_and_its_neighbours_are_rendered(tmp_path) -> None:
    client = DocumentChild(Limits(render_timeout_s=2), "renderer of test")
    document = probed(client, written(tmp_path / "a.pdf", time_bomb(good_pages=1)))
    assert client.render(document, 1, 36, want_text=False).page_no == 1
    victim = client.pid
    with pytest.raises(DocumentError, match="render_timeout_s") as caught:
        client.render(document, 2, 200, want_text=False)
    assert caught.value.kind is FailureKind.PAGE_RENDER_FAILED
    assert victim is not None
    assert gone(victim)
    assert client.render(document, 1, 36, want_text=False).page_no == 1
    assert client.pid != victim
    client.close()


@pytest.mark.parametrize("bomb", [memory_bomb, self_drawing_form])
def test_page_that_eats_memory_is_stopped_with_the_limit_named(tmp_path, bomb: Callable[[], bytes]) -> None:
    client = DocumentChild(Limits(render_memory_bytes=256 << 20), "renderer of test")
    document = probed(client, written(tmp_path / "a.pdf", bomb()))
    with pytest.raises(DocumentError, match="render_memory_bytes") as caught:
        client.render(document, 1, 72, want_text=True)
    assert caught.value.kind is FailureKind.PAGE_RENDER_FAILED
    client.close()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of a running process are set")
@pytest.mark.parametrize("name", ["a.tiff", "a.png"])
def test_page_for_which_a_used_child_lacks_memory_is_asked_of_a_new_one(tmp_path, name: str) -> None:
    client = DocumentChild(Limits(render_memory_bytes=512 << 20), "renderer of test")
    Image.new("RGB", (4000, 4000)).save(tmp_path / name)
    document = probed(client, str(tmp_path / name))
    client.render(document, 1, 72, want_text=False)
    assert client.pid is not None
    used = psutil.Process(client.pid)
    used.rlimit(psutil.RLIMIT_DATA, (used.memory_info().data, psutil.RLIM_INFINITY))
    assert client.render(document, 1, 72, want_text=False).pixels.shape == (4000, 4000, 3)
    assert client.pid != used.pid
    client.close()


def kill_at_work(pid: int | None, number: str) -> None:
    """Sends a signal to a child once it has been drawing for a while."""
    child = psutil.Process(pid)
    while child.cpu_times().user < 0.6:
        time.sleep(0.05)
    child.send_signal(signal.Signals[number])


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals on Windows")
@pytest.mark.parametrize("number", ["SIGKILL", "SIGSEGV"])
def test_child_that_dies_twice_during_a_page_is_replaced_and_the_loss_named(tmp_path, number: str) -> None:
    client = DocumentChild(Limits(render_timeout_s=50), "renderer of test")
    document = probed(client, written(tmp_path / "a.pdf", time_bomb(good_pages=1)))
    assert client.pid is not None
    first = client.pid

    def kill() -> None:
        kill_at_work(first, number)
        while client.pid in {None, first}:
            time.sleep(0.05)
        kill_at_work(client.pid, number)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(DocumentError, match=number) as caught:
        client.render(document, 2, 200, want_text=False)
    killer.join()
    assert caught.value.kind is FailureKind.PAGE_RENDER_FAILED
    assert client.render(document, 1, 36, want_text=False).page_no == 1
    client.close()


def test_child_that_died_while_idle_is_replaced_and_costs_no_page(child: DocumentChild, tmp_path) -> None:
    document = probed(child, written(tmp_path / "a.pdf", pdf([RED])))
    for ask in (lambda: child.render(document, 1, 72, want_text=False), lambda: child.probe(document.path)):
        assert child.pid is not None
        victim = psutil.Process(child.pid)
        victim.kill()
        while victim.is_running() and victim.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        ask()
        assert child.pid != victim.pid


def test_image_bomb_fails_with_a_reason_and_the_child_lives_on(child: DocumentChild, tmp_path) -> None:
    with pytest.raises(DocumentError) as caught:
        child.probe(written(tmp_path / "a.png", png_of_zeros(60_000, 60_000)))
    assert caught.value.kind is FailureKind.DOCUMENT_TOO_LARGE
    pid = child.pid
    child.probe(written(tmp_path / "b.pdf", pdf()))
    assert child.pid == pid


def test_close_leaves_no_process_and_can_be_called_again(child: DocumentChild, tmp_path) -> None:
    probed(child, written(tmp_path / "a.pdf", pdf()))
    pid = child.pid
    assert pid is not None
    child.close()
    child.close()
    assert gone(pid)
    assert child.pid is None
    assert child.rss_bytes() == 0
    with pytest.raises(Cancelled):
        child.probe(str(tmp_path / "a.pdf"))


@pytest.mark.parametrize("end", [DocumentChild.close, DocumentChild.kill])
def test_call_in_hand_ends_when_another_thread_closes(tmp_path, end) -> None:
    client = DocumentChild(Limits(render_timeout_s=50), "renderer of test")
    document = probed(client, written(tmp_path / "a.pdf", time_bomb()))
    pid = client.pid
    assert pid is not None
    outcome: list[BaseException] = []

    def call() -> None:
        try:
            client.render(document, 1, 200, want_text=False)
        except (Cancelled, DocumentError) as err:
            outcome.append(err)

    caller = threading.Thread(target=call)
    caller.start()
    while psutil.Process(pid).cpu_times().user < 0.6:
        time.sleep(0.05)
    end(client)
    caller.join(10)
    assert not caller.is_alive()
    assert isinstance(outcome[0], Cancelled)
    assert gone(pid)
    client.close()


@pytest.mark.skipif(sys.platform == "win32", reason="the parent is killed by a signal")
def test_child_leaves_when_its_parent_is_killed_even_during_a_page(tmp_path) -> None:
    import subprocess

    path = written(tmp_path / "a.pdf", time_bomb())
    script = (
        "import sys\n"
        "from batchocr.datatypes import DocumentRef, Limits\n"
        "from batchocr.documents.client import DocumentChild\n"
        "child = DocumentChild(Limits(render_timeout_s=50), 'renderer')\n"
        "p = child.probe(sys.argv[1])\n"
        "print(child.pid, flush=True)\n"
        "d = DocumentRef(sys.argv[1], 'a', p.sha256, p.identity, p.format, p.page_count)\n"
        "child.render(d, 1, 200, want_text=False)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        renderer = psutil.Process(int(parent.stdout.readline()))
        while renderer.cpu_times().user < 0.6:
            time.sleep(0.05)
        parent.kill()
        # Not ours to reap: gone, or a zombie until the system's first process takes it.
        deadline = time.monotonic() + 10
        while renderer.is_running() and renderer.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not renderer.is_running() or renderer.status() == psutil.STATUS_ZOMBIE


def test_what_a_child_says_goes_to_its_log(tmp_path) -> None:
    with (tmp_path / "log").open("wb") as log:
        client = DocumentChild(Limits(), "renderer of test", log)
        image = Image.new("L", (8, 8))
        path = tmp_path / "a.tif"
        image.save(path)
        data = bytearray(path.read_bytes())
        # A tag that claims more than there is: Pillow warns of it.
        tag = data.index(b"\x11\x01\x04\x00")
        data[tag + 4 : tag + 8] = b"\xff\xff\xff\x7f"
        with pytest.raises(DocumentError):
            client.render(probed(client, written(path, bytes(data))), 1, 36, want_text=False)
        client.close()
    assert b"UserWarning" in (tmp_path / "log").read_bytes()


@pytest.mark.corpus
@pytest.mark.skipif(not (CORPUS / "manifest.json").is_file(), reason="the corpus is not here (BATCHOCR_CORPUS)")
def test_bad_documents_of_the_corpus_end_as_expected(child: DocumentChild) -> None:
    outcomes = {}
    for path in sorted((CORPUS / "bad").iterdir()):
        try:
            document = probed(child, str(path))
            page = child.render(document, 1, 100, want_text=True)
            outcomes[path.name] = "scaled down" if page.warnings else "ok"
        except DocumentError as err:
            outcomes[path.name] = err.kind.value
    assert outcomes == {
        "empty.pdf": "document_unreadable",
        "encrypted.pdf": "document_encrypted",
        "hugemono.pdf": "scaled down",
        "invalid.pdf": "document_unreadable",
        "issue9105_other.pdf": "document_unreadable",
        "no_contents.pdf": "ok",
        "truncated_multi_page.pdf": "document_unreadable",
        "zero_pages.pdf": "document_unreadable",
    }
