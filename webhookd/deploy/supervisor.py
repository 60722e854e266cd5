"""The small process that owns one attempt: process tree, time limit, log, result. Standard library only.

It holds the lane's lock as an open descriptor that the command does not inherit, and outlives the daemon.
SIGTERM cancels the attempt, SIGUSR1 interrupts it; both end the whole process tree first.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from webhookd.deploy import processes
from webhookd.deploy.command_log import CommandLog
from webhookd.deploy.job import Job, Result, make_way
from webhookd.deploy.locks import main_of, write_holder
from webhookd.deploy.starting import spawn, why

_INTERVAL = 0.25  # seconds between looks at the log and the clock; the end of a process is noticed at once
_ROOM_INTERVAL = 1.0  # seconds between two tries to write the result
_REMAINING_PATIENCE = 1.0  # seconds that other processes of a command may outlive it (`tee`, `git gc`)
_KILL_INTERVAL = 0.05  # seconds between rounds of KILL, while processes still fork
_KILL_PATIENCE = 10.0  # seconds after which processes that no KILL ends are reported and left
_LOOKS = 3  # that must find nothing: in the middle of its exec a process has no environment


class Signals:
    """What came, noted by handlers that do nothing else; `wait` returns as soon as something did."""

    def __init__(self) -> None:
        self.asked_to_end = ""  # an ending, in the words of `Result`
        self._read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: self._ask("cancelled"))
        signal.signal(signal.SIGUSR1, lambda *_: self._ask("interrupted"))
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def wait(self, seconds: float) -> None:
        """Sleep for *seconds*, or until a signal has come."""
        if select.select([self._read_end], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._read_end, 512)

    def _ask(self, ending: str) -> None:
        self.asked_to_end = self.asked_to_end or ending


def get_ready() -> Signals:
    """Do what can be done before there is a job; return the signals for `run`."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # a reader of the daemon's streams must see them end with the daemon
        os.dup2(null, stream)
    os.close(null)
    processes.become_subreaper()
    return Signals()


def rehearse(job: Job) -> None:
    """Try to start *job*, which cannot be started."""
    null = os.open(os.devnull, os.O_RDWR)
    with contextlib.suppress(OSError):
        spawn(job, null)
    with contextlib.suppress(OSError):
        CommandLog(Path(os.devnull), limit=job.log_limit)  # no regular file, so it is closed again
    os.close(null)


def run(job: Job, *, signals: Signals, lock: int, started: Callable[[], None]) -> NoReturn:
    """Supervise *job* to its end and exit.

    *lock* is the descriptor of the held lock file; *started* is called when the command runs, or cannot.
    """
    signals.asked_to_end = ""  # earlier signals were not meant for this job
    try:
        if job.argv:
            result = _Attempt(job, signals, lock).supervise(started)
        else:
            started()
            result = _clean_up(job, lock, signals)
    except Exception as error:  # noqa: BLE001 - whatever it is, the run must learn of it
        _kill_everything(signals)
        started()
        ending = "not_started" if job.argv and not main_of(lock, job.invocation) else "interrupted"
        reason = f"supervisor failed: {type(error).__name__}: {error}"
        result = Result(invocation=job.invocation, ending=ending, reason=reason)
    with contextlib.suppress(OSError):  # a command may have made anything of its folder
        make_way(job.files.path)
        job.files.payload.unlink(missing_ok=True)  # the store keeps it, for as long as the operator wants
    while True:
        try:
            result.write(job.files)
        except OSError:
            if signals.asked_to_end:
                raise  # without a result the run is interrupted
            signals.wait(_ROOM_INTERVAL)
        else:
            os._exit(0)


class _Attempt:
    """A command from its start until no descendant is left."""

    def __init__(self, job: Job, signals: Signals, lock: int) -> None:
        self._job = job
        self._signals = signals
        self._lock = lock
        fields = [(name, value.encode("utf-8", "replace")) for name, value in job.journal]
        self._log = CommandLog(job.files.log, limit=job.log_limit, fields=fields)
        self._deadline = time.monotonic() + job.timeout
        self._main = 0  # pid
        self._status: int | None = None  # wait status of the command itself
        self._ended_at = 0.0  # monotonic seconds
        self._remaining = 0  # processes that had to be ended after the command
        self._ending = ""  # why the tree is being ended; "" while it is not
        self._kill_at = 0.0
        self._immortal = 0

    def supervise(self, started: Callable[[], None]) -> Result:
        """Start the command, wait for its end, and return how it ended."""
        try:
            self._main = spawn(self._job, self._log.fd)
        except (OSError, subprocess.SubprocessError) as error:
            started()
            reason = why(error, self._job)
            return Result(invocation=self._job.invocation, ending="not_started", reason=reason)
        write_holder(self._lock, self._job.invocation, processes.identity(self._main))
        started()
        while self._reap() and self._goes_on(time.monotonic()):
            self._log.keep_within_limit()
            self._signals.wait(_INTERVAL)
        self._log.close()
        return self._result()

    def _goes_on(self, now: float) -> bool:
        """Do what is due; return whether to go on."""
        if not self._ending:
            self._ending = self._reason_to_end(now)
            if self._ending:
                tree = processes.descendants(os.getpid())
                self._remaining = 0 if self._status is None else len(tree)
                processes.terminate(tree)
                self._kill_at = now + self._job.grace
        elif now >= self._kill_at:
            self._immortal = processes.send(signal.SIGKILL, processes.descendants(os.getpid()))
            return now < self._kill_at + _KILL_PATIENCE
        return True

    def _reap(self) -> bool:
        """Collect ended children, adopted ones too; return whether any is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._main:
                self._status, self._ended_at = status, time.monotonic()

    def _reason_to_end(self, now: float) -> str:
        asked = self._signals.asked_to_end
        if self._status is None:
            return asked or ("timed_out" if now >= self._deadline else "")
        # The command has ended by itself: that counts, whatever was asked for since.
        return "remaining" if asked or now >= self._ended_at + _REMAINING_PATIENCE else ""

    def _result(self) -> Result:
        code = os.waitstatus_to_exitcode(self._status) if self._status is not None else None
        exit_code = code if code is not None and code >= 0 else None
        signum = -code if code is not None and code < 0 else None
        ending = self._ending
        if ending in ("", "remaining"):
            ending = "exited" if exit_code is not None else "signaled"
        return Result(
            invocation=self._job.invocation,
            ending=ending,
            exit_code=exit_code,
            signal=signum,
            reason=self._reason(ending, exit_code, signum),
        )

    def _reason(self, ending: str, exit_code: int | None, signum: int | None) -> str:
        said = {
            "timed_out": f"ran into its time limit of {self._job.timeout:g} s",
            "cancelled": "cancelled",
            "interrupted": "the daemon was stopped",
            "signaled": f"ended by signal {_signal_name(signum)}",
            "exited": f"exit code {exit_code}" if exit_code else "",
        }[ending]
        parts = [said] if said else []
        if self._remaining:
            parts.append(_count_ended(self._remaining))
        if self._immortal:
            parts.append(f"{self._immortal} of another user could not be ended")
        return ", ".join(parts)


def _signal_name(signum: int | None) -> str:
    try:
        return signal.Signals(signum or 0).name
    except ValueError:
        return str(signum)


def _clean_up(job: Job, lock: int, signals: Signals) -> Result:
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
    while looks < _LOOKS and time.monotonic() < kill_at + _KILL_PATIENCE:
        found = processes.remains(job.invocation, main)
        looks = 0 if found else looks + 1
        if time.monotonic() >= kill_at:
            processes.send(signal.SIGKILL, found)
        else:
            processes.terminate(set(found) - ended)
        ended.update(found)
        if output is not None:
            output.keep_within_limit()
        signals.wait(_KILL_INTERVAL)
    if output is not None:
        output.close()
    if (known := Result.read(job.files, job.invocation)) is not None:
        return known
    reason = "its supervisor died" + (f", {_count_ended(len(ended))}" if ended else "")
    return Result(invocation=job.invocation, ending="interrupted", reason=reason)


def _kill_everything(signals: Signals) -> None:
    """KILL all descendants without grace: this supervisor can no longer look after them."""
    end = time.monotonic() + _KILL_PATIENCE
    while (tree := processes.descendants(os.getpid())) and time.monotonic() < end:
        processes.send(signal.SIGKILL, tree)
        signals.wait(_KILL_INTERVAL)


def _count_ended(count: int) -> str:
    """Return the part of a reason that counts the processes that had to be ended."""
    return f"{count} background process{'es' if count > 1 else ''} ended"
