"""Takes connections off one listening socket."""

import errno
import socket
from collections.abc import Callable

from webhookd.daemon.loop import READ, Loop

_AT_ONCE = 64  # connections taken before others get their turn
_OUT_OF = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_LOCAL = ("127.0.0.1", 0)  # what the other end of a unix socket counts as

Connected = Callable[[socket.socket, tuple[str, int]], None]


class Acceptor:
    """Hands every connection that comes in on *listener* to *connected*."""

    def __init__(
        self, listener: socket.socket, loop: Loop, *, connected: Connected, make_room: Callable[[], None]
    ) -> None:
        self._listener = listener
        self._loop = loop
        self._connected = connected
        self._make_room = make_room
        listener.settimeout(0)
        loop.watch(listener.fileno(), self._accept_some, READ)

    def stop(self) -> None:
        """Take what the kernel has completed already, which is ours to answer, and then nothing more."""
        self._loop.forget(self._listener.fileno())
        while self._accept():
            pass

    def _accept_some(self, _events: int) -> None:
        for _ in range(_AT_ONCE):
            if not self._accept():
                return

    def _accept(self) -> bool:
        """Take one connection, and tell whether there may be another."""
        try:
            sock, address = self._listener.accept()
        except BlockingIOError:
            return False
        except OSError as error:
            return self._cannot_accept(error)
        if self._listener.family == socket.AF_UNIX:
            address = _LOCAL
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connected(sock, address)
        return True

    def _cannot_accept(self, error: OSError) -> bool:
        """Go on after a connection that was gone already, and make room for one that has no descriptor."""
        if error.errno in _OUT_OF:
            self._make_room()
            return False
        return True
