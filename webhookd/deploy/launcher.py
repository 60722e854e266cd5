"""Hands attempts to supervisors, and finds them again: one job in, one watched process out."""

import contextlib
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import webhookd
from webhookd.deploy.forkserver import receive_answer, send_order, write_order
from webhookd.deploy.job import Job, make_way, write_private
from webhookd.deploy.jobs import LaunchFailed
from webhookd.deploy.locks import LaneLocks
from webhookd.deploy.watched import Watched
from webhookd.errors import with_file
from webhookd.models import Ending

_PATIENCE = 10.0  # seconds for the fork server to answer
_STOP_PATIENCE = 2.0  # seconds for the fork server to notice that it shall end
_START = "import sys; sys.path.append(sys.argv[1]); from webhookd.deploy.forkserver import main; main()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A job for which everything is ready but its start. It holds the lane's lock."""

    job: Job
    order: int  # descriptors
    lock: int
    answer: socket.socket  # ours
    reply: socket.socket  # the other end, for the supervisor

    def forget(self) -> None:
        """Let nobody start it, and leave no payload behind that the store may forget."""
        self.close()
        _remove_payload(self.job)

    def close(self) -> None:
        """Let go of the descriptors; a supervisor has its own."""
        os.close(self.order)
        os.close(self.lock)
        self.answer.close()
        self.reply.close()


class Launcher:
    """The daemon's side of the fork server; all but `locks` belongs to the worker's thread."""

    def __init__(self, state_dir: Path, *, python: str = sys.executable, patience: float = _PATIENCE) -> None:
        """Keep runs and locks in *state_dir*; *python* runs the fork server, *patience* is in seconds."""
        self._python = python
        self._patience = patience
        self._runs = state_dir / "runs"
        self.locks = LaneLocks(state_dir / "locks")
        self._spare_folder = self._runs / ".spare"
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def start(self) -> socket.socket:
        """Make the folders, start the fork server, and give the connection to it."""
        self._runs.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.locks.make_folder()
        self._make_spare_folder()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        root = str(Path(webhookd.__file__).parents[1])
        with theirs, contextlib.ExitStack() as undo:
            undo.enter_context(ours)
            self._process = subprocess.Popen(
                [self._python, "-I", "-S", "-c", _START, root, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={"LANG": "C.UTF-8"},
                cwd="/",
                start_new_session=True,  # Ctrl-C in the daemon's terminal is the daemon's alone
            )
            undo.pop_all()
        ours.settimeout(self._patience)
        self._socket = ours
        return ours

    def stop(self) -> None:
        """Close the fork server; supervisors go on."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            try:
                self._process.wait(_STOP_PATIENCE)
            except subprocess.TimeoutExpired:  # somebody has stopped it
                self._process.kill()
                self._process.wait()
            self._process = None

    @property
    def pid(self) -> int | None:
        """The fork server's pid."""
        return self._process.pid if self._process else None

    def folder(self, run: int, attempt: int) -> Path:
        """Where an attempt keeps its log, payload and result."""
        return self._runs / str(run) / str(attempt)

    def prepare(self, job: Job, *, payload: bytes | None, lock: int) -> Prepared:
        """Lay out what *job* needs; *lock* is the result's from here on. Raises LaunchFailed."""
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, lock)
            undo.callback(_remove_payload, job)
            try:
                self._enter(job)
                if payload is not None:
                    write_private(job.payload, payload)
                answer, reply = map(
                    undo.enter_context, socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                )
                order = write_order(job)
            except OSError as error:
                raise not_started(error) from error
            undo.pop_all()
        return Prepared(job=job, order=order, lock=lock, answer=answer, reply=reply)

    def launch(self, prepared: Prepared) -> Watched | None:
        """Start the supervisor of what was *prepared*, which is used up by this.

        None when it has ended before it could be watched, did not answer in time, or the fork server died
        over it: the result or its absence tells which. Raises LaunchFailed where nothing was started.
        """
        try:
            watched = self._send(prepared)
        except OSError as error:
            prepared.forget()
            raise not_started(error) from error
        prepared.close()
        self._make_spare_folder()
        return watched

    def _enter(self, job: Job) -> None:
        """Make the folder of *job*: of a first attempt the one that lies ready, with the files it will have.

        New names are the slowest thing between a commit and its command, and this leaves one of four.
        """
        folder = Path(job.folder)
        if job.attempt == 1:
            with contextlib.suppress(OSError):  # it is there already, or none lies ready
                os.utime(self._spare_folder)  # it may have lain there for long, and is no stray
                self._spare_folder.rename(folder.parent)
                return
        make_way(folder)

    def _make_spare_folder(self) -> None:
        """Lay the next folder ready; without it the next launch makes its own."""
        with contextlib.suppress(OSError):
            first = self._spare_folder / "1"
            make_way(first)
            for name in ("payload", "log"):
                write_private(first / name, b"")

    def _send(self, prepared: Prepared) -> Watched | None:
        try:
            send_order(self._connection(), prepared.order, lock=prepared.lock, reply=prepared.reply)
        except (BrokenPipeError, ConnectionResetError):  # it died before this job reached it
            send_order(self._restart(), prepared.order, lock=prepared.lock, reply=prepared.reply)
        prepared.reply.close()  # so that the answer ends if all the others do
        prepared.answer.settimeout(self._patience)
        try:
            pidfd = receive_answer(prepared.answer)
        except OSError:  # a time-out, most likely: it may yet start
            with contextlib.suppress(OSError):  # then the next job starts it, or cannot be started
                self._restart()  # whatever holds it up, the next job shall not wait for that
            return None
        return None if pidfd is None else Watched(pidfd=pidfd)

    def _connection(self) -> socket.socket:
        return self._socket or self._restart()

    def _restart(self) -> socket.socket:
        self.stop()
        return self.start()


def _remove_payload(job: Job) -> None:
    with contextlib.suppress(OSError):  # a disk that fails; the next run of that number writes over it
        job.payload.unlink(missing_ok=True)


def not_started(error: OSError) -> LaunchFailed:
    """Say that the system did not let us start a supervisor: it is tried again."""
    message = f"no supervisor could be started: {with_file(error)}"
    return LaunchFailed(message, ending=Ending.INTERRUPTED, concerns_all=True)
