"""Deletes what the `history` setting no longer keeps, in small steps beside the work."""

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from webhookd.deploy.job import remove
from webhookd.deploy.launcher import Launcher
from webhookd.errors import NotFound, StoreError, in_words, with_file
from webhookd.models.settings import Config
from webhookd.queue import Store

log = structlog.get_logger(__name__)

_INTERVAL = 600.0  # seconds
_STEP = 200  # rows per transaction: short enough that no delivery waits for it
_STRAY_AGE = 3600.0  # seconds; the run of a younger folder may not be visible to this thread yet
_LOCK_AGE = 86400.0  # seconds
_RUN = re.compile("[1-9][0-9]{0,17}")  # the name of a run's folder
_PAUSE = 0.1  # seconds between two steps


class Housekeeping:
    """The body of a thread that prunes at the start and then every ten minutes, until stopped."""

    def __init__(self, *, store: Store, launcher: Launcher, config: Callable[[], Config]) -> None:
        self._store = store
        self._launcher = launcher
        self._config = config
        self._stopping = threading.Event()

    def run(self) -> None:
        """Prune until stopped."""
        while not self._stopping.is_set():
            for step in self._prune, self._remove_strays, self._remove_locks:
                try:
                    step()
                except StoreError as error:
                    log.error("housekeeping failed", error=error)  # noqa: TRY400 - tried again
                except OSError as error:
                    log.error("housekeeping failed", error=with_file(error))  # noqa: TRY400 - as above
            self._stopping.wait(_INTERVAL)

    def stop(self) -> None:
        """Make `run` return."""
        self._stopping.set()

    def _prune(self) -> None:
        removed = 0
        while not self._stopping.is_set() and (
            pruned := self._store.prune(self._config().history, now=datetime.now(UTC), limit=_STEP)
        ):
            for run in pruned.runs:
                _remove(self._launcher.layout.run(run))
            removed += len(pruned.runs)
            self._stopping.wait(_PAUSE)
        if removed:
            log.info("history pruned", count=removed)

    def _remove_strays(self) -> None:
        """Remove folders of deleted runs, left by a crash or by a database that was replaced."""
        for folder in self._launcher.layout.runs.iterdir():
            if self._stopping.is_set():
                return
            if not _RUN.fullmatch(folder.name) or time.time() - folder.lstat().st_mtime < _STRAY_AGE:
                continue
            try:
                self._store.run(int(folder.name))
            except NotFound:
                _remove(folder)

    def _remove_locks(self) -> None:
        self._launcher.locks.remove_unused(since=time.time() - _LOCK_AGE)


def _remove(folder: Path) -> None:
    """Remove *folder* if it exists; one that cannot be removed is tried again next time."""
    try:
        remove(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        log.error("folder not removed", folder=folder, error=in_words(error))  # noqa: TRY400 - as above
