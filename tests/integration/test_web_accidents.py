"""What the server does about accidents, its end and other sockets; real sockets and a real store."""

import contextlib
import os
import socket
import threading
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from factories import make_hook, make_secret
from frontdoor import HEALTH, LIMITS, SECRET, held, limits, make_front_door, push
from harness import wait_for
from rawhttp import Wire, wire
from structlog.typing import EventDict

from webhookd.models.settings import Listen
from webhookd.queue import Store

# -- accidents


def test_a_bug_in_judging_a_push_is_a_500_and_the_next_one_is_answered(
    store: Store, logged: list[EventDict]
) -> None:
    door = make_front_door(store, limits=LIMITS)
    right, impossible = door.config, replace(door.config, repositories=[None])  # type: ignore[arg-type]
    with door.serving():
        door.config = impossible
        with door.connect() as connection:
            reply = connection.send(push()).reply()
            assert (reply.status, reply.body) == (500, {"status": "error", "reason": "internal error"})
        door.config = right
        with door.connect() as connection:
            assert connection.send(push()).reply().status == 202
    assert ["AttributeError" in each["exception"] for each in logged if "exception" in each] == [True]


def test_a_bug_in_judging_a_head_ends_its_connection_alone(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    door = make_front_door(store, limits=LIMITS)
    right, impossible = door.config, replace(door.config, hooks=[None])  # type: ignore[arg-type]
    with door.serving():
        door.config = impossible
        with door.connect() as connection:
            assert connection.send(push(100_000)[:1000]).is_closed()
        door.config = right
        with door.connect() as connection:
            assert connection.send(push(100_000)).reply().status == 202
    assert "AttributeError" in caplog.text


def test_a_sender_that_goes_away_before_its_answer_has_pushed(store: Store) -> None:
    door = make_front_door(store, limits=LIMITS)
    with door.serving(), held(store) as go_on:
        with door.connect() as connection:
            connection.send(push())
            wait_for(lambda: any(each.requests for each in door.server.connections))
        go_on.set()
        wait_for(lambda: door.wakes, what="the worker to be woken")
    assert len(store.runs()) == 1


def test_a_sender_that_resets_its_connection_harms_nobody(store: Store, logged: list[EventDict]) -> None:
    door = make_front_door(store, limits=LIMITS)
    with door.serving():
        for sent in (b"", HEALTH[:10], push()[:-5], push(), push(100_000)):
            with door.connect() as connection:
                connection.send(sent)
                connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wait_for(lambda: not door.server.connections, what="the end of all connections")
        with door.connect() as connection:
            assert connection.send(HEALTH).reply().status == 200
    assert [entry for entry in logged if "exception" in entry] == []


# -- the end


def test_a_drain_answers_what_has_begun_and_then_closes(store: Store) -> None:
    door = make_front_door(store, limits=LIMITS)
    with door.serving(), held(store) as go_on, contextlib.ExitStack() as stack:
        idle, begun, waiting = (stack.enter_context(door.connect()) for _ in range(3))
        request = push()
        begun.send(request[:-10])
        waiting.send(push())
        assert idle.send(HEALTH).reply().headers.get("connection") is None
        wait_for(lambda: any(each.requests for each in door.server.connections))
        stopping = threading.Thread(target=door.stop)
        stopping.start()
        assert idle.is_closed()
        begun.send(request[-10:])
        go_on.set()
        for connection in (begun, waiting):
            reply = connection.reply()
            assert (reply.status, reply.headers["connection"]) == (202, "close")
            assert connection.is_closed()
        stopping.join()


def test_a_drain_takes_what_the_kernel_has_connected_already(store: Store) -> None:
    """Between the last look of the loop and the stop, a client may have connected and sent."""
    door = make_front_door(store, limits=limits(idle_when_draining=0.5))
    with contextlib.ExitStack() as stack, door.serving():
        with held(store):
            door._stopping.set()  # noqa: SLF001 - the loop is on its way out
            late = stack.enter_context(door.connect())
            late.send(push())
        door.stop()
        assert late.reply().status == 202


def test_a_wake_after_the_end_touches_no_descriptor(store: Store) -> None:
    """A second SIGTERM does that. The number of the closed descriptor may be that of any file by then."""
    door = make_front_door(store, limits=LIMITS)
    with door.serving():
        pass
    pipes = [os.pipe() for _ in range(20)]  # they have the numbers of all that was closed
    door.server.wake()
    for reading, writing in pipes:
        os.set_blocking(reading, False)
        with pytest.raises(BlockingIOError):
            os.read(reading, 1)
        os.close(reading)
        os.close(writing)


# -- other sockets


def test_a_unix_socket_is_this_machine(store: Store, tmp_path: Path) -> None:
    hook = make_hook(secrets=(make_secret(SECRET),), allow_from=(ip_network("127.0.0.1"),))
    door = make_front_door(store, limits=LIMITS, hook=hook)
    path = tmp_path / "http.sock"
    with door.serving(Listen(unix=path)), wire(0, unix=path) as connection:
        assert connection.send(push()).reply().status == 202


def test_all_listeners_are_served(store: Store, tmp_path: Path) -> None:
    door = make_front_door(store, limits=LIMITS)
    path = tmp_path / "http.sock"
    connection: Wire
    with door.serving(Listen(host="127.0.0.1"), Listen(unix=path), Listen(host="::1")):
        for opened in (door.connect(), wire(0, unix=path)):
            with opened as connection:
                assert connection.send(push()).reply().status == 202
