"""The state directory: made, made private, and held by one daemon at a time."""

import fcntl
import os
import pwd
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from webhookd.errors import StateDirInUse, WebhookdError, in_words

_TRIES = 10
_BETWEEN_TRIES = 0.05  # seconds


class StateDir:
    """Holds `daemon.lock` in the state directory while it is open; the kernel lets go of it on any death."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def __enter__(self) -> Self:
        try:
            # Only the owner lists it; a command of another user may pass through it to its own payload.
            self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
            self._refuse_for_root(self.path.stat().st_uid)
            self._lock = os.open(self.path / "daemon.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise WebhookdError(
                f'state_dir "{self.path}" cannot be used: {in_words(error)}',
                hint="set `state_dir` to a folder that this user may write, or start webhookd as its owner",
            ) from error
        if not _take(self._lock):
            holder = os.pread(self._lock, 32, 0).decode(errors="replace").strip()
            os.close(self._lock)
            raise StateDirInUse(
                f'another webhookd (pid {holder or "unknown"}) works on state_dir "{self.path}"',
                hint="stop it first, or give this one a state_dir of its own",
            )
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        return self

    def _refuse_for_root(self, owner: int) -> None:
        """Keep root from leaving files that would lock the *owner*'s daemon out of its own store."""
        if os.geteuid() != 0 or owner == 0:
            return
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = str(owner)
        raise WebhookdError(
            f'state_dir "{self.path}" belongs to user "{name}", and this is root',
            hint=f"start webhookd as that user, or give the folder to root: chown -R root: {self.path}",
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)


def _take(lock: int) -> bool:
    """Take *lock*; tell whether that was possible.

    `webhookd status` holds it for a moment to see whether it is free, so a held lock is tried again.
    """
    for _ in range(_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            threading.Event().wait(_BETWEEN_TRIES)
        else:
            return True
    return False
