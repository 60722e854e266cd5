"""The protocol between the daemon and systemd: inherited sockets, notifications, watchdog.

Source: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3), systemd.exec(5). When something else starts
the daemon, these variables are unset: nothing is inherited and no notification is sent.
"""

import os
import socket
import time
from collections.abc import MutableMapping

import structlog

from webhookd.errors import WebhookdError, in_words

log = structlog.get_logger(__name__)

_FIRST_INHERITED = 3  # descriptors 0 to 2 are the standard streams
_USEC = 1_000_000


class ServiceManager:
    """Sends notifications to the service manager."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        """Take the variables out of *environ*, so that no child process sends notifications."""
        self._address = environ.pop("NOTIFY_SOCKET", "")
        self._status = ""  # the last one sent
        self.watchdog = _watchdog(environ)  # seconds between two `alive` at most; None: no watchdog

    @property
    def listens(self) -> bool:
        """Whether a service manager wants notifications."""
        return bool(self._address)

    def ready(self) -> None:
        """Report that the start or a reload is complete."""
        self._notify("READY=1", f"MAINPID={os.getpid()}")

    def reloading(self) -> None:
        """Report that a reload has begun; `ready` ends it."""
        self._notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Report that the daemon is stopping."""
        self._notify("STOPPING=1")

    def status(self, text: str) -> None:
        """Make `systemctl status` show *text*."""
        if text != self._status:
            self._status = text
            self._notify(f"STATUS={text}")

    def alive(self) -> None:
        """Report that the main loop is running."""
        if self.watchdog is not None:
            self._notify("WATCHDOG=1")

    def extend(self, seconds: float) -> None:
        """Ask for *seconds* from now, when a start or stop takes longer than the unit allows."""
        self._notify(f"EXTEND_TIMEOUT_USEC={int(seconds * _USEC)}")

    def _notify(self, *fields: str) -> None:
        if not self._address:
            return
        # An abstract address, which systemd writes with "@", begins with NUL (unix(7)).
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.sendto("\n".join(fields).encode(), address)
        except OSError as error:
            log.warning("service manager not notified", notification=fields[0], error=in_words(error))


def inherited_sockets(environ: MutableMapping[str, str]) -> tuple[socket.socket, ...]:
    """Return the listening sockets of a socket unit, hidden from child processes.

    systemd keeps them open too: after they are closed here, the kernel still queues connections.
    """
    meant_for = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "0")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if meant_for != str(os.getpid()):
        return ()
    descriptors = range(_FIRST_INHERITED, _FIRST_INHERITED + int(count))
    for number in descriptors:
        os.set_inheritable(number, False)  # noqa: FBT003 - it takes no keyword
    sockets = tuple(socket.socket(fileno=number) for number in descriptors)
    for sock, name in zip(sockets, [*names, *[""] * len(sockets)], strict=False):
        _check_listens(sock, name)
    return sockets


def _check_listens(sock: socket.socket, name: str) -> None:
    if sock.type == socket.SOCK_STREAM and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return
    raise WebhookdError(
        f'the socket "{name or sock.fileno()}" from systemd does not listen for connections',
        hint="the socket unit needs ListenStream= and Accept=no",
    )


def _watchdog(environ: MutableMapping[str, str]) -> float | None:
    microseconds = environ.pop("WATCHDOG_USEC", "")
    meant_for = environ.pop("WATCHDOG_PID", "")
    if not microseconds or meant_for not in ("", str(os.getpid())):
        return None
    return int(microseconds) / _USEC
