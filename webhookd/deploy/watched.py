"""A living supervisor as the daemon sees it."""

import os
import signal
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A supervisor at work. Its pidfd becomes readable when it ends."""

    pidfd: int

    def cancel(self) -> None:
        """Ask it to end its command because somebody wants that."""
        self._signal(signal.SIGTERM)

    def interrupt(self) -> None:
        """Ask it to end its command because the daemon stops; the run will be started again."""
        self._signal(signal.SIGUSR1)

    def close(self) -> None:
        """Let go of the descriptor."""
        os.close(self.pidfd)

    def _signal(self, signum: signal.Signals) -> None:
        try:
            signal.pidfd_send_signal(self.pidfd, signum)
        except ProcessLookupError:
            return  # it has ended by itself
