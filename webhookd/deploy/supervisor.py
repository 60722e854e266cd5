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
from typing import NoReturn

from webhookd.deploy import processes
from webhookd.deploy.holder import Holder
from webhookd.deploy.job import Job, Result
from webhookd.deploy.output import Output
from webhookd.deploy.starting import silence, spawn, why

_KILL_INTERVAL = 0.05  # seconds between rounds of KILL, while processes still fork
_KILL_PATIENCE = 10.0  # seconds after which processes that no KILL ends are reported and left
_LOG_INTERVAL = 0.25  # seconds between looks at the size of the log
_LOOKS = 3  # that must find nothing: in the middle of its exec a process has no environment
_LEFTOVER_PATIENCE = 1.0  # seconds a command's helpers may take to end after it (`tee`, `git gc`)


class Signals:
    """Signals as state: handlers only note what came, `wait` returns as soon as something did."""

    def __init__(self) -> None:
        self.asked_to_end = ""  # an ending, in the words of `Result`
        self._read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: self._ask("cancelled"))
        signal.signal(signal.SIGUSR1, lambda *_: self._ask("interrupted"))
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def wait(self, seconds: float) -> None:
        """Sleep for *seconds*, or until a signal has come."""
        if select.select([self._read_end], [], [], max(seconds, 0.0))[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._read_end, 512)

    def _ask(self, ending: str) -> None:
        self.asked_to_end = self.asked_to_end or ending


def get_ready() -> Signals:
    """Do what can be done before there is a job; give the signals for `run`."""
    os.setsid()
    silence()
    processes.become_subreaper()
    _rehearse()
    return Signals()


def _rehearse() -> None:
    """Start what cannot be started, so that the start that counts finds its memory touched.

    After a fork the first write to each page takes microseconds, and there are hundreds.
    """
    job = Job(run=0, attempt=0, invocation="", folder="/", argv=("/",), cwd="/")
    with contextlib.suppress(OSError):
        spawn(Job.from_json(job.to_json()), output=2)


def run(job: Job, *, signals: Signals, lock: int, started: Callable[[], None]) -> NoReturn:
    """Supervise *job* to its end and exit.

    *lock* is the descriptor of the held lock file; *started* is called when the command runs, or cannot.
    """
    holder = Holder(lock, job)
    try:
        if job.argv:
            result = _Attempt(job, signals, holder).supervise(started)
        else:
            started()
            result = _end_leftovers(job, signals, holder)
    except Exception as error:  # noqa: BLE001 - whatever it is, the run must learn of it
        _kill_everything(signals)
        reason = f"supervisor failed: {type(error).__name__}: {error}"
        result = Result(invocation=job.invocation, ending="not_started", reason=reason, ended_at=time.time())
    job.payload.unlink(missing_ok=True)  # the store keeps it, for as long as the operator wants
    result.write(job.folder)
    os._exit(0)


class _Attempt:
    """A command from its start until no descendant is left."""

    def __init__(self, job: Job, signals: Signals, holder: Holder) -> None:
        self._job = job
        self._signals = signals
        self._holder = holder
        self._output = Output(job.log, limit=job.log_limit)
        self._main = 0  # pid
        self._status: int | None = None  # wait status of the command itself
        self._ended_at = 0.0  # monotonic seconds
        self._leftovers = 0  # processes that had to be ended after the command
        self._ending = ""  # why the tree is being ended; "" while it is not
        self._kill_at = 0.0
        self._immortal = 0

    def supervise(self, started: Callable[[], None]) -> Result:
        """Start the command, see it through, and say how it ended."""
        deadline = time.monotonic() + self._job.timeout
        try:
            self._main = spawn(self._job, self._output.fd)
        except (OSError, subprocess.SubprocessError) as error:
            started()
            return Result(
                invocation=self._job.invocation,
                ending="not_started",
                reason=why(error, self._job),
                ended_at=time.time(),
            )
        self._holder.say(processes.identity(self._main))
        started()
        while self._reap() and self._goes_on(time.monotonic(), deadline):
            self._output.keep_within_limit()
            self._signals.wait(self._pause(time.monotonic(), deadline))
        self._output.close()
        return self._result()

    def _goes_on(self, now: float, deadline: float) -> bool:
        """Do what is due; tell whether to go on."""
        if self._ending:
            return self._kill(now)
        self._ending = self._reason_to_end(now, deadline)
        if self._ending:
            self._terminate(now)
        return True

    def _reap(self) -> bool:
        """Collect ended children, adopted ones too; tell whether any is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._main:
                self._status, self._ended_at = status, time.monotonic()

    def _reason_to_end(self, now: float, deadline: float) -> str:
        if self._signals.asked_to_end:
            return self._signals.asked_to_end
        if self._status is None:
            return "timed_out" if now >= deadline else ""
        return "leftovers" if now >= self._ended_at + _LEFTOVER_PATIENCE else ""

    def _terminate(self, now: float) -> None:
        tree = processes.descendants(os.getpid())
        if self._status is not None:
            self._leftovers = len(tree)
        processes.terminate(tree)
        self._kill_at = now + self._job.grace

    def _kill(self, now: float) -> bool:
        """KILL the tree once its grace is over; tell whether it may still end."""
        if now < self._kill_at:
            return True
        self._immortal = processes.send(signal.SIGKILL, processes.descendants(os.getpid()))
        return now < self._kill_at + _KILL_PATIENCE

    def _pause(self, now: float, deadline: float) -> float:
        if self._ending:
            return max(self._kill_at - now, _KILL_INTERVAL) if now < self._kill_at else _KILL_INTERVAL
        if self._status is not None:
            return self._ended_at + _LEFTOVER_PATIENCE - now
        return min(deadline - now, _LOG_INTERVAL)

    def _result(self) -> Result:
        code = os.waitstatus_to_exitcode(self._status) if self._status is not None else None
        exit_code = code if code is not None and code >= 0 else None
        signum = -code if code is not None and code < 0 else None
        ending = self._ending
        if ending in ("", "leftovers"):
            ending = "exited" if exit_code is not None else "signaled"
        return Result(
            invocation=self._job.invocation,
            ending=ending,
            exit_code=exit_code,
            signal=signum,
            reason=self._reason(ending, exit_code, signum),
            ended_at=time.time(),
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
        if self._leftovers:
            parts.append(_count_leftovers(self._leftovers))
        if self._immortal:
            parts.append(f"{self._immortal} of another user could not be ended")
        return ", ".join(parts)


def _end_leftovers(job: Job, signals: Signals, holder: Holder) -> Result:
    """End what an attempt left behind whose own supervisor died, and call the attempt interrupted."""
    mark = f"\0WEBHOOKD_INVOCATION={job.invocation}\0".encode()
    ended: set[int] = set()
    looks = 0
    kill_at = time.monotonic() + job.grace
    while looks < _LOOKS and time.monotonic() < kill_at + _KILL_PATIENCE:
        found = processes.remains(mark, holder.main)
        looks = 0 if found else looks + 1
        if time.monotonic() >= kill_at:
            processes.send(signal.SIGKILL, found)
        else:
            processes.terminate(set(found) - ended)
        ended.update(found)
        signals.wait(_KILL_INTERVAL)
    if job.log.exists():
        Output(job.log, limit=job.log_limit, fresh=False).close()
    reason = "its supervisor died" + (f", {_count_leftovers(len(ended))}" if ended else "")
    return Result(invocation=job.invocation, ending="interrupted", reason=reason, ended_at=time.time())


def _kill_everything(signals: Signals) -> None:
    """KILL all descendants without grace: this supervisor can no longer look after them."""
    end = time.monotonic() + _KILL_PATIENCE
    while (tree := processes.descendants(os.getpid())) and time.monotonic() < end:
        processes.send(signal.SIGKILL, tree)
        signals.wait(_KILL_INTERVAL)


def _count_leftovers(count: int) -> str:
    return f"{count} left-over process{'es' if count > 1 else ''} ended"


def _signal_name(signum: int | None) -> str:
    try:
        return signal.Signals(signum or 0).name
    except ValueError:
        return str(signum)
