"""How the daemon is: the answer to a health check, and the heartbeat for the service manager."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog

from webhookd.daemon.systemd import ServiceManager
from webhookd.errors import StoreError
from webhookd.queue import Store

log = structlog.get_logger(__name__)

_PROBE_INTERVAL = 5.0  # seconds for which a result of the store stays valid
_BEAT_INTERVAL = 1.0  # seconds
_EXTENSION = 30.0  # seconds requested with each heartbeat while a stop waits for commands


class Health:
    """Checks the store on request, but writes to the disk at most once per interval."""

    def __init__(self, *, store: Store, trouble: Callable[[], str]) -> None:
        """Check *store*, and call *trouble* for a problem of the worker."""
        self._store = store
        self._trouble = trouble
        self._problem = ""
        self._checked_at = float("-inf")

    def check(self) -> str:
        """Return what is wrong, or ``""``."""
        if trouble := self._trouble():
            return trouble
        now = time.monotonic()
        if now - self._checked_at >= _PROBE_INTERVAL:
            self._checked_at, self._problem = now, ""
            try:
                self._store.probe(now=datetime.now(UTC))
            except StoreError as error:
                log.error("store unavailable", error=error)  # noqa: TRY400 - a condition, not a bug
                self._problem = "store takes no writes"
        return self._problem


class Heartbeat:
    """Sends watchdog messages and the status, once a second or as often as the watchdog requires."""

    def __init__(
        self, manager: ServiceManager, *, store: Store, running: Callable[[], Sequence[str]]
    ) -> None:
        self._manager = manager
        self._store = store
        self._running = running
        watchdog = manager.watchdog or float("inf")
        self.interval = min(_BEAT_INTERVAL, watchdog / 4)  # seconds; the main loop may sleep this long
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
        running = ", ".join(self._running())
        stopping = "stopping, " if self._stop_by else ""
        return f"{stopping}{queued}, " + (f"running {running}" if running else "none running")
