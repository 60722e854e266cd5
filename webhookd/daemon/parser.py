"""Reads requests off a connection; those that cannot become valid are answered before their body is read."""

import re
import time
from typing import Protocol

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import Error, RequestHeaderFieldsTooLarge

from webhookd.daemon.chunks import ChunkedBody
from webhookd.web import answers
from webhookd.web.answers import Answer
from webhookd.web.head import Head
from webhookd.web.hooks import Pending

_MOST_LINES = 100  # of a head

# Checked first, and each in one pass: for a head that is almost right, Waitress' own expressions try a number
# of ways that grows with the square of its length, and more (a minute for 16 KiB).
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Z-]+ [!-~\x80-\xff]+ HTTP/1\.[01]\r\n")
_NEVER_IN_A_HEAD = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[ \t]{32}|\n[ \t]")
_FRAMING = re.compile(rb"\n(?:content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)


class FrontDoor(Protocol):
    """What decides about requests."""

    @property
    def max_body(self) -> int:
        """The bytes that a body may have."""

    def refuse(self, head: Head) -> Answer | None:
        """Answer a request whose head shows that it cannot become valid."""

    def is_hook(self, path: str) -> bool:
        """Tell whether `receive` answers at *path*; the WSGI application answers elsewhere."""

    def receive(self, head: Head, body: bytes) -> Answer | Pending:
        """Answer a whole request, at once or once it is stored."""

    def reject(self, answer: Answer, head: Head, *, cause: str, detail: str = "-") -> Answer:
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
            self._check_head()
        return consumed if self.error is None else len(data)

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head; refuse what two readers could understand in two ways (RFC 9112, 6.1)."""
        _check_shape(header_plus)
        try:
            super().parse_header(header_plus)
        except ValueError as exc:  # a length of 5000 digits, an address in brackets that is none
            raise ParsingError("request line or Content-Length malformed") from exc
        if "TRANSFER_ENCODING" in self.headers:  # Waitress takes it out where it heeds it
            raise ParsingError("Transfer-Encoding in HTTP/1.0")
        if self.chunked and self.body_rcv is not None:
            self.body_rcv = ChunkedBody(self.body_rcv.getbuf())  # type: ignore[assignment] # of that shape
        self.head = Head(
            method=self.command,
            path=self.path,
            headers={name.replace("_", "-").lower(): value for name, value in self.headers.items()},
            peer=self._peer,
            length=None if self.chunked else self.content_length,
        )

    def refuse(self, answer: Answer) -> None:
        """Give up reading: answer with *answer*, then close."""
        self.error = Refusal(answer)
        self.completed = True
        self.expect_continue = False

    @property
    def body_length(self) -> int:
        """The bytes of the body that have come."""
        return 0 if self.body_rcv is None else len(self.body_rcv)

    def body(self) -> bytes:
        """Give the whole body."""
        return self.get_body_stream().read()

    def _check_head(self) -> None:
        answer = self._door.refuse(self.head)
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
            detail = error.body.partition('"')[0].strip()  # what it quotes is the sender's
            self.reject(answers.MALFORMED, cause="malformed request", detail=detail)

    def reject(self, answer: Answer, *, cause: str, detail: str = "-") -> None:
        """Refuse, and have it counted and logged."""
        self.refuse(self._door.reject(answer, self.head, cause=cause, detail=detail))


def _check_shape(head: bytes) -> None:
    if _REQUEST_LINE.match(head) is None:
        raise ParsingError("request line malformed")
    if _NEVER_IN_A_HEAD.search(head) is not None:
        raise ParsingError("control characters, a folded line or a long white space in the head")
    if len(_FRAMING.findall(head)) > 1:
        raise ParsingError("length of the body given more than once")
    if head.count(b"\n") > _MOST_LINES:
        raise ParsingError("too many header lines")
