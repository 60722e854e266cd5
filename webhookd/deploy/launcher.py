"""Hands attempts to supervisors: one job in, one running supervisor out."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import webhookd
from webhookd.deploy.forkserver import STARTED, send_order
from webhookd.deploy.job import Job, make_way, write_private
from webhookd.deploy.locks import LaneLocks, RunningSupervisor
from webhookd.models.layout import AttemptFolder, StateLayout

_PATIENCE = 10.0  # seconds for the fork server to answer
_STOP_PATIENCE = 2.0  # seconds for the fork server to end
_START = "import sys; sys.path.append(sys.argv[1]); from webhookd.deploy.forkserver import main; main()"


class Launcher:
    """The daemon's side of the fork server; all but `locks` belongs to the worker's thread."""

    def __init__(
        self, layout: StateLayout, *, python: str = sys.executable, patience: float = _PATIENCE
    ) -> None:
        """Work in the folders of *layout*; *python* runs the fork server, *patience* is in seconds."""
        self.layout = layout
        self.locks = LaneLocks(layout.locks)
        self._python = python
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def start(self) -> socket.socket:
        """Make the folders, start the fork server, and return the connection to it."""
        for folder in self.layout.runs, self.layout.locks:
            folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._make_spare_folder()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(self._patience)
        root = str(Path(webhookd.__file__).parents[1])
        with theirs:
            self._process = subprocess.Popen(
                [self._python, "-I", "-S", "-c", _START, root, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={"LANG": "C.UTF-8"},
                cwd="/",
                start_new_session=True,  # Ctrl-C in the daemon's terminal is for the daemon alone
            )
        return self._socket

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

    def launch(self, job: Job, *, payload: bytes | None, lock: int) -> RunningSupervisor | None:
        """Start a supervisor for *job*; it inherits the held *lock*.

        Returns None when the supervisor ended before it could be watched, did not answer in time, or the fork
        server died over it: the result or its absence tells which. Raises OSError where nothing was started;
        then no payload is left behind.
        """
        try:
            self._make_folder(job)
            if payload is not None:
                write_private(job.files.payload, payload)
            supervisor = self._send(job, lock)
        except OSError:
            with contextlib.suppress(OSError):  # a disk that fails
                job.files.payload.unlink(missing_ok=True)
            raise
        self._make_spare_folder()
        return supervisor

    def _make_folder(self, job: Job) -> None:
        """Make the folder of *job*; a first attempt takes the spare folder, with its files.

        New names are the slowest thing between a commit and its command, and this leaves one of four.
        """
        folder = job.files.path
        if job.attempt == 1:
            with contextlib.suppress(OSError):  # there is a folder already, or no spare one
                os.utime(self.layout.spare_run)  # it may be old, and is no stray
                self.layout.spare_run.rename(folder.parent)
        make_way(folder, job.files.payload, job.files.log)

    def _make_spare_folder(self) -> None:
        """Make the next run's folder in advance; without it the next launch makes its own."""
        with contextlib.suppress(OSError):
            first = AttemptFolder(self.layout.spare_run / "1")
            make_way(first.path, first.payload, first.log)
            for file in (first.payload, first.log):
                write_private(file, b"")

    def _send(self, job: Job, lock: int) -> RunningSupervisor | None:
        answer, reply = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with answer, reply:
            try:
                send_order(self._socket or self._restart(), job, lock=lock, reply=reply)
            except (BrokenPipeError, ConnectionResetError):  # it died before this job reached it
                send_order(self._restart(), job, lock=lock, reply=reply)
            reply.close()  # so that the answer ends if all the others do
            answer.settimeout(self._patience)
            try:
                _, descriptors, _, _ = socket.recv_fds(answer, len(STARTED), 1)
            except OSError:  # a time-out, most likely: it may yet start
                with contextlib.suppress(OSError):  # then the next job starts it, or cannot be started
                    self._restart()  # whatever holds it up, the next job shall not wait for that
                return None
        return RunningSupervisor(pidfd=descriptors[0]) if descriptors else None  # it died before

    def _restart(self) -> socket.socket:
        self.stop()
        return self.start()
