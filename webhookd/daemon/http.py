"""The HTTP server: Waitress' connections in a loop of our own, with every limit that the port needs.

One thread reads, judges and answers; deliveries go to the store without a thread that waits for the disk. A
few more threads take what would hold the others up: large bodies, and requests that Flask answers.
"""

import logging
import resource
import socket
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import structlog
from waitress.adjustments import Adjustments

from webhookd.daemon.accepting import Acceptor
from webhookd.daemon.channel import Channel
from webhookd.daemon.limits import Limits
from webhookd.daemon.loop import Loop
from webhookd.daemon.parser import FrontDoor, Parser
from webhookd.web import answers
from webhookd.web.answers import Answer
from webhookd.web.hooks import Pending

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

_OTHER_DESCRIPTORS = 500  # database, logs, locks, bodies in files


class HttpServer:
    """Serves the hooks, and one WSGI application beside them, on sockets that stay the caller's."""

    effective_port, server_name = 80, "webhookd"  # for a request without Host; Waitress asks for them

    def __init__(
        self,
        application: Any,
        sockets: Sequence[socket.socket],
        *,
        door: FrontDoor,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        logging.getLogger("waitress").setLevel(logging.ERROR)  # below that it tells of clients, not of us
        self.limits = limits
        self.adj = _adjustments(limits)
        self.application = application
        self.door = door
        self.draining = False
        self.loop = Loop()
        self.active_channels: OrderedDict[int, Channel] = OrderedDict()  # last answered last
        self._pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="http")
        self._most = _most_connections(limits.connections)
        self._acceptors = [
            Acceptor(sock, self.loop, connected=self._connected, make_room=self._make_room)
            for sock in sockets
        ]
        self._swept_at = 0.0

    def turn(self, seconds: float) -> None:
        """Do what there is to do on the network, or sleep for *seconds* or until `wake`."""
        self.loop.turn(min(seconds, self.limits.sweep))
        now = time.monotonic()
        if now - self._swept_at >= self.limits.sweep:
            self._swept_at = now
            self._sweep(now)

    def wake(self) -> None:
        """End the sleep of `turn`; may be called from a signal handler."""
        self.loop.wake()

    def drain(self, *, seconds: float) -> None:
        """Take no new connection, answer what has come in, then close; at the latest after *seconds*."""
        deadline = time.monotonic() + seconds
        for acceptor in self._acceptors:
            acceptor.stop()
        self.draining = True
        while self._close_idle() and time.monotonic() < deadline:
            self.turn(0.05)
        for channel in list(self.active_channels.values()):
            channel.handle_close()
        self._pool.shutdown()
        self.loop.close()

    # -- connections

    def _connected(self, sock: socket.socket, address: tuple[str, int]) -> None:
        """Take a new connection, in the place of the least useful one when there are too many."""
        if len(self.active_channels) >= self._most:
            self._make_room()
        Channel(self, sock, address)

    def _make_room(self) -> None:
        for channel in self.active_channels.values():
            if not channel.requests:  # of those without a whole request, the one that was quiet the longest
                channel.handle_close()
                return

    def _sweep(self, now: float) -> None:
        for channel in list(self.active_channels.values()):
            channel.hurry(now)
            if channel.pending is not None and now > channel.since_pending + self.limits.stored_within:
                self._answer(channel, channel.requests[0], channel.pending.give_up)
        self._limit_bodies()
        self.door.flush()

    def _limit_bodies(self) -> None:
        """End the large requests that began first, when the unfinished ones take too much of the disk."""
        coming = [
            (channel.request.began, channel, channel.request)
            for channel in self.active_channels.values()
            if channel.request is not None and channel.request.body_length > self.limits.small_body
        ]
        too_much = sum(request.body_length for _, _, request in coming) - self.limits.bodies
        for _, channel, request in sorted(coming, key=lambda each: each[0]):
            if too_much > 0:
                too_much -= request.body_length
                channel.end_slow(request)

    def _close_idle(self) -> bool:
        """Close connections on which nothing happens; tell whether others are left."""
        now = time.monotonic()
        closed = [channel.close_if_idle(now) for channel in list(self.active_channels.values())]
        return not all(closed)

    # -- requests

    def add_task(self, channel: Channel) -> None:
        """See to the first of *channel*'s requests, which is whole."""
        self.loop.call_soon(partial(self._see_to, channel))

    def pull_trigger(self) -> None:
        """Send what a thread has left to be sent."""
        if not self.loop.is_here:
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        for channel in list(self.active_channels.values()):
            channel.flush()

    def _see_to(self, channel: Channel) -> None:
        request = channel.requests[0]
        if request.error is not None or request.answer is not None:
            channel.serve()
        elif not self.door.is_hook(request.head.path):
            self._pool.submit(self._ask_application, channel)
        elif request.body_length <= self.limits.small_body:
            self._receive(channel, request)
        else:
            self._pool.submit(self._receive, channel, request)

    def _ask_application(self, channel: Channel) -> None:
        channel.service()
        self.loop.call_soon(channel.deliver)

    def _receive(self, channel: Channel, request: Parser) -> None:
        answered = _or_broken(lambda: self.door.receive(request.head, request.take_body()))
        if isinstance(answered, Pending):
            self._await(channel, request, answered)
        else:
            self.loop.call_soon(partial(self._answer, channel, request, lambda: answered))

    def _await(self, channel: Channel, request: Parser, pending: Pending) -> None:
        channel.since_pending = time.monotonic()
        channel.pending = pending
        answer = partial(self._answer, channel, request, pending.answer)
        pending.promise.add_done_callback(lambda _: self.loop.call_soon(answer))

    def _answer(self, channel: Channel, request: Parser, make: Callable[[], Answer]) -> None:
        """Answer, unless that was given up before."""
        if request.answer is None:
            channel.pending = None
            request.answer = _or_broken(make)
            channel.serve()


def _or_broken(make: Callable[[], Result]) -> Result | Answer:
    """Give what *make* gives; a bug of ours is logged, and answered without a word about it."""
    try:
        return make()
    except Exception:
        log.exception("request failed")
        return answers.BROKEN


def _most_connections(wished: int) -> int:
    """Give how many connections there may be, after asking for as many descriptors as that needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = wished + _OTHER_DESCRIPTORS
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(min(wished, soft - _OTHER_DESCRIPTORS), min(wished, soft // 2))


def _adjustments(limits: Limits) -> Adjustments:
    adjustments = Adjustments(
        recv_bytes=limits.small_body,
        inbuf_overflow=limits.small_body,  # what is larger waits in a file without a name
        outbuf_overflow=sys.maxsize,  # answers are ours, and small
        max_request_header_size=limits.head,
        max_request_body_size=sys.maxsize,  # the door knows the limit, which a reload may change
        log_socket_errors=False,
        ident=None,
        clear_untrusted_proxy_headers=False,  # `web.address` decides whom to believe
    )
    # Header and body shall leave in one packet. As an argument it is deprecated.
    adjustments.send_bytes = limits.small_body
    return adjustments
