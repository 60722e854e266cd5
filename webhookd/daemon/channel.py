"""One connection: Waitress' channel, moved by our loop, with answers that need no thread."""

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from socket import MSG_DONTWAIT, MSG_PEEK, SHUT_WR
from socket import socket as Socket  # noqa: N812 - a channel has an attribute of that name
from typing import Any, Protocol

import structlog
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel

from webhookd.daemon.answering import AnswerTask, RefusalTask
from webhookd.daemon.limits import Limits
from webhookd.daemon.loop import BROKEN, READ, WRITE, Loop
from webhookd.daemon.parser import FrontDoor, Parser
from webhookd.web import answers
from webhookd.web.hooks import Pending

log = structlog.get_logger(__name__)

_MOST_DISCARDED = 65536  # bytes at a time


class Site(Protocol):
    """What a channel needs of the server that accepted it; the names are Waitress'."""

    adj: Adjustments
    application: Any
    active_channels: OrderedDict[int, "Channel"]
    draining: bool
    effective_port: int
    server_name: str
    door: FrontDoor
    limits: Limits
    loop: Loop

    def add_task(self, channel: "Channel") -> None:
        """See to the first of *channel*'s requests."""

    def pull_trigger(self) -> None:
        """Look for output that waits."""


class Channel(HTTPChannel):
    """One connection. All but `service` happens in the loop's thread."""

    task_class = AnswerTask
    error_task_class = RefusalTask

    # What Waitress has and its published types do not know, or know otherwise.
    socket: Socket
    requests: list[Parser]
    request: Parser | None
    _fileno: int | None
    _flush_some: Callable[[], bool]
    _flush_exception: Callable[[Callable[[], bool]], object]

    def __init__(self, site: Site, sock: Socket, address: tuple[str, int]) -> None:
        self.since = time.monotonic()  # it was opened, or last answered
        self.lingers_until = 0.0
        self._site = site
        self.pending: Pending | None = None  # its first request waits for the disk …
        self.since_pending = 0.0  # … since then
        self._answered = False
        self._rest = b""  # what has come behind a request that is being answered
        self._unread = False
        self._watched = 0
        self._begin = partial(Parser, door=site.door, peer=address[0])
        self.parser_class = self._begin  # type: ignore[assignment] # Waitress only calls it
        super().__init__(site, sock, address, site.adj)  # type: ignore[arg-type]

    # -- moved by the loop

    def add_channel(self, map: Any = None) -> None:  # noqa: A002, ARG002 - Waitress' name
        """Begin to listen to the connection."""
        descriptor = self.socket.fileno()
        self._watched = READ
        self._site.active_channels[descriptor] = self
        self._site.loop.watch(descriptor, self._handle, READ)

    def del_channel(self, map: Any = None) -> None:  # noqa: A002, ARG002 - Waitress' name
        """Forget the connection, which is about to be closed."""
        if self._fileno is not None:
            self._site.loop.forget(self._fileno)
            self._site.active_channels.pop(self._fileno, None)
            self._fileno = None
        if self.request is not None:
            self.request.close()  # its body may be in a file

    def service(self) -> None:
        """Answer the first request, in whatever thread; `deliver` has to follow in the loop's."""
        self._unread = self.requests[0].error is not None
        super().service()
        self._answered = True
        self.since = time.monotonic()

    def serve(self) -> None:
        """Answer the first request, whose answer is there."""
        self.service()
        self.deliver()

    def deliver(self) -> None:
        """Send what `service` has answered, and go on with what has come behind it."""
        if self._fileno is not None:
            self._site.active_channels.move_to_end(self._fileno)
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the other end takes it."""
        if self.connected and self.writable():
            self.handle_write()
        self._go_on()
        self._watch()

    def received(self, data: bytes) -> bool:
        """Take *data*, but no more than one request: whoever sends a thousand at once waits like others."""
        left, self._rest = self._rest + data, b""
        if self.will_close or self.close_when_flushed:
            return False
        while left and not self.requests:
            left = left[self._take(left) :]
        self._rest = left
        return True

    def _take(self, data: bytes) -> int:
        request = self.request = self.request or self._begin(self.adj)
        taken = request.received(data)
        if request.completed:
            self.request = None
            self.sent_continue = False
            if not request.empty:
                self.requests.append(request)
                self._site.add_task(self)
        elif request.expect_continue and not self.sent_continue:
            self.send_continue()
        return taken

    def _go_on(self) -> None:
        if self._rest and self.connected and self.readable():
            self.received(b"")

    def _handle(self, events: int) -> None:
        try:
            self._handle_events(events)
        except Exception:
            log.exception("connection failed")  # a bug of ours; without an end it would come again at once
            self.handle_close()

    def _handle_events(self, events: int) -> None:
        self._go_on()  # before an end is read: what came ahead of it is to be answered
        if events & READ and self.readable():
            self._read()
        elif events & BROKEN:
            self.handle_close()
        if events & WRITE and self.connected:
            self.handle_write()
            self._go_on()
        self._watch(heard=events)

    def _watch(self, *, heard: int = 0) -> None:
        """Tell the loop what to listen for.

        While a request is answered nothing more is read. Listening goes on until something comes all the
        same, which mostly spares two calls of the system.
        """
        if self._fileno is None:
            return
        wanted = WRITE if self.writable() else 0
        if self.readable():
            wanted |= READ
        elif not heard & READ:
            wanted |= self._watched & READ
        if wanted != self._watched:
            self._watched = wanted
            self._site.loop.change(self._fileno, wanted)

    def _read(self) -> None:
        if self.lingers_until:
            self._discard()
        else:
            self.handle_read()

    # -- its end

    def handle_write(self) -> None:
        """Send, and close once everything is sent, if that is wanted."""
        if not (self.close_when_flushed and self._unread):
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.will_close:
            self.handle_close()
        elif self.connected and not self.total_outbufs_len:
            self._linger()

    def _linger(self) -> None:
        """Take for a while what the sender goes on to send.

        If it were left unread, the kernel would reset the connection, and the answer would be lost with it.
        """
        self.close_when_flushed = False
        self._rest = b""
        self.lingers_until = time.monotonic() + self._site.limits.linger
        try:
            self.socket.shutdown(SHUT_WR)
        except OSError:
            self.handle_close()

    def _discard(self) -> None:
        try:
            more = bool(self.socket.recv(_MOST_DISCARDED))
        except OSError:
            more = False
        if not more:
            self.handle_close()

    def hurry(self, now: float) -> None:
        """End what takes too long: a slow sender, a slow reader, a connection that nobody uses."""
        limits = self._site.limits
        if self.lingers_until:
            deadline = self.lingers_until
        elif self.total_outbufs_len:
            deadline = self.since + limits.answer_within
        elif self.requests:
            return  # that is up to us
        elif self.request is not None:
            within = limits.request_within if self.request.headers_finished else limits.head_within
            if now > self.request.began + within:
                self.end_slow(self.request)
            return
        else:
            deadline = self.since + (limits.idle if self._answered else limits.head_within)
        if now > deadline:
            self.handle_close()

    def end_slow(self, request: Parser) -> None:
        """Answer a *request* of which something is still missing that it took too long."""
        request.reject(answers.TOO_SLOW, cause="request too slow")
        self.request = None
        self.requests.append(request)
        self.serve()

    def close_if_idle(self, now: float) -> bool:
        """Close a connection on which nothing happens while the server drains; tell whether it was so."""
        busy = self.requests or self.request is not None or self.total_outbufs_len
        if busy or now - self.since < self._site.limits.idle_when_draining or self._has_unread():
            return False
        self.handle_close()
        return True

    def _has_unread(self) -> bool:
        """Tell whether a request lies in the kernel's buffer, unlike on an idle keep-alive connection."""
        try:
            return bool(self.socket.recv(1, MSG_PEEK | MSG_DONTWAIT))
        except OSError:
            return False
