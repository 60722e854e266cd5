"""One connection to the public port, on Waitress' own channel: the deadlines of its requests, and its end.

What is used of Waitress is listed in `tests/unit/test_waitress_surface.py`.
"""

import contextlib
import socket
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from webhookd.web import answers
from webhookd.web.request_parser import RequestParser


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client, or all of them together, may use."""

    connections: int = 1500
    threads: int = 32  # requests that are answered at the same time; most of them wait for one commit
    small_body: int = 64 * 1024  # bytes; a larger body waits in a file
    bodies: int = 64 * 1024**2  # bytes of all larger bodies; above, the request that began first is ended
    head: int = 16 * 1024  # bytes of a request line and its headers
    head_within: float = 10.0  # seconds
    request_within: float = 30.0  # seconds for head and body; forges give up after 10
    idle: int = 75  # seconds between two requests; longer than nginx keeps an unused connection
    idle_when_draining: float = 1.0  # seconds
    sweep: float = 1.0  # seconds between two checks of the deadlines
    linger: float = 3.0  # seconds for a sender to notice a response that came before its request was complete


class ResponseTask(WSGITask):
    """Writes the application's response; closes the connection behind it once the server drains."""

    def build_response_header(self) -> bytes:
        """Return status line and headers; an application may not say `Connection: close` itself."""
        if self.channel.server.site.draining:
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header


class Connection(HTTPChannel):
    """One connection."""

    task_class = ResponseTask

    # What Waitress sets, for the type checker.
    request: RequestParser | None
    requests: list[RequestParser]
    will_close: bool
    close_when_flushed: bool

    def __init__(self, server: Any, sock: socket.socket, addr: Any, *rest: Any, **more: Any) -> None:
        self.parser_class = partial(RequestParser, receiver=server.site.receiver, peer=addr[0])
        self._limits = server.site.limits
        self._has_unread = False
        self._lingers_until = 0.0
        super().__init__(server, sock, addr, *rest, **more)

    def service(self) -> None:
        """Answer the first request, in one of the threads."""
        self._has_unread = self.requests[0].error is not None
        super().service()

    # -- its end

    def handle_close(self) -> None:
        """Close; but where the sender is still sending, first read on for a while.

        With bytes left unread, the kernel would reset the connection, and the response would be lost.
        """
        if self._has_unread:
            self._has_unread = self.will_close = self.close_when_flushed = False
            self._lingers_until = time.monotonic() + self._limits.linger
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:  # the other end has gone
                super().handle_close()
        else:
            super().handle_close()

    def del_channel(self, map: Any = None) -> None:  # noqa: A002 - Waitress' name
        """Forget the connection; its unfinished body may be in a file."""
        super().del_channel(map)
        if self.request is not None:
            self.request.close()

    def readable(self) -> bool:
        """Whether the loop has to read."""
        return bool(self._lingers_until) or super().readable()

    def handle_read(self) -> None:
        """Read a part of a request, or what nobody will look at."""
        if self._lingers_until:
            self.recv(self._limits.small_body)
        else:
            super().handle_read()

    def check_deadline(self, now: float) -> None:
        """End a request that takes too long; Waitress itself closes what is idle."""
        if self.will_close or 0 < self._lingers_until < now:
            self.handle_close()  # Waitress itself waits until the other end takes what is left to send
        elif self.request is not None and not self._lingers_until:
            limits, has_head = self._limits, self.request.headers_finished
            if now > self.request.began + (limits.request_within if has_head else limits.head_within):
                self.end_request()

    def end_request(self) -> None:
        """Answer a request that is not complete yet: it took too long, or too much of the disk."""
        with self.requests_lock:
            if self.requests or self.request is None:
                return  # it waits for its turn
            request, self.request = self.request, None
            request.reject(answers.TOO_SLOW)
            self.requests.append(request)
            self.server.add_task(self)

    def close_if_idle(self) -> bool:
        """Close a connection on which nothing happens; return whether it is closed."""
        busy = self.requests or self.request or self.total_outbufs_len or self._lingers_until
        if busy or time.time() - self.last_activity < self._limits.idle_when_draining:
            return False
        with contextlib.suppress(OSError):
            if self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                return False  # a request lies in the kernel's buffer
        self.handle_close()
        return True
