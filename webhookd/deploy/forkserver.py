"""A small process that forks a supervisor for every job, faster than an interpreter starts.

Standard library only: it runs with `python -I -S`, so it is small, has one thread and holds nothing of the
daemon's but one socket. Each message on it is the path of a job file with the lane's held lock as a
descriptor; each answer is the supervisor's pid with a pidfd. When the daemon's end closes it exits, and its
supervisors go on.
"""

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from webhookd.deploy import processes, supervisor
from webhookd.deploy.job import Job

MAX_MESSAGE = 4096


def main() -> None:
    """Serve the socket whose descriptor is the last argument, until its other end closes."""
    connection = socket.socket(fileno=int(sys.argv[-1]))
    processes.become_subreaper()  # what a killed supervisor leaves is reaped here, not by the daemon
    signal.signal(signal.SIGCHLD, lambda *_: _reap())
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a stop of the whole group must not cut running commands
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, MAX_MESSAGE, 1)
        if not message:
            return
        _launch(connection, message.decode(), descriptors[0])


def _launch(connection: socket.socket, path: str, lock: int) -> None:
    os.set_inheritable(lock, False)  # noqa: FBT003 - it has no name for it
    pid = os.fork()
    if pid == 0:
        connection.close()
        _supervise(path, lock)
    os.close(lock)
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:  # already ended and reaped: the daemon will find its result
        connection.send(str(pid).encode())
        return
    socket.send_fds(connection, [str(pid).encode()], [pidfd])
    os.close(pidfd)


def _supervise(path: str, lock: int) -> None:
    """Become the supervisor of the job at *path*; never returns."""
    try:
        text = Path(path).read_bytes()
        Path(path).unlink()  # the environment it holds is nobody's business afterwards
        supervisor.run(Job.from_json(text), lock=lock)
    finally:
        os._exit(1)  # without a result the daemon ends what is left and reports an interruption


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
