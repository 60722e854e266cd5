"""Reads requests off a connection; those that cannot become valid are answered before their body is read."""

import re
import time
from collections.abc import Mapping
from typing import Protocol

import structlog
from waitress.adjustments import Adjustments
from waitress.buffers import OverflowableBuffer
from waitress.parser import HTTPRequestParser, ParsingError, split_uri
from waitress.receiver import FixedStreamReceiver
from waitress.utilities import Error, RequestHeaderFieldsTooLarge

from webhookd.daemon.chunks import ChunkedBody
from webhookd.web import answers
from webhookd.web.answers import Answer
from webhookd.web.head import Head
from webhookd.web.hooks import Pending

log = structlog.get_logger(__name__)

_MOST_FIELDS = 100  # header lines of one request
_FRAMING = ("content-length", "transfer-encoding")

# The whole head in one pass. Waitress' own expressions try, for a head that is almost right, a number of ways
# that grows with the square of its length and more: a minute for 16 KiB.
_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TEXT = rb"[\t\x20-\x7e\x80-\xff]*"
_HEAD = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Z-]+) ([!-~\x80-\xff]+) HTTP/(1\.[01])\r\n((?:"
    + _NAME
    + rb":"
    + _TEXT
    + rb"\r\n)*)(?:\r\n)?"
)
_FIELD = re.compile(r"([^:\r\n]+):[ \t]*([^\r\n]*)")
_LENGTH = re.compile(r"[0-9]{1,18}")


class FrontDoor(Protocol):
    """What decides about requests."""

    @property
    def max_body(self) -> int:
        """The bytes that a body may have."""

    def refuse(self, head: Head, *, is_whole: bool) -> Answer | None:
        """Answer a request whose head shows that it cannot become valid."""

    def is_hook(self, path: str) -> bool:
        """Tell whether `receive` answers at *path*; the WSGI application answers elsewhere."""

    def receive(self, head: Head, body: bytes) -> Answer | Pending:
        """Answer a whole request, at once or once it is stored."""

    def reject(self, answer: Answer, head: Head, *, cause: str, detail: str = "") -> Answer:
        """Count and log that *head* is answered with *answer*, and give that."""

    def flush(self) -> None:
        """Log what has been counted; called once a second."""


class Refusal(Error):
    """An answer that ends the connection, since the rest of the request is not read."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status.phrase)
        self.answer = answer


class Parser(HTTPRequestParser):
    """One request: Waitress' parser, with an eye on what has come so far."""

    command: str  # type: ignore[assignment] # the published types are wrong
    path: str

    def __init__(self, adj: Adjustments, *, door: FrontDoor, peer: str) -> None:
        super().__init__(adj)
        self._door = door
        self._peer = peer
        self.began = time.monotonic()
        self.head = Head(method="", path="", headers={}, peer=peer)
        self.answer: Answer | None = None

    def received(self, data: bytes) -> int:
        """Take *data* and give how much of it was used; what comes behind a refusal is not looked at."""
        in_body = self.body_rcv is not None
        consumed = super().received(data)
        if self.error is not None:
            self._refuse_broken(self.error)
        elif in_body:
            self._check_body()
        elif self.headers_finished and not self.empty:
            self._check_head(len(data) - consumed)
        return consumed if self.error is None else len(data)

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head, in the place of Waitress; refuse what can be understood in two ways."""
        shape = _HEAD.fullmatch(header_plus)
        if shape is None:
            raise ParsingError("request line or header malformed")
        method, target, version, lines = shape.groups()
        fields = _fields(lines)
        self.headers = {name.replace("-", "_").upper(): value for name, value in fields.items()}
        self._read_request_line(method.decode(), target, version.decode())
        self._read_framing(fields)
        self.head = Head(
            method=self.command,
            path=self.path,
            headers=fields,
            peer=self._peer,
            length=None if self.chunked else self.content_length,
        )

    def _read_request_line(self, method: str, target: bytes, version: str) -> None:
        self.command, self.version = method, version
        self.request_uri = target.decode("latin-1")
        self.url_scheme = self.adj.url_scheme
        try:
            _, _, self.path, self.query, _ = split_uri(target)  # type: ignore[assignment] # as above
        except ValueError as exc:
            raise ParsingError("request target malformed") from exc

    def _read_framing(self, fields: Mapping[str, str]) -> None:
        """Find out where the body ends (RFC 9112, 6)."""
        length, coding = (fields.get(name) for name in _FRAMING)
        if coding is not None:
            if length is not None or coding.lower() != "chunked" or self.version != "1.1":
                raise ParsingError("transfer coding unknown, beside a length, or in HTTP/1.0")
            self.chunked = True
            self.body_rcv = ChunkedBody(self._buffer())  # type: ignore[assignment] # has its shape
        elif length is not None:
            if _LENGTH.fullmatch(length) is None:
                raise ParsingError("Content-Length malformed")
            self.content_length = int(length)
            if self.content_length:
                self.body_rcv = FixedStreamReceiver(self.content_length, self._buffer())
        self.expect_continue = self.version == "1.1" and fields.get("expect", "").lower() == "100-continue"

    def _buffer(self) -> OverflowableBuffer:
        return OverflowableBuffer(self.adj.inbuf_overflow)

    def refuse(self, answer: Answer) -> None:
        """Give up reading: answer with *answer*, then close."""
        self.error = Refusal(answer)
        self.completed = True
        self.expect_continue = False

    @property
    def body_length(self) -> int:
        """The bytes of the body that have come."""
        return 0 if self.body_rcv is None else len(self.body_rcv)

    def take_body(self) -> bytes:
        """Give the whole body, once."""
        body = self.get_body_stream().read()
        self.close()
        return body

    def _check_head(self, more: int) -> None:
        """Ask whether the body, of which *more* bytes at most are there, has to be read at all."""
        is_whole = not self.chunked and more >= self.content_length
        try:
            answer = self._door.refuse(self.head, is_whole=is_whole)
        except Exception:
            log.exception("request failed")  # a bug of ours
            answer = answers.BROKEN
        if answer is None:
            return
        if self.body_rcv is None:
            self.answer = answer  # there is nothing to leave unread: the connection can go on
        else:
            self.refuse(answer)

    def _check_body(self) -> None:
        if self.body_length > self._door.max_body:
            self.reject(answers.TOO_LARGE, cause="body too large")

    def _refuse_broken(self, error: Error) -> None:
        """Say in our words what Waitress found; an unknown transfer coding is the client's fault as well."""
        if isinstance(error, RequestHeaderFieldsTooLarge):
            self.reject(answers.HEAD_TOO_LARGE, cause="header too large")
        else:
            self.reject(answers.MALFORMED, cause="malformed request", detail=error.body)

    def reject(self, answer: Answer, *, cause: str, detail: str = "") -> None:
        """Refuse, and have it counted and logged."""
        self.refuse(self._door.reject(answer, self.head, cause=cause, detail=detail))


def _fields(lines: bytes) -> dict[str, str]:
    """Give the header fields under lower-case names; what came more than once is one value.

    A name with "_" is dropped: in a WSGI environment it could pass for the one with "-".
    """
    found = _FIELD.findall(lines.decode("latin-1"))
    if len(found) > _MOST_FIELDS:
        raise ParsingError("too many header lines")
    fields: dict[str, str] = {}
    for name, value in found:
        if "_" in name:
            continue
        key, text = name.lower(), value.rstrip(" \t")
        if key not in fields:
            fields[key] = text
        elif key in _FRAMING:
            raise ParsingError("length of the body given more than once")
        else:
            fields[key] += f", {text}"
    return fields
