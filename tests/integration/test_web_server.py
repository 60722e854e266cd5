"""What the server does about time and numbers; real sockets, a real store, short limits."""

import contextlib
from collections.abc import Iterable
from typing import Any

import pytest
from frontdoor import HEALTH, LIMITS, SHORT, held, limits, make_front_door, push
from harness import wait_for
from rawhttp import head

from webhookd.queue import Store

# -- time


@pytest.mark.parametrize(
    ("limit", "sent"),
    [
        ("head_within", HEALTH[:20]),
        ("head_within", push().partition(b"\r\n\r\n")[0]),
        ("request_within", push()[:-5]),
    ],
    ids=["half a line", "all of the head but its end", "body"],
)
def test_a_request_that_takes_too_long_is_told_so(store: Store, limit: str, sent: bytes) -> None:
    door = make_front_door(store, limits=limits(**{limit: SHORT}))
    with door.serving(), door.connect() as connection:
        reply = connection.send(sent).reply()
        assert (reply.status, reply.body["reason"]) == (408, "request took too long")
        assert connection.is_closed()


def test_bytes_that_trickle_in_do_not_move_the_deadline(store: Store) -> None:
    door = make_front_door(store, limits=limits(head_within=SHORT))
    with door.serving(), door.connect() as connection:
        connection.sock.settimeout(0.01)
        answer = b""
        for byte in head("GET", "/healthz", x_padding="x" * 3000):
            connection.send(bytes([byte]))
            with contextlib.suppress(TimeoutError):
                answer = connection.sock.recv(1000)
                break
        assert answer.startswith((b"HTTP/1.0 408 ", b"HTTP/1.1 408 "))


@pytest.mark.parametrize("first", [b"", HEALTH], ids=["from the start", "after a request"])
def test_a_connection_that_is_not_used_is_closed(store: Store, first: bytes) -> None:
    door = make_front_door(store, limits=limits(idle=1))
    with door.serving(), door.connect() as connection:
        if first:
            assert connection.send(first).reply().status == 200
        assert connection.is_closed()


def large_answer(_environ: object, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "8000000")])
    return [b"x" * 8_000_000]


def test_a_reader_that_takes_its_answer_gets_it_whole(store: Store) -> None:
    door = make_front_door(store, limits=LIMITS, application=large_answer)
    with door.serving(), door.connect() as connection:
        assert len(connection.send(HEALTH).reply().text) == 8_000_000


def test_a_reader_that_does_not_is_closed(store: Store) -> None:
    door = make_front_door(store, limits=limits(idle=1), application=large_answer)
    with door.serving(), door.connect() as connection:
        connection.send(HEALTH)
        wait_for(lambda: door.server.connections, what="the connection")
        wait_for(lambda: not door.server.connections, what="its end")


def test_the_loop_goes_on_while_the_store_hangs(store: Store) -> None:
    door = make_front_door(store, limits=LIMITS)
    with door.serving(), held(store) as go_on, contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(door.connect()).send(push()) for _ in range(30)]
        with door.connect() as other:
            assert other.send(push(secret="wrong")).reply().status == 401
        go_on.set()
        assert [connection.reply().status for connection in waiting] == [202] * 30
    assert len(door.wakes) == 30


def test_a_store_that_takes_nothing_more_is_unavailable(store: Store) -> None:
    door = make_front_door(store, limits=LIMITS)
    with door.serving(), door.connect() as connection:
        store.close()
        reply = connection.send(push()).reply()
        assert (reply.status, reply.headers["retry-after"]) == (503, "30")


# -- numbers


def test_a_new_connection_takes_the_place_of_the_one_that_was_quiet_the_longest(store: Store) -> None:
    door = make_front_door(store, limits=limits(connections=5))
    with door.serving(), contextlib.ExitStack() as stack:
        quiet = [stack.enter_context(door.connect()) for _ in range(5)]
        wait_for(lambda: len(door.server.connections) == 5)
        used = head("GET", "/github-webhook")
        assert quiet[0].send(used).reply().status == 405  # the second is the quietest now
        with door.connect() as connection:
            assert connection.send(push()).reply().status == 202
            assert quiet[1].is_closed()
        assert quiet[0].send(used).reply().status == 405


def test_connections_without_a_head_make_room_before_an_older_one_in_its_body(store: Store) -> None:
    door = make_front_door(store, limits=limits(connections=5))
    with door.serving(), door.connect() as sender, contextlib.ExitStack() as stack:
        request = push(100_000)
        sender.send(request[:-10])
        wait_for(lambda: any(each.request and each.request.body_size for each in door.server.connections))
        bare = [stack.enter_context(door.connect()) for _ in range(20)]
        wait_for(bare[0].is_closed, what="room made for the last of them")
        assert sender.send(request[-10:]).reply().status == 202


def test_no_new_connection_takes_the_place_of_one_that_waits_for_its_answer(store: Store) -> None:
    door = make_front_door(store, limits=limits(connections=2))
    with door.serving(), held(store) as go_on, door.connect() as first:
        first.send(push())
        wait_for(lambda: any(each.requests for each in door.server.connections))
        for _ in range(5):
            with door.connect() as other:
                assert other.send(HEALTH).reply().status == 200
        go_on.set()
        assert first.reply().status == 202


def test_a_large_push_is_a_push(store: Store) -> None:
    door = make_front_door(store, limits=LIMITS)
    with door.serving(), door.connect() as connection:
        for size in (60_000, 70_000, 3_000_000):
            assert connection.send(push(size)).reply().status == 202
    assert len(store.runs()) == 3


def test_all_large_bodies_together_take_no_more_room_than_they_may(store: Store) -> None:
    door = make_front_door(store, limits=limits(bodies=550_000), config={"max_body": 250_000})
    with door.serving(), held(store) as go_on, contextlib.ExitStack() as stack:
        senders = [stack.enter_context(door.connect()) for _ in range(4)]
        requests = [push(200_000 + number) for number in range(3)]
        senders[0].send(requests[0])  # complete, and waiting for the store
        wait_for(lambda: any(each.requests for each in door.server.connections), what="a complete body")
        for sender, request in zip(senders[1:3], requests[1:], strict=True):
            sender.send(request[:-10])
        senders[3].send(push(100_000))
        assert senders[1].reply().status == 408  # of those that are not complete, it began first
        go_on.set()
        senders[2].send(requests[2][-10:])
        assert [senders[at].reply().status for at in (0, 2, 3)] == [202] * 3


def test_a_push_comes_in_where_complete_bodies_take_all_the_room(store: Store) -> None:
    door = make_front_door(store, limits=limits(bodies=300_000), config={"max_body": 150_000})
    with door.serving(), held(store) as go_on, contextlib.ExitStack() as stack:
        senders = [stack.enter_context(door.connect()) for _ in range(4)]
        for number, sender in enumerate(senders[:3]):
            sender.send(push(100_000 + number))
        wait_for(lambda: sum(bool(each.requests) for each in door.server.connections) == 3)
        last = push(140_000)
        senders[3].send(last[:-10])
        with door.connect() as other:  # the loop has turned
            assert other.send(push(secret="wrong")).reply().status == 401
        senders[3].send(last[-10:])
        go_on.set()
        assert [sender.reply().status for sender in senders] == [202] * 4


def test_the_health_check_takes_no_body(store: Store) -> None:
    door = make_front_door(store, limits=LIMITS)
    with door.serving(), door.connect() as connection:
        assert connection.send(head("GET", "/healthz", content_length="100000")).reply().status == 413


def test_of_many_requests_that_come_at_once_one_is_taken_at_a_time(store: Store) -> None:
    door = make_front_door(store, limits=LIMITS)
    with door.serving(), door.connect() as connection, door.connect() as other:
        connection.send(head("GET", "/x") * 2000)
        assert other.send(push()).reply().status == 202
        assert {connection.reply().status for _ in range(2000)} == {404}
        assert connection.send(HEALTH).reply().status == 200
    (kind,) = door.receiver.rejections.counts
    assert door.receiver.rejections.counts[kind] == 2000


def test_a_client_that_asks_first_and_then_sends_nothing_is_answered(store: Store) -> None:
    door = make_front_door(store, limits=LIMITS)
    with door.serving(), door.connect() as connection:
        request = head("GET", "/healthz", expect="100-continue", content_length="0")
        assert connection.send(request).reply().status == 200
