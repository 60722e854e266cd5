"""A lock file for every lane: only its holder may run a command there. Standard library only.

The daemon takes it and passes the open descriptor to a supervisor: it is held for as long as that lives.
The file names its holder in one line, for the daemon that comes next: the invocation, the supervisor's pid,
and the identity of the command.
"""

import contextlib
import fcntl
import os
import re
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from webhookd.deploy.job import NotRegular, open_regular, remove

_LENGTH = 160  # bytes; more than the three words take
_HOLDER = re.compile(r"([0-9a-f]{32}) ([1-9][0-9]{0,8}) (|[1-9][0-9]{0,8}:[0-9a-z]+:[0-9a-f-]*) *")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSupervisor:
    """A living supervisor as the daemon sees it. Its pidfd becomes readable when it ends."""

    pidfd: int

    def cancel(self) -> None:
        """Ask it to end its command: somebody has cancelled the run."""
        self._signal(signal.SIGTERM)

    def interrupt(self) -> None:
        """Ask it to end its command: the daemon stops, and the run will be started again."""
        self._signal(signal.SIGUSR1)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.pidfd)

    def _signal(self, signum: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            signal.pidfd_send_signal(self.pidfd, signum)


class LaneLocks:
    """The folder of the lock files. The name of a file is a digest: a lane holds text from a request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mutex = threading.Lock()  # a file must not be removed while another thread opens it

    def take(self, lane: str) -> int | None:
        """Lock the lane and return the descriptor; None while a supervisor holds the lock."""
        with self._mutex:
            descriptor = _open(self._path(lane))
            try:
                if _lock(descriptor):
                    return descriptor
            except OSError:
                os.close(descriptor)
                raise
            os.close(descriptor)
            return None

    def find(self, lane: str, invocation: str) -> RunningSupervisor | None:
        """Watch the supervisor that holds *lane* for *invocation*, started by an earlier daemon.

        None while it has not yet written who it is, or when it ends in between.
        """
        with self._mutex, _opened(self._path(lane)) as descriptor:
            holder = _read_holder(descriptor)
            if holder is None or holder[0] != invocation:
                return None
            try:
                found = RunningSupervisor(pidfd=os.pidfd_open(holder[1]))
            except ProcessLookupError:
                return None
            if _lock(descriptor):  # it ended: the pid may be anybody's by now
                found.close()
                return None
            return found

    def remove_unused(self, *, since: float) -> None:
        """Remove lock files that nobody holds and that were last taken before *since* (epoch seconds).

        There is one for every branch that was ever deployed.
        """
        for path in self._folder.glob("*.lock"):
            if path.lstat().st_mtime < since:
                with self._mutex, _opened(path) as descriptor:
                    if _lock(descriptor):
                        path.unlink(missing_ok=True)

    def _path(self, lane: str) -> Path:
        import hashlib  # noqa: PLC0415 - large, and no supervisor needs it

        name = hashlib.sha256(lane.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self._folder / f"{name}.lock"


def main_of(lock: int, invocation: str) -> str:
    """Return the identity of the command of *invocation* as its first supervisor wrote it, else ""."""
    holder = _read_holder(lock)
    return holder[2] if holder and holder[0] == invocation else ""


def write_holder(lock: int, invocation: str, main: str) -> None:
    """Write this process and the command *main* into a held lock file, unless the disk is full."""
    line = f"{invocation} {os.getpid()} {main}\n".ljust(_LENGTH)
    with contextlib.suppress(OSError):
        os.pwrite(lock, line.encode(), 0)


def _read_holder(descriptor: int) -> tuple[str, int, str] | None:
    """Return invocation, supervisor pid and command identity ("" before it runs) from a lock file."""
    line = os.pread(descriptor, _LENGTH, 0).decode(errors="replace").partition("\n")[0]
    holder = _HOLDER.fullmatch(line)
    return (holder[1], int(holder[2]), holder[3]) if holder else None


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT
    try:
        return open_regular(path, flags)
    except FileNotFoundError:  # somebody has removed the folder
        path.parent.mkdir(mode=0o711)
    except NotRegular:
        remove(path)
    return open_regular(path, flags)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = _open(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock an open lock file; return whether it was free."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
