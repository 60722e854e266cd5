"""The journal's native protocol: entries with fields of our own. Standard library only.

Source: https://systemd.io/JOURNAL_NATIVE_PROTOCOL. An entry is a datagram, a field in it a line "NAME=value";
a value with a newline comes as NAME, newline, length in 64 bits little-endian, value, newline.
"""

import os
import select
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
LONGEST = 48 * 1024  # bytes of a value: journald's own limit for a line, and far below that of a datagram

Field = tuple[str, bytes]


class Journal:
    """A connection to the journal at *path*; raises OSError where there is none."""

    def __init__(self, path: Path = SOCKET) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise

    def send(self, fields: Iterable[Field], *, wait: bool = True) -> None:
        """Write one entry; without *wait*, BlockingIOError means that the journal is behind."""
        self._socket.send(encode(fields), 0 if wait else socket.MSG_DONTWAIT)

    def wait(self, seconds: float) -> None:
        """Wait until the journal takes entries again, for so long at most."""
        select.select([], [self._socket], [], seconds)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def encode(fields: Iterable[Field]) -> bytes:
    """Write an entry as the journal reads it; what is too long for a field is cut."""
    return b"".join(_encode(name.encode(), value[:LONGEST]) for name, value in fields)


def _encode(name: bytes, value: bytes) -> bytes:
    if b"\n" in value:
        return name + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return name + b"=" + value + b"\n"


class Copy:
    """Sends the lines of a growing file to the journal; the file stays the record.

    At most the first *limit* bytes go there: that part of a log is never freed, and no command can flood the
    journal. A journal that is behind delays nobody.
    """

    _PATIENCE = 2.0  # seconds for what is left at the end
    _STEP = 256 * 1024  # bytes in one go

    def __init__(self, fd: int, fields: Iterable[Field], *, limit: int, journal: Path = SOCKET) -> None:
        self._fd = fd
        self._fields = tuple(fields)
        self._limit = limit
        self._offset = 0
        self._journal: Journal | None = None
        try:
            self._journal = Journal(journal)
        except OSError as error:
            why = str(error.strerror or error).lower()
            os.write(fd, f"[webhookd: not copied to the journal: {why}]\n".encode())

    def step(self) -> None:
        """Send lines that are complete."""
        self._send_lines(final=False)

    def close(self) -> None:
        """Send what is left, also a last line without an end."""
        deadline = time.monotonic() + self._PATIENCE
        while self._send_lines(final=True) and time.monotonic() < deadline:
            pass
        self._end()

    def _send_lines(self, *, final: bool) -> bool:
        """Send a piece of the file; return whether there may be more."""
        if self._journal is None:
            return False
        piece = os.pread(self._fd, min(self._STEP, self._limit - self._offset), self._offset)
        try:
            for line in _lines(piece, final=final):
                self._send(self._journal, line.rstrip(b"\r\n"))
                self._offset += len(line)
            if self._offset >= self._limit:
                self._send(self._journal, b"[webhookd: the rest is in the log of the run alone]")
                self._end()
        except BlockingIOError:
            if final:
                self._journal.wait(self._PATIENCE)
            return True
        except OSError:  # nobody listens any more, not even systemd, which keeps the socket over a restart
            self._end()
        return bool(piece)

    def _send(self, journal: Journal, message: bytes) -> None:
        journal.send([("MESSAGE", message), *self._fields], wait=False)

    def _end(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None


def _lines(piece: bytes, *, final: bool) -> Iterator[bytes]:
    """Yield the lines of *piece*, long ones cut; the last one only if it has an end, or if *final*."""
    for line in piece.splitlines(keepends=True):
        for begin in range(0, len(line), LONGEST):
            part = line[begin : begin + LONGEST]
            if final or len(part) == LONGEST or part.endswith((b"\n", b"\r")):
                yield part
