"""Reads the log of an attempt while its command may still be writing it."""

import os
from collections.abc import Iterator
from pathlib import Path

from webhookd.deploy.job import open_regular

PIECE = 64 * 1024  # bytes


class LogReader:
    """A log, read from its beginning; each `rest` continues where the one before ended.

    The supervisor punches a hole into a log that outgrows its limit: the hole is skipped, not printed as
    zeros. The supervisor may also truncate the file: reading continues at the new end.
    """

    def __init__(self, path: Path) -> None:
        self._fd = open_regular(path, os.O_RDONLY)
        self._at = 0
        self._skipped = 0

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def rest(self) -> Iterator[bytes]:
        """Yield in pieces what has been written since the last call."""
        while piece := self._next():
            yield piece

    def skipped(self) -> int:
        """Return how many bytes of holes were skipped since the last call."""
        skipped, self._skipped = self._skipped, 0
        return skipped

    def _next(self) -> bytes:
        size = os.fstat(self._fd).st_size
        position = min(self._at, size)
        begin = self._data_after(position, size)
        self._skipped += begin - position
        if begin == size:
            self._at = size
            return b""
        end = os.lseek(self._fd, begin, os.SEEK_HOLE)
        piece = os.pread(self._fd, min(end - begin, PIECE), begin)
        self._at = begin + len(piece)
        return piece

    def _data_after(self, position: int, size: int) -> int:
        """Return where the next data begins; *size* if there is none."""
        if position == size:
            return size
        try:
            return os.lseek(self._fd, position, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole up to the end
            return size
