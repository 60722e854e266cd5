"""The signals that an operator or systemd sends, as state."""

import signal
from collections.abc import Callable
from types import FrameType


class Signals:
    """Records the signals that arrived; the handlers only set these attributes and wake the main loop."""

    def __init__(self) -> None:
        self.stops = 0  # number of requests to stop
        self.reload = False  # whether a reload was requested; the main loop resets it

    def install(self, wake: Callable[[], None]) -> None:
        """Record signals from now on, and call *wake* after each."""

        def stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the shape of a handler
            self.stops += 1
            wake()

        def reload(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as above
            self.reload = True
            wake()

        handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
        self._before = {signum: signal.signal(signum, handler) for signum, handler in handlers.items()}

    def restore(self) -> None:
        """Put the previous handlers back."""
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
