"""The heartbeat of the main loop: what the service manager is told while the daemon runs."""

import time
from collections.abc import Callable, Sequence

from webhookd.daemon.systemd import ServiceManager
from webhookd.errors import StoreError
from webhookd.queue import Store

_INTERVAL = 1.0  # seconds
_EXTENSION = 30.0  # seconds requested with each heartbeat while a stop waits for commands
_NAMED = 5  # targets named in a status


class Heartbeat:
    """Sends watchdog messages and the status, once a second or as often as the watchdog requires."""

    def __init__(
        self, manager: ServiceManager, *, store: Store, running: Callable[[], Sequence[str]]
    ) -> None:
        self._manager = manager
        self._store = store
        self._running = running
        watchdog = manager.watchdog or float("inf")
        self.interval = min(_INTERVAL, watchdog / 4)  # seconds; the main loop may sleep this long
        self._next = 0.0
        self._stop_by: float | None = None

    def stop_by(self, moment: float) -> None:
        """Announce the stop, and ask for more time with each heartbeat until *moment* (monotonic seconds).

        A stop that takes longer hangs: from then on the service manager's own limit counts.
        """
        self._manager.stopping()
        self._stop_by = moment

    def beat(self) -> None:
        """Send what is due."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self.interval
        self._manager.alive()
        if self._stop_by is not None and now < self._stop_by:
            self._manager.extend(_EXTENSION)
        if self._manager.listens:
            self._manager.status(self._status())

    def _status(self) -> str:
        try:
            queued = f"{self._store.counts().queued} queued"
        except StoreError:
            queued = "store cannot be read"
        return f"{'stopping, ' if self._stop_by else ''}{queued}, {_named(self._running())}"


def _named(running: Sequence[str]) -> str:
    if not running:
        return "none running"
    more = f" and {len(running) - _NAMED} more" if len(running) > _NAMED else ""
    return f"running {', '.join(running[:_NAMED])}{more}"
