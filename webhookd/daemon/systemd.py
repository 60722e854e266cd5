"""The line to systemd: what it hands over at the start, and what it is told afterwards.

Source: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3), systemd.exec(5). Where something else starts
the daemon there are no such variables: nothing is inherited, nobody is told.
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
    """Tells the service manager how it goes."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        """Take what is ours out of *environ*, so that nobody else speaks in our name."""
        self._address = environ.pop("NOTIFY_SOCKET", "")
        self._said = ""  # the last STATUS
        self.watchdog = _watchdog(environ)  # seconds within which `alive` must be told again; None: never

    @property
    def listens(self) -> bool:
        """Whether there is a service manager that wants to know."""
        return bool(self._address)

    def ready(self) -> None:
        """Say that the start, or a reload, is done."""
        self._tell("READY=1", f"MAINPID={os.getpid()}")

    def reloading(self) -> None:
        """Say that a reload has begun; `ready` ends it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._tell("STOPPING=1")

    def status(self, text: str) -> None:
        """Let `systemctl status` show *text*."""
        if text != self._said:
            self._said = text
            self._tell(f"STATUS={text}")

    def alive(self) -> None:
        """Say that the main loop turns."""
        if self.watchdog is not None:
            self._tell("WATCHDOG=1")

    def extend(self, seconds: float) -> None:
        """Ask for so much time from now on, while a start or stop takes longer than the unit allows."""
        self._tell(f"EXTEND_TIMEOUT_USEC={int(seconds * _USEC)}")

    def _tell(self, *fields: str) -> None:
        if not self._address:
            return
        # An abstract address, which systemd writes with "@", begins with NUL (unix(7)).
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.sendto("\n".join(fields).encode(), address)
        except OSError as error:
            log.warning("service manager not told", what=fields[0], error=in_words(error))


def inherited_sockets(environ: MutableMapping[str, str]) -> tuple[socket.socket, ...]:
    """Take over the listening sockets of a socket unit; no child of ours gets them or hears of them.

    They stay systemd's too: closed here, they go on listening, and the kernel lets clients wait.
    """
    meant_for = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "0")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if meant_for != str(os.getpid()):
        return ()
    descriptors = range(_FIRST_INHERITED, _FIRST_INHERITED + int(count))
    for number in descriptors:
        os.set_inheritable(number, False)  # noqa: FBT003 - it has no name for it
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
