"""An HTTP client that sends raw bytes and reads the responses."""

import contextlib
import io
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

TIMEOUT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]  # lower-case names
    text: bytes

    @property
    def body(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.text)
        return parsed


@dataclass
class _OneByOne:
    """Reads from a socket without reading ahead, so that pipelined responses stay separate."""

    sock: socket.socket

    def makefile(self, _mode: str) -> io.BufferedReader:
        return self.sock.makefile("rb", buffering=1)


@dataclass
class Wire:
    """One connection."""

    sock: socket.socket

    def send(self, data: bytes) -> "Wire":
        self.sock.sendall(data)
        return self

    def reply(self, method: str = "GET") -> Reply:
        """Read one response; *method* decides whether it has a body."""
        response = HTTPResponse(_OneByOne(self.sock), method=method)  # type: ignore[arg-type] # it only uses makefile
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read())

    def is_closed(self) -> bool:
        """Wait until the server closes the connection; false when it sends something first."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True


@contextlib.contextmanager
def wire(port: int, *, unix: Path | None = None) -> Iterator[Wire]:
    """Connect to a port of 127.0.0.1, or to a unix socket."""
    sock = socket.socket(socket.AF_UNIX if unix else socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(TIMEOUT)
    with sock:
        sock.connect(str(unix) if unix else ("127.0.0.1", port))
        yield Wire(sock)


def head(method: str, target: str, *, version: str = "1.1", **headers: str) -> bytes:
    """Return the head of a request; ``x_github_event`` becomes ``x-github-event``."""
    fields = {"host": "deploy.example.org"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"{method} {target} HTTP/{version}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def posted(body: bytes, target: str = "/github-webhook", *, version: str = "1.1", **headers: str) -> bytes:
    """Return a complete POST."""
    length = {"content_length": str(len(body))}
    return head("POST", target, version=version, **(length | headers)) + body
