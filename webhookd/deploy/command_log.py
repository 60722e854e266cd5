"""The log of one attempt, kept within its limit while the command writes into it. Standard library only.

The command holds the file itself, opened for appending, so nothing stands between it and the disk and
nothing breaks when its supervisor dies. The middle of a log that grows too long is freed while the command
runs (fallocate(2), FALLOC_FL_PUNCH_HOLE) and cut out when it has ended.
"""

import contextlib
import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from webhookd.deploy import journal
from webhookd.deploy.job import open_regular, write_private

_FALLOC_FL_KEEP_SIZE = 0x01
_FALLOC_FL_PUNCH_HOLE = 0x02
_BLOCK = 4096
_PIECE = 1024**2  # bytes copied at once
_libc = ctypes.CDLL(None, use_errno=True)


class CommandLog:
    """An open log file: the first and the last half of `limit` bytes stay.

    Without *fresh* it is the log of a supervisor that died over it. With *fields* the first half goes to the
    journal as well, as entries that have these fields.
    """

    def __init__(
        self, path: Path, *, limit: int, fresh: bool = True, fields: Sequence[journal.Field] = ()
    ) -> None:
        self._path = path
        self._limit = limit
        self._head = limit // 2
        self._lost = 0  # bytes cut off where the file system cannot punch holes
        self.fd = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if fresh else 0))
        self._copy = journal.Copy(self.fd, fields, limit=self._head) if fields else None

    def keep_within_limit(self) -> None:
        """Free the middle of a log that has outgrown twice its limit; continue its copy to the journal.

        What it takes on the disk counts as well: a command can reserve space (fallocate(2)) in a hole, or
        beyond the end.
        """
        if self._copy is not None:
            self._copy.step()
        size = os.fstat(self.fd).st_size
        if size > 2 * self._limit and not self._free(size):
            os.ftruncate(self.fd, self._head)
            self._lost += size - self._head
        if _on_disk(self.fd) > 2 * self._limit + _BLOCK:
            os.ftruncate(self.fd, os.fstat(self.fd).st_size)  # frees what lies beyond the end

    def close(self) -> None:
        """Cut the middle out and leave a note in its place; where that fails the log stays as it is."""
        if self._copy is not None:
            self._copy.close()
        size = os.fstat(self.fd).st_size
        if size > self._limit or self._lost:
            self._free(size)  # first: on a full disk this makes the room for what follows
            with contextlib.suppress(OSError):  # a full disk, or a command that has removed the folder
                self._cut(size)
        elif _on_disk(self.fd) > size + _BLOCK:
            os.ftruncate(self.fd, size)
        os.close(self.fd)

    def _free(self, size: int) -> bool:
        """Free the middle of a log of *size* bytes; return whether the file system can do that."""
        begin = -(-self._head // _BLOCK) * _BLOCK
        end = (size - self._limit // 2) // _BLOCK * _BLOCK
        if end <= begin:
            return True
        mode = _FALLOC_FL_PUNCH_HOLE | _FALLOC_FL_KEEP_SIZE
        offset, length = ctypes.c_int64(begin), ctypes.c_int64(end - begin)
        return bool(_libc.fallocate(self.fd, mode, offset, length) == 0)

    def _cut(self, size: int) -> None:
        tail = min(self._limit // 2, max(size - self._head, 0))
        cut = size - self._head - tail + self._lost
        note = b"\n[webhookd: %d bytes cut here, the log may hold %d]\n" % (cut, self._limit)
        part = self._path.with_suffix(".part")
        write_private(part, b"")
        try:
            with part.open("ab", buffering=0) as file:
                self._copy_to(file, begin=0, end=min(self._head, size))
                file.write(note)
                self._copy_to(file, begin=size - tail, end=size)
            part.replace(self._path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def _copy_to(self, file: BinaryIO, *, begin: int, end: int) -> None:
        while begin < end and (piece := os.pread(self.fd, min(end - begin, _PIECE), begin)):
            begin += file.write(piece)


def _on_disk(fd: int) -> int:
    """Return the bytes that an open file takes on its disk."""
    return os.fstat(fd).st_blocks * 512
