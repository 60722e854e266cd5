"""Ways to a daemon over HTTP, for `webhookd doctor`: its own addresses, and the one that a forge uses."""

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from webhookd.errors import UsageError

_PATIENCE = 15.0  # seconds
_LARGEST = 1024**2  # bytes of an answer that are read
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - addresses that are not listened on here


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_PATIENCE)
        self.sock.connect(self._path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A way to the daemon: its own address, or the one that the forge uses."""

    address: str
    prefix: str = ""  # what stands in front of a hook's path

    def request(
        self, method: str, path: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a request and give the answer; raises OSError and HTTPException."""
        connection = self._connect()
        try:
            connection.request(method, self.prefix + path, content, dict(headers or {}))
            answer = connection.getresponse()
            body = answer.read(_LARGEST)
            return Reply(status=answer.status, headers=dict(answer.headers.items()), body=body)
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if self.address.startswith("unix:"):
            return _UnixConnection(self.address.removeprefix("unix:"))
        if self.address.startswith("https://"):
            return http.client.HTTPSConnection(self.address.removeprefix("https://"), timeout=_PATIENCE)
        return http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=_PATIENCE)


def own_door(address: str) -> Door:
    """Give the way to an *address* on which the daemon listens."""
    host, colon, port = address.rpartition(":")
    return Door(address=f"{_EVERYWHERE.get(host, host)}{colon}{port}")


def outer_door(url: str, path: str) -> Door:
    """Take *url* with or without the *path* of the hook at its end."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f'"{url}" is not a web address', hint="--url https://deploy.example.org")
    prefix = parts.path.removesuffix(path).rstrip("/")
    return Door(address=f"{parts.scheme}://{parts.netloc}", prefix=prefix)
