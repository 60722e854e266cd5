"""The state directory: created, private, and used by one daemon at a time."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from webhookd.config.accounts import user_name
from webhookd.errors import WebhookdError, in_words
from webhookd.models.layout import StateLayout

_TRIES = 10
_BETWEEN_TRIES = 0.05  # seconds


@contextlib.contextmanager
def lock_state_dir(path: Path) -> Iterator[None]:
    """Create the state directory *path* and hold its lock file, which the kernel releases on any death."""
    try:
        # Only the owner can list it; a command of another user can pass through it to its own payload.
        path.mkdir(mode=0o711, parents=True, exist_ok=True)
        _refuse_foreign(path)
        lock = os.open(StateLayout(path).daemon_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise WebhookdError(
            f'state_dir "{path}" cannot be used: {in_words(error)}',
            hint="set `state_dir` to a folder that this user may write, or start webhookd as its owner",
        ) from error
    try:
        if not _take(lock):
            pid = os.pread(lock, 32, 0).decode(errors="replace").strip()
            raise WebhookdError(
                f'another webhookd (pid {pid or "unknown"}) works on state_dir "{path}"',
                hint="stop it first, or give this one a state_dir of its own",
            )
        os.ftruncate(lock, 0)
        with contextlib.suppress(OSError):  # a full disk; it is only for the message above
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def _refuse_foreign(path: Path) -> None:
    """Refuse another user's folder: they could change what runs, and root's files would lock them out."""
    owner, me = path.stat().st_uid, os.geteuid()
    if owner not in {0, me}:
        raise WebhookdError(
            f'state_dir "{path}" belongs to user "{user_name(owner)}", and this is "{user_name(me)}"',
            hint=f"start webhookd as that user, or change the owner: chown -R {user_name(me)}: {path}",
        )


def _take(lock: int) -> bool:
    """Lock the file *lock*, and return whether that succeeded.

    `webhookd status` locks it for a moment to see whether a daemon runs, so a locked file is tried again.
    """
    for _ in range(_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_BETWEEN_TRIES)
    return False
