"""What a lane's lock file says of its holder. Standard library only."""

import contextlib
import os

from webhookd.deploy.job import Job

_LENGTH = 160  # bytes; more than the three words take


class Holder:
    """What the lock file says of its holder, for the daemon that comes next.

    One line: the invocation, the supervisor's pid, and the identity of the command.
    """

    def __init__(self, lock: int, job: Job) -> None:
        self._lock = lock
        self._invocation = job.invocation

    def main(self) -> str:
        """Give the identity of the attempt's command as its first supervisor wrote it, else ""."""
        before = read_holder(self._lock)
        return before[2] if before and before[0] == self._invocation else ""

    def say(self, main: str) -> None:
        """Name this process, and the command's; on a full disk the held lock alone has to do."""
        line = f"{self._invocation} {os.getpid()} {main}\n".ljust(_LENGTH)
        with contextlib.suppress(OSError):
            os.pwrite(self._lock, line.encode(), 0)


def read_holder(lock: int) -> tuple[str, int, str] | None:
    """Give invocation, supervisor pid and command identity ("" before it runs) from a lock file."""
    words = os.pread(lock, _LENGTH, 0).decode(errors="replace").partition("\n")[0].split(" ")
    if len(words) != 3 or not words[1].isdigit():  # noqa: PLR2004 - the three words above
        return None
    return words[0], int(words[1]), words[2]
