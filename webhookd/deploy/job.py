"""The order a supervisor works from and the report it leaves. Standard library only."""

import contextlib
import errno
import json
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from webhookd.models.layout import AttemptFolder

ENDINGS = frozenset({"exited", "signaled", "timed_out", "cancelled", "interrupted", "not_started"})
_LATEST = 2**37  # seconds since the epoch; after the year 6000
_HIGHEST = 2**16  # above every exit code and signal
_LONGEST_RESULT = 64 * 1024  # bytes of result.json


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attempt of one run, complete: a supervisor needs nothing else.

    With an empty `argv` there is nothing to start: the supervisor ends what an attempt
    left behind whose own supervisor died, and reports the attempt as interrupted.
    """

    run: int
    attempt: int
    invocation: str  # 32 hex digits, unique for this attempt; its processes carry it in their environment
    folder: str  # absolute; the log, the payload and result.json live here
    argv: Sequence[str] = ()
    cwd: str | None = None  # None: the account's home, or / where that does not exist
    env: dict[str, str] = field(default_factory=dict, repr=False)
    uid: int | None = None  # None: the supervisor's own
    gid: int | None = None
    umask: int | None = None
    nice: int | None = None
    timeout: float = 1800.0  # seconds
    grace: float = 10.0  # seconds between TERM and KILL
    log_limit: int = 10 * 1024**2  # bytes
    journal: Sequence[tuple[str, str]] = ()  # fields under which the output goes to the journal too

    @property
    def files(self) -> AttemptFolder:
        """The files in its folder."""
        return AttemptFolder(Path(self.folder))

    def to_json(self) -> bytes:
        """Return the job as one JSON object."""
        # Not `asdict`: it copies the values of the fields, and a command waits for this.
        return json.dumps({known.name: getattr(self, known.name) for known in fields(self)}).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Job":
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an attempt ended, in the words of `models.Ending`."""

    invocation: str
    ending: str
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    ended_at: float = field(default_factory=time.time)  # seconds since the epoch

    def write(self, files: AttemptFolder) -> None:
        """Write the result into its folder, completely and durably or not at all."""
        part = files.result.with_suffix(".part")
        make_way(files.path, files.result, part)
        write_private(part, json.dumps(asdict(self)).encode(), durable=True)
        part.replace(files.result)
        directory = os.open(files.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    @classmethod
    def read(cls, files: AttemptFolder, invocation: str) -> "Result | None":
        """Return the result among *files*, or None where no supervisor has left one for *invocation*."""
        try:
            with os.fdopen(open_regular(files.result, os.O_RDONLY), "rb") as file:
                result = cls(**json.loads(file.read(_LONGEST_RESULT)))
        except (FileNotFoundError, NotADirectoryError, NotRegular, PermissionError):
            return None  # a command may have made anything of its folder
        except (ValueError, TypeError, RecursionError):
            return None  # no supervisor wrote this
        return result if result.invocation == invocation and result._is_sound() else None

    def _is_sound(self) -> bool:
        """Return whether a supervisor may have written these values."""
        reason: Any = self.reason  # it was read, so nothing is what it is declared to be
        ended_at: Any = self.ended_at
        codes: list[Any] = [code for code in (self.exit_code, self.signal) if code is not None]
        return (
            isinstance(reason, str)
            and str(self.ending) in ENDINGS
            and isinstance(ended_at, int | float)
            and 0 <= ended_at < _LATEST
            and all(type(code) is int and 0 <= code < _HIGHEST for code in codes)
        )


class NotRegular(OSError):
    """There is a folder, a link, a FIFO or the like in the place of a file of ours."""


def make_way(folder: Path, *files: Path) -> None:
    """Make the *folder* of an attempt writable, and its run's; whatever is in the way is removed.

    So is what is no regular file in the place of *files*.
    """
    for level in folder.parent, folder:
        if level.is_symlink() or not level.is_dir():
            level.unlink(missing_ok=True)
            level.mkdir(mode=0o711, parents=True)
        elif not os.access(level, os.W_OK | os.X_OK):
            level.chmod(0o711)
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(file.lstat().st_mode):
                remove(file)


def remove(path: Path) -> None:
    """Remove *path*, whatever it is; `shutil.rmtree` alone would wait for a writer to a FIFO."""
    if stat.S_ISDIR(path.lstat().st_mode):
        import shutil  # noqa: PLC0415 - large, and next to never needed

        shutil.rmtree(path)
    else:
        path.unlink()


def open_regular(path: Path, flags: int) -> int:
    """Open a file that a command could have replaced, private if it is new; never wait for it.

    Raises NotRegular, also for a link.
    """
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO, errno.EISDIR}:
            raise NotRegular(error.errno, "not a regular file", str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegular(errno.ENXIO, "not a regular file", str(path))
    os.set_blocking(descriptor, True)
    return descriptor


def write_private(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file that only its owner may read; *durable* waits until it is on disk."""
    with os.fdopen(open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
