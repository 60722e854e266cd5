"""A small process that keeps a supervisor ready for the next job, so that no command waits for a fork.

Standard library only: it runs with `python -I -S`, so it is small, has one thread, and shares only one
socket with the daemon. On that socket the spare supervisor waits for its order, which is three descriptors:
a job, the lane's held lock, and a socket for the answer. It starts the command, answers with a pidfd of
itself, and tells this process to fork the next spare. Should it die before, its end of that socket closes,
and the daemon knows. When the daemon's end closes, this process and the spare exit, and supervisors at work
go on.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from typing import NoReturn

from webhookd.deploy import processes, supervisor
from webhookd.deploy.job import Job

_ORDER, STARTED = b"order", b"started"
_TAKEN = b"t"  # a spare has got a job


def main() -> None:
    """Serve the socket whose descriptor is the last argument, until its other end closes."""
    connection = socket.socket(fileno=int(sys.argv[-1]))
    processes.become_subreaper()  # what a killed supervisor leaves is reaped here, not by the daemon
    processes.prefer_as_victim()  # a command that takes all memory must not end the daemon
    _handle_signals()
    events, notes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(notes, warn_on_full_buffer=False)
    gc.disable()
    gc.freeze()  # a forked child shares what no collector writes to
    poll = select.poll()
    poll.register(events, select.POLLIN)
    poll.register(connection, 0)  # its end only
    spare = _fork_spare(connection, notes)
    while connection.fileno() not in dict(poll.poll()):
        taken = _TAKEN in os.read(events, 4096)
        ended = _reap()
        if taken or spare in ended:
            spare = _fork_spare(connection, notes)


def _handle_signals() -> None:
    """Survive all signals without ignoring any: what is ignored here, every command would ignore.

    A signal to the whole group must not end running commands. The pipe reports that a child has ended.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for signum in signal.valid_signals() - {signal.SIGPIPE}:  # which Python needs, and Popen restores
        if signal.getsignal(signum) == signal.SIG_IGN:
            signal.signal(signum, signal.SIG_DFL)
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(signum, lambda *_: None)


def _fork_spare(connection: socket.socket, notes: int) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            _wait_for_order(connection, notes)
        finally:
            os._exit(1)  # without a result the daemon ends what is left and reports an interruption
    return pid


def _wait_for_order(connection: socket.socket, notes: int) -> NoReturn:
    """Be the spare: get ready, wait for a job, and supervise it to its end."""
    signal.set_wakeup_fd(-1)
    signals = supervisor.get_ready()
    _rehearse()
    received = _receive(connection)
    if received is None:
        os._exit(0)
    job, lock, answer = received

    def started() -> None:
        if answer.fileno() < 0:
            return  # said before
        pidfd = os.pidfd_open(os.getpid())
        with contextlib.suppress(OSError):  # the daemon may be gone; the next one finds us by the lock
            socket.send_fds(answer, [STARTED], [pidfd])
        os.close(pidfd)
        answer.close()
        connection.close()
        with contextlib.suppress(OSError):  # and so may the fork server
            os.write(notes, _TAKEN)

    supervisor.run(job, signals=signals, lock=lock, started=started)


def _receive(connection: socket.socket) -> tuple[Job, int, socket.socket] | None:
    """Wait for an order: a job, the lane's held lock, where to answer; None when the daemon is gone."""
    message, descriptors, _, _ = socket.recv_fds(connection, len(_ORDER), 3)
    if not message:
        return None
    order, lock, answer = descriptors
    for kept in lock, answer:
        os.set_inheritable(kept, False)  # noqa: FBT003 - it has no name for it
    text = os.pread(order, os.fstat(order).st_size, 0)
    os.close(order)
    return Job.from_json(text), lock, socket.socket(fileno=answer)


def _rehearse() -> None:
    """Do once what an order will cause, so that its memory pages are already copied.

    After a fork the first write to each page takes microseconds, and there are hundreds.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        job = Job(run=0, attempt=0, invocation="", folder="/", argv=("/",), cwd="/")
        send_order(theirs, job, lock=theirs.fileno(), reply=theirs)
        received = _receive(ours)
    if received is not None:
        job, lock, answer = received
        os.close(lock)
        answer.close()
        supervisor.rehearse(job)


def send_order(connection: socket.socket, job: Job, *, lock: int, reply: socket.socket) -> None:
    """Send *job* to the spare, with *lock* and where to *reply*; the daemon's side of `_receive`.

    It travels in a file without a name: it may be long, and the environment in it is nobody's business.
    """
    with os.fdopen(os.memfd_create("job", os.MFD_CLOEXEC), "wb", buffering=0) as order:
        order.write(job.to_json())
        socket.send_fds(connection, [_ORDER], [order.fileno(), lock, reply.fileno()])


def _reap() -> set[int]:
    """Collect ended children, orphans of killed supervisors too; let a stopped one go on.

    A command can stop its supervisor, which would then keep no time limit.
    """
    ended = set()
    with contextlib.suppress(ChildProcessError):
        while (child := os.waitpid(-1, os.WNOHANG | os.WUNTRACED))[0]:
            pid, status = child
            if os.WIFSTOPPED(status):
                os.kill(pid, signal.SIGCONT)
            else:
                ended.add(pid)
    return ended
