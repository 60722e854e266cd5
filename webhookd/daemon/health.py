"""Whether the daemon does its work: the store takes writes and the worker lives."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from webhookd.errors import StoreError
from webhookd.queue import Store

log = structlog.get_logger(__name__)

_INTERVAL = 5.0  # seconds for which one look at the store holds


class Health:
    """Looks when it is asked, and not more often than the disk should bear."""

    def __init__(self, *, store: Store, trouble: Callable[[], str]) -> None:
        """Look at *store*, and ask *trouble* what is wrong with the worker."""
        self._store = store
        self._trouble = trouble
        self._found = ""
        self._looked_at = float("-inf")

    def check(self) -> str:
        """Say what is wrong, or ``""``."""
        if trouble := self._trouble():
            return trouble
        now = time.monotonic()
        if now - self._looked_at >= _INTERVAL:
            self._looked_at = now
            self._found = self._look()
        return self._found

    def _look(self) -> str:
        try:
            self._store.probe(now=datetime.now(UTC))
        except StoreError as error:
            log.error("store unavailable", error=error)  # noqa: TRY400 - a condition, not a bug
            return "store takes no writes"
        return ""
