"""One lock file for every lane: whoever holds it may run a command there, and nobody else.

The daemon takes it and hands the open descriptor to a supervisor: it is held for as long as that lives.
"""

import fcntl
import hashlib
import os
from pathlib import Path

from webhookd.deploy.holder import read_holder
from webhookd.deploy.watched import Watched


class LaneLocks:
    """The folder of the lock files. The name of a file is a digest: a lane holds text from a request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make_folder(self) -> None:
        """Make the folder where it is missing."""
        self._folder.mkdir(mode=0o711, parents=True, exist_ok=True)

    def take(self, lane: str) -> int | None:
        """Take the lane's lock and give its descriptor, or None while a supervisor holds it."""
        path = self._path(lane)
        while True:
            descriptor = _open(path)
            try:
                is_ours = _take(descriptor) or _take(descriptor)  # twice: `forget` may hold it for a moment
                if is_ours and _is_at(descriptor, path):
                    return descriptor
            except OSError:
                os.close(descriptor)
                raise
            os.close(descriptor)
            if not is_ours:
                return None  # else `forget` was faster

    def find(self, lane: str, invocation: str) -> Watched | None:
        """Watch the supervisor that holds *lane* for *invocation*, started by an earlier daemon.

        None while it has not yet said who it is, or when it ends in between.
        """
        descriptor = _open(self._path(lane))
        try:
            holder = read_holder(descriptor)
            if holder is None or holder[0] != invocation:
                return None
            watched = Watched(pidfd=os.pidfd_open(holder[1]))
            if _take(descriptor):  # it ended: the pid may be anybody's by now
                watched.close()
                return None
        except ProcessLookupError:
            return None
        else:
            return watched
        finally:
            os.close(descriptor)

    def forget(self, *, unused_since: float) -> int:
        """Remove lock files that nobody holds and that were last taken before *unused_since* (epoch seconds).

        There is one for every branch that was ever deployed. Give how many were removed.
        """
        removed = 0
        for path in self._folder.glob("*.lock"):
            if path.stat().st_mtime >= unused_since:
                continue
            descriptor = _open(path)
            try:
                if _take(descriptor):  # while it is held, whoever opened it before sees that it is gone
                    path.unlink(missing_ok=True)
                    removed += 1
            finally:
                os.close(descriptor)
        return removed

    def _path(self, lane: str) -> Path:
        name = hashlib.sha256(lane.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self._folder / f"{name}.lock"


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:  # somebody has removed the folder
        path.parent.mkdir(mode=0o711)
        return os.open(path, flags, 0o600)


def _take(descriptor: int) -> bool:
    """Lock an open lock file; tell whether it was free."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether the open file is still the one at *path*."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
