"""The chunked transfer coding (RFC 9112, 7.1), in time that grows with the bytes and never faster.

Stands in for Waitress' receiver, which knows no limit for a line or a trailer, and copies for each chunk what
is left.
"""

import re
from enum import Enum, auto

from waitress.buffers import OverflowableBuffer
from waitress.utilities import BadRequest, Error

_LONGEST_LINE = 1024  # bytes of a chunk's size with extensions, or of a line of the trailer
_MOST_TRAILER_LINES = 16
_FREE_CHUNKS = 1024  # from then on chunks must be large on the average
_AVERAGE = 256  # bytes

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")  # extensions mean nothing


class _Part(Enum):
    SIZE = auto()
    DATA = auto()
    END_OF_DATA = auto()
    TRAILER = auto()


class ChunkedBody:
    """Takes the body out of its chunks, into *buffer*."""

    def __init__(self, buffer: OverflowableBuffer) -> None:
        self.completed = False
        self.error: Error | None = None
        self._buffer = buffer
        self._part = _Part.SIZE
        self._missing = 0  # bytes of the chunk
        self._line = b""  # what has come of a line
        self._chunks = 0
        self._trailer_lines = 0

    def __len__(self) -> int:
        return len(self._buffer)

    def getfile(self) -> object:
        """Give the body as a file."""
        return self._buffer.getfile()

    def getbuf(self) -> OverflowableBuffer:
        """Give the buffer."""
        return self._buffer

    def received(self, data: bytes) -> int:
        """Take *data* and give how much of it belonged to the body."""
        at = 0
        while at < len(data) and not self.completed and self.error is None:
            at += self._take_data(data, at) if self._part is _Part.DATA else self._take_line(data, at)
        return at

    def _take_data(self, data: bytes, at: int) -> int:
        piece = data[at : at + self._missing]
        self._buffer.append(piece)
        self._missing -= len(piece)
        if not self._missing:
            self._part = _Part.END_OF_DATA
        return len(piece)

    def _take_line(self, data: bytes, at: int) -> int:
        before = len(self._line)
        text = self._line + data[at : at + _LONGEST_LINE + 2 - before]
        end = text.find(b"\r\n")
        if end >= 0:
            self._line = b""
            self._end_line(text[:end])
            return end + 2 - before
        if len(text) > _LONGEST_LINE:
            self.error = BadRequest("line of a chunk too long")
        self._line = text
        return len(text) - before

    def _end_line(self, line: bytes) -> None:
        if self._part is _Part.SIZE:
            self._begin_chunk(line)
        elif self._part is _Part.TRAILER:
            self._end_trailer_line(line)
        elif line:
            self.error = BadRequest("chunk longer than its size")
        else:
            self._part = _Part.SIZE

    def _begin_chunk(self, line: bytes) -> None:
        size = _SIZE_LINE.fullmatch(line)
        self._chunks += 1
        if size is None:
            self.error = BadRequest("size of a chunk malformed")
        elif self._chunks > _FREE_CHUNKS and len(self) < self._chunks * _AVERAGE:
            self.error = BadRequest("chunks too small")
        else:
            self._missing = int(size[1], 16)
            self._part = _Part.DATA if self._missing else _Part.TRAILER

    def _end_trailer_line(self, line: bytes) -> None:
        self.completed = not line
        self._trailer_lines += 1
        if self._trailer_lines > _MOST_TRAILER_LINES:
            self.error = BadRequest("trailer too long")
