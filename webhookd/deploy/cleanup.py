"""Ends processes that outlived their command or their supervisor. Standard library only."""

import contextlib
import os
import signal
import time
from collections.abc import Callable

from webhookd.deploy import processes
from webhookd.deploy.command_log import CommandLog
from webhookd.deploy.job import Job, Result
from webhookd.deploy.locks import main_of, write_holder

KILL_INTERVAL = 0.05  # seconds between rounds of KILL, while processes still fork
KILL_PATIENCE = 10.0  # seconds after which processes that no KILL ends are reported and left
_LOOKS = 3  # that must find nothing: in the middle of its exec a process has no environment


def clean_up(job: Job, lock: int, *, pause: Callable[[float], None]) -> Result:
    """End what an attempt left behind whose own supervisor died, and call the attempt interrupted.

    A result that is there counts all the same: only the processes had to be ended.
    """
    main = main_of(lock, job.invocation)
    write_holder(lock, job.invocation, main)
    output = None
    if job.files.log.exists():
        with contextlib.suppress(OSError):  # a command may have put anything in its place
            output = CommandLog(job.files.log, limit=job.log_limit, fresh=False)
    ended: set[int] = set()
    looks = 0
    kill_at = time.monotonic() + job.grace
    while looks < _LOOKS and time.monotonic() < kill_at + KILL_PATIENCE:
        found = processes.remains(job.invocation, main)
        looks = 0 if found else looks + 1
        if time.monotonic() >= kill_at:
            processes.send(signal.SIGKILL, found)
        else:
            processes.terminate(set(found) - ended)
        ended.update(found)
        if output is not None:
            output.keep_within_limit()
        pause(KILL_INTERVAL)
    if output is not None:
        output.close()
    if (known := Result.read(job.files, job.invocation)) is not None:
        return known
    reason = "its supervisor died" + (f", {count_ended(len(ended))}" if ended else "")
    return Result(invocation=job.invocation, ending="interrupted", reason=reason)


def kill_everything(*, pause: Callable[[float], None]) -> None:
    """KILL all descendants without grace: this supervisor can no longer look after them."""
    end = time.monotonic() + KILL_PATIENCE
    while (tree := processes.descendants(os.getpid())) and time.monotonic() < end:
        processes.send(signal.SIGKILL, tree)
        pause(KILL_INTERVAL)


def count_ended(count: int) -> str:
    """Return the part of a reason that counts the processes that had to be ended."""
    return f"{count} background process{'es' if count > 1 else ''} ended"
