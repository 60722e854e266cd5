"""Waitress as the public server, with what it lacks on an open port.

Waitress reads requests, runs the application in its threads and writes the responses. Added here: the loop
around its poll (wake-up, drain without a lost request), room for new connections, and a cap on the bytes of
waiting bodies; a connection has its deadlines in `connection`. What is used of Waitress is listed in
`tests/unit/test_waitress_surface.py`.
"""

import heapq
import itertools
import logging
import resource
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import BaseWSGIServer, TcpWSGIServer, UnixWSGIServer
from waitress.task import ThreadedTaskDispatcher

from webhookd.web.connection import Connection, Limits
from webhookd.web.receiver import Receiver

DEFAULTS = Limits()
_OTHER_DESCRIPTORS = 500  # database, logs, locks, bodies in files


class _Listener(BaseWSGIServer):
    """A listening socket that takes many connections in one turn."""

    channel_class = Connection
    site: "Server"

    def handle_accept(self) -> None:
        """Accept the connections that wait, after making room for them."""
        for _ in range(self.site.make_room()):
            before = len(self._map)
            super().handle_accept()
            if len(self._map) == before:
                return

    def accept(self) -> Any:
        """Take one connection; where no descriptor is left, make room for the next one."""
        try:
            return super().accept()
        except OSError:
            self.site.make_room(at_least=1)
            raise


class _TcpListener(_Listener, TcpWSGIServer):
    pass


class _UnixListener(_Listener, UnixWSGIServer):
    pass


class Server:
    """Serves one WSGI application on sockets that stay the caller's."""

    def __init__(
        self,
        application: Any,
        sockets: Sequence[socket.socket],
        *,
        receiver: Receiver,
        limits: Limits = DEFAULTS,
    ) -> None:
        logging.getLogger("waitress").setLevel(logging.ERROR)  # below that it reports what clients do
        self.receiver = receiver
        self.limits = limits
        self.draining = False
        self._is_closed = False
        self._map: dict[int, Any] = {}
        self._dispatcher = ThreadedTaskDispatcher()
        self._dispatcher.set_thread_count(limits.threads)
        self._most = _most_connections(limits.connections)
        self._batch = max(1, min(64, self._most // 20))
        self._swept_at = 0.0
        self._listeners = [self._listen(sock, application, _adjustments(limits)) for sock in sockets]

    def turn(self, seconds: float) -> None:
        """Do what is due on the network; wait for it up to *seconds*, or until `wake`."""
        wasyncore.loop(timeout=min(seconds, self.limits.sweep), use_poll=True, map=self._map, count=1)
        now = time.monotonic()
        self._limit_bodies()
        if now - self._swept_at >= self.limits.sweep:
            self._swept_at = now
            for connection in self.connections:
                connection.check_deadline(now)

    def wake(self) -> None:
        """End the wait of `turn`; may be called from a signal handler and from any thread."""
        if not self._is_closed:  # a second signal may come after the end, when the descriptor has a new owner
            self._listeners[0].pull_trigger()

    def drain(self, *, seconds: float) -> None:
        """Take no new connection, answer what has come in, then close; at the latest after *seconds*."""
        deadline = time.monotonic() + seconds
        for listener in self._listeners:
            listener.handle_accept()  # the kernel has completed these connections: they are ours to answer
            listener.accepting = False
        self.draining = True
        while time.monotonic() < deadline:
            if all([connection.close_if_idle() for connection in self.connections]):  # noqa: C419 - close all
                break
            self.turn(0.05)
        self._dispatcher.shutdown()
        self._is_closed = True
        wasyncore.close_all(self._map)

    @property
    def connections(self) -> list[Connection]:
        """All open connections."""
        return list(itertools.chain.from_iterable(each.active_channels.values() for each in self._listeners))

    def make_room(self, *, at_least: int = 0) -> int:
        """Return how many connections may come now, after closing the least useful ones for them.

        Those without a head go first, then the quietest.
        """
        remaining = [connection for connection in self.connections if not connection.will_close]
        excess = max(len(remaining) + self._batch - self._most, at_least)
        if excess > 0:
            idle = (each for each in remaining if not each.requests and not each.total_outbufs_len)
            for connection in heapq.nsmallest(excess, idle, key=_usefulness):
                # The next turn closes it. Closed now, its descriptor could be that of a new connection at
                # once, which would then get the events that the poll has reported for the old one.
                connection.will_close = True
        return self._batch

    def _limit_bodies(self) -> None:
        """End the oldest incomplete requests with large bodies, while all of these take too much of the disk.

        The newest one is spared, so that a push comes in where only complete bodies take the room.
        """
        open_requests = (
            (request, connection)
            for connection in self.connections
            for request in (connection.request, *connection.requests)
            if request is not None and request.body_size > self.limits.small_body
        )
        large = sorted(open_requests, key=lambda each: each[0].began)
        most = max(self.limits.bodies, 2 * self.receiver.max_body)
        too_much = sum(request.body_size for request, _ in large) - most
        for request, connection in [each for each in large if not each[0].completed][:-1]:
            if too_much > 0:
                too_much -= request.body_size
                connection.end_request()

    def _listen(self, sock: socket.socket, application: Any, adjustments: Adjustments) -> _Listener:
        of_family = _UnixListener if sock.family == socket.AF_UNIX else _TcpListener
        listener = of_family(
            application,
            self._map,
            _sock=sock,
            dispatcher=self._dispatcher,
            adj=adjustments,
            sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
            bind_socket=False,
        )
        listener.site = self
        return listener


def _usefulness(connection: Connection) -> tuple[bool, float]:
    return connection.request is not None and connection.request.headers_finished, connection.last_activity


def _most_connections(wanted: int) -> int:
    """Return how many connections there may be, after asking for as many descriptors as that needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHER_DESCRIPTORS
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(min(wanted, soft - _OTHER_DESCRIPTORS), min(wanted, soft // 2))


def _adjustments(limits: Limits) -> Adjustments:
    adjustments = Adjustments(
        recv_bytes=16 * 1024,
        inbuf_overflow=limits.small_body,
        max_request_header_size=limits.head,
        max_request_body_size=sys.maxsize,  # the receiver knows the limit, which a reload may change
        connection_limit=sys.maxsize,  # instead of not accepting, room is made
        channel_timeout=limits.idle,
        cleanup_interval=1,
        log_socket_errors=False,
        ident=None,
        clear_untrusted_proxy_headers=False,  # `web.clients` decides whom to believe
    )
    # Headers and body leave in one packet, and the loop does not spin while a thread writes. The argument is
    # deprecated, the attribute is not.
    adjustments.send_bytes = limits.small_body
    return adjustments
