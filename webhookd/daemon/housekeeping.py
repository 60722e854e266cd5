"""Forgets what the history setting no longer keeps, in small steps beside the work."""

import logging
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from webhookd.errors import StoreError
from webhookd.models import Config
from webhookd.queue import Store

log = logging.getLogger(__name__)

_INTERVAL = 600.0  # seconds
_STEP = 200  # rows of one transaction: short enough that no accept waits for it
_BREATH = 0.1  # seconds between two steps


class Housekeeping:
    """The body of a thread that prunes at the start and then every ten minutes, until stopped."""

    def __init__(self, *, store: Store, config: Callable[[], Config]) -> None:
        self._store = store
        self._config = config
        self._stopping = threading.Event()

    def run(self) -> None:
        """Prune until stopped."""
        while not self._stopping.is_set():
            try:
                self._prune()
            except (StoreError, OSError) as error:
                log.error("housekeeping failed error=%s", error)  # noqa: TRY400 - tried again
            self._stopping.wait(_INTERVAL)

    def stop(self) -> None:
        """Let `run` return."""
        self._stopping.set()

    def _prune(self) -> None:
        removed = 0
        more = True
        while more and not self._stopping.is_set():
            config = self._config()
            pruned = self._store.prune(config.history, now=datetime.now(UTC), limit=_STEP)
            for run in pruned.runs:
                _remove(config.state_dir / "runs" / str(run))
            removed += len(pruned.runs)
            more = pruned.more
            self._stopping.wait(_BREATH)
        if removed:
            log.info("history pruned count=%d", removed)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
