"""The HTTP client of the commands: one request over TCP, TLS or a unix socket; redirects are not followed."""

import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ssl import SSLError
from urllib.parse import urlsplit

from webhookd.errors import UsageError, WebhookdError, in_words

_TIMEOUT = 30.0  # seconds; forges wait 5 to 30
_LARGEST = 1024**2  # bytes of an answer that are read
_VISIBLE = re.compile(r"[\x21-\x7e]+")


class NoReply(WebhookdError):
    """The server could not be reached, or sent no valid HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a request."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes  # of a longer one only the beginning

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the successes of HTTP


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_TIMEOUT)
        self.sock.connect(self._path)


def request(
    origin: str, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Reply:
    """Send a request to *origin* (`http://HOST`, `https://HOST`, `unix:PATH`); raise NoReply if it fails."""
    connection = _connection(origin)
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # answered before the whole body was read
            connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return Reply(
            status=answer.status,
            reason=answer.reason,
            headers=dict(answer.headers.items()),
            body=answer.read(_LARGEST),
        )
    except (OSError, HTTPException) as exc:
        hint = "is the daemon up, and is this its address?"
        if isinstance(exc, SSLError):
            hint = (
                "https:// needs a TLS server with a certificate for this name; the daemon itself has http://"
            )
        raise NoReply(in_words(exc), hint=hint) from exc
    finally:
        connection.close()


def _connection(origin: str) -> HTTPConnection:
    if origin.startswith("unix:"):
        return _UnixConnection(origin.removeprefix("unix:"))
    parts = urlsplit(origin)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)


def split_url(url: str, *, example: str) -> tuple[str, str]:
    """Split a web address into origin and path (with the query); raise UsageError if it is none."""
    refusal = UsageError(f'"{url}" is not a web address', hint=example)
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError if it is no number
    except ValueError as exc:
        raise refusal from exc
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _VISIBLE.fullmatch(url):
        raise refusal
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}", f"{parts.path or '/'}{query}"


def origin_of(address: str) -> str:
    """Return the origin of an *address* on which the daemon listens: `HOST:PORT` or `unix:PATH`."""
    return address if address.startswith("unix:") else f"http://{address}"
