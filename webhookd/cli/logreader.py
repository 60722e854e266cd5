"""Reads the log of an attempt while its command may still be writing it."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

PIECE = 64 * 1024  # bytes


class LogReader:
    """A log from its beginning; `rest` goes on where it stopped.

    The supervisor gives the middle of a log that outgrows its limit back to the file system: that
    hole is skipped, not printed as zeros. It may also cut the file short: reading goes on at its end.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._at = 0
        self._skipped = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def rest(self) -> Iterator[bytes]:
        """Yield what has been written since the last time, in pieces."""
        while piece := self._next():
            yield piece

    def skipped(self) -> int:
        """Give the bytes of holes that were skipped since the last time."""
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
        """Find where the next data begins; *size* where there is none."""
        if position == size:
            return size
        try:
            return os.lseek(self._fd, position, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole up to the end
            return size
