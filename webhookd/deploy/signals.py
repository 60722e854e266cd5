"""Signals as state, for a process that waits for several things at once. Standard library only."""

import contextlib
import os
import select
import signal


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
        if select.select([self._read_end], [], [], max(seconds, 0.0))[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._read_end, 512)

    def forget(self) -> None:
        """Begin anew."""
        self.asked_to_end = ""

    def _ask(self, ending: str) -> None:
        self.asked_to_end = self.asked_to_end or ending
