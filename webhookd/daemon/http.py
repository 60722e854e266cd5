"""Waitress, driven by our own loop: several listeners, poll instead of select, no request lost at a stop."""

import logging
import select
import socket
import time
import warnings
from collections.abc import Sequence
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer, UnixWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask

log = logging.getLogger(__name__)

_THREADS = 32  # most of them wait for the disk; the group commit takes as many deliveries in one go
_CONNECTIONS = 1000
_IDLE = 1.0  # seconds without a request after which a connection is closed while draining


class _ClosingHeader:
    """Says `Connection: close` in every answer once the server drains; an application may not (PEP 3333)."""

    def build_response_header(self) -> bytes:
        task: Any = self
        if task.channel.server.draining:
            task.set_close_on_finish()
        return super().build_response_header()  # type: ignore[misc,no-any-return]


class _Task(_ClosingHeader, WSGITask):
    pass


class _ErrorTask(_ClosingHeader, ErrorTask):
    pass


class _Channel(HTTPChannel):
    task_class = _Task
    error_task_class = _ErrorTask


class _Tcp(TcpWSGIServer):
    channel_class = _Channel
    draining = False


class _Unix(UnixWSGIServer):
    channel_class = _Channel
    draining = False


class HttpServer:
    """Serves one WSGI application on listening sockets that stay the caller's."""

    def __init__(self, application: Any, sockets: Sequence[socket.socket], *, max_body: int) -> None:
        logging.getLogger("waitress.queue").setLevel(logging.CRITICAL)  # a line for every request under load
        self._map: dict[int, Any] = {}
        self._dispatcher = ThreadedTaskDispatcher()
        self._dispatcher.set_thread_count(_THREADS)
        adjustments = _adjustments(max_body)
        # Any: the published stubs know neither `draining` nor the true type of `active_channels`.
        self._servers: list[Any] = [self._serve(application, sock, adjustments) for sock in sockets]

    def turn(self, seconds: float) -> None:
        """Do what there is to do on the network, or sleep for *seconds* or until `wake`."""
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)

    def wake(self) -> None:
        """End the sleep of `turn`; may be called from a signal handler."""
        self._servers[0].pull_trigger()

    def drain(self, *, seconds: float) -> None:
        """Take no new connection, answer what has come in, then close; at the latest after *seconds*."""
        deadline = time.monotonic() + seconds
        for server in self._servers:
            _accept_pending(server)  # what the kernel has completed already is ours to answer
            server.draining = True
            server.accepting = False
        while self._close_idle() and time.monotonic() < deadline:
            self.turn(0.05)
        self._dispatcher.shutdown(timeout=1)
        for server in self._servers:
            server.trigger.close()
        for channel in list(self._channels()):
            channel.handle_close()

    def _close_idle(self) -> bool:
        """Close connections on which nothing happens; tell whether others are left."""
        now = time.time()
        left = False
        for channel in list(self._channels()):
            busy = channel.requests or channel.request is not None or channel.total_outbufs_len
            if busy or now - channel.last_activity < _IDLE or _has_unread(channel.socket):
                left = True
            else:
                channel.handle_close()
        return left

    def _channels(self) -> list[Any]:
        return [channel for server in self._servers for channel in server.active_channels.values()]

    def _serve(self, application: Any, sock: socket.socket, adjustments: Adjustments) -> Any:
        kind = _Unix if sock.family == socket.AF_UNIX else _Tcp
        # The server gets a descriptor of its own: it closes its socket whenever it stops.
        return kind(
            application,
            map=self._map,
            _sock=sock.dup(),
            dispatcher=self._dispatcher,
            adj=adjustments,
            sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
            bind_socket=False,
        )


def _accept_pending(server: Any) -> None:
    poll = select.poll()
    poll.register(server.socket, select.POLLIN)
    while poll.poll(0):
        server.handle_accept()


def _has_unread(sock: socket.socket) -> bool:
    """Tell whether a request lies in the kernel's buffer, unlike on an idle keep-alive connection."""
    try:
        return bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False


def _adjustments(max_body: int) -> Adjustments:
    with warnings.catch_warnings():
        # Deprecated, but without it the loop spins while a thread writes its answer.
        warnings.filterwarnings("ignore", message=".*send_bytes", category=DeprecationWarning)
        return Adjustments(
            threads=_THREADS,
            asyncore_use_poll=True,
            connection_limit=_CONNECTIONS,
            channel_timeout=30,
            cleanup_interval=5,
            max_request_body_size=max_body + 1,  # Waitress refuses this size itself, not only what is above
            max_request_header_size=16384,
            send_bytes=65536,
            ident=None,
            # `web.address` decides whom to believe; nothing else of the proxies' headers is used.
            clear_untrusted_proxy_headers=False,
        )
