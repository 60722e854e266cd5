"""Waitress' parser of one request, stricter, and with an answer as soon as a request cannot become valid.

Source of the rules: RFC 9112. What is used of Waitress is listed in `tests/unit/test_waitress_surface.py`.
"""

import re
import time
from typing import Any

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import Error, RequestHeaderFieldsTooLarge

from webhookd.web import answers
from webhookd.web.answers import Answer
from webhookd.web.receiver import Head, Receiver

# RFC 9112, 3 and 5, without line folding. Checked before Waitress looks: for a head that is almost right, its
# own expressions take a time that grows with the square of its length.
_HEAD = re.compile(
    rb"[!#$%&'*+.^_`|~0-9A-Z-]+ [!-~]+ HTTP/(1\.[01])\r\n"
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t ]{0,64}(?:[!-~\x80-\xff][\t -~\x80-\xff]*)?\r\n){0,100}(?:\r\n)?"
)
_FRAMING = re.compile(rb"^(host|content-length|transfer-encoding):(.*)\r$", re.IGNORECASE | re.MULTILINE)
_LONGEST_NUMBER = 18  # digits
_CHUNK_OVERHEAD = 1024  # bytes of chunk sizes, extensions and trailers, beside a quarter of the data


class Refusal(Error):
    """An answer that ends the connection, since the rest of the request is not read."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status.phrase)
        self.answer = answer

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:  # noqa: ARG002
        """Return status line, headers and body."""
        return self.answer.status_line, self.answer.all_headers, self.answer.body


class RequestParser(HTTPRequestParser):
    """One request as it comes in, refused as soon as it cannot become valid."""

    # What Waitress sets, for the type checker.
    body_rcv: Any
    error: Error | None
    completed: bool
    expect_continue: bool

    def __init__(self, adj: Adjustments, *, receiver: Receiver, peer: str) -> None:
        super().__init__(adj)
        self.began = time.monotonic()
        self._receiver = receiver
        self._peer = peer

    @property
    def body_size(self) -> int:
        """The bytes of the body that have come so far."""
        return 0 if self.body_rcv is None else len(self.body_rcv)

    def received(self, data: bytes) -> int:
        """Take *data* and return how much of it was used."""
        in_body = self.body_rcv is not None
        consumed: int = super().received(data)
        if self.error is not None:
            too_large = isinstance(self.error, RequestHeaderFieldsTooLarge)
            answer = answers.HEAD_TOO_LARGE if too_large else answers.MALFORMED
            self.reject(answer, detail=self.error.body)
        elif in_body:
            self._check_body()
        elif self.headers_finished and (self.chunked or self.content_length > len(data) - consumed):
            self._check_head()
        return consumed if self.error is None else len(data)  # what comes behind a refusal is not read

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head; raise ParsingError for one that can be understood in two ways (RFC 9112, 6.3)."""
        head = _HEAD.fullmatch(header_plus)
        if head is None:
            raise ParsingError("request line or header malformed")
        fields = [(name.lower(), value.strip(b" \t")) for name, value in _FRAMING.findall(header_plus)]
        if sum(name == b"host" for name, _ in fields) != 1 and head[1] == b"1.1":
            raise ParsingError("not one Host header")
        match [field for field in fields if field[0] != b"host"]:
            case []:
                pass
            case [(b"content-length", value)] if value.isdigit() and len(value) <= _LONGEST_NUMBER:
                pass
            case [(b"transfer-encoding", value)] if value.lower() == b"chunked" and head[1] == b"1.1":
                pass
            case _:
                raise ParsingError("length of the body ambiguous")
        try:
            super().parse_header(header_plus)
        except ValueError as exc:
            raise ParsingError("request target malformed") from exc
        self.expect_continue = self.expect_continue and self.body_rcv is not None

    def reject(self, answer: Answer, *, detail: str = "") -> None:
        """Stop reading: *answer* is counted, logged and sent, then the connection is closed."""
        self._refuse(self._receiver.reject(answer, self._head(), detail=detail))

    def _check_head(self) -> None:
        answer = self._receiver.refuse(self._head())
        if answer is not None:
            self._refuse(answer)

    def _check_body(self) -> None:
        overhead = self.body_bytes_received - self.body_size
        if self.body_size > self._receiver.max_body:
            self.reject(answers.TOO_LARGE)
        elif overhead > _CHUNK_OVERHEAD + self.body_size // 4:
            self.reject(answers.MALFORMED, detail="chunks too small")

    def _refuse(self, answer: Answer) -> None:
        self.close()  # the part of the body that has come
        self.body_rcv = None
        self.error = Refusal(answer)
        self.completed = True
        self.expect_continue = False

    def _head(self) -> Head:
        return Head(
            method=getattr(self, "command", ""),
            path=getattr(self, "request_uri", "").partition("?")[0],
            headers={name.replace("_", "-").lower(): value for name, value in self.headers.items()},
            peer=self._peer,
            length=None if self.chunked else self.content_length,
        )
