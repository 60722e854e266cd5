"""The loop that everything on the port goes through."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.typing import EventDict

from webhookd.daemon.loop import READ, Loop

FOR_EVER = 60.0  # seconds; only a lost wake-up ever lasts that long


def raise_something() -> None:
    raise KeyError("something")


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            loop.turn(FOR_EVER)

    thread = threading.Thread(target=run)
    thread.start()
    yield loop
    stopping.set()
    loop.call_soon(lambda: None)
    thread.join()
    loop.close()


def test_no_call_of_another_thread_is_overslept(loop: Loop) -> None:
    def ask_and_wait(_thread: int) -> int:
        for number in range(3000):
            done = threading.Event()
            loop.call_soon(done.set)
            if not done.wait(FOR_EVER / 2):
                return number
        return 3000

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask_and_wait, range(4))) == [3000] * 4


def test_calls_are_done_in_the_order_in_which_they_were_asked_for(loop: Loop) -> None:
    done: list[int] = []
    last = threading.Event()
    for number in range(1000):
        loop.call_soon(lambda number=number: done.append(number))  # type: ignore[misc]
    loop.call_soon(last.set)
    assert last.wait(FOR_EVER / 2)
    assert done == list(range(1000))


def test_a_call_that_a_call_asks_for_is_done_without_waiting(loop: Loop) -> None:
    done = threading.Event()
    loop.call_soon(lambda: loop.call_soon(done.set))
    assert done.wait(FOR_EVER / 2)


def test_a_call_that_raises_is_logged_and_the_next_one_is_done(loop: Loop, logged: list[EventDict]) -> None:
    done = threading.Event()
    loop.call_soon(raise_something)
    loop.call_soon(done.set)
    assert done.wait(FOR_EVER / 2)
    assert "KeyError" in logged[0]["exception"]


def test_who_watches_hears_until_it_forgets(loop: Loop) -> None:
    heard = threading.Event()
    reading, writing = os.pipe()

    def hear(_events: int) -> None:
        os.read(reading, 1)
        heard.set()

    loop.call_soon(lambda: loop.watch(reading, hear, READ))
    for _ in range(2):
        os.write(writing, b"x")
        assert heard.wait(FOR_EVER / 2)
        heard.clear()
    forgotten = threading.Event()
    loop.call_soon(lambda: loop.forget(reading))
    loop.call_soon(forgotten.set)
    assert forgotten.wait(FOR_EVER / 2)
    os.write(writing, b"x")
    again = threading.Event()
    loop.call_soon(again.set)
    assert again.wait(FOR_EVER / 2)
    assert not heard.is_set()
    os.close(reading)
    os.close(writing)
