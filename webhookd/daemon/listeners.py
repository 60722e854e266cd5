"""The sockets on which requests arrive."""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from webhookd.errors import WebhookdError, in_words
from webhookd.models.settings import Listen

_BACKLOG = 1024


@contextlib.contextmanager
def open_sockets(addresses: Sequence[Listen]) -> Iterator[tuple[socket.socket, ...]]:
    """Listen on all *addresses*; at the end, close the sockets and remove the files of unix sockets."""
    with contextlib.ExitStack() as stack:
        opened = []
        for address in addresses:
            try:
                opened.append(_unix(address.unix, stack) if address.unix else _tcp(address, stack))
            except OSError as error:
                raise WebhookdError(
                    f"cannot listen on {address}: {in_words(error)}", hint=_hint(error)
                ) from error
        yield tuple(opened)


def address_of(sock: socket.socket) -> str:
    """Return the address of a listening socket as the configuration writes it."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"unix:{name}"
    return f"[{name[0]}]:{name[1]}" if sock.family == socket.AF_INET6 else f"{name[0]}:{name[1]}"


def _tcp(address: Listen, stack: contextlib.ExitStack) -> socket.socket:
    family, kind, protocol, _, name = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = stack.enter_context(socket.socket(family, kind, protocol))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(name)
    sock.listen(_BACKLOG)
    return sock


def _unix(path: Path, stack: contextlib.ExitStack) -> socket.socket:
    """Listen on *path*; a socket file without a listener is replaced."""
    _remove_dead_socket(path)
    sock = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    sock.bind(str(path))
    stack.callback(path.unlink, missing_ok=True)
    # A reverse proxy of another user must reach it; the folder's mode decides who can.
    os.chmod(path, 0o666)  # noqa: PTH101, S103
    sock.listen(_BACKLOG)
    return sock


def _remove_dead_socket(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise OSError(errno.EEXIST, "a file of that name exists and is no socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
            else:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _hint(error: OSError) -> str:
    return {
        errno.EADDRINUSE: "another program listens there; `ss -ltnp` shows which, or change `listen`",
        errno.EACCES: "ports below 1024 need root; use a higher one behind a reverse proxy",
        errno.EADDRNOTAVAIL: "that address is not one of this machine's; 127.0.0.1 or 0.0.0.0 are",
    }.get(error.errno or 0, "change `listen`")
