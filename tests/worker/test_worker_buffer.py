from __future__ import annotations

import threading

import pytest

from batchocr.worker.buffer import ByteBuffer


def put_on_thread(buffer: ByteBuffer[str], item: str, size_bytes: int) -> tuple[threading.Thread, threading.Event]:
    done = threading.Event()

    def put() -> None:
        buffer.put(item, size_bytes)
        done.set()

    thread = threading.Thread(target=put, daemon=True)
    thread.start()
    return thread, done


def test_items_come_out_in_order() -> None:
    buffer: ByteBuffer[int] = ByteBuffer(10)
    for item in range(5):
        buffer.put(item, 2)
    assert [buffer.get() for _ in range(5)] == [0, 1, 2, 3, 4]


def test_put_waits_while_there_is_no_room() -> None:
    buffer: ByteBuffer[str] = ByteBuffer(10)
    buffer.put("first", 8)
    thread, done = put_on_thread(buffer, "second", 3)
    assert not done.wait(0.2)
    assert buffer.get() == "first"
    thread.join(10)
    assert buffer.get() == "second"


def test_item_larger_than_the_limit_passes_alone() -> None:
    buffer: ByteBuffer[str] = ByteBuffer(10)
    buffer.put("huge", 1000)
    thread, done = put_on_thread(buffer, "tiny", 1)
    assert not done.wait(0.2)
    assert buffer.get() == "huge"
    thread.join(10)
    assert buffer.get() == "tiny"


@pytest.mark.parametrize("items", [1, 100])
def test_marks_without_a_size_take_no_room_beside_each_other(items: int) -> None:
    buffer: ByteBuffer[int] = ByteBuffer(1)
    for item in range(items):
        buffer.put(item)
    assert [buffer.get() for _ in range(items)] == list(range(items))


def test_mark_passes_while_a_full_buffer_waits() -> None:
    buffer: ByteBuffer[str] = ByteBuffer(10)
    buffer.put("page", 10)
    buffer.put("end")
    assert [buffer.get(), buffer.get()] == ["page", "end"]


def test_get_waits_for_an_item() -> None:
    buffer: ByteBuffer[str] = ByteBuffer(10)
    got: list[str] = []
    thread = threading.Thread(target=lambda: got.append(buffer.get()), daemon=True)
    thread.start()
    buffer.put("late", 1)
    thread.join(10)
    assert got == ["late"]
