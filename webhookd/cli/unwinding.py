"""Ends a command by unwinding it when a signal asks for its end, so that nothing it made stays behind."""

import signal
from types import FrameType, TracebackType
from typing import Any, Self

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Unwinding:
    """While entered, such a signal raises SystemExit; between `hold` and `release` it waits.

    A process started in between is known before anything can be raised.
    """

    def __init__(self) -> None:
        self._held = False
        self._waiting: int | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in ENDING}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def hold(self) -> None:
        """Let a signal wait from now on."""
        self._held = True

    def release(self) -> None:
        """Let signals act again, and one that has waited act now."""
        self._held = False
        if self._waiting is not None:
            raise SystemExit(128 + self._waiting)

    def _handle(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the shape of a handler
        self._waiting = signum
        if not self._held:
            raise SystemExit(128 + signum)
