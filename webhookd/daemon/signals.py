"""The signals an operator and systemd send, as state."""

import signal
from collections.abc import Callable
from types import FrameType


class Signals:
    """Notes what came; handlers do nothing else, and `restore` puts the former ones back."""

    def __init__(self) -> None:
        self.stops = 0  # how often an end was asked for
        self.reload = False  # set until somebody has seen to it

    def install(self, wake: Callable[[], None]) -> None:
        """Note signals from now on, and call *wake* after each."""

        def stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the shape of a handler
            self.stops += 1
            wake()

        def reload(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as above
            self.reload = True
            wake()

        handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
        self._before = {signum: signal.signal(signum, handler) for signum, handler in handlers.items()}

    def restore(self) -> None:
        """Let the former handlers act again."""
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
