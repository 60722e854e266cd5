"""The signals that an operator or systemd sends, as state; and what PID 1 of a container has to do."""

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType


class Signals:
    """Records the signals that arrived; the handlers only set these attributes and wake the main loop."""

    def __init__(self) -> None:
        self.stops = 0  # number of requests to stop
        self.reload = False  # whether a reload was requested; the main loop resets it

    def install(self, wake: Callable[[], None], stack: ExitStack) -> None:
        """Record signals until *stack* ends, and call *wake* after each."""

        def stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the shape of a handler
            self.stops += 1
            wake()

        def reload(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as above
            self.reload = True
            wake()

        for signum, handler in ((signal.SIGTERM, stop), (signal.SIGINT, stop), (signal.SIGHUP, reload)):
            stack.callback(signal.signal, signum, signal.signal(signum, handler))


def leave_init_behind() -> None:
    """As PID 1 (a container without an init), go on in a child, while this process is a small init.

    It passes signals on and reaps what others leave behind, which in the daemon could take the exit status
    of a child that somebody waits for.
    """
    if os.getpid() != 1:
        return
    passed_on = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, passed_on | {signal.SIGCHLD})  # PID 1 would lose them else
    daemon = os.fork()
    if daemon == 0:
        os.setpgid(0, 0)  # a Ctrl-C then reaches it once, by way of the init
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if os.environ.get("LISTEN_PID") == "1":
            os.environ["LISTEN_PID"] = str(os.getpid())
        return
    while True:
        signum = signal.sigwait(passed_on | {signal.SIGCHLD})
        if signum in passed_on:
            os.kill(daemon, signum)
            continue
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == daemon:
                code = os.waitstatus_to_exitcode(ended[1])
                os._exit(code if code >= 0 else 128 - code)  # a signal, as a shell counts
