"""The health check: whether the store takes writes and the worker runs."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from webhookd.errors import StoreError
from webhookd.queue import Store

log = structlog.get_logger(__name__)

_INTERVAL = 5.0  # seconds for which a result of the store stays valid


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
        if now - self._checked_at >= _INTERVAL:
            self._checked_at = now
            self._problem = self._check_store()
        return self._problem

    def _check_store(self) -> str:
        try:
            self._store.probe(now=datetime.now(UTC))
        except StoreError as error:
            log.error("store unavailable", error=error)  # noqa: TRY400 - a condition, not a bug
            return "store takes no writes"
        return ""
